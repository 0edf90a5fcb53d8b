//! Google Translate's web page, which needs no key: one call of its batch interface.

use axum::http::Method;
use axum::response::Response;
use rand::RngExt;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::json::{js_string, to_vec};

use super::super::js;
use super::super::relay::{RelayError, UpstreamReply};
use super::super::upstream::{Upstream, UpstreamHeaders};
use super::{language, needed};
use crate::error::{Error, Result};
use crate::reply;

const ADDRESS: &str = "https://translate.google.com/_/TranslateWebserverUi/data/batchexecute";
/// The call that translates.
const CALL: &str = "MkEWBc";
/// What stands before the first line of an answer, in characters.
const PREFIX: usize = 6;

/// The request of `/google`, for the body's `text` and `lang`.
///
/// # Errors
/// 400; 500 for what is no code of a language.
pub fn request(body: &Value) -> Result<Upstream> {
    let lang = language(body, &[("pt-BR", "pt")], &[]).unwrap_or_default();
    let text = body.get("text").map(|text| js::join_text(Some(text)));
    let (text, lang) = (needed(text.map(Value::String))?, js::join_text(Some(&lang)));
    if lang.is_empty() {
        return Err(Error::bad_request());
    }
    // The original knows a list of languages, by name too; here Google itself says what it does not speak.
    let (language, region) = lang.split_once('-').unwrap_or((&lang, "xx"));
    let is_code = [language, region]
        .iter()
        .zip([2..=3, 2..=4])
        .all(|(part, length)| length.contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphabetic()));
    if !is_code {
        return Err(Error::status(500));
    }
    let question = json!([[text, "auto", lang, false], [null]]);
    let question = String::from_utf8(to_vec(&question)).map_err(anyhow::Error::from)?;
    let calls = to_vec(&json!([[[CALL, question, null, "0"]]]));
    let calls = js::encode_component(&String::from_utf8_lossy(&calls));
    let mut url = Url::parse(ADDRESS).map_err(anyhow::Error::from)?;
    url.query_pairs_mut().extend_pairs([
        ("rpcids", CALL),
        ("source-path", "/"),
        ("f.sid", ""),
        ("bl", ""),
        ("hl", "en-US"),
        ("soc-app", "1"),
        ("soc-platform", "1"),
        ("soc-device", "1"),
        ("_reqid", &rand::rng().random_range(1000..10_000).to_string()),
        ("rt", "c"),
    ]);
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
    Ok(Upstream {
        method: Method::POST,
        url,
        headers,
        body: format!("f.req={calls}&").into(),
    })
}

/// The translation as plain text, its sentences joined with spaces.
///
/// # Errors
/// 500 when Google refuses, is not there, or answers something else.
pub async fn answer(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.ok().filter(UpstreamReply::is_success);
    let answer = answer.ok_or(Error::status(500))?;
    let text = answer.text().await.map_err(|_| Error::status(500))?;
    let translation = translation(&text).ok_or(Error::status(500))?;
    Ok(reply::bytes(
        axum::http::StatusCode::OK,
        reply::TEXT,
        translation.into(),
    ))
}

/// The last translation of an answer: lines of lengths and of lists, in one of which the call's answer is JSON in a string.
fn translation(text: &str) -> Option<String> {
    let start = text.char_indices().nth(PREFIX).map_or(text.len(), |(at, _)| at);
    let mut found = None;
    for line in text[start..].split('\n') {
        if !line.starts_with('[') || line.chars().nth(3) == Some('e') {
            continue;
        }
        let Value::Array(answers) = serde_json::from_str(line).ok()? else {
            return None;
        };
        for answer in answers
            .iter()
            .filter(|answer| answer.get(0).and_then(Value::as_str) == Some("wrb.fr"))
        {
            let answer: Value = serde_json::from_str(answer.get(2)?.as_str()?).ok()?;
            let parts = answer.pointer("/1/0/0")?;
            found = Some(match parts.get(5).filter(|sentences| !sentences.is_null()) {
                None => js_string(parts.get(0)?),
                Some(sentences) => {
                    let texts = sentences
                        .as_array()?
                        .iter()
                        .filter_map(|sentence| sentence.get(0));
                    let texts = texts.filter(|text| js::is_truthy(Some(text))).map(js_string);
                    texts.collect::<Vec<_>>().join(" ")
                }
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::translation;

    #[test]
    fn the_answer_is_json_in_json_in_lines() {
        let line = |inner: &serde_json::Value| {
            let outer = json!([["wrb.fr", "MkEWBc", inner.to_string(), null, null, null, "0"]]);
            format!(")]}}'\n\n123\n{outer}\n25\n[[\"e\",4]]\n")
        };
        let sentences = json!([
            null,
            [[[null, null, null, null, null, [["Hallo."], [""], ["Wie geht's?"]]]]]
        ]);
        assert_eq!(
            translation(&line(&sentences)).as_deref(),
            Some("Hallo. Wie geht's?")
        );
        let link = json!([null, [[["https://a.example"]]]]);
        assert_eq!(translation(&line(&link)).as_deref(), Some("https://a.example"));
        assert_eq!(translation(")]}'\n\n[[\"wrb.fr\",\"MkEWBc\",null,\"0\"]]"), None);
        assert_eq!(translation("<html>"), None);
    }
}
