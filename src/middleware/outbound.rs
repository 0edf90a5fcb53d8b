//! Requests that make the server ask somebody else: whether the administrator's policy allows it, and how often.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{NaiveTime, Utc};
use serde_json::{Value, json};
use squaretable_compat::json as text;

use crate::app::App;
use crate::error::Result;
use crate::middleware::body::ParsedBody;
use crate::middleware::limits::too_many;
use crate::middleware::rate_limit::Exceeded;
use crate::policy::forbidden_host;
use crate::providers::chat::vision;
use crate::providers::text::backend::Backend;
use crate::reply;
use crate::scopes::{Scope, Scopes};
use crate::store::policy::Policy;
use crate::store::quotas;
use crate::tenant::{CurrentUser, Tenant};

/// Token counts of a back end, of which a prompt needs dozens. They are bound to the allowed hosts, and not counted.
const REMOTE_TOKENIZERS: &str = "/api/tokenizers/remote/";

/// Prefixes of other routes that fetch something, likewise.
const FETCHING: [&str; 4] = [
    "/api/assets/",
    "/api/content/",
    "/api/extensions/",
    REMOTE_TOKENIZERS,
];

const CHAT: &str = "/api/backends/chat-completions/";
const TEXT: &str = "/api/backends/text-completions/";

/// Lets a request pass that goes to nobody else or may do so; 403 what the policy does not allow, 429 with the time to wait
/// what is one too many. Of what is refused nothing is counted but the attempt itself.
///
/// Which routes ask a provider is what `scopes.txt` says: those that a service token needs [`Scope::Generate`] for.
pub async fn check(
    State((app, scopes)): State<(App, Arc<Scopes>)>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let path = request.uri().path();
    let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let asks_provider = scopes.need(request.method(), pattern) == Some(Scope::Generate);
    let is_counted = asks_provider && !path.starts_with(REMOTE_TOKENIZERS);
    let is_fetching = FETCHING.iter().any(|prefix| path.starts_with(prefix));
    let user = request.extensions().get::<CurrentUser>().cloned();
    let (Some(CurrentUser(user)), true) = (user, is_counted || is_fetching) else {
        return Ok(next.run(request).await);
    };
    let (policy, most) = app.policies().refresh(user.tenant).await?;
    if !is_counted {
        return Ok(next.run(request).await);
    }
    if let Some(reason) = refusal(&policy, path, request.extensions().get()) {
        tracing::warn!(handle = user.handle, path, reason, "not allowed by the policy");
        return Ok(reply::json_with(
            StatusCode::FORBIDDEN,
            &json!({ "error": { "message": reason } }),
        ));
    }
    if let Err(exceeded) = app.limits().upstream.consume(&user.handle).await {
        tracing::warn!(handle = user.handle, "too many requests to providers");
        return Ok(too_often(
            exceeded,
            "Too many requests to providers. Try again later.",
        ));
    }
    if let Some(most) = most {
        let tenant = Tenant::of(app.db().clone(), user);
        if let Err(refused) = count(&tenant, most).await? {
            return Ok(refused);
        }
    }
    Ok(next.run(request).await)
}

/// Counts a request of a tenant that may send so many a day; the answer when it may not be sent.
async fn count(tenant: &Tenant, most: i64) -> Result<std::result::Result<(), Response>> {
    let mut tx = tenant.begin().await?;
    if quotas::count_upstream(&mut tx, most).await? {
        tx.commit().await?;
        return Ok(Ok(()));
    }
    tracing::warn!(handle = tenant.handle(), "no more requests to providers today");
    let now = Utc::now();
    let midnight = now
        .date_naive()
        .succ_opt()
        .map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let wait = midnight
        .and_then(|midnight| (midnight - now).to_std().ok())
        .unwrap_or_default();
    let reason = format!("The quota of {most} requests to providers a day (UTC) is used up.");
    Ok(Err(too_often(Exceeded { wait }, &reason)))
}

/// In the form that the frontend shows the message of.
fn too_often(exceeded: Exceeded, message: &str) -> Response {
    too_many(exceeded, &json!({ "message": message }))
}

/// Why the policy does not allow a request.
fn refusal(policy: &Policy, path: &str, body: Option<&ParsedBody>) -> Option<String> {
    if policy.chat_sources.is_none() && policy.text_sources.is_none() && policy.hosts.is_none() {
        return None;
    }
    let body = match body {
        // What cannot be parsed is refused by the handler.
        Some(ParsedBody::Json(bytes)) => text::parse(bytes).unwrap_or_default(),
        Some(ParsedBody::Form(fields)) => fields.clone(),
        // A form with files is read by the handler alone, and no frontend sends one where the body tells the source.
        Some(ParsedBody::Other) if path.starts_with(CHAT) || path.starts_with(TEXT) => {
            return Some("A policy is in force: send this request as JSON.".to_owned());
        }
        Some(ParsedBody::Other | ParsedBody::Empty) | None => Value::Null,
    };
    let forbids = |allowed: &Option<Vec<String>>, name: &str| {
        let is_forbidden = allowed
            .as_ref()
            .is_some_and(|allowed| !allowed.iter().any(|one| one == name));
        is_forbidden.then(|| format!("This server's administrator does not allow the source {name:?}."))
    };
    chat_source(path, &body)
        .and_then(|name| forbids(&policy.chat_sources, name))
        .or_else(|| forbids(&policy.text_sources, text_source(path, &body)?))
        .or_else(|| {
            let host = forbidden_host(policy, &body)?;
            Some(format!(
                "This server's administrator does not allow requests to {host}."
            ))
        })
}

/// The source that a request for chat completions names; one that names none is refused by its handler.
fn chat_source<'b>(path: &str, body: &'b Value) -> Option<&'b str> {
    let rest = path.strip_prefix(CHAT)?;
    if let Some(name) = rest.strip_prefix("multimodal-models/") {
        let mut routes = vision::ROUTES.into_iter();
        return routes
            .find(|(route, _)| *route == name)
            .map(|(_, source)| source.name());
    }
    body.get("chat_completion_source")?.as_str()
}

/// The back end that a request for text completions is for, by the frontend's names; empty for one that nobody knows, whose
/// address the request tells.
fn text_source<'b>(path: &'b str, body: &'b Value) -> Option<&'b str> {
    if let Some(rest) = path.strip_prefix(TEXT) {
        return Some(match rest.split_once('/') {
            Some((name, _)) => name,
            None => Backend::of(body).map_or("", |backend| backend.name),
        });
    }
    let own = [
        ("/api/backends/kobold/", "kobold"),
        ("/api/horde/", "koboldhorde"),
        ("/api/novelai/", "novel"),
    ];
    own.iter()
        .find(|(prefix, _)| path.starts_with(prefix))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(policy: &Policy, path: &str, body: &Value) -> bool {
        let body = ParsedBody::Json(text::to_vec(body).into());
        refusal(policy, path, Some(&body)).is_none()
    }

    #[test]
    fn a_list_allows_its_sources_and_no_others() {
        let policy = Policy {
            chat_sources: Some(vec!["openai".to_owned(), "xai".to_owned()]),
            text_sources: Some(vec!["vllm".to_owned(), "novel".to_owned()]),
            ..Policy::default()
        };
        let chat = |name: &str| json!({ "chat_completion_source": name });
        let backend = |name: &str| json!({ "api_type": name });
        for (path, body, is_allowed) in [
            ("/api/backends/chat-completions/generate", chat("openai"), true),
            ("/api/backends/chat-completions/generate", chat("claude"), false),
            ("/api/backends/chat-completions/status", chat("claude"), false),
            (
                "/api/backends/chat-completions/multimodal-models/xai",
                json!({}),
                true,
            ),
            (
                "/api/backends/chat-completions/multimodal-models/mistral",
                json!({}),
                false,
            ),
            ("/api/backends/text-completions/generate", backend("vllm"), true),
            ("/api/backends/text-completions/generate", backend("ooba"), false),
            (
                "/api/backends/text-completions/generate",
                backend("nonsense"),
                false,
            ),
            ("/api/backends/text-completions/generate", json!({}), false),
            (
                "/api/backends/text-completions/ollama/download",
                backend("vllm"),
                false,
            ),
            ("/api/backends/kobold/generate", json!({}), false),
            ("/api/novelai/generate", json!({}), true),
            ("/api/horde/generate-text", json!({}), false),
            ("/api/translate/google", json!({}), true),
        ] {
            assert_eq!(judged(&policy, path, &body), is_allowed, "{path} {body}");
        }
        let none = Policy::default();
        assert!(judged(&none, "/api/backends/kobold/generate", &json!({})));
        let form = refusal(
            &policy,
            "/api/backends/chat-completions/generate",
            Some(&ParsedBody::Other),
        );
        assert!(form.is_some(), "what only the handler reads cannot be judged");
    }

    #[test]
    fn a_forms_path_tells_its_source() {
        for (allowed, is_allowed) in [("kobold", true), ("vllm", false)] {
            let policy = Policy {
                text_sources: Some(vec![allowed.to_owned()]),
                ..Policy::default()
            };
            let form = refusal(
                &policy,
                "/api/backends/kobold/transcribe-audio",
                Some(&ParsedBody::Other),
            );
            assert_eq!(form.is_none(), is_allowed, "{allowed}");
        }
    }
}
