//! Text back ends of every kind, played by one host: the first step of the path says how it behaves, the rest what is
//! asked.

use serde_json::{Value, json};

use crate::harness::{Reply, Request, Sites};

/// The host.
pub const HOST: &str = "http://text.example";

/// Where the back end with this behaviour lives.
pub fn server(mode: &str) -> String {
    format!("{HOST}/{mode}")
}

/// Adds the host to a world.
pub fn add(sites: &Sites) {
    sites.below(&format!("{HOST}/"), answer);
    // Local names become numbers, which reach the world like any other host.
    sites.below("http://127.0.0.1:5000/", |request| {
        Reply::json(&json!({ "data": [], "url": request.url }))
    });
    sites.below("http://overridden.example:8080/", |_| {
        Reply::json(&json!({ "data": [{ "id": "o" }], "choices": [] }))
    });
}

/// An error as providers write it.
fn error(status: &str) -> Reply {
    let code = status.split(' ').next().unwrap_or_default();
    Reply::json(&json!({ "error": { "message": format!("upstream says {code}"), "code": code } }))
        .with_status(status)
}

fn answer(request: &Request) -> Reply {
    let path = request.url.strip_prefix(HOST).unwrap_or_default();
    let mode = path.split('/').nth(1).unwrap_or_default();
    let asked = path.strip_prefix(&format!("/{mode}")).unwrap_or_default();
    match mode {
        "e400" => error("400 Bad Request"),
        "e401" => error("401 Unauthorized"),
        "e404" => Reply::status("404 Not Found").body("plain not found"),
        "e429" => error("429 Too Many Requests"),
        "e500" => Reply::status("500 Internal Server Error").body("boom, not JSON"),
        "e503" => error("503 Busy Right Now"),
        "msg" => Reply::json(&json!({ "detail": { "msg": "the queue is full" } }))
            .with_status("503 Service Unavailable"),
        "message" => Reply::json(&json!({ "statusCode": 400, "message": "no such model" }))
            .with_status("400 Bad Request"),
        "broken" => Reply::bytes("application/json", "{\"choices\": ["),
        "empty" => Reply::json(&json!({})),
        "null" => Reply::json(&Value::Null),
        "text" => Reply::json(&json!("wörds & <b>")),
        "list" => Reply::json(&json!([1, 2])),
        "nulls" => Reply::json(&json!({
            "length": null, "count": null, "value": null, "ids": null, "tokens": { "length": null }
        })),
        "zero" => Reply::json(&json!({ "length": 0, "count": 5, "ids": "none" })),
        "spelled" => Reply::bytes(
            "application/json",
            "{ \"b\": 1.0, \"10\": 1e21,\n\"2\": \"\\u00e9\\/\" }",
        ),
        "chats" => Reply::json(&json!({ "id": 1, "choices": [
            { "message": { "content": "as a chat" }, "index": 0, "finish_reason": "stop" }, { "text": "as a text", "logprobs": null }, {}
        ] })),
        "nochoices" => Reply::json(&json!({ "choices": 5 })),
        "hangup" => Reply::hang_up(),
        "cut" => Reply::bytes("application/json", "{\"choices\":").cut(),
        "user" => Reply::json(&json!({ "permission": "user", "data": [null] })),
        "express" => ok(asked, request).header("X-Powered-By", "Express"),
        "unloaded" if asked.ends_with("/model") || asked.ends_with("/info") => error("400 Bad Request"),
        "halfinfo" if asked.ends_with("/model") || asked.ends_with("/info") => Reply::bytes("", "{\"id\":"),
        "notemplate" => Reply::json(&json!({ "n_ctx": 5 })),
        _ => ok(asked, request),
    }
}

const MODELS: &str = r#"{"object":"list","data":[{"id":"m-1","object":"model"},{"id":"m-0","name":"Zéro"}]}"#;

/// What a back end answers that is well.
fn ok(asked: &str, request: &Request) -> Reply {
    let named = json!([{ "name": "n-1", "size": 1.5 }, { "name": "n-2", "id": "i-2" }]);
    let path = asked.split('?').next().unwrap_or_default();
    let json_reply = |text: &str| Reply::bytes("application/json", text.as_bytes());
    if path.ends_with("/v1/models") || path.ends_with("/model/list") {
        return json_reply(MODELS);
    }
    match path.rsplit_once('/').map_or("", |(_, last)| last) {
        "models" => Reply::json(&named),
        "tags" => Reply::json(&json!({ "models": named })),
        "info" if path.ends_with("/internal/model/info") => {
            Reply::json(&json!({ "model_name": "loaded by ooba" }))
        }
        "info" => Reply::json(&json!({ "model_id": "hf" })),
        "model" => Reply::json(&json!({ "id": "loaded", "result": "loaded by kobold" })),
        "version" => Reply::json(&json!({ "result": "1.2.5" })),
        "props" => Reply::json(&json!({ "n_ctx": 2048, "chat_template": "{{ tëmplate }}\u{0}" })),
        "slots" => Reply::json(&json!([{ "id": 0 }])),
        "permission" => Reply::json(&json!({ "permission": "admin" })),
        "embeddings" => Reply::json(&json!({ "model": "e", "data": [
            { "index": 1, "embedding": [0.25] }, [{ "index": 0, "embedding": [1, -2.5e-7] }], { "index": 2 }
        ] })),
        "tokencount" => Reply::json(&json!({ "value": 3, "ids": [7, 8, 9] })),
        "encode" => Reply::json(&json!({ "tokens": [5, 6], "length": 2 })),
        "tokenize" => Reply::json(&json!({ "tokens": [1, 2, 3, 4] })),
        "transcribe" => Reply::json(&json!({ "text": "héard" })),
        _ => completion(asked, request),
    }
}

fn completion(asked: &str, request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body);
    let wants_stream = body.contains("\"stream\":true") || asked.ends_with("/stream");
    if wants_stream && asked.ends_with("/api/generate") {
        return Reply::stream(
            "application/x-ndjson",
            &[
                "{\"model\":\"m\",\"response\":\"a👋b\",\"done\":false}\n".as_bytes(),
                b"{\"response\":\"\",\"thinking\":\"hm\",",
                b"\"done\":false}\n",
                b"{\"model\":\"m\",\"response\":\"\",\"done\":true}",
            ],
        );
    }
    if wants_stream {
        // The pieces end inside a character of four bytes.
        let text = "data: {\"choices\":[{\"text\":\"a👋b\"}]}\r\n\r\n: comment\n\n".as_bytes();
        return Reply::stream(
            "text/event-stream",
            &[&text[..30], &text[30..], b"data: [DONE]\n\n"],
        );
    }
    Reply::json(&json!({
        "id": "c-1", "choices": [{ "index": 0, "text": "Grüße 👋", "finish_reason": "stop" }], "response": "a cat",
        "results": [{ "text": "k" }], "output": "o", "usage": { "total_tokens": 7 }
    }))
}
