//! Google Translate's web page, which needs no key: one call of its batch interface.

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::js_string;

use super::super::exchange::read_text;
use super::super::google_web;
use super::super::js;
use super::super::relay::{RelayError, UpstreamReply};
use super::super::upstream::Upstream;
use super::{language, needed};
use crate::error::{Error, Result};
use crate::reply;

/// The procedure that translates.
const PROCEDURE: &str = "MkEWBc";

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
    Ok(google_web::request(
        PROCEDURE,
        &[json!([[text, "auto", lang, false], [null]])],
    )?)
}

/// The translation as plain text, its sentences joined with spaces.
///
/// # Errors
/// 500 when Google refuses, is not there, or answers something else.
pub async fn answer(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.ok().filter(UpstreamReply::is_success);
    let answer = answer.ok_or(Error::status(500))?;
    let text = read_text(answer).await.map_err(|_| Error::status(500))?;
    let translation = translation(&text).ok_or(Error::status(500))?;
    Ok(reply::bytes(
        axum::http::StatusCode::OK,
        reply::TEXT,
        translation.into(),
    ))
}

/// The last translation of an answer.
fn translation(text: &str) -> Option<String> {
    let mut found = None;
    for answer in google_web::answers(text)? {
        let parts = answer.value.pointer("/1/0/0")?;
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
