//! Captions by whoever speaks `OpenAI`'s language, a record each.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::found;
use crate::config::upstream::UpstreamConfig;
use crate::error::{Error, Result};
use crate::providers::chat::{custom, hooks};
use crate::providers::exchange::{granted_or_told, internal_error, json_headers, posting, read};
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::text::backend::{Backend, identify, trim_v1};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Who this program says it is, to the sites that ask for it.
pub(in crate::providers) const INTRODUCTION: &[(&str, &str)] = &[
    ("HTTP-Referer", "https://sillytavern.app"),
    ("X-Title", "SillyTavern"),
];

/// A value of the body's `api`.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    /// The key of the user's secret.
    pub secret_key: &'static str,
    /// Whether the key stays at home where the body names a `reverse_proxy`.
    is_key_yielding: bool,
    /// Whether the body's `reverse_proxy` is asked instead.
    is_address_yielding: bool,
    place: Place,
    headers: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy)]
enum Place {
    At(&'static str),
    /// A field, its value that leads to the first address, and the address otherwise.
    Switch(&'static str, &'static str, &'static str, &'static str),
    /// The body's `server_url`, as it is.
    Server,
    /// The body's `server_url` without its version, which is put back.
    Backend,
    /// An account of Cloudflare's.
    WorkersAi,
}

const fn at(name: &'static str, secret_key: &'static str, address: &'static str) -> Service {
    Service {
        name,
        secret_key,
        is_key_yielding: false,
        is_address_yielding: false,
        place: Place::At(address),
        headers: &[],
    }
}

const fn backend(name: &'static str, secret_key: &'static str) -> Service {
    Service {
        place: Place::Backend,
        ..at(name, secret_key, "")
    }
}

/// Everybody that can be asked. compat: xAI and Mistral get the proxy's password but are asked themselves.
static SERVICES: [Service; 19] = [
    Service {
        is_key_yielding: true,
        is_address_yielding: true,
        ..at("openai", "api_key_openai", "https://api.openai.com/v1")
    },
    Service {
        is_key_yielding: true,
        ..at("xai", "api_key_xai", "https://api.x.ai/v1")
    },
    Service {
        is_key_yielding: true,
        ..at("mistral", "api_key_mistralai", "https://api.mistral.ai/v1")
    },
    Service {
        place: Place::Server,
        ..at("custom", "api_key_custom", "")
    },
    // In the original the user's own key goes to the proxy.
    Service {
        is_key_yielding: true,
        is_address_yielding: true,
        headers: INTRODUCTION,
        ..at("openrouter", "api_key_openrouter", "https://openrouter.ai/api/v1")
    },
    backend("ooba", "api_key_ooba"),
    backend("koboldcpp", "api_key_koboldcpp"),
    backend("llamacpp", "api_key_llamacpp"),
    backend("vllm", "api_key_vllm"),
    Service {
        headers: INTRODUCTION,
        ..at("aimlapi", "api_key_aimlapi", "https://api.aimlapi.com/v1")
    },
    at("groq", "api_key_groq", "https://api.groq.com/openai/v1"),
    at("cohere", "api_key_cohere", "https://api.cohere.ai/v2/chat"),
    Service {
        is_key_yielding: true,
        is_address_yielding: true,
        ..at("moonshot", "api_key_moonshot", "https://api.moonshot.ai/v1")
    },
    at("nanogpt", "api_key_nanogpt", "https://nano-gpt.com/api/v1"),
    at("chutes", "api_key_chutes", "https://llm.chutes.ai/v1"),
    at(
        "electronhub",
        "api_key_electronhub",
        "https://api.electronhub.ai/v1",
    ),
    Service {
        is_key_yielding: true,
        is_address_yielding: true,
        place: Place::Switch(
            "zai_endpoint",
            "coding",
            "https://api.z.ai/api/coding/paas/v4",
            "https://api.z.ai/api/paas/v4",
        ),
        ..at("zai", "api_key_zai", "")
    },
    Service {
        place: Place::Switch(
            "pollinations_endpoint",
            "anonymous",
            "https://text.pollinations.ai/v1",
            "https://gen.pollinations.ai/v1",
        ),
        ..at("pollinations", "api_key_pollinations", "")
    },
    Service {
        place: Place::WorkersAi,
        ..at("workers_ai", "api_key_workers_ai", "")
    },
];

/// The keys that a request may need.
#[derive(Debug, Default)]
pub struct Keys {
    /// Of the service.
    pub service: String,
    /// Of the body's `api_type`, whose back end adds headers of its own.
    pub backend: String,
}

impl Service {
    /// The service that the body names; `None` where it names none, which a `reverse_proxy` may stand in for.
    #[must_use]
    pub fn of(body: &Value) -> Option<&'static Self> {
        let name = body.get("api")?.as_str()?;
        SERVICES.iter().find(|service| service.name == name)
    }

    fn needs_key(&self) -> bool {
        !matches!(self.place, Place::Server | Place::Backend)
    }

    fn address(&self, body: &Value) -> Result<String> {
        let server = || match body.get("server_url") {
            Some(Value::Null) | None if matches!(self.place, Place::Backend) => String::new(),
            server => js::to_text(server),
        };
        let base = match self.place {
            Place::At(address) if self.name == "cohere" => return Ok(address.to_owned()),
            Place::At(address) => address.to_owned(),
            Place::Switch(field, value, then, otherwise) => {
                let is_chosen = body.get(field).and_then(Value::as_str) == Some(value);
                if is_chosen { then } else { otherwise }.to_owned()
            }
            Place::Server => server(),
            Place::Backend => format!("{}/v1", trim_v1(&server())),
            Place::WorkersAi => {
                let account = hooks::workers_ai_account(body)
                    .ok_or_else(|| Error::json_error(400, "Cloudflare Workers AI Account ID is required"))?;
                format!("https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1")
            }
        };
        Ok(format!("{base}/chat/completions"))
    }
}

/// `POST` of the body's `image` and `prompt` to its `api`.
///
/// # Errors
/// 400 without a key, 500 for an address that is none.
pub fn request(body: &Value, keys: &Keys, config: &UpstreamConfig) -> Result<Upstream> {
    let service = Service::of(body);
    let proxy = body
        .get("reverse_proxy")
        .filter(|proxy| js::is_truthy(Some(proxy)));
    let key = key(body, service, proxy.is_some(), &keys.service);
    let needs_key = service.is_none_or(Service::needs_key);
    if key.is_empty() && proxy.is_none() && needs_key {
        return Err(Error::bad_request());
    }
    let mut headers = UpstreamHeaders::default();
    if service.is_some_and(|service| service.name == "custom") {
        custom::include_headers(body, &mut headers);
    }
    let fields = fields(body, service, &config.openai_caption_system_prompt)?;
    let yields = service.is_none_or(|service| service.is_address_yielding);
    let address = match (proxy.filter(|_| yields), service) {
        (Some(proxy), _) => format!("{}/chat/completions", js::to_text(Some(proxy))),
        (None, Some(service)) => service.address(body)?,
        (None, None) => String::new(),
    };
    for (name, value) in service.map_or(&[][..], |service| service.headers) {
        headers.set(*name, *value);
    }
    identify(&mut headers, Backend::of(body), &keys.backend, &address, config);
    let mut all = json_headers();
    all.set("Authorization", format!("Bearer {key}"));
    headers.iter().for_each(|(name, value)| all.set(name, value));
    posting(&address, all, &fields.into()).map_err(|_| internal_error())
}

/// The key: the proxy's password, the user's own, or the word for none.
fn key(body: &Value, service: Option<&Service>, is_proxied: bool, own: &str) -> String {
    let password = body.get("proxy_password").filter(|_| is_proxied);
    let password = js::text_or_empty(password);
    match service {
        None => password,
        Some(service) if is_proxied && service.is_key_yielding => password,
        Some(service) if service.name == "pollinations" && is_anonymous(body) => "anonymous".to_owned(),
        Some(_) => own.to_owned(),
    }
}

fn is_anonymous(body: &Value) -> bool {
    body.get("pollinations_endpoint").and_then(Value::as_str) == Some("anonymous")
}

/// The fields of the request.
fn fields(body: &Value, service: Option<&Service>, system: &str) -> Result<Map<String, Value>> {
    let name = service.map_or("", |service| service.name);
    let mut fields = Map::new();
    fields.extend(body.get("model").map(|model| ("model".to_owned(), model.clone())));
    fields.insert(
        "messages".to_owned(),
        json!([{ "role": "user", "content": content(body, name) }]),
    );
    match name {
        "custom" => fields.extend(custom::included(body)),
        "ooba" => drop(fields.insert("temperature".to_owned(), json!(0.1))),
        // Z.AI's own limit is a quarter of this.
        "zai" => drop(fields.insert("max_tokens".to_owned(), 4096.into())),
        "pollinations" => drop(fields.insert("seed".to_owned(), rand::random::<u32>().into())),
        _ => {}
    }
    if !system.is_empty() {
        // compat: Groq takes no system message beside a picture.
        let role = if name == "groq" { "user" } else { "system" };
        let messages = fields.get_mut("messages").and_then(Value::as_array_mut);
        let messages = messages.ok_or_else(internal_error)?;
        messages.insert(0, json!({ "role": role, "content": system }));
    }
    if name == "custom" {
        custom::exclude(body, &mut fields);
    }
    Ok(fields)
}

/// The prompt and the picture, which for Z.AI may be a film.
fn content(body: &Value, name: &str) -> Value {
    let part = |field: &str, kind: &str, value: Option<&Value>| {
        let mut part = json!({ "type": kind });
        if let Some(value) = value {
            part[field] = value.clone();
        }
        part
    };
    let mut address = json!({});
    if let Some(image) = body.get("image") {
        address["url"] = image.clone();
    }
    let is_film = name == "zai" && is_film(&js::to_text(body.get("image")));
    let kind = if is_film { "video_url" } else { "image_url" };
    json!([
        part("text", "text", body.get("prompt")),
        part(kind, kind, Some(&address))
    ])
}

/// Whether a data URL of a film is in the text.
fn is_film(text: &str) -> bool {
    text.split("data:video/").skip(1).any(|rest| {
        let format = rest
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next();
        let format = format.unwrap_or_default();
        !format.is_empty() && rest[format.len()..].starts_with(";base64,")
    })
}

/// The caption.
///
/// # Errors
/// 500, with the text that the service refuses with.
pub async fn told(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = granted_or_told(outcome, internal_error).await?;
    let answer = read(answer).await.map_err(|_| internal_error())?;
    let said = answer
        .pointer("/choices/0/message/content")
        .filter(|said| !said.is_null());
    found(said.or_else(|| answer.pointer("/message/content/0/text")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Keys, SERVICES, is_film, request};
    use crate::config::upstream::UpstreamConfig;
    use crate::providers::upstream::Upstream;

    fn made(body: &Value) -> Result<Upstream, crate::error::Error> {
        let keys = Keys {
            service: "own".to_owned(),
            backend: String::new(),
        };
        request(body, &keys, &UpstreamConfig::default())
    }

    fn authorization(upstream: &Upstream) -> String {
        let mut headers = upstream.headers.iter();
        let found = headers.find(|(name, _)| *name == "Authorization");
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }

    #[test]
    fn the_key_goes_to_nobody_else() {
        for service in &SERVICES {
            let body = json!({
                "api": service.name, "reverse_proxy": "https://proxy.example/v1", "proxy_password": "pass",
                "server_url": "https://server.example", "workers_ai_account_id": "a",
            });
            let made = made(&body).unwrap();
            let is_proxy = made.url.host_str() == Some("proxy.example");
            let is_own = authorization(&made) == "Bearer own";
            assert!(!(is_proxy && is_own), "{}", service.name);
        }
    }

    #[test]
    fn films_are_films_for_one_service() {
        assert!(is_film("data:video/mp4;base64,AA"));
        assert!(!is_film("data:video/;base64,AA") && !is_film("data:image/png;base64,AA"));
        let body = json!({ "api": "zai", "image": "data:video/mp4;base64,AA", "prompt": "p", "model": "m" });
        let sent: Value = serde_json::from_slice(&made(&body).unwrap().body).unwrap();
        let film = json!({ "type": "video_url", "video_url": { "url": "data:video/mp4;base64,AA" } });
        assert_eq!(sent["messages"][0]["content"][1], film);
        assert_eq!(sent["max_tokens"], 4096);
    }

    #[test]
    fn a_key_is_needed_where_one_is_taken() {
        let keyless = |api: &str| {
            let body = json!({ "api": api, "server_url": "http://h" });
            request(&body, &Keys::default(), &UpstreamConfig::default()).is_ok()
        };
        assert!(keyless("custom") && keyless("vllm"));
        assert!(!keyless("openai") && !keyless("nonsense") && !keyless("workers_ai"));
    }
}
