//! The audit log: what is in it, who reads it, and that it is only added to.

use serde_json::{Value, json};
use squaretable::audit::prune;

use super::{accounts, options};
use crate::harness::{Client, Log, Server};

const AUDIT: &str = "/api/squaretable/audit";

/// Acts, subjects and outcomes of the entries that a filter finds, the oldest first.
async fn entries(admin: &Client, filter: Value) -> Vec<(String, String, String)> {
    let page = admin.post(AUDIT, filter).await.expect(200).json();
    let text = |entry: &Value, name: &str| entry[name].as_str().expect("a text").to_owned();
    let entries = page["entries"].as_array().expect("a list").iter().rev();
    entries
        .map(|entry| (text(entry, "act"), text(entry, "subject"), text(entry, "outcome")))
        .collect()
}

fn expected(list: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let own = |text: &str| text.to_owned();
    list.iter()
        .map(|(act, subject, outcome)| (own(act), own(subject), own(outcome)))
        .collect()
}

async fn admin(server: &Server) -> Client {
    server.tenant("admin", true).await;
    server.client_of("admin").await
}

/// Everything that happens to an account, from its making to its end.
async fn live_through(server: &Server, admin: &Client, log: &Log) {
    let users = async |route: &str, body: Value| admin.post(&format!("/api/users/{route}"), body).await;
    let anna = json!({ "handle": "anna" });
    let new = json!({ "handle": "anna", "name": "Anna", "password": "first" });
    users("create", new.clone()).await.expect(200);
    users("create", new).await.expect(409);
    let mut browser = server.client().await;
    browser.log_in("anna", "wrong").await.expect(403);
    browser.log_in("anna", "first").await.expect(200);
    let change = |old: &str| json!({ "handle": "anna", "oldPassword": old, "newPassword": "second" });
    let path = "/api/users/change-password";
    browser.post(path, change("x")).await.expect(403);
    browser.post(path, change("first")).await.expect(204);
    browser.post("/api/users/logout", json!({})).await.expect(204);
    browser.post("/api/users/recover-step1", &anna).await.expect(204);
    let recover = |code: &str| json!({ "handle": "anna", "code": code, "newPassword": "third" });
    let path = "/api/users/recover-step2";
    browser.post(path, recover("no")).await.expect(403);
    browser.post(path, recover(&log.code())).await.expect(204);
    for route in ["promote", "demote", "disable"] {
        users(route, anna.clone()).await.expect(204);
        // What changes nothing is nothing to tell.
        users(route, anna.clone()).await.expect(204);
    }
    browser.log_in("anna", "third").await.expect(403);
    users("enable", anna.clone()).await.expect(204);
    let purge = json!({ "handle": "anna", "purge": true });
    users("delete", purge).await.expect(204);
    browser.log_in("anna", "third").await.expect(403);
}

#[tokio::test]
async fn what_an_account_goes_through_is_told() {
    let log = Log::start();
    let server = accounts().await;
    let admin = admin(&server).await;
    live_through(&server, &admin, &log).await;
    let told = [
        ("account.create", "done"),
        ("login", "wrong password"),
        ("login", "done"),
        ("password", "wrong password"),
        ("password", "done"),
        ("logout", "done"),
        ("recovery.ask", "done"),
        ("recovery", "wrong code"),
        ("recovery", "done"),
        ("account.promote", "done"),
        ("account.demote", "done"),
        ("account.disable", "done"),
        ("login", "disabled"),
        ("account.enable", "done"),
        ("account.purge", "done"),
    ];
    let told = told.map(|(act, outcome)| (act, "anna", outcome));
    assert_eq!(
        entries(&admin, json!({ "tenant": "anna" })).await,
        expected(&told)
    );
    // It outlives the account, and knows who did it from where.
    let newest = async |act: &str| {
        let filter = json!({ "act": act, "limit": 1 });
        let page = admin.post(AUDIT, filter).await.expect(200).json();
        page["entries"][0].clone()
    };
    let purge = newest("account.purge").await;
    assert_eq!(
        (&purge["actor"], &purge["address"]),
        (&json!("admin"), &json!("127.0.0.1"))
    );
    let unknown = newest("login").await;
    assert_eq!(
        ["tenant", "actor", "subject", "outcome"].map(|name| &unknown[name]),
        [&json!(""), &json!(""), &json!("anna"), &json!("no such account")]
    );
}

#[tokio::test]
async fn secrets_are_told_of_and_never_told() {
    const VALUE: &str = "sk-never-in-the-log";
    let server = Server::with(options(|config| config.content.allow_keys_exposure = true)).await;
    let admin = admin(&server).await;
    let secrets = async |route: &str, body: Value| admin.post(&format!("/api/secrets/{route}"), body).await;
    let key = "api_key_openai";
    let written = secrets("write", json!({ "key": key, "value": VALUE, "label": VALUE }))
        .await
        .expect(200);
    let id = written.json()["id"].clone();
    secrets("find", json!({ "key": key })).await.expect(200);
    secrets("view", json!({})).await.expect(200);
    secrets("read", json!({})).await.expect(200);
    secrets("rename", json!({ "key": key, "id": id, "label": VALUE }))
        .await
        .expect(204);
    secrets("rotate", json!({ "key": key, "id": id }))
        .await
        .expect(204);
    secrets("rotate", json!({ "key": key, "id": "none" }))
        .await
        .expect(204);
    secrets("delete", json!({ "key": key, "id": id }))
        .await
        .expect(204);
    let told = expected(&[
        ("secret.write", key, "done"),
        ("secret.find", key, "done"),
        ("secret.view", "", "done"),
        ("secret.read", "", "done"),
        ("secret.rename", key, "done"),
        ("secret.rotate", key, "done"),
        ("secret.delete", key, "done"),
    ]);
    assert_eq!(entries(&admin, json!({ "act": "secret." })).await, told);
    let whole = admin.get(AUDIT).await.expect(200).text();
    assert!(!whole.contains(VALUE), "{whole}");

    let closed = server.beside(options(|_| {})).await;
    let there = closed.client_of("admin").await;
    there.post("/api/secrets/view", json!({})).await.expect(403);
    there
        .post("/api/secrets/find", json!({ "key": key }))
        .await
        .expect(403);
    there.post("/api/secrets/read", json!({})).await.expect(200);
    let refused = entries(&there, json!({ "act": "secret.", "limit": 2 })).await;
    let told = expected(&[
        ("secret.view", "", "not allowed"),
        ("secret.find", key, "not allowed"),
    ]);
    assert_eq!(refused, told, "what shows only masks is no reading");
}

#[tokio::test]
async fn backups_quotas_and_resets_are_told() {
    let log = Log::start();
    let server = accounts().await;
    let admin = admin(&server).await;
    server.tenant("anna", false).await;
    let anna = server.client_of("anna").await;
    admin
        .post("/api/users/backup", json!({ "handle": "anna" }))
        .await
        .expect(200);
    let quota = json!({ "handle": "anna", "bytes": 1_000_000 });
    admin.post("/api/squaretable/quotas/set", quota).await.expect(200);
    anna.post("/api/users/reset-step1", json!({})).await.expect(204);
    anna.post("/api/users/reset-step2", json!({ "code": log.code() }))
        .await
        .expect(204);
    let told = entries(&admin, json!({ "tenant": "anna" })).await;
    let told: Vec<&str> = told.iter().map(|(act, _, _)| act.as_str()).collect();
    assert_eq!(
        told,
        ["login", "backup", "quota", "reset.ask", "reset"],
        "a reset removes no entry"
    );
}

#[tokio::test]
async fn only_administrators_read_it_page_by_page() {
    let server = accounts().await;
    let admin = admin(&server).await;
    server.tenant("anna", false).await;
    let anna = server.client_of("anna").await;
    anna.get(AUDIT).await.expect(403);
    anna.post(AUDIT, json!({})).await.expect(403);
    server.client().await.get(AUDIT).await.expect(403);
    for n in 0..5 {
        let secret = json!({ "key": format!("key_{n}"), "value": "x" });
        anna.post("/api/secrets/write", secret).await.expect(200);
    }
    let mut seen = Vec::new();
    let mut before = Value::Null;
    loop {
        let filter = json!({ "act": "secret.write", "limit": 2, "before": before });
        let page = admin.post(AUDIT, filter).await.expect(200).json();
        for entry in page["entries"].as_array().expect("a list") {
            seen.push(entry["subject"].as_str().expect("a text").to_owned());
        }
        before = page["next"].clone();
        if before.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["key_4", "key_3", "key_2", "key_1", "key_0"]);
    let by_query = admin
        .get(&format!("{AUDIT}?tenant=anna&act=login&limit=5"))
        .await
        .expect(200)
        .json();
    assert_eq!(by_query["entries"].as_array().map(Vec::len), Some(1));
    let at = by_query["entries"][0]["at"].as_i64().expect("a time");
    for (filter, count) in [
        (json!({ "tenant": "anna", "until": at }), 0),
        (json!({ "tenant": "anna", "from": at }), 6),
        (
            json!({ "tenant": "anna", "from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z" }),
            0,
        ),
        (json!({ "tenant": "an" }), 0),
    ] {
        let found = admin.post(AUDIT, &filter).await.expect(200).json();
        assert_eq!(found["entries"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    for wrong in [
        json!({ "limit": "x" }),
        json!({ "from": "yesterday" }),
        json!({ "before": [] }),
    ] {
        admin.post(AUDIT, wrong).await.expect(400);
    }
}

#[tokio::test]
async fn entries_are_never_changed_and_removed_only_when_they_are_old() {
    let server = accounts().await;
    let admin = admin(&server).await;
    let mut conn = server.sql().await;
    for sql in [
        "UPDATE audit_log SET outcome = 'done'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        let refused = sqlx::query(sql).execute(&mut conn).await.expect_err(sql);
        assert!(refused.to_string().contains("only added to"), "{refused}");
    }
    let old = "INSERT INTO audit_log (at, tenant, actor, act, subject, address, agent, outcome)
               SELECT now() - make_interval(days => days), '', '', 'old', days::text, '', '', 'done'
               FROM unnest(array_fill(40, ARRAY[2500]) || ARRAY[10, 20]) AS days";
    sqlx::query(old).execute(&mut conn).await.expect("added");
    prune(server.app.db(), 0).await.expect("an answer");
    assert_eq!(
        server
            .count("SELECT count(*) FROM audit_log WHERE act = 'old'")
            .await,
        2502
    );
    prune(server.app.db(), 30).await.expect("an answer");
    let left = entries(&admin, json!({ "act": "old" })).await;
    assert_eq!(left, expected(&[("old", "10", "done"), ("old", "20", "done")]));
    assert_eq!(
        entries(&admin, json!({ "act": "login" })).await.len(),
        1,
        "the young ones stay"
    );
}

/// An entry is written in the act's own transaction: what is not done is not told as done.
#[tokio::test]
async fn an_act_and_its_entry_stand_or_fall_together() {
    let server = accounts().await;
    let admin = admin(&server).await;
    server.tenant("anna", false).await;
    let mut conn = server.sql().await;
    sqlx::query("ALTER TABLE audit_log ADD CONSTRAINT full_disk CHECK (act NOT LIKE 'account.%' AND act NOT LIKE 'secret.%')")
        .execute(&mut conn)
        .await
        .expect("changed");
    for (path, body) in [
        ("/api/users/disable", json!({ "handle": "anna" })),
        ("/api/users/delete", json!({ "handle": "anna", "purge": true })),
        ("/api/users/create", json!({ "handle": "bob", "name": "Bob" })),
        (
            "/api/secrets/write",
            json!({ "key": "api_key_openai", "value": "x" }),
        ),
    ] {
        admin.post(path, body).await.expect(500);
    }
    let users = admin.post("/api/users/get", json!({})).await.expect(200).json();
    let anna = users
        .as_array()
        .expect("a list")
        .iter()
        .find(|user| user["handle"] == "anna");
    assert_eq!(anna.expect("anna is there")["enabled"], true);
    assert!(!users.to_string().contains("bob"));
    let secrets = admin
        .post("/api/secrets/read", json!({}))
        .await
        .expect(200)
        .json();
    assert!(secrets["api_key_openai"].is_null());
}

#[tokio::test]
async fn what_a_program_does_is_told_of_its_owner_and_names_its_token() {
    let server = accounts().await;
    let admin = admin(&server).await;
    server.tenant("anna", false).await;
    let new = json!({ "name": "a program", "scopes": ["admin"] });
    let path = "/api/squaretable/tokens/create";
    let made = admin.post(path, new).await.expect(200).json();
    let program = Client::cookies_only(&server.url, String::new());
    let body = json!({ "key": "api_key_openai", "value": "sk-x" });
    let request = program
        .posting("/api/secrets/write", &body)
        .header(
            "authorization",
            format!("Bearer {}", made["token"].as_str().expect("a token")),
        )
        .header("x-tenant-id", "anna");
    program.send(request).await.expect(200);
    let path = "/api/squaretable/tokens/list";
    let tokens = admin.post(path, json!({})).await.expect(200).json();
    let end = json!({ "id": tokens[0]["id"] });
    let path = "/api/squaretable/tokens/revoke";
    admin.post(path, end.clone()).await.expect(200);
    admin.post(path, end).await.expect(404);

    let page = admin
        .post(AUDIT, json!({ "act": "secret." }))
        .await
        .expect(200)
        .json();
    let entries = page["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 1);
    for (field, value) in [
        ("tenant", "anna"),
        ("actor", "admin"),
        ("agent", "token a program"),
    ] {
        assert_eq!(entries[0][field], value);
    }
    let id = tokens[0]["id"].as_str().expect("an id");
    let told = [
        ("token.create", "a program: admin", "done"),
        ("token.revoke", id, "done"),
    ];
    let found = self::entries(&admin, json!({ "act": "token." })).await;
    assert_eq!(found, expected(&told));
}
