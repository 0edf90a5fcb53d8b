//! The captions of a YouTube video, found in its page.

use axum::http::Method;
use axum::response::Response;
use regex::Regex;
use serde_json::{Value, json};
use squaretable_compat::json::{js_string, to_vec};

use super::exchange::{parse, read_text, without_body};
use super::js;
use super::relay::{Relay, UpstreamReply};
use super::search::USER_AGENT;
use super::upstream::UpstreamHeaders;
use crate::error::{Error, Result};
use crate::reply;

/// Answers `/transcript` for the body's `id`, in the language `lang` if there is one: the text, or, with `json`,
/// `{"transcript","html"}`, whose transcript is empty where there is none.
///
/// # Errors
/// 400 without an id; 500 when YouTube is not there, or, without `json`, when there is no transcript.
pub async fn answer(body: &Value, relay: &Relay) -> Result<Response> {
    let given = |name: &str| body.get(name).filter(|value| js::is_truthy(Some(value)));
    let id = js_string(given("id").ok_or_else(Error::bad_request)?);
    let lang = given("lang").map(js_string);
    let page = format!("https://www.youtube.com/watch?v={id}");
    let page = asked(relay, &page, lang.as_deref()).await?;
    let html = read_text(page).await.map_err(|_| Error::status(500))?;
    let transcript = transcript(&html, lang.as_deref(), relay).await;
    if given("json").is_none() {
        return Ok(reply::html_text(transcript.ok_or(Error::status(500))?));
    }
    let answer = match transcript {
        Some(transcript) => json!({ "transcript": transcript, "html": html }),
        None => json!({ "html": html, "transcript": "" }),
    };
    Ok(reply::json_bytes(to_vec(&answer)))
}

async fn asked(relay: &Relay, address: &str, lang: Option<&str>) -> Result<UpstreamReply> {
    let mut headers = UpstreamHeaders::default();
    if let Some(lang) = lang {
        headers.set("Accept-Language", lang);
    }
    headers.set("User-Agent", USER_AGENT);
    let request = without_body(Method::GET, address, headers)?;
    relay.send(request).await.map_err(|_| Error::status(500))
}

/// The lines of the captions, joined with spaces; `None` where there are none in this language.
async fn transcript(html: &str, lang: Option<&str>, relay: &Relay) -> Option<String> {
    let address = captions(html, lang)?;
    let answer = asked(relay, &address, lang).await.ok()?;
    let answer = Some(answer).filter(UpstreamReply::is_success)?;
    lines(&read_text(answer).await.ok()?)
}

/// Where the captions are: the first ones, or those of a language.
fn captions(html: &str, lang: Option<&str>) -> Option<String> {
    let text = html.split("\"captions\":").nth(1)?;
    let text = text.split(",\"videoDetails").next()?.replacen('\n', "", 1);
    let captions = parse(&text).ok()?;
    let tracks = captions
        .pointer("/playerCaptionsTracklistRenderer/captionTracks")?
        .as_array()?;
    let is_wanted = |track: &&Value| lang.is_none_or(|lang| track["languageCode"] == lang);
    Some(js_string(tracks.iter().find(is_wanted)?.get("baseUrl")?))
}

fn lines(xml: &str) -> Option<String> {
    let line = Regex::new(r#"<text start="[^"]*" dur="[^"]*">([^<]*)</text>"#).ok()?;
    let found = line.captures_iter(xml).filter_map(|line| line.get(1));
    // Entities are written as entities.
    let plain = found.map(|text| {
        let once = htmlize::unescape(text.as_str());
        htmlize::unescape(once.as_ref()).into_owned()
    });
    Some(plain.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::{captions, lines};

    #[test]
    fn captions_are_in_the_page() {
        let page = "x \"captions\":{\"playerCaptionsTracklistRenderer\":{\"captionTracks\":[{\"baseUrl\":\"https://a\",\
            \"languageCode\":\"en\"},{\"baseUrl\":\"https://b\",\"languageCode\":\"de\"}]}}\n,\"videoDetails\":{}";
        assert_eq!(captions(page, None).as_deref(), Some("https://a"));
        assert_eq!(captions(page, Some("de")).as_deref(), Some("https://b"));
        assert_eq!(captions(page, Some("fr")), None);
        assert_eq!(captions("<html>", None), None);
    }

    #[test]
    fn lines_are_written_twice_over() {
        let xml = r#"<text start="0" dur="1.5">I&amp;#39;m &amp;lt;here&amp;gt;</text><text start="2" dur="1">ok</text>"#;
        assert_eq!(lines(xml).as_deref(), Some("I'm <here> ok"));
    }
}
