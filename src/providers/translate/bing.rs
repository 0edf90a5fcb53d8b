//! Bing's translator page, which needs no key but a token that the page hands out.

use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use chrono::Utc;
use regex::Regex;
use serde_json::Value;
use squaretable_compat::json::js_string;
use tokio::sync::Mutex;

use super::super::exchange::{parse, parse_url, posting_form, read_text, respond, without_body};
use super::super::relay::{Relay, UpstreamReply};
use super::super::upstream::UpstreamHeaders;
use super::{language, needed, nothing};
use crate::error::{Error, Result};

/// The page answers browsers only.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36 Edg/153.0.0.0";
const PAGE: &str = "bing.com/translator";
/// Longest text, in UTF-16 units, of the page; of its Chinese edition; and between languages of [`READERS`].
const LIMITS: [usize; 3] = [1000, 5000, 3000];
/// Languages that Bing also translates for readers of documents, which allows longer texts.
const READERS: &str = " af am ar az bg bn bs ca cs cy da de el en es et fa fi fil fr ga gu he hi hr hu hy id is it ja kk km \
    kn ko ku lo lt lv mg mi ml mr ms mt my nb ne nl or pa pl prs ps pt pt-PT ro ru sk sl sm sq sr-Cyrl sr-Latn sv sw ta te th \
    to tr uk ur vi zh-Hans zh-Hant ";

/// What is to be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    lang: String,
}

/// The body's `text` and `lang`; `None` when the text is only white space, which has no translation.
///
/// # Errors
/// 400; 500 for a text or language that is no string.
pub fn wanted(body: &Value) -> Result<Option<Text>> {
    let names = [("zh-CN", "zh-Hans"), ("zh-TW", "zh-Hant"), ("pt-BR", "pt")];
    let lang = needed(language(body, &names, &[]))?;
    let text = needed(body.get("text").cloned())?;
    let (Value::String(text), Value::String(lang)) = (text, lang) else {
        return Err(Error::status(500));
    };
    let text = squaretable_compat::json::js_trim(&text).to_owned();
    Ok((!text.is_empty()).then_some(Text { text, lang }))
}

/// What the page handed out last, on this node and for all users.
#[derive(Debug, Default)]
pub struct Bing(Mutex<Option<Session>>);

#[derive(Debug)]
struct Session {
    /// Where the page is served from: `www`, `cn`, or nothing before anybody was sent there.
    subdomain: String,
    page: String,
    element: String,
    /// Also the moment at which it was made, in milliseconds.
    key: i64,
    token: String,
    /// Milliseconds.
    valid_for: i64,
    /// Calls for readers.
    count: u32,
}

impl Bing {
    /// Answers `/bing`.
    ///
    /// # Errors
    /// 500 when the text is too long, or Bing refuses, is not there, or answers something else.
    pub async fn translate(&self, text: &Text, relay: &Relay) -> Result<Response> {
        let mut session = self.0.lock().await;
        let is_over = |session: &Session| Utc::now().timestamp_millis() - session.key > session.valid_for;
        if session.as_ref().is_none_or(is_over) {
            *session = Some(Session::open(relay).await?);
        }
        let call = session.as_mut().ok_or(Error::status(500))?.call(text)?;
        drop(session);
        let answered = answer(&call, relay).await;
        if answered.is_err() {
            // The token may be the reason: the next text asks for another.
            *self.0.lock().await = None;
        }
        answered
    }
}

/// A call ready to be sent, once or, where a translation depends on gender, twice.
struct Call {
    address: String,
    headers: UpstreamHeaders,
    fields: Vec<(&'static str, String)>,
}

impl Session {
    async fn open(relay: &Relay) -> Result<Self> {
        let mut headers = UpstreamHeaders::default();
        headers.set("User-Agent", USER_AGENT);
        let page = without_body(Method::GET, &format!("https://{PAGE}"), headers)?;
        let page = sent(relay, page).await?;
        let host = page.url().host_str().unwrap_or_default();
        let subdomain = host.strip_suffix(".bing.com").unwrap_or_default().to_owned();
        let text = read_text(page).await.map_err(|_| Error::status(500))?;
        read_page(&text, subdomain).ok_or(Error::status(500))
    }

    fn call(&mut self, Text { text, lang }: &Text) -> Result<Call> {
        let length = text.encode_utf16().count();
        let [usual, chinese, readers] = LIMITS;
        let is_for_readers = length <= readers && READERS.contains(&format!(" {lang} "));
        let limit = if self.subdomain == "cn" { chinese } else { usual };
        if !is_for_readers && length > limit {
            return Err(Error::status(500));
        }
        let dot = if self.subdomain.is_empty() { "" } else { "." };
        let site = format!("https://{}{dot}", self.subdomain);
        let (page, element) = (&self.page, &self.element);
        let mut address = format!("{site}bing.com/ttranslatev3?isVertical=1&&IG={page}&IID={element}");
        if is_for_readers {
            self.count += 1;
            address.push_str(&format!("&SFX={}&ref=TThis&edgepdftranslator=1", self.count));
        }
        let mut headers = UpstreamHeaders::default();
        headers.set("User-Agent", USER_AGENT);
        headers.set("Referer", parse_url(&format!("{site}{PAGE}"))?.as_str());
        let fields = vec![
            ("fromLang", "auto-detect".to_owned()),
            ("text", text.clone()),
            ("token", self.token.clone()),
            ("key", self.key.to_string()),
            ("to", lang.clone()),
            ("tryFetchingGenderDebiasedTranslations", "true".to_owned()),
        ];
        Ok(Call {
            address,
            headers,
            fields,
        })
    }
}

/// What the page says of itself, found as its own program would find it.
fn read_page(text: &str, subdomain: String) -> Option<Session> {
    let found = |pattern: &str| -> Option<String> {
        let captures = Regex::new(pattern).ok()?.captures(text)?;
        Some(captures.get(1)?.as_str().to_owned())
    };
    let numbers = parse(&found(r"params_AbusePreventionHelper ?= ?([^\]]+\])")?).ok()?;
    Some(Session {
        subdomain,
        page: found(r#"IG:"([^"]+)""#)?,
        element: found(r#"data-iid="([^"]+)""#)?,
        key: numbers.get(0)?.as_i64()?,
        token: numbers.get(1)?.as_str()?.to_owned(),
        valid_for: numbers.get(2)?.as_i64()?,
        count: 0,
    })
}

async fn sent(relay: &Relay, upstream: super::Upstream) -> Result<UpstreamReply> {
    let answer = relay.send(upstream).await.ok().filter(UpstreamReply::is_success);
    answer.ok_or(Error::status(500))
}

async fn answer(call: &Call, relay: &Relay) -> Result<Response> {
    let first = sent(
        relay,
        posting_form(&call.address, call.headers.clone(), &call.fields)?,
    )
    .await?;
    let kind = first.headers().get(CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.contains("application/json")));
    if is_json {
        let value = json(first).await?;
        let translation = value.pointer("/0/translations/0").ok_or(Error::status(500))?;
        return Ok(translation.get("text").map_or_else(nothing, respond));
    }
    if !first.headers().contains_key("isgenderdebiasedtranslation") {
        return Ok(nothing());
    }
    let mut fields = call.fields.clone();
    fields.push(("isGenderDebiasViewPresent", "true".to_owned()));
    let second = sent(relay, posting_form(&call.address, call.headers.clone(), &fields)?).await?;
    let value = json(second).await?;
    let translation = value.get("masculineTranslation");
    Ok(translation.map_or_else(nothing, |text| respond(&js_string(text).into())))
}

async fn json(answer: UpstreamReply) -> Result<Value> {
    super::read(answer).await.map_err(|_| Error::status(500))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Text, read_page, wanted};

    const HTML: &str = r#"<script>_G={IG:"A1",x:2};var params_AbusePreventionHelper = [1700000000000,"tok",3600000];</script>
        <div data-iid="translator.5023"></div>"#;

    #[test]
    fn the_page_hands_out_a_token() {
        let mut session = read_page(HTML, "www".to_owned()).unwrap();
        assert_eq!((session.key, session.valid_for), (1_700_000_000_000, 3_600_000));
        let text = |length: usize, lang: &str| Text {
            text: "x".repeat(length),
            lang: lang.to_owned(),
        };
        let call = session.call(&text(2000, "de")).unwrap();
        let start = "https://www.bing.com/ttranslatev3?isVertical=1&&IG=A1&IID=translator.5023";
        assert_eq!(
            call.address,
            format!("{start}&SFX=1&ref=TThis&edgepdftranslator=1")
        );
        assert_eq!(call.fields[2], ("token", "tok".to_owned()));
        assert_eq!(session.call(&text(1000, "ace")).unwrap().address, start);
        assert!(session.call(&text(1001, "ace")).is_err() && session.call(&text(3001, "de")).is_err());
        assert!(read_page("<html>", String::new()).is_none());
    }

    #[test]
    fn white_space_has_no_translation() {
        assert_eq!(wanted(&json!({ "text": " \n", "lang": "de" })).unwrap(), None);
        let lang = wanted(&json!({ "text": " a ", "lang": "zh-CN" }))
            .unwrap()
            .unwrap();
        assert_eq!((lang.text.as_str(), lang.lang.as_str()), ("a", "zh-Hans"));
        assert!(wanted(&json!({ "text": "", "lang": "de" })).is_err());
    }
}
