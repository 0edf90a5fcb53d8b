//! Search services, and pages of the web fetched for the frontend.
//!
//! A request without its key or address is 400. What a service refuses with is passed on as 500; everything else that
//! fails is 500 without a word on why.

use std::net::IpAddr;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use regex::Regex;
use reqwest::Url;
use serde_json::{Map, Value, json};
use squaretable_compat::json::{js_string, to_vec};

use super::exchange::{json_headers, parse_url, posting, read, read_bytes, read_text, without_body};
use super::js;
use super::relay::{Relay, RelayError, UpstreamReply};
use super::text::backend::{override_headers, trim_v1};
use super::upstream::{Upstream, UpstreamHeaders};
use crate::config::upstream::UpstreamConfig;
use crate::error::{Error, Result};
use crate::reply;

/// The key of the user's `SerpApi` secret.
pub const SERPAPI: &str = "api_key_serpapi";
/// The key of the user's Serper secret.
pub const SERPER: &str = "api_key_serper";
/// The key of the user's Tavily secret.
pub const TAVILY: &str = "api_key_tavily";
/// The key of the user's Z.AI secret.
pub const ZAI: &str = "api_key_zai";

/// Sites answer browsers only.
pub const USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36";
/// What a browser sends besides; what concerns the connection is the client's to say.
const BROWSER: [(&str, &str); 11] = [
    ("Accept", "text/html"),
    ("User-Agent", USER_AGENT),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Cache-Control", "no-cache"),
    ("Pragma", "no-cache"),
    ("TE", "trailers"),
    ("DNT", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-User", "?1"),
];

/// `GET` of `SerpApi`, which takes the key in its query.
///
/// # Errors
/// 400 without a key.
pub fn serpapi(body: &Value, key: &str) -> Result<Upstream> {
    let query = js::encode_component(&js::to_text(body.get("query")));
    let address = format!(
        "https://serpapi.com/search.json?q={query}&api_key={}",
        keyed(key)?
    );
    Ok(without_body(Method::GET, &address, UpstreamHeaders::default())?)
}

/// `POST` of `{"q"}` to Serper, for pages or, with `images`, for pictures.
///
/// # Errors
/// 400 without a key.
pub fn serper(body: &Value, key: &str) -> Result<Upstream> {
    let mut headers = UpstreamHeaders::default();
    headers.set("X-API-KEY", keyed(key)?);
    headers.set("Content-Type", "application/json");
    let what = if js::is_truthy(body.get("images")) {
        "images"
    } else {
        "search"
    };
    posting_query(&format!("https://google.serper.dev/{what}"), headers, body)
}

/// `POST` to Tavily, which takes the key in its body.
///
/// # Errors
/// 400 without a key.
pub fn tavily(body: &Value, key: &str) -> Result<Upstream> {
    let mut request = Map::new();
    request.extend(body.get("query").map(|query| ("query".to_owned(), query.clone())));
    let fixed = json!({
        "api_key": keyed(key)?, "search_depth": "basic", "topic": "general", "include_answer": true,
        "include_raw_content": false, "include_images": js::is_truthy(body.get("include_images")),
        "include_image_descriptions": false, "include_domains": [], "max_results": 10,
    });
    request.extend(fixed.as_object().cloned().unwrap_or_default());
    Ok(posting(
        "https://api.tavily.com/search",
        json_headers(),
        &request.into(),
    )?)
}

/// `POST` of `{"search_engine","search_query"}` to Z.AI.
///
/// # Errors
/// 400 without a key or query.
pub fn zai(body: &Value, key: &str) -> Result<Upstream> {
    let key = keyed(key)?;
    let query = body.get("query").filter(|query| js::is_truthy(Some(query)));
    let query = query.ok_or_else(Error::bad_request)?;
    let mut headers = json_headers();
    headers.set("Authorization", format!("Bearer {key}"));
    let request = json!({ "search_engine": "search-prime", "search_query": query });
    Ok(posting(
        "https://api.z.ai/api/paas/v4/web_search",
        headers,
        &request,
    )?)
}

/// `POST` of `{"q"}` to the user's own `KoboldCpp`, whose address is in `url`.
///
/// # Errors
/// 400 without an address; 500 for one that is none.
pub fn koboldcpp(body: &Value, config: &UpstreamConfig) -> Result<Upstream> {
    let url = body.get("url").filter(|url| js::is_truthy(Some(url)));
    let url = js_string(url.ok_or_else(Error::bad_request)?);
    let base = trim_v1(&url);
    let mut headers = UpstreamHeaders::default();
    override_headers(&mut headers, base, config);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        // compat: the original names no type, and its client then calls a text a text.
        headers.set("Content-Type", "text/plain;charset=UTF-8");
    }
    posting_query(&format!("{base}/api/extra/websearch"), headers, body)
}

/// The service's JSON, or 500 with the text it refuses with.
///
/// # Errors
/// 500 when it is not there or answers no JSON.
pub async fn found(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| Error::status(500))?;
    if !answer.is_success() {
        let text = read_text(answer).await.map_err(|_| Error::status(500))?;
        return Ok(reply::html_with(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    let value = read(answer).await.map_err(|_| Error::status(500))?;
    Ok(reply::json_bytes(to_vec(&value)))
}

/// Answers `/searxng` with the page of results: asks the instance's first page and its style sheet before, as a browser
/// does, since an instance may refuse those who don't.
///
/// # Errors
/// 400 without address or query; 500.
pub async fn searxng(body: &Value, relay: &Relay) -> Result<Response> {
    let given = |name: &str| body.get(name).filter(|value| js::is_truthy(Some(value)));
    let (Some(base), Some(query)) = (given("baseUrl"), given("query")) else {
        return Err(Error::bad_request());
    };
    let base = parse_url(&js_string(base))?;
    let first = page(relay, &base).await?;
    let first = read_text(first).await.map_err(|_| Error::status(500))?;
    let sheet = Regex::new(r#"href="(/client.+\.css)""#).map_err(anyhow::Error::from)?;
    if let Some(sheet) = sheet.captures(&first).and_then(|found| found.get(1)) {
        let url = base.join(sheet.as_str()).map_err(|_| Error::status(500))?;
        // Whatever it answers: only that it was asked for counts.
        relay
            .send(visit_of(&url)?)
            .await
            .map_err(|_| Error::status(500))?;
    }
    let mut url = base.join("/search").map_err(|_| Error::status(500))?;
    let mut fields = vec![("q", js_string(query))];
    let more = ["preferences", "categories"];
    fields.extend(
        more.into_iter()
            .filter_map(|name| Some((name, js_string(given(name)?)))),
    );
    url.query_pairs_mut().clear().extend_pairs(fields);
    let results = read_text(page(relay, &url).await?).await;
    Ok(reply::html_text(results.map_err(|_| Error::status(500))?))
}

/// Answers `/visit` with a page of the web: as HTML, or, unless `html`, as whatever it is.
///
/// The relay has to be the one for addresses that nobody vouches for.
///
/// # Errors
/// 400 for an address that is no public site's; 500.
pub async fn visit(body: &Value, relay: &Relay) -> Result<Response> {
    let url = body
        .get("url")
        .and_then(Value::as_str)
        .filter(|url| !url.is_empty());
    let url = url.and_then(public_site).ok_or_else(Error::bad_request)?;
    let answer = page(relay, &url).await?;
    let kind = answer.headers().get(axum::http::header::CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("null")
        .to_owned();
    let wants_html = body
        .get("html")
        .is_none_or(|html| html.is_null() || js::is_truthy(Some(html)));
    if !wants_html {
        let bytes = read_bytes(answer).await.map_err(|_| Error::status(500))?;
        return Ok(reply::bytes(StatusCode::OK, &kind, bytes));
    }
    if !kind.contains("text/html") {
        return Err(Error::status(500));
    }
    Ok(reply::html_text(
        read_text(answer).await.map_err(|_| Error::status(500))?,
    ))
}

/// An address that may be a public site's: of the web, on its usual port, by a name that is not this machine's.
fn public_site(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.trim_end_matches('.');
    let is_name = host.trim_matches(['[', ']']).parse::<IpAddr>().is_err();
    let is_local = host == "localhost" || host.ends_with(".localhost");
    let is_web = matches!(url.scheme(), "http" | "https") && url.port().is_none();
    (is_name && !is_local && is_web).then_some(url)
}

/// A page as a browser asks for it, unless it is refused.
async fn page(relay: &Relay, url: &Url) -> Result<UpstreamReply> {
    let answer = relay
        .send(visit_of(url)?)
        .await
        .ok()
        .filter(UpstreamReply::is_success);
    answer.ok_or(Error::status(500))
}

fn visit_of(url: &Url) -> Result<Upstream> {
    let mut headers = UpstreamHeaders::default();
    for (name, value) in BROWSER {
        headers.set(name, value);
    }
    Ok(without_body(Method::GET, url.as_str(), headers)?)
}

fn posting_query(address: &str, headers: UpstreamHeaders, body: &Value) -> Result<Upstream> {
    let query = body
        .get("query")
        .map_or_else(|| json!({}), |query| json!({ "q": query }));
    Ok(posting(address, headers, &query)?)
}

fn keyed(key: &str) -> Result<&str> {
    Some(key)
        .filter(|key| !key.is_empty())
        .ok_or_else(Error::bad_request)
}

#[cfg(test)]
mod tests {
    use super::public_site;

    #[test]
    fn only_public_sites_are_visited() {
        for address in [
            "https://example.com/a?b#c",
            "http://example.com:80/",
            "HTTPS://Example.com:443",
        ] {
            assert!(public_site(address).is_some(), "{address}");
        }
        for address in [
            "",
            "example.com",
            "/a",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://example.com:8080",
            "http://127.0.0.1",
            "http://2130706433",
            "http://0x7f.1",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]",
            "http://localhost",
            "http://LOCALHOST/",
            "http://a.localhost",
            "http:///",
            "javascript:alert(1)",
        ] {
            assert!(public_site(address).is_none(), "{address}");
        }
    }
}
