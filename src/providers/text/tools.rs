//! What `/api/backends/text-completions` does besides generating: downloads, captions, llama.cpp's slots.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::backend::{Backend, identify, trim_slash, trim_v1};
use super::reply::plain_error;
use super::{copied, js};
use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::{
    RequestFault, json_headers, posting, read, respond, server_error, without_body,
};
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// Builds the request of `/ollama/download`; `None` when the body lacks `name` or `api_server`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn ollama_pull(body: &Value) -> Result<Option<Upstream>, RequestFault> {
    if !js::is_truthy(body.get("name")) || !js::is_truthy(body.get("api_server")) {
        return Ok(None);
    }
    let server = js::to_text(body.get("api_server"));
    let address = format!("{}/api/pull", trim_slash(&server));
    posting(
        &address,
        json_headers(),
        &json!({ "name": body["name"], "stream": false }),
    )
    .map(Some)
}

/// Answers `/ollama/download`: `{"ok":true}`; 500 in one of two forms.
pub async fn pulled(outcome: Result<UpstreamReply, RelayError>) -> Response {
    match outcome {
        Ok(answer) if !answer.is_success() => plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        Ok(answer) => match read(answer).await {
            Ok(_) => reply::json(&json!({ "ok": true })),
            Err(_) => server_error(),
        },
        Err(_) => server_error(),
    }
}

/// Builds the request of `/ollama/caption-image`; `None` when the body lacks `server_url` or `model`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn ollama_caption(body: &Value) -> Result<Option<Upstream>, RequestFault> {
    if !js::is_truthy(body.get("server_url")) || !js::is_truthy(body.get("model")) {
        return Ok(None);
    }
    let server = js::to_text(body.get("server_url"));
    let mut request = copied(body, "model prompt");
    request.insert("images".to_owned(), json!([body.get("image")]));
    request.insert("stream".to_owned(), false.into());
    posting(
        &format!("{}/api/generate", trim_v1(&server)),
        json_headers(),
        &request.into(),
    )
    .map(Some)
}

/// Answers `/ollama/caption-image`: `{"caption"}`; 500 in one of two forms.
pub async fn captioned(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let answer = match outcome {
        Ok(answer) if answer.is_success() => answer,
        Ok(_) => return plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        Err(_) => return server_error(),
    };
    match read(answer).await {
        Ok(value) => match value
            .get("response")
            .filter(|caption| js::is_truthy(Some(caption)))
        {
            Some(caption) => reply::json_bytes(to_vec(&json!({ "caption": caption }))),
            None => plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Err(_) => server_error(),
    }
}

/// Builds the request of `/llamacpp/props`; `None` when the body lacks `server_url`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn llamacpp_props(body: &Value) -> Result<Option<Upstream>, RequestFault> {
    if !js::is_truthy(body.get("server_url")) {
        return Ok(None);
    }
    let server = js::to_text(body.get("server_url"));
    let address = format!("{}/props", trim_v1(&server));
    without_body(Method::GET, &address, UpstreamHeaders::default()).map(Some)
}

/// Builds the request of `/llamacpp/slots`; `None` when the body lacks what its `action` needs.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn llamacpp_slots(body: &Value) -> Result<Option<Upstream>, RequestFault> {
    let text = |field: &str| js::to_text(body.get(field));
    let (server, action, slot) = (text("server_url"), text("action"), text("id_slot"));
    if !js::is_truthy(body.get("server_url")) {
        return Ok(None);
    }
    let base = trim_v1(&server);
    if !matches!(action.as_str(), "erase" | "info" | "restore" | "save") {
        return Ok(None);
    }
    // compat: a list of one action passes for its name above and for no name here.
    let is = |name: &str| body.get("action").and_then(Value::as_str) == Some(name);
    if is("info") {
        return without_body(Method::GET, &format!("{base}/slots"), UpstreamHeaders::default()).map(Some);
    }
    let needs_file = !is("erase");
    let is_number = !slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || needs_file && !js::is_truthy(body.get("filename")) {
        return Ok(None);
    }
    let request = if needs_file {
        json!({ "filename": text("filename") })
    } else {
        json!({})
    };
    posting(
        &format!("{base}/slots/{slot}?action={action}"),
        json_headers(),
        &request,
    )
    .map(Some)
}

/// Answers both of llama.cpp's routes: its JSON; 500 in one of two forms.
pub async fn passed(outcome: Result<UpstreamReply, RelayError>) -> Response {
    match outcome {
        Ok(answer) if !answer.is_success() => plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        Ok(answer) => read(answer)
            .await
            .map_or_else(|_| server_error(), |value| respond(&value)),
        Err(_) => server_error(),
    }
}

/// The requests of `/tabby/download`: may this key, and the download itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TabbyDownload {
    permission: Upstream,
    download: Upstream,
}

/// Builds the requests of `/tabby/download`, with the key of the body's `api_type`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn tabby_download(
    body: &Value,
    secret: &str,
    config: &UpstreamConfig,
) -> Result<TabbyDownload, RequestFault> {
    let server = js::to_text(body.get("api_server"));
    let base = trim_slash(&server);
    let mut headers = json_headers();
    identify(&mut headers, Backend::of(body), secret, base, config);
    Ok(TabbyDownload {
        permission: without_body(
            Method::GET,
            &format!("{base}/v1/auth/permission"),
            headers.clone(),
        )?,
        download: posting(&format!("{base}/v1/download"), headers, body)?,
    })
}

/// Asks for permission, downloads, and answers `/tabby/download`: `{"ok":true}`, 403 to a key that may not, 500.
pub async fn download(call: TabbyDownload, relay: &Relay) -> Response {
    let permission = match relay.send(call.permission).await {
        Ok(answer) if answer.is_success() => read(answer).await,
        Ok(_) => return plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        Err(_) => return server_error(),
    };
    match permission {
        Ok(Value::Null) | Err(_) => return server_error(),
        Ok(value) if value.get("permission").and_then(Value::as_str) != Some("admin") => {
            return plain_error(StatusCode::FORBIDDEN);
        }
        Ok(_) => {}
    }
    match relay.send(call.download).await {
        Ok(answer) if answer.is_success() => reply::json(&json!({ "ok": true })),
        Ok(_) => plain_error(StatusCode::INTERNAL_SERVER_ERROR),
        Err(_) => server_error(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{llamacpp_slots, ollama_caption, ollama_pull, tabby_download};
    use crate::config::upstream::UpstreamConfig;
    use crate::providers::upstream::Upstream;

    fn shown(upstream: &Upstream) -> (String, String) {
        let body = String::from_utf8(upstream.body.to_vec()).unwrap();
        (format!("{} {}", upstream.method, upstream.url), body)
    }

    #[test]
    fn slots_need_a_number_and_a_file() {
        let ask = |extra: Value| {
            let mut body = json!({ "server_url": "http://h/v1" });
            body.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            llamacpp_slots(&body).unwrap().map(|upstream| shown(&upstream))
        };
        assert_eq!(
            ask(json!({ "action": "info" })),
            Some(("GET http://h/slots".to_owned(), String::new()))
        );
        let saved = (
            "POST http://h/slots/3?action=save".to_owned(),
            r#"{"filename":"f"}"#.to_owned(),
        );
        assert_eq!(
            ask(json!({ "action": "save", "id_slot": 3, "filename": "f" })),
            Some(saved)
        );
        let erased = ("POST http://h/slots/3?action=erase".to_owned(), "{}".to_owned());
        assert_eq!(
            ask(json!({ "action": "erase", "id_slot": "3", "filename": "f" })),
            Some(erased)
        );
        for refused in [
            json!({ "action": "save", "id_slot": 3 }),
            json!({ "action": "erase", "id_slot": "../3" }),
            json!({ "action": "erase" }),
            json!({ "action": "erase\n", "id_slot": 3 }),
            json!({ "action": "info", "server_url": "" }),
        ] {
            assert_eq!(ask(refused.clone()), None, "{refused}");
        }
    }

    #[test]
    fn ollama_is_asked_as_it_wants() {
        let body = json!({ "name": "m", "api_server": "http://h/v1/", "server_url": "http://h/v1/", "model": "v", "image": "aGk=" });
        let pull = ollama_pull(&body).unwrap().unwrap();
        assert_eq!(
            shown(&pull),
            (
                "POST http://h/v1/api/pull".to_owned(),
                r#"{"name":"m","stream":false}"#.to_owned()
            )
        );
        let caption = ollama_caption(&body).unwrap().unwrap();
        let expected = r#"{"model":"v","images":["aGk="],"stream":false}"#;
        assert_eq!(
            shown(&caption),
            ("POST http://h/api/generate".to_owned(), expected.to_owned())
        );
        assert_eq!(ollama_pull(&json!({ "name": "m" })), Ok(None));
        assert_eq!(ollama_caption(&json!({ "model": "m" })), Ok(None));
    }

    #[test]
    fn tabby_is_asked_for_permission_with_the_same_key() {
        let body = json!({ "api_type": "tabby", "api_server": "http://h/", "repo_id": "r" });
        let call = tabby_download(&body, "k", &UpstreamConfig::default()).unwrap();
        assert_eq!(shown(&call.permission).0, "GET http://h/v1/auth/permission");
        assert_eq!(call.permission.headers, call.download.headers);
        assert_eq!(shown(&call.download).1, body.to_string());
    }
}
