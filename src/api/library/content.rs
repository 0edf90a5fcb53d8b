//! `/api/content`: cards and lorebooks fetched from other sites, handed to the browser, which imports them.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::import::{Content, ImportError, Source, Web};
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// The header that tells the browser `character` from `lorebook`.
const KIND: HeaderName = HeaderName::from_static("x-custom-content-type");

/// What JavaScript's `encodeURI` escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'#');

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/content/importURL", import_url)
        .post("/api/content/importUUID", import_uuid)
}

/// `POST /api/content/importURL`: what a page's address leads to; its name is URI-encoded.
async fn import_url(State(app): State<App>, _: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("url") {
        return Err(Error::bad_request());
    }
    let failed = |error| failure(error, StatusCode::NOT_FOUND);
    let allowed = &app.config().content.import_domains;
    let source = Source::from_url(body.get("url"), allowed).map_err(failed)?;
    let content = source.download(&web(&app)).await.map_err(failed)?;
    let name = encode_uri(&content.name);
    answer(content, name.as_bytes(), source.kind())
}

/// `POST /api/content/importUUID`: what a site's own id leads to; its name stands as it is.
///
/// compat: the id alone decides what the answer is called, whatever it was taken for.
async fn import_uuid(State(app): State<App>, _: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("url") {
        return Err(Error::bad_request());
    }
    let failed = |error| failure(error, StatusCode::INTERNAL_SERVER_ERROR);
    let Value::String(id) = body.get("url") else {
        return Err(failed(ImportError::Malformed("an id that is no text")));
    };
    let content = Source::from_id(id).download(&web(&app)).await.map_err(failed)?;
    // A header holds Latin-1; the original fails on any other name.
    let name = latin1(&content.name).unwrap_or_else(|| encode_uri(&content.name).into_bytes());
    let kind = if id.contains("lorebook") {
        "lorebook"
    } else {
        "character"
    };
    answer(content, &name, kind)
}

fn web(app: &App) -> Web {
    let picture = app.frontend().public().join("img/ai4.png");
    Web::new(app.relay().clone(), picture)
}

/// The answer of a failed import; `missing` is the one where there was nothing.
fn failure(error: ImportError, missing: StatusCode) -> Error {
    match error {
        ImportError::NotFound => Error::Status(missing),
        ImportError::TooLarge => Error::text(413, error.to_string()),
        // The form for logs: it holds no address.
        error => {
            tracing::warn!(?error, "an import failed");
            Error::status(500)
        }
    }
}

/// The file with the two headers that the browser goes by.
fn answer(content: Content, name: &[u8], kind: &'static str) -> Result<Response> {
    let header = |bytes: &[u8]| HeaderValue::from_bytes(bytes).map_err(anyhow::Error::from);
    let media_type = content
        .media_type
        .map_or_else(|| "application/octet-stream".to_owned(), with_charset);
    let mut response = reply::bytes(StatusCode::OK, "", content.bytes);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, header(&latin1(&media_type).unwrap_or_default())?);
    let disposition = [b"attachment; filename=\"", name, b"\""].concat();
    headers.insert(CONTENT_DISPOSITION, header(&disposition)?);
    headers.insert(KIND, HeaderValue::from_static(kind));
    Ok(response)
}

/// Adds the charset that Express adds to types of text.
fn with_charset(media_type: String) -> String {
    let is_text = ["text/", "application/javascript", "application/json"]
        .iter()
        .any(|start| media_type.starts_with(start));
    let has_charset = media_type.split(';').skip(1).any(|parameter| {
        let rest = parameter.trim_start().strip_prefix("charset");
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    });
    if is_text && !has_charset {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type
    }
}

fn encode_uri(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// One byte a character; `None` when one has no place in a header.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|character| u8::try_from(character).ok())
        .map(|byte| byte.filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{encode_uri, latin1, with_charset};

    #[test]
    fn names_are_encoded_as_javascript_encodes_them() {
        assert_eq!(encode_uri("a b\"é%20.png"), "a%20b%22%C3%A9%2520.png");
        let plain = "Az09;,/?:@&=+$-_.!~*'()#";
        assert_eq!(encode_uri(plain), plain);
        assert_eq!(encode_uri("[]{}^`|\\<>"), "%5B%5D%7B%7D%5E%60%7C%5C%3C%3E");
    }

    #[test]
    fn headers_hold_latin1_without_control_characters() {
        assert_eq!(latin1("é\t"), Some(b"\xe9\t".to_vec()));
        assert_eq!(latin1("a\nb"), None);
        assert_eq!(latin1("日"), None);
    }

    #[test]
    fn texts_get_a_charset() {
        for (given, sent) in [
            ("text/html", "text/html; charset=utf-8"),
            ("application/json;a=b", "application/json;a=b; charset=utf-8"),
            ("text/plain ;charset = x", "text/plain ;charset = x"),
            ("image/png", "image/png"),
        ] {
            assert_eq!(with_charset(given.to_owned()), sent);
        }
    }
}
