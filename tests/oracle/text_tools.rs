//! `/api/backends/text-completions` besides generating: status, properties, downloads, captions, slots.

use serde_json::json;

use super::scenario::Scenario;
use super::text_completions::{TYPES, ask, body, start, store_keys};
use super::text_sites::server;

#[tokio::test]
async fn oracle_text_status() {
    let mut s = start("text_status").await;
    for kind in TYPES {
        ask(
            &mut s,
            "/status",
            &format!("{kind} without key"),
            &body(kind, "ok", &json!({})),
        )
        .await;
    }
    store_keys(&mut s).await;
    for kind in TYPES {
        for mode in [
            "ok", "e401", "e429", "e500", "broken", "empty", "list", "null", "user", "hangup",
        ] {
            ask(
                &mut s,
                "/status",
                &format!("{kind} {mode}"),
                &body(kind, mode, &json!({})),
            )
            .await;
        }
    }
    for kind in ["ooba", "tabby"] {
        for mode in ["express", "unloaded", "halfinfo"] {
            ask(
                &mut s,
                "/status",
                &format!("{kind} {mode}"),
                &body(kind, mode, &json!({})),
            )
            .await;
        }
    }
    for kind in ["llamacpp", "koboldcpp", "nonsense"] {
        for mode in [
            "ok",
            "e401",
            "e500",
            "broken",
            "empty",
            "notemplate",
            "null",
            "list",
            "hangup",
        ] {
            let extra = json!({ "model": "a b/ü&(c)'!*~" });
            ask(
                &mut s,
                "/props",
                &format!("{kind} {mode}"),
                &body(kind, mode, &extra),
            )
            .await;
        }
    }
    s.finish();
}

#[tokio::test]
async fn oracle_text_tools() {
    let mut s = start("text_tools").await;
    store_keys(&mut s).await;
    for mode in [
        "ok", "e401", "e429", "e500", "broken", "empty", "null", "text", "list", "user", "spelled", "hangup",
    ] {
        let url = server(mode);
        for (route, body) in [
            (
                "/ollama/download",
                json!({ "name": "m", "api_server": format!("{url}/") }),
            ),
            (
                "/ollama/caption-image",
                json!({ "server_url": format!("{url}/v1/"), "model": "m", "prompt": "p", "image": "aGk=" }),
            ),
            ("/llamacpp/props", json!({ "server_url": format!("{url}/v1") })),
            ("/llamacpp/slots", json!({ "server_url": url, "action": "info" })),
            (
                "/llamacpp/slots",
                json!({ "server_url": url, "action": "save", "id_slot": 3, "filename": "f" }),
            ),
            (
                "/tabby/download",
                json!({ "api_server": format!("{url}/"), "api_type": "tabby", "repo_id": "r", "folder_name": "" }),
            ),
        ] {
            ask(&mut s, route, mode, &body).await;
        }
    }
    incomplete(&mut s).await;
    s.finish();
}

/// Bodies that lack something, or have it in another form.
async fn incomplete(s: &mut Scenario) {
    let ok = server("ok");
    for (route, body) in [
        ("/ollama/download", json!({ "name": "m" })),
        (
            "/ollama/download",
            json!({ "name": "m", "api_server": "nonsense" }),
        ),
        ("/ollama/download", json!({ "name": 5, "api_server": ok })),
        ("/ollama/caption-image", json!({ "server_url": ok })),
        ("/ollama/caption-image", json!({ "server_url": ok, "model": "m" })),
        ("/llamacpp/props", json!({})),
        ("/llamacpp/props", json!({ "server_url": "nonsense" })),
        ("/llamacpp/slots", json!({ "action": "info" })),
        ("/llamacpp/slots", json!({ "server_url": ok })),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": "explode" }),
        ),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": ["erase"], "id_slot": [1] }),
        ),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": "erase", "id_slot": "7", "filename": "f" }),
        ),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": "erase", "id_slot": "7x" }),
        ),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": "restore", "id_slot": 7 }),
        ),
        (
            "/llamacpp/slots",
            json!({ "server_url": ok, "action": "restore", "id_slot": 7, "filename": 5 }),
        ),
        ("/tabby/download", json!({})),
        ("/tabby/download", json!({ "api_server": ok })),
    ] {
        ask(s, route, &body.to_string(), &body).await;
    }
}
