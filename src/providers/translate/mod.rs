//! Translation services: requests from the browser's body, and where an answer has its translation.
//!
//! A request that lacks its text or language is 400; whatever fails after that is 500, without a word on why.

pub mod bing;
pub mod google;

use std::convert::Infallible;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use squaretable_compat::json::js_string;

use super::exchange::{json_headers, parse_url, posting, posting_form, read, respond, without_body};
use super::js;
use super::relay::{RelayError, UpstreamReply};
use super::upstream::{Upstream, UpstreamHeaders};
use crate::error::{Error, Result};
use crate::reply;

/// The key of the user's `LibreTranslate` secret; its address is the one after.
pub const LIBRE_KEY: &str = "libre";
/// The key of the address of the user's `LibreTranslate`, which has no default.
pub const LIBRE_URL: &str = "libre_url";
/// The key of the address of the user's Lingva.
pub const LINGVA_URL: &str = "lingva_url";
/// The key of the user's `DeepL` secret.
pub const DEEPL_KEY: &str = "deepl";
/// The key of the address of the user's `OneRing`.
pub const ONERING_URL: &str = "oneringtranslator_url";
/// The key of the address of the user's `DeepLX`.
pub const DEEPLX_URL: &str = "deeplx_url";

const LINGVA: &str = "https://lingva.ml/api/v1";
const ONERING: &str = "http://127.0.0.1:4990/translate";
const DEEPLX: &str = "http://127.0.0.1:1188/translate";
const DEEPL_FREE: &str = "https://api-free.deepl.com/v2/translate";
const DEEPL_PRO: &str = "https://api.deepl.com/v2/translate";
const YANDEX: &str = "https://translate.yandex.net/api/v1/tr.json/translate";

/// Languages that `DeepL` speaks in two tones.
const FORMAL: [&str; 9] = ["de", "fr", "it", "es", "nl", "ja", "ru", "pt-BR", "pt-PT"];

/// Chinese as most services call it.
const CHINESE: [(&str, &str); 2] = [("zh-CN", "zh"), ("zh-TW", "zh")];
/// Portuguese without its countries.
const PORTUGUESE: [(&str, &str); 2] = [("pt-BR", "pt"), ("pt-PT", "pt")];

/// `POST` of `{"q","source","target","format","api_key"}` to the user's own `LibreTranslate`.
///
/// # Errors
/// 400, or 500 for an address that does not parse.
pub fn libre(body: &Value, url: &str, key: &str) -> Result<Upstream> {
    if url.is_empty() {
        return Err(Error::bad_request());
    }
    let lang = language(body, &[("zh-CN", "zh"), ("zh-TW", "zt")], &PORTUGUESE);
    let (text, lang) = (needed(body.get("text").cloned())?, needed(lang)?);
    let request = json!({ "q": text, "source": "auto", "target": lang, "format": "text", "api_key": key });
    Ok(posting(url, json_headers(), &request)?)
}

/// A form with a `text` for each of the body's `chunks`.
///
/// # Errors
/// 400; 500 for chunks that are no list.
pub fn yandex(body: &Value) -> Result<Upstream> {
    let lang = language(body, &[("pt-PT", "pt")], &CHINESE);
    let (chunks, lang) = (needed(body.get("chunks").cloned())?, needed(lang)?);
    let chunks: Vec<String> = match &chunks {
        Value::Array(chunks) => chunks.iter().map(js_string).collect(),
        // JavaScript goes through a string character by character.
        Value::String(text) => text.chars().map(String::from).collect(),
        _ => return Err(Error::status(500)),
    };
    let mut fields: Vec<(&str, String)> = chunks.into_iter().map(|chunk| ("text", chunk)).collect();
    fields.push(("lang", js_string(&lang)));
    let caller = uuid::Uuid::new_v4().simple();
    let address = format!("{YANDEX}?ucid={caller}&srv=android&format=text");
    Ok(posting_form(&address, UpstreamHeaders::default(), &fields)?)
}

/// `GET` of an address that has the text in its path.
///
/// # Errors
/// 400, or 500 for an address that does not parse.
pub fn lingva(body: &Value, url: &str) -> Result<Upstream> {
    let base = if url.is_empty() { LINGVA } else { url };
    let lang = language(body, &CHINESE, &PORTUGUESE);
    let (text, lang) = (needed(body.get("text").cloned())?, needed(lang)?);
    let Value::String(lang) = lang else {
        return Err(Error::status(500));
    };
    let text = js::encode_component(&js_string(&text));
    let (base, lang) = (base.trim_end_matches('/'), lang.trim_matches('/'));
    let address = format!("{base}/auto/{lang}/{text}");
    Ok(without_body(Method::GET, &address, UpstreamHeaders::default())?)
}

/// A form to the free or the paid `DeepL`; `formality` is the operator's.
///
/// # Errors
/// 400.
pub fn deepl(body: &Value, key: &str, formality: &str) -> Result<Upstream> {
    if key.is_empty() {
        return Err(Error::bad_request());
    }
    let lang = language(body, &[("zh-CN", "ZH"), ("zh-TW", "ZH")], &[]);
    let (text, lang) = (needed(body.get("text").cloned())?, needed(lang)?);
    let mut fields = vec![("text", js_string(&text)), ("target_lang", js_string(&lang))];
    if lang.as_str().is_some_and(|lang| FORMAL.contains(&lang)) {
        fields.push(("formality", formality.to_owned()));
    }
    let is_pro = body.get("endpoint").and_then(Value::as_str) == Some("pro");
    let mut headers = UpstreamHeaders::default();
    headers.set("Accept", "application/json");
    headers.set("Authorization", format!("DeepL-Auth-Key {key}"));
    let address = if is_pro { DEEPL_PRO } else { DEEPL_FREE };
    Ok(posting_form(address, headers, &fields)?)
}

/// `GET` with the text in the query, which replaces that of the address.
///
/// # Errors
/// 400, or 500 for an address that does not parse.
pub fn onering(body: &Value, url: &str) -> Result<Upstream> {
    let field = |name: &str| needed(body.get(name).cloned()).map(|value| js_string(&value));
    let fields = [
        ("text", field("text")?),
        ("from_lang", field("from_lang")?),
        ("to_lang", field("to_lang")?),
    ];
    let mut url = parse_url(if url.is_empty() { ONERING } else { url })?;
    url.query_pairs_mut().clear().extend_pairs(fields);
    Ok(without_body(
        Method::GET,
        url.as_str(),
        UpstreamHeaders::default(),
    )?)
}

/// `POST` of `{"text","source_lang","target_lang"}`.
///
/// # Errors
/// 400, or 500 for an address that does not parse.
pub fn deeplx(body: &Value, url: &str) -> Result<Upstream> {
    let lang = language(body, &[("zh-CN", "ZH"), ("zh-TW", "ZH")], &[]);
    let (text, lang) = (needed(body.get("text").cloned())?, needed(lang)?);
    let mut headers = UpstreamHeaders::default();
    headers.set("Accept", "application/json");
    headers.set("Content-Type", "application/json");
    let request = json!({ "text": text, "source_lang": "auto", "target_lang": lang });
    Ok(posting(
        if url.is_empty() { DEEPLX } else { url },
        headers,
        &request,
    )?)
}

/// The translation of a JSON answer: what stands at a path of members.
///
/// # Errors
/// 500 when the service refuses, is not there, or answers something else.
pub async fn member_of(outcome: Result<UpstreamReply, RelayError>, path: &[&str]) -> Result<Response> {
    let answer = json_of(outcome).await?;
    let (last, parents) = path.split_last().ok_or(Error::status(500))?;
    let mut holder = &answer;
    for name in parents {
        holder = member(holder, name).ok_or(Error::status(500))?;
    }
    if holder.is_null() {
        return Err(Error::status(500));
    }
    Ok(member(holder, last).map_or_else(nothing, respond))
}

/// The translation of Yandex.
///
/// compat: its parts are joined with commas.
///
/// # Errors
/// As for [`member_of`].
pub async fn joined(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = json_of(outcome).await?;
    let parts = answer.get("text").and_then(Value::as_array);
    let parts = parts.ok_or(Error::status(500))?.iter();
    let texts: Vec<String> = parts.map(|part| js::join_text(Some(part))).collect();
    Ok(respond(&texts.join(",").into()))
}

async fn json_of(outcome: Result<UpstreamReply, RelayError>) -> Result<Value> {
    match outcome {
        Ok(answer) if answer.is_success() => read(answer).await.map_err(|_| Error::status(500)),
        Ok(answer) => {
            tracing::warn!(status = answer.status().as_u16(), "translation refused upstream");
            Err(Error::status(500))
        }
        Err(_) => Err(Error::status(500)),
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    }
}

/// 200 with nothing, as Express sends what is undefined.
pub fn nothing() -> Response {
    reply::stream(StatusCode::OK, None, stream::empty::<Result<Bytes, Infallible>>())
}

/// The body's `lang` as the service spells it.
fn language(body: &Value, names: &[(&str, &str)], more: &[(&str, &str)]) -> Option<Value> {
    let lang = body.get("lang")?;
    let renamed = names.iter().chain(more).find(|(name, _)| lang == name);
    Some(renamed.map_or_else(|| lang.clone(), |(_, name)| (*name).into()))
}

/// 400 unless JavaScript takes the value for true.
fn needed(value: Option<Value>) -> Result<Value> {
    let value = value.filter(|value| js::is_truthy(Some(value)));
    value.ok_or_else(Error::bad_request)
}
