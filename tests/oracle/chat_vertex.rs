//! Vertex AI's ways in: the API key, a service account with a key of its own, and what goes wrong with them.

use std::process::Command;

use serde_json::{Value, json};

use super::chat_world::{Mood, PROVIDERS, generate};
use super::scenario::Scenario;
use crate::harness::Reply;

/// A fresh RSA key as PEM, of the runtime that the original needs as well.
pub fn rsa_key(kind: &str) -> String {
    let code = format!(
        "const k=require('node:crypto').generateKeyPairSync('rsa',{{modulusLength:2048}});\
         process.stdout.write(k.privateKey.export({{type:'{kind}',format:'pem'}}))"
    );
    let made = Command::new("node")
        .args(["-e", &code])
        .output()
        .expect("node starts");
    String::from_utf8(made.stdout).expect("PEM is ASCII")
}

fn full(extra: &Value) -> Value {
    let vertex = PROVIDERS.iter().find(|provider| provider.source == "vertexai");
    let mut body = vertex
        .expect("it is there")
        .body(&json!({ "vertexai_auth_mode": "full" }));
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

async fn store(s: &mut Scenario, account: &str) {
    let secret = json!({ "key": "vertexai_service_account_json", "value": account });
    s.post("/api/secrets/write", secret)
        .await
        .capture("account", "/id");
}

#[tokio::test]
async fn oracle_chat_vertex() {
    let mood = Mood::good();
    let sites = mood.sites(|_| Reply::status("404 Not Found"));
    let mut s = Scenario::in_world("chat_vertex", "", &sites).await;
    generate(&mut s, "no account", full(&json!({}))).await;
    generate(
        &mut s,
        "no such mode",
        full(&json!({ "vertexai_auth_mode": "odd" })),
    )
    .await;
    for kind in ["pkcs8", "pkcs1"] {
        let account = json!({ "type": "service_account", "project_id": "my-project", "client_email": "me@x.example",
            "private_key": rsa_key(kind) });
        store(&mut s, &account.to_string()).await;
        for extra in [
            json!({}),
            json!({ "stream": true, "vertexai_region": "global" }),
            json!({ "vertexai_region": "europe-west4", "secret_id": "{{account}}" }),
            json!({ "secret_id": "nobody" }),
            json!({ "reverse_proxy": "https://proxy.example/", "proxy_password": "pw", "stream": true }),
            json!({ "vertexai_region": "no host: crash" }),
        ] {
            generate(&mut s, &format!("{kind} {extra}"), full(&extra)).await;
        }
    }
    for mode in ["e401", "text", "broken", "hangup", "empty"] {
        mood.set(mode);
        // The words about a broken answer are each implementation's own.
        let call = super::dsl::post("/api/backends/chat-completions/generate", &full(&json!({}))).note(mode);
        let is_own = ["broken", "hangup"].contains(&mode);
        s.send(if is_own {
            call.ignore("body /message")
        } else {
            call
        })
        .await;
        s.reached(mode).await;
    }
    mood.set("ok");
    for account in [
        "no JSON",
        "{}",
        r#"{"private_key":"no PEM"}"#,
        r#"{"private_key":5}"#,
    ] {
        store(&mut s, account).await;
        let call = super::dsl::post("/api/backends/chat-completions/generate", &full(&json!({})));
        s.send(call.note(account).ignore("body /message")).await;
        s.reached(account).await;
    }
    let account = json!({ "client_email": "me@x.example", "private_key": rsa_key("pkcs8") });
    store(&mut s, &account.to_string()).await;
    generate(&mut s, "no project", full(&json!({}))).await;
    s.finish();
}
