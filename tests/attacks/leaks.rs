//! Secrets where they do not belong: in the log, whatever its level, and in what errors say.

use serde_json::json;
use squaretable::config::Config;
use squaretable::config::secret::Secret;

use super::tally::{LEAKS, Tally};
use crate::harness::{Client, Log, Options, Server};

/// What nobody may find in the log or in an error; `{name}` of whose it is.
const SECRETS: [(&str, &str); 10] = [
    ("a password", "right-password-51c3"),
    ("a wrong password", "wrong-password-8a2f"),
    ("a new password", "fresh-password-07de"),
    ("a stored key", "sk-stored-key-99b1"),
    ("a lent key", "sk-lent-key-3c7d"),
    ("the password of a proxy", "proxy-password-4410"),
    ("the password in an address", "address-password-6ee2"),
    ("a header of the user's", "header-secret-d3d3"),
    ("a key in an address", "query-key-2b7b"),
    ("a message", "private-message-5a5a"),
];

fn secret(name: &str) -> &'static str {
    let found = SECRETS.iter().find(|(known, _)| *known == name);
    found.expect("it is in the list").1
}

async fn server() -> Server {
    let mut config = Config::default();
    config.accounts.enabled = true;
    config.accounts.rate_limits.login = 0;
    config.http.listen.exposed = true;
    config.upstream.private_addresses.enabled = true;
    config.upstream.private_addresses.log_allowed = true;
    config.database.redis_url = Some(Secret::new(
        "redis://:redis-password-1f1f@127.0.0.1:1/".to_owned(),
    ));
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    server.tenant("anna", true).await;
    let set = server
        .app
        .accounts()
        .set_password("anna", secret("a password"), None)
        .await;
    set.expect("a password");
    server
}

/// Requests that handle secrets, right ones and wrong ones: a path, and a body in which `<name>` is the secret of that name,
/// `<url>` an address with a key that nobody answers at, and `<login>` one with a password besides.
const REQUESTS: [(&str, &str); 22] = [
    (
        "/api/squaretable/policy/lend",
        r#"{"sharedKey":"api_key_openai","secret":"<a lent key>"}"#,
    ),
    (
        "/api/squaretable/policy/lend",
        r#"{"sharedKey":"none","secret":"<a lent key>"}"#,
    ),
    (
        "/api/secrets/write",
        r#"{"key":"api_key_openai","value":"<a stored key>","label":"mine"}"#,
    ),
    (
        "/api/secrets/write",
        r#"{"key":"api_key_custom","value":"<a stored key>"}"#,
    ),
    (
        "/api/secrets/write",
        r#"{"key":"api_key_llamacpp","value":"<a stored key>"}"#,
    ),
    ("/api/secrets/view", "{}"),
    ("/api/secrets/find", r#"{"key":"api_key_openai"}"#),
    ("/api/secrets/rotate", r#"{"key":"api_key_openai","id":"none"}"#),
    ("/api/settings/save", r#"{"note":"<a message>"}"#),
    (
        "/api/backends/chat-completions/generate",
        r#"{"chat_completion_source":"custom","custom_url":"<url>","model":"m","messages":[{"role":"user","content":"<a message>"}],
            "custom_include_headers":"X-Mine: <a header of the user's>"}"#,
    ),
    (
        "/api/backends/chat-completions/generate",
        r#"{"chat_completion_source":"openai","reverse_proxy":"<url>","model":"m","proxy_password":"<the password of a proxy>",
            "messages":[{"role":"user","content":"<a message>"}]}"#,
    ),
    (
        "/api/backends/chat-completions/status",
        r#"{"chat_completion_source":"openai","reverse_proxy":"<login>","proxy_password":"<the password of a proxy>"}"#,
    ),
    (
        "/api/backends/text-completions/generate",
        r#"{"api_type":"llamacpp","api_server":"<url>","prompt":"<a message>","stream":true}"#,
    ),
    (
        "/api/backends/text-completions/status",
        r#"{"api_type":"llamacpp","api_server":"<login>"}"#,
    ),
    ("/api/extensions/install", r#"{"url":"<login>Ext"}"#),
    ("/api/content/importURL", r#"{"url":"<login>"}"#),
    (
        "/api/chats/save",
        r#"{"avatar_url":"../x.png","file_name":"c","chat":[{"mes":"<a message>"}]}"#,
    ),
    (
        "/api/users/change-password",
        r#"{"handle":"anna","oldPassword":"<a wrong password>","newPassword":"<a new password>"}"#,
    ),
    (
        "/api/users/change-password",
        r#"{"handle":"anna","oldPassword":"<a password>","newPassword":"<a new password>"}"#,
    ),
    (
        "/api/users/create",
        r#"{"handle":"bob","name":"bob","password":"<a new password>"}"#,
    ),
    (
        "/api/users/recover-step2",
        r#"{"handle":"anna","code":"000000","newPassword":"<a new password>"}"#,
    ),
    (
        "/api/users/reset-settings",
        r#"{"password":"<a wrong password>"}"#,
    ),
];

/// Sends them; what was answered with an error.
async fn live(client: &mut Client) -> Vec<(&'static str, String)> {
    client
        .log_in("anna", secret("a wrong password"))
        .await
        .expect(403);
    client.log_in("anna", secret("a password")).await.expect(200);
    let mut errors = Vec::new();
    for (path, body) in REQUESTS {
        let mut body = body
            .replace("<url>", "http://127.0.0.1:1/?key=<a key in an address>")
            .replace(
                "<login>",
                "http://user:<the password in an address>@127.0.0.1:1/?key=<a key in an address>",
            );
        for (name, secret) in SECRETS {
            body = body.replace(&format!("<{name}>"), secret);
        }
        let answer = client.post_raw(path, "application/json", body).await;
        if !answer.status.is_success() || answer.text().contains("\"error\"") {
            errors.push((path, answer.text()));
        }
    }
    errors
}

/// Makes a service token and uses it, also where it does not help; the token, and what was answered with an error.
async fn automate(server: &Server, client: &Client) -> (String, Vec<(&'static str, String)>) {
    let body = json!({ "name": "mine", "scopes": ["read"] });
    let made = client.post("/api/squaretable/tokens/create", body).await;
    let token = made.expect(200).json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let bearer = format!("Bearer {token}");
    let mut errors = Vec::new();
    for (headers, path, status) in [
        (
            &[("authorization", bearer.as_str())][..],
            "/api/settings/get",
            200,
        ),
        (&[("authorization", bearer.as_str())], "/api/themes/save", 403),
        (
            &[("authorization", bearer.as_str()), ("x-tenant-id", "bob")],
            "/api/settings/get",
            403,
        ),
        (
            &[("authorization", &format!("{bearer}x"))],
            "/api/worldinfo/list",
            401,
        ),
    ] {
        let program = Client::program(&server.url, headers);
        let answer = program.post(path, json!({})).await.expect(status);
        if status != 200 {
            errors.push((path, answer.text()));
        }
    }
    (token, errors)
}

/// The secrets, and those that the server made itself.
fn secrets(server: &Server, client: &Client) -> Vec<(&'static str, String)> {
    let session = client.cookies().split(['=', ';']).nth(1).unwrap_or_default();
    let master = std::fs::read_to_string(server.app.config().data_dir.join("master.key"));
    let own = [
        ("the session's cookie", session.to_owned()),
        ("the token", client.token().to_owned()),
        ("what signs cookies", server.app.keys().cookie_secret()),
        ("the password of Redis", "redis-password-1f1f".to_owned()),
        ("the master key", master.expect("a key file").trim().to_owned()),
    ];
    let given = SECRETS.map(|(name, secret)| (name, secret.to_owned()));
    own.into_iter().chain(given).collect()
}

#[tokio::test]
async fn no_secret_is_logged_or_shown_in_an_error() {
    let log = Log::everything();
    let server = server().await;
    let mut client = server.client().await;
    let mut errors = live(&mut client).await;
    let (token, refused) = automate(&server, &client).await;
    errors.extend(refused);
    let mut tally = Tally::new("leaks");
    let text = log.text();
    assert!(
        text.contains("outbound request"),
        "the log has less than everything"
    );
    let mut secrets = secrets(&server, &client);
    secrets.push(("a service token", token));
    let access = std::fs::read_to_string(server.app.config().data_dir.join("access.log")).unwrap_or_default();
    for (name, secret) in &secrets {
        assert!(secret.len() > 10, "{name}");
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(secret.as_str()))
            .collect();
        tally.note(
            LEAKS,
            format!("{name}, in the log"),
            lines.is_empty(),
            lines.join("\n"),
        );
        tally.note(
            LEAKS,
            format!("{name}, in the access log"),
            !access.contains(secret.as_str()),
            &access,
        );
    }
    for (path, shown) in &errors {
        // A user's own address is repeated to that user; everything else is nobody's business.
        for (name, secret) in secrets.iter().filter(|(name, _)| !name.ends_with("address")) {
            tally.note(
                LEAKS,
                format!("{name}, in an error of {path}"),
                !shown.contains(secret.as_str()),
                shown,
            );
        }
        for inside in ["postgres", "/src/", ".rs:", "panicked", "sqlx", "SELECT "] {
            tally.note(
                LEAKS,
                format!("{inside:?} in an error of {path}"),
                !shown.contains(inside),
                shown,
            );
        }
    }
    assert!(errors.len() >= 8, "only {} errors were made", errors.len());
    tally.finish(150);
}
