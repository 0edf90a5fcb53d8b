use reqwest::Method;
use serde_json::{Value, json};
use squaretable::config::http::BasicAuth;
use squaretable::config::secret::Secret;
use squaretable::store::audit::Entry;

use super::{accounts, options};
use crate::harness::{Answer, Client, Server};

const CREATE: &str = "/api/squaretable/tokens/create";
const LIST: &str = "/api/squaretable/tokens/list";
const REVOKE: &str = "/api/squaretable/tokens/revoke";
const ALL: [&str; 4] = ["read", "write", "generate", "admin"];

/// A program: no cookie, no CSRF token, and a token for `X-Tenant-ID`.
struct Program {
    client: Client,
    token: String,
    tenants: Vec<&'static str>,
}

impl Program {
    /// One whose token this person makes.
    async fn of(server: &Server, person: &Client, scopes: &[&str]) -> Self {
        let body = json!({ "name": "a program", "scopes": scopes });
        let made = person.post(CREATE, body).await.expect(200).json();
        Self::with(server, made["token"].as_str().expect("a token"))
    }

    fn with(server: &Server, token: &str) -> Self {
        Self {
            client: Client::cookies_only(&server.url, String::new()),
            token: token.to_owned(),
            tenants: Vec::new(),
        }
    }

    fn of_tenants(&self, server: &Server, tenants: &[&'static str]) -> Self {
        let mut other = Self::with(server, &self.token);
        other.tenants = tenants.to_vec();
        other
    }

    /// Asks; whatever comes back, no cookie is among it.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = match method {
            Method::GET => self.client.request(method, path),
            _ => self.client.posting(path, &body),
        };
        for tenant in &self.tenants {
            request = request.header("x-tenant-id", *tenant);
        }
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let answer = self.client.send(request).await;
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body).await
    }

    /// Whom it acts as.
    async fn who(&self) -> Value {
        self.get("/api/users/me").await.expect(200).json()
    }
}

/// anna, bob, and the administrator root, each logged in.
async fn people() -> (Server, Client, Client, Client) {
    let server = accounts().await;
    for (handle, admin) in [("anna", false), ("bob", false), ("root", true)] {
        server.tenant(handle, admin).await;
    }
    let anna = server.client_of("anna").await;
    let bob = server.client_of("bob").await;
    let root = server.client_of("root").await;
    (server, anna, bob, root)
}

#[tokio::test]
async fn a_program_acts_as_its_account_without_cookie_and_csrf_token() {
    let (server, anna, bob, _) = people().await;
    let program = Program::of(&server, &anna, &["read", "write"]).await;
    assert_eq!(program.who().await["handle"], "anna");
    let world = json!({ "name": "Mine", "data": { "entries": {} } });
    program
        .post("/api/worldinfo/edit", world.clone())
        .await
        .expect(200);
    let worlds = program.post("/api/worldinfo/list", json!({})).await.expect(200);
    assert!(worlds.text().contains("Mine"));
    let other = bob.post("/api/worldinfo/list", json!({})).await.expect(200);
    assert!(!other.text().contains("Mine"));
    // A cookie beside the token counts for nothing and is left alone.
    let request = bob
        .request(Method::GET, "/api/users/me")
        .header("authorization", format!("Bearer {}", program.token));
    let answer = bob.send(request).await.expect(200);
    assert_eq!(answer.json()["handle"], "anna");
    assert!(!answer.headers.contains_key("set-cookie"));
    // Without the token the same request is refused by the CSRF guard.
    program
        .client
        .post("/api/worldinfo/edit", world)
        .await
        .expect(403);
}

#[tokio::test]
async fn a_scope_opens_its_routes_and_no_others() {
    let (server, anna, _, root) = people().await;
    let routes = [
        ("read", "/api/settings/get"),
        ("write", "/api/themes/save"),
        ("generate", "/api/backends/chat-completions/status"),
        ("admin", "/api/secrets/view"),
    ];
    for scope in ALL {
        let program = Program::of(&server, &anna, &[scope]).await;
        for (needed, path) in routes {
            let answer = program.post(path, json!({ "name": "Mine" })).await;
            let refusal = format!("The service token lacks the scope \"{needed}\".");
            let is_refused = answer.text().contains(&refusal.replace('"', "\\\""));
            assert_eq!(is_refused, scope != needed, "{scope} {path}: {}", answer.text());
            assert!(!is_refused || answer.status == 403);
        }
        // The role is the account's, which the scope does not change.
        program.post("/api/users/get", json!({})).await.expect(403);
    }
    let program = Program::of(&server, &root, &["admin"]).await;
    program.post("/api/users/get", json!({})).await.expect(200);
    let program = Program::of(&server, &root, &["read", "write", "generate"]).await;
    program.post("/api/users/get", json!({})).await.expect(403);
}

#[tokio::test]
async fn no_token_changes_passwords_logs_in_or_makes_tokens() {
    let (server, _, _, root) = people().await;
    let program = Program::of(&server, &root, &ALL).await;
    for path in [
        CREATE,
        LIST,
        REVOKE,
        "/api/squaretable/sessions/list",
        "/api/users/login",
        "/api/users/logout",
        "/api/users/change-password",
    ] {
        let body = json!({ "handle": "root", "name": "x", "scopes": ["read"], "newPassword": "x" });
        let answer = program.post(path, body).await.expect(403);
        assert!(answer.text().contains("Service tokens may not"), "{path}");
    }
    root.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn a_token_ends_by_time_revocation_and_with_its_account() {
    let (server, anna, bob, root) = people().await;
    let program = Program::of(&server, &anna, &["read"]).await;
    let entry = |list: Value| list[0].clone();
    assert_eq!(
        entry(anna.post(LIST, json!({})).await.json())["used"],
        Value::Null
    );
    program.who().await;
    let seen = entry(anna.post(LIST, json!({})).await.expect(200).json());
    assert!(seen["used"].is_i64() && seen["scopes"] == json!(["read"]));
    assert_eq!(
        seen["expires"].as_i64().unwrap() / 1000 - seen["created"].as_i64().unwrap() / 1000,
        90 * 24 * 3600
    );
    // Disabled and enabled again.
    root.post("/api/users/disable", json!({ "handle": "anna" }))
        .await
        .expect(204);
    program.get("/api/users/me").await.expect(401);
    root.post("/api/users/enable", json!({ "handle": "anna" }))
        .await
        .expect(204);
    program.who().await;
    // Only its owner and administrators revoke it.
    let anna = server.client_of("anna").await;
    bob.post(REVOKE, json!({ "id": seen["id"] })).await.expect(404);
    bob.post(REVOKE, json!({ "id": seen["id"], "handle": "anna" }))
        .await
        .expect(403);
    program.who().await;
    anna.post(REVOKE, json!({ "id": seen["id"] })).await.expect(200);
    let answer = program.get("/api/users/me").await.expect(401);
    assert!(!answer.text().contains(&program.token));
    // By time.
    let program = Program::of(&server, &anna, &["read"]).await;
    program.who().await;
    let sql = "UPDATE service_tokens SET expires_at = now()";
    sqlx::query(sql)
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
    program.get("/api/users/me").await.expect(401);
    // With the account, also for one that takes its name.
    let program = Program::of(&server, &anna, &["read"]).await;
    root.post("/api/users/delete", json!({ "handle": "anna" }))
        .await
        .expect(204);
    server.tenant("anna", false).await;
    program.get("/api/users/me").await.expect(401);
}

#[tokio::test]
async fn an_administrator_makes_lists_and_revokes_for_any_account() {
    let (server, anna, bob, root) = people().await;
    let body = json!({ "name": "backup", "scopes": ["read"], "handle": "anna", "days": 1 });
    bob.post(CREATE, &body).await.expect(403);
    bob.post(LIST, json!({ "handle": "anna" })).await.expect(403);
    let made = root.post(CREATE, &body).await.expect(200).json();
    let program = Program::with(&server, made["token"].as_str().unwrap());
    assert_eq!(program.who().await["handle"], "anna");
    let own = anna.post(LIST, json!({})).await.expect(200).json();
    let seen = root
        .post(LIST, json!({ "handle": "anna" }))
        .await
        .expect(200)
        .json();
    assert_eq!(own, seen);
    assert_eq!(root.post(LIST, json!({})).await.json(), json!([]));
    root.post(LIST, json!({ "handle": "nobody" })).await.expect(404);
    let body = json!({ "handle": "anna", "id": own[0]["id"] });
    root.post(REVOKE, body).await.expect(200);
    program.get("/api/users/me").await.expect(401);
}

#[tokio::test]
async fn wrong_requests_make_no_token() {
    let (_server, anna, ..) = people().await;
    for wrong in [
        json!({}),
        json!({ "name": "x" }),
        json!({ "name": "", "scopes": ["read"] }),
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x", "scopes": ["read", "all"] }),
        json!({ "name": "x", "scopes": "read" }),
        json!({ "name": "x", "scopes": ["read"], "days": 0 }),
        json!({ "name": "x", "scopes": ["read"], "days": 3651 }),
        json!({ "name": "x", "scopes": ["read"], "days": "7" }),
        json!({ "name": "x\u{0}", "scopes": ["read"] }),
        json!({ "name": "x".repeat(101), "scopes": ["read"] }),
    ] {
        anna.post(CREATE, &wrong).await.expect(400);
    }
    assert_eq!(anna.post(LIST, json!({})).await.json(), json!([]));
    let body = json!({ "name": "x", "scopes": ["read", "read"] });
    for n in 0..100 {
        let made = anna.post(CREATE, &body).await.expect(200).json();
        assert_eq!(made["scopes"], json!(["read"]), "{n}");
    }
    anna.post(CREATE, &body).await.expect(409);
}

#[tokio::test]
async fn the_database_holds_no_token() {
    let (server, anna, ..) = people().await;
    let program = Program::of(&server, &anna, &["read"]).await;
    let mut conn = server.sql().await;
    let rows: Vec<String> = sqlx::query_scalar("SELECT t::text FROM service_tokens t")
        .fetch_all(&mut conn)
        .await
        .expect("an answer");
    assert_eq!(rows.len(), 1);
    let raw = program.token.trim_start_matches("st_");
    assert!(raw.len() == 43 && !rows[0].contains(raw));
    assert!(!rows[0].contains(&hex::encode(raw)));
    // What the database holds opens nothing.
    let hash = blake3::hash(program.token.as_bytes()).to_hex();
    for guess in [
        hash.to_string(),
        format!("st_{hash}"),
        "st_".to_owned(),
        format!("{}x", program.token),
    ] {
        let thief = Program::with(&server, &guess);
        let status = thief.get("/api/users/me").await.status;
        assert!(status == 401 || status == 403, "{guess}: {status}");
    }
}

#[tokio::test]
async fn a_tenant_is_selected_by_administrators_tokens_only() {
    let (server, anna, _, root) = people().await;
    // A session, and a token without the role, name their own tenant or are refused.
    for (tenant, status) in [
        ("anna", 200),
        ("bob", 403),
        ("root", 403),
        ("nobody", 403),
        ("", 403),
    ] {
        let request = anna
            .request(Method::GET, "/api/users/me")
            .header("x-tenant-id", tenant);
        anna.send(request).await.expect(status);
    }
    let plain = Program::of(&server, &anna, &ALL).await;
    let limited = Program::of(&server, &root, &["read", "write", "generate"]).await;
    for (program, own) in [(&plain, "anna"), (&limited, "root")] {
        program
            .of_tenants(&server, &[own])
            .get("/api/users/me")
            .await
            .expect(200);
        for other in ["bob", "nobody"] {
            program
                .of_tenants(&server, &[other])
                .get("/api/users/me")
                .await
                .expect(403);
        }
    }
    let request = root
        .request(Method::GET, "/api/users/me")
        .header("x-tenant-id", "bob");
    root.send(request).await.expect(403);
    // An administrator's token with the scope acts there, without the role, and with its own scopes.
    let admin = Program::of(&server, &root, &["read", "admin"]).await;
    let bob = admin.of_tenants(&server, &["bob"]);
    let who = bob.who().await;
    assert_eq!(
        (who["handle"].as_str(), who["admin"].as_bool()),
        (Some("bob"), Some(false))
    );
    bob.post("/api/users/get", json!({})).await.expect(403);
    bob.post("/api/themes/save", json!({ "name": "x" }))
        .await
        .expect(403);
    admin
        .of_tenants(&server, &["root"])
        .post("/api/users/get", json!({}))
        .await
        .expect(200);
    for wrong in [&["nobody"][..], &["bob", "root"], &["bob", "bob"]] {
        admin
            .of_tenants(&server, wrong)
            .get("/api/users/me")
            .await
            .expect(403);
    }
}

#[tokio::test]
async fn without_accounts_tokens_are_the_default_users() {
    let server = Server::start().await;
    server.tenant("anna", false).await;
    let person = server.client().await;
    let program = Program::of(&server, &person, &["read"]).await;
    program.post("/api/worldinfo/list", json!({})).await.expect(200);
    program
        .post("/api/themes/save", json!({ "name": "x" }))
        .await
        .expect(403);
    Program::with(&server, "st_guess")
        .get("/api/users/me")
        .await
        .expect(401);
    let body = json!({ "name": "x", "scopes": ["read"], "handle": "anna" });
    let made = person.post(CREATE, body).await.expect(200).json();
    let anna = Program::with(&server, made["token"].as_str().unwrap());
    anna.get("/api/users/me").await.expect(401);
    let request = person
        .request(Method::GET, "/api/users/me")
        .header("x-tenant-id", "anna");
    person.send(request).await.expect(403);
}

#[tokio::test]
async fn a_token_takes_the_place_of_basic_authentication() {
    let server = Server::with(options(|config| {
        config.http.listen.exposed = true;
        config.log.access_log = false;
        config.http.ip_whitelist.enabled = false;
        config.http.basic_auth = Some(BasicAuth {
            username: "user".to_owned(),
            password: Secret::new("password".to_owned()),
        });
    }))
    .await;
    let scopes = [squaretable::scopes::Scope::Read];
    let (tokens, life) = (server.app.accounts().tokens(), chrono::TimeDelta::days(1));
    let entry = Entry::of_program("test", "token.create", "default-user", "x");
    let made = tokens.create("default-user", "x", &scopes, life, &entry).await;
    let token = made.expect("an answer").expect("a token");
    let program = Program::with(&server, &token);
    program.get("/api/users/me").await.expect(200);
    let guess = Program::with(&server, "st_guess");
    guess.get("/version").await.expect(401);
}
