//! The request shape most sources share: what a [`Record`] says, and the request made from it.

use axum::http::Method;
use reqwest::Url;
use serde_json::{Map, Value};

use super::overlay::Overlay;
use super::response_format::{self, Style};
use super::{ChatCall, ChatFault, ChatSettings, js};
use crate::providers::convert::text;
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::tokenizers::routing::LEGACY_COMPLETION_MODELS;

/// One OpenAI-like source.
pub(super) struct Record {
    /// Which handler of the original serves it.
    pub(super) family: Family,
    /// Where requests go.
    pub(super) base: Base,
    /// The endpoint below the base.
    pub(super) path: &'static str,
    /// Whether models that complete text have an endpoint of their own.
    pub(super) has_text_endpoint: bool,
    /// Whether the body's `reverse_proxy` replaces base and key.
    pub(super) takes_proxy: bool,
    /// When a key is needed.
    pub(super) key: Key,
    /// Headers beside the content type and the authorization.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Headers that the body asks for.
    pub(super) asked_headers: Option<fn(&Value, &mut UpstreamHeaders)>,
    /// Names of the fields copied from the browser's body, in sending order, separated by spaces.
    pub(super) fields: &'static str,
    /// What is laid over the copied fields, in order.
    pub(super) rules: &'static [Rule],
    /// Has the last word on the fields; gets the browser's body too.
    pub(super) trim: Option<Trim>,
    /// Where its list of models is; `None` when `/status` does not know the source.
    pub(super) models: Option<Models>,
}

/// Changes the fields to be sent, by the browser's body.
pub(super) type Trim = fn(&Value, &mut Map<String, Value>);

/// The handler of the original, which decides on the order of checks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// The one for most sources: converts first, asks for the key then, and lays [`TAIL`] over at the end.
    Shared,
    /// The source's own: asks for the key first.
    Own,
}

/// The base address, without the endpoint.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// Always this one.
    At(&'static str),
    /// A field, its value that leads to the first address, and the address otherwise.
    Switch(&'static str, &'static str, &'static str, &'static str),
    /// Made of the body.
    Of(fn(&Value) -> Result<String, ChatFault>),
}

/// When a source needs a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Always, behind a reverse proxy too.
    Required,
    /// Unless the body names a reverse proxy, whether the source honours that or not.
    UnlessProxied,
    /// As [`UnlessProxied`](Self::UnlessProxied), but the literal `anonymous` when this field says so.
    AnonymousWhen(&'static str),
    /// Never.
    Optional,
}

/// Where the list of models is.
#[derive(Clone, Copy)]
pub(super) struct Models {
    /// Its base address where that is not the record's.
    pub(super) base: Option<&'static str>,
    /// Parameters of the query.
    pub(super) query: &'static [(&'static str, &'static str)],
}

impl Models {
    /// Below the base that completions have.
    pub(super) const SAME: Self = Self {
        base: None,
        query: &[],
    };
}

/// One step of laying fields over the copied ones.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// The field as it is, if the body has it.
    Copy(&'static str),
    /// The field under another name.
    As(&'static str, &'static str),
    /// The field if JavaScript calls it true.
    Truthy(&'static str),
    /// A number of `logprobs`: the flag, and the number under `top_logprobs`.
    Logprobs,
    /// As [`Logprobs`](Self::Logprobs), and whatever else the field holds, as it is.
    LogprobsAsAsked,
    /// `stop`, when it is a list of some.
    Stop,
    /// `tools` and `tool_choice`, when there are some and the model chats.
    Tools,
    /// `thinking`, by `include_reasoning`.
    Thinking,
    /// Structured output, when the body asks for it.
    Schema(Style),
    /// As [`Schema`](Self::Schema), when nothing before has set it.
    SchemaUnlessSet(Style),
    /// A step of a source's own.
    Hook(fn(&mut Draft<'_>) -> Result<(), ChatFault>),
}

/// What the shared handler does after a source's own rules.
const TAIL: &[Rule] = &[Rule::Stop, Rule::Tools, Rule::SchemaUnlessSet(Style::Named)];

/// A request under construction.
pub(super) struct Draft<'a> {
    /// The browser's body; rules may change messages and model.
    pub(super) body: Value,
    /// Fields laid over the copied ones.
    pub(super) overlay: Overlay,
    /// Headers beside the content type and the authorization.
    pub(super) headers: UpstreamHeaders,
    /// Configuration.
    pub(super) settings: &'a ChatSettings,
    is_text: bool,
}

impl Draft<'_> {
    /// A field of the browser's body that JavaScript calls true.
    pub(super) fn truthy(&self, field: &str) -> Option<&Value> {
        self.body.get(field).filter(|value| js::is_truthy(Some(value)))
    }

    /// `String(model)`.
    pub(super) fn model(&self) -> String {
        js::to_text(self.body.get("model"))
    }

    fn copied(&self, field: &str) -> Result<Option<Value>, ChatFault> {
        Ok(match field {
            "prompt" if self.is_text => Some(text::flatten_messages(self.body.get("messages"))?.into()),
            "messages" | "stop" if self.is_text => None,
            "prompt" => None,
            _ => self.body.get(field).cloned(),
        })
    }

    fn apply(&mut self, rule: Rule) -> Result<(), ChatFault> {
        let Self { body, overlay, .. } = self;
        match rule {
            Rule::Copy(field) => overlay.set_some(field, body.get(field)),
            Rule::As(name, field) => overlay.set_some(name, body.get(field)),
            Rule::Truthy(field) => {
                overlay.set_some(field, body.get(field).filter(|value| js::is_truthy(Some(value))));
            }
            Rule::Logprobs => {
                if let Some(count) = body.get("logprobs").filter(|count| js::is_positive(Some(count))) {
                    overlay.set("top_logprobs", Some(count.clone()));
                    overlay.set("logprobs", Some(true.into()));
                }
            }
            Rule::LogprobsAsAsked => {
                let count = body.get("logprobs");
                let is_flag = !self.is_text && js::is_positive(count);
                overlay.set(
                    "logprobs",
                    if is_flag {
                        Some(true.into())
                    } else {
                        count.cloned()
                    },
                );
                overlay.set("top_logprobs", count.filter(|_| is_flag).cloned());
            }
            Rule::Stop => overlay.set_some("stop", some_of(body, "stop")),
            Rule::Tools => {
                if let Some(tools) = some_of(body, "tools").filter(|_| !self.is_text) {
                    overlay.set("tools", Some(tools.clone()));
                    overlay.set("tool_choice", body.get("tool_choice").cloned());
                }
            }
            Rule::Thinking => {
                let kind = if js::is_truthy(body.get("include_reasoning")) {
                    "enabled"
                } else {
                    "disabled"
                };
                overlay.set("thinking", Some(serde_json::json!({ "type": kind })));
            }
            Rule::SchemaUnlessSet(_) if overlay.has_truthy("response_format") => {}
            Rule::Schema(style) | Rule::SchemaUnlessSet(style) => {
                let format = response_format::of(body, style)?;
                overlay.set_some("response_format", format.as_ref());
            }
            Rule::Hook(step) => step(self)?,
        }
        Ok(())
    }
}

/// A field that is a list of some.
fn some_of<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    body.get(field)
        .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
}

/// Builds a generation request by its record.
pub(super) fn generate(
    record: &Record,
    body: Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    let (base, key) = record.access(&body, secret, record.base)?;
    if record.family == Family::Own {
        record.require(&key, &body)?;
    }
    let stream = js::is_truthy(body.get("stream"));
    let is_text = record.family == Family::Shared && is_text_completion(&body);
    let mut draft = Draft {
        body,
        overlay: Overlay::default(),
        headers: UpstreamHeaders::default(),
        settings,
        is_text,
    };
    for rule in record.rules {
        draft.apply(*rule)?;
    }
    if record.family == Family::Shared {
        record.require(&key, &draft.body)?;
        for rule in TAIL {
            draft.apply(*rule)?;
        }
    }
    let mut request = Overlay::default();
    for field in record.fields.split_whitespace() {
        request.set(field, draft.copied(field)?);
    }
    request.extend(std::mem::take(&mut draft.overlay));
    let mut fields = request.into_map();
    if let Some(trim) = record.trim {
        trim(&draft.body, &mut fields);
    }
    let path = if is_text && record.has_text_endpoint {
        "/completions"
    } else {
        record.path
    };
    let mut headers = record.authorized(&key, &draft.body);
    draft
        .headers
        .iter()
        .for_each(|(name, value)| headers.set(name, value));
    let upstream = post_json(parse_url(&format!("{base}{path}"))?, &headers, fields);
    Ok(ChatCall { upstream, stream })
}

/// Builds the request of a list of models; slashes at the end of the base do not count.
pub(super) fn models(record: &Record, body: &Value, secret: Option<&str>) -> Result<Upstream, ChatFault> {
    let models = record.models.ok_or(ChatFault::UnknownSource)?;
    let (base, key) = record.access(body, secret, models.base.map_or(record.base, Base::At))?;
    // Here a proxy answers for the key in any case.
    if !js::is_truthy(body.get("reverse_proxy")) {
        record.require(&key, body)?;
    }
    let mut url = parse_url(&format!("{}/models", base.trim_end_matches('/')))?;
    if !models.query.is_empty() {
        url.query_pairs_mut().extend_pairs(models.query);
    }
    Ok(get(url, record.authorized(&key, body)))
}

impl Record {
    /// The base address and key, from the body's reverse proxy or our own, never a mix of both.
    fn access(&self, body: &Value, secret: Option<&str>, base: Base) -> Result<(String, String), ChatFault> {
        let is_anonymous = |field: &str| body.get(field).and_then(Value::as_str) == Some("anonymous");
        let key = match self.key {
            Key::AnonymousWhen(field) if is_anonymous(field) => "anonymous",
            _ => secret.unwrap_or_default(),
        };
        if self.takes_proxy {
            return access(body, Some(key), &base.address(body)?);
        }
        Ok((base.address(body)?, key.to_owned()))
    }

    /// Refuses an empty key.
    fn require(&self, key: &str, body: &Value) -> Result<(), ChatFault> {
        let is_proxied = js::is_truthy(body.get("reverse_proxy"));
        let is_needed = match self.key {
            Key::Required => {
                // A proxy's password that is missing reads `undefined`, which is no key.
                let is_given = !self.takes_proxy || !is_proxied || js::is_truthy(body.get("proxy_password"));
                key.is_empty() || !is_given
            }
            Key::UnlessProxied | Key::AnonymousWhen(_) => key.is_empty() && !is_proxied,
            Key::Optional => false,
        };
        if is_needed {
            Err(ChatFault::MissingKey)
        } else {
            Ok(())
        }
    }

    fn authorized(&self, key: &str, body: &Value) -> UpstreamHeaders {
        let mut headers = UpstreamHeaders::default();
        headers.set("Authorization", format!("Bearer {key}"));
        for (name, value) in self.headers {
            headers.set(*name, *value);
        }
        if let Some(add) = self.asked_headers {
            add(body, &mut headers);
        }
        headers
    }
}

impl Base {
    fn address(self, body: &Value) -> Result<String, ChatFault> {
        Ok(match self {
            Self::At(address) => address.to_owned(),
            Self::Switch(field, value, then, otherwise) => {
                let chosen = body.get(field).and_then(Value::as_str) == Some(value);
                if chosen { then } else { otherwise }.to_owned()
            }
            Self::Of(make) => make(body)?,
        })
    }
}

/// Base and key of a source that honours `reverse_proxy`: the proxy's, or `base` and the stored key.
pub(super) fn access(body: &Value, secret: Option<&str>, base: &str) -> Result<(String, String), ChatFault> {
    let proxy = body.get("reverse_proxy");
    if js::is_truthy(proxy) {
        // compat: serialising the parsed address gives a bare host a trailing slash, which then stays doubled.
        let base = parse_url(&js::to_text(proxy))?.to_string();
        return Ok((base, js::to_text(body.get("proxy_password"))));
    }
    Ok((base.to_owned(), secret.unwrap_or_default().to_owned()))
}

/// A `POST` of JSON; `headers` come after the content type.
pub(super) fn post_json(url: Url, headers: &UpstreamHeaders, fields: Map<String, Value>) -> Upstream {
    let mut all = UpstreamHeaders::default();
    all.set("Content-Type", "application/json");
    headers.iter().for_each(|(name, value)| all.set(name, value));
    Upstream {
        method: Method::POST,
        url,
        headers: all,
        body: squaretable_compat::json::to_vec(&Value::Object(fields)).into(),
    }
}

/// A `GET`.
pub(super) fn get(url: Url, headers: UpstreamHeaders) -> Upstream {
    Upstream {
        method: Method::GET,
        url,
        headers,
        body: bytes::Bytes::new(),
    }
}

/// Whether the request goes to a text-completion endpoint: a legacy model, or a prompt that is one string.
fn is_text_completion(body: &Value) -> bool {
    let model = body.get("model").and_then(Value::as_str);
    model.is_some_and(|model| LEGACY_COMPLETION_MODELS.iter().any(|(name, _)| *name == model))
        || body.get("messages").is_some_and(Value::is_string)
}

/// Parses an address the way browsers do.
pub(super) fn parse_url(address: &str) -> Result<Url, ChatFault> {
    Url::parse(address).map_err(|_| ChatFault::InvalidUrl(address.to_owned()))
}

#[cfg(test)]
#[path = "openai_like_tests.rs"]
mod tests;
