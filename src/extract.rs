//! Request bodies as handlers want them.
//!
//! Parsing itself happens before routing (`middleware/body.rs`), since the original answers a malformed body before
//! anything else. Express hands its handlers `{}` when there is no body, and untyped values otherwise; the accessors
//! here say how each value is read.

use std::path::Path;

use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::{Map, Value};
use squaretable_compat::{json, names};
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::error::{Error, Result};
use crate::middleware::body::{ParsedBody, is_too_long};
use crate::middleware::form;

/// Longest text of a multipart body in bytes, all fields together: they are held in memory. The original takes as much for
/// each field.
const TEXT_LIMIT: u64 = 500 << 20;

/// The bytes of a JSON body, unparsed: for bodies that are stored as they come. `{}` when there was none.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// A parsed body: an object or an array.
#[derive(Debug, Clone)]
pub struct Body(pub Value);

/// The query of the address as fields: repeated names make arrays, `a[b]` makes an object.
#[derive(Debug, Clone)]
pub struct QueryFields(pub Body);

/// A multipart body with at most one file in the field `avatar`, or any other body as fields.
#[derive(Debug)]
pub struct Upload {
    /// Text fields; an object.
    pub fields: Body,
    /// The file.
    pub file: Option<UploadedFile>,
}

/// An uploaded file, on disk until it is dropped.
#[derive(Debug)]
pub struct UploadedFile {
    path: tempfile::TempPath,
    /// File name as the browser gave it.
    pub original_name: String,
    /// Content type as the browser gave it; empty for none.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
}

impl Body {
    /// The value of a field; `Null` where it is absent.
    #[must_use]
    pub fn get(&self, field: &str) -> &Value {
        self.0.get(field).unwrap_or(&Value::Null)
    }

    /// The field, when it is a string.
    #[must_use]
    pub fn str(&self, field: &str) -> Option<&str> {
        self.get(field).as_str()
    }

    /// The field, when it is a string with something in it.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.str(field).filter(|text| !text.is_empty())
    }

    /// JavaScript's `String(body.field)`; `undefined` where it is absent.
    #[must_use]
    pub fn string(&self, field: &str) -> String {
        self.0
            .get(field)
            .map_or_else(|| "undefined".to_owned(), json::js_string)
    }

    /// Whether JavaScript takes the field for true.
    #[must_use]
    pub fn truthy(&self, field: &str) -> bool {
        json::js_truthy(self.get(field))
    }

    /// Refuses (400) a field whose text holds a path separator or NUL, as the original's guard on file names does.
    /// `null` and absence pass.
    ///
    /// # Errors
    /// 400.
    pub fn guard(&self, field: &str) -> Result<()> {
        match self.get(field) {
            Value::Null => Ok(()),
            value if names::contains_separator(&json::js_string(value)) => Err(Error::bad_request()),
            _ => Ok(()),
        }
    }

    /// The object; an array body counts as an object without fields.
    #[must_use]
    pub fn object(&self) -> Map<String, Value> {
        self.0.as_object().cloned().unwrap_or_default()
    }
}

/// JavaScript's `String(value)`; `None` where that throws: on an object with a `toString` of its own.
#[must_use]
pub fn js_text(value: &Value) -> Option<String> {
    fn is_mute(value: &Value) -> bool {
        match value {
            Value::Object(map) => map.contains_key("toString"),
            Value::Array(items) => items.iter().any(is_mute),
            _ => false,
        }
    }
    (!is_mute(value)).then(|| json::js_string(value))
}

impl UploadedFile {
    /// The whole file.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn read(&self) -> Result<Bytes> {
        Ok(tokio::fs::read(&self.path).await?.into())
    }

    /// Where it lies until this value is dropped.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Error;

    async fn from_request(req: Request, _: &S) -> Result<Self> {
        Ok(Self(match parsed(&req) {
            ParsedBody::Json(bytes) => bytes,
            ParsedBody::Form(value) => json::to_vec(&value).into(),
            ParsedBody::Empty | ParsedBody::Other => Bytes::from_static(b"{}"),
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let uri = match OriginalUri::from_request_parts(parts, state).await {
            Ok(OriginalUri(uri)) => uri,
            Err(never) => match never {},
        };
        let fields = form::parse(uri.query().unwrap_or_default());
        Ok(Self(Body(fields.map_err(|_| Error::bad_request())?)))
    }
}

impl FromRequest<App> for Body {
    type Rejection = Error;

    async fn from_request(req: Request, app: &App) -> Result<Self> {
        if is_multipart(&req) {
            return Ok(Upload::from_request(req, app).await?.fields);
        }
        body_of(parsed(&req))
    }
}

impl FromRequest<App> for Upload {
    type Rejection = Error;

    async fn from_request(req: Request, app: &App) -> Result<Self> {
        if !is_multipart(&req) {
            return Ok(Self {
                fields: body_of(parsed(&req))?,
                file: None,
            });
        }
        let boundary = multer::parse_boundary(content_type(&req)).map_err(|_| server_error())?;
        let limits = multer::SizeLimit::new().per_field(u64::MAX);
        let constraints = multer::Constraints::new().size_limit(limits);
        let stream = req.into_body().into_data_stream();
        let mut parts = multer::Multipart::with_constraints(stream, boundary, constraints);
        let (mut fields, mut file) = (Map::new(), None);
        let mut room = TEXT_LIMIT;
        while let Some(part) = parts.next_field().await.map_err(|error| broken(&error))? {
            let name = part.name().unwrap_or_default().to_owned();
            if name.is_empty() && base_name(&part).is_empty() {
                return Err(server_error());
            } else if !is_file(&part) {
                let text = read_text(part, room).await?;
                room -= text.len() as u64;
                insert_field(&mut fields, &name, String::from_utf8_lossy(&text).into_owned());
            } else if base_name(&part).is_empty() {
                // compat: a file input that nobody touched: browsers send a part without name and bytes.
                drop(part);
            } else if name == "avatar" && file.is_none() {
                file = Some(store_part(part, app.uploads()).await?);
            } else {
                return Err(server_error());
            }
        }
        Ok(Self {
            fields: Body(Value::Object(fields)),
            file,
        })
    }
}

/// compat: the original's multipart parser throws on a file in an unexpected field, on a field without a name and on a
/// broken body alike.
fn server_error() -> Error {
    Error::Page(axum::http::StatusCode::INTERNAL_SERVER_ERROR)
}

/// 413 for a body that is longer than whoever sent it may, which breaks off there.
fn broken(error: &multer::Error) -> Error {
    if is_too_long(error) {
        Error::Page(axum::http::StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        server_error()
    }
}

fn content_type(req: &Request) -> &str {
    req.headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
}

fn is_multipart(req: &Request) -> bool {
    content_type(req)
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
}

fn parsed(req: &Request) -> ParsedBody {
    req.extensions().get().cloned().unwrap_or(ParsedBody::Empty)
}

fn body_of(parsed: ParsedBody) -> Result<Body> {
    Ok(Body(match parsed {
        ParsedBody::Json(bytes) => {
            json::parse_strict(&bytes).map_err(|_| Error::Page(axum::http::StatusCode::BAD_REQUEST))?
        }
        ParsedBody::Form(value) => value,
        ParsedBody::Empty | ParsedBody::Other => Value::Object(Map::new()),
    }))
}

async fn read_text(mut part: multer::Field<'_>, limit: u64) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error))? {
        if text.len() as u64 + chunk.len() as u64 > limit {
            return Err(server_error());
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// compat: a part is a file by its name, or by its type when it has none.
fn is_file(part: &multer::Field<'_>) -> bool {
    let is_named = part.file_name().is_some_and(|name| !name.is_empty());
    is_named
        || part
            .content_type()
            .is_some_and(|kind| kind.essence_str() == "application/octet-stream")
}

/// The file's name; compat: a path that a browser sends along is dropped, and nothing is left of `.` and `..`.
fn base_name<'a>(part: &'a multer::Field<'_>) -> &'a str {
    let name = part.file_name().unwrap_or_default();
    match name.rsplit(['/', '\\']).next() {
        Some("." | "..") | None => "",
        Some(name) => name,
    }
}

async fn store_part(mut part: multer::Field<'_>, folder: &Path) -> Result<UploadedFile> {
    let original_name = base_name(&part).to_owned();
    let content_type = part.content_type().map(ToString::to_string).unwrap_or_default();
    let (file, path) = tempfile::NamedTempFile::new_in(folder)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut size = 0;
    while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error))? {
        size += chunk.len() as u64;
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(UploadedFile {
        path,
        original_name,
        content_type,
        size,
    })
}

/// compat: a repeated name makes an array, `a[]` an array, `a[b]` an object, as the original's parser has it.
fn insert_field(fields: &mut Map<String, Value>, name: &str, value: String) {
    let value = Value::String(value);
    let (key, inner) = match name
        .split_once('[')
        .and_then(|(key, rest)| Some((key, rest.strip_suffix(']')?)))
    {
        Some((key, inner)) if !key.is_empty() => (key, Some(inner)),
        _ => (name, None),
    };
    match (inner, fields.get_mut(key)) {
        (Some(""), Some(Value::Array(list))) | (None, Some(Value::Array(list))) => list.push(value),
        (Some(""), None) => {
            fields.insert(key.to_owned(), Value::Array(vec![value]));
        }
        (Some(inner), Some(Value::Object(map))) => {
            map.insert(inner.to_owned(), value);
        }
        (Some(inner), None) => {
            fields.insert(
                key.to_owned(),
                Value::Object(Map::from_iter([(inner.to_owned(), value)])),
            );
        }
        (_, Some(first)) => {
            let first = std::mem::take(first);
            fields.insert(key.to_owned(), Value::Array(vec![first, value]));
        }
        (None, None) => {
            fields.insert(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn multipart_names_nest_as_the_original_nests_them() {
        let mut fields = Map::new();
        for (name, value) in [
            ("a", "1"),
            ("b[]", "2"),
            ("b[]", "3"),
            ("c[x]", "4"),
            ("c[y]", "5"),
            ("d", "6"),
            ("d", "7"),
        ] {
            insert_field(&mut fields, name, value.to_owned());
        }
        let expected = json!({ "a": "1", "b": ["2", "3"], "c": { "x": "4", "y": "5" }, "d": ["6", "7"] });
        assert_eq!(Value::Object(fields), expected);
    }

    #[test]
    fn an_object_with_a_text_of_its_own_has_none() {
        assert_eq!(js_text(&json!(["a", 5])).as_deref(), Some("a,5"));
        assert_eq!(js_text(&json!({ "a": 1 })).as_deref(), Some("[object Object]"));
        assert_eq!(js_text(&json!({ "toString": 1 })), None);
        assert_eq!(js_text(&json!([[{ "toString": 1 }]])), None);
    }

    #[test]
    fn the_guard_refuses_separators_in_any_type_of_value() {
        assert!(Body(json!({ "a": "x/y" })).guard("a").is_err());
        assert!(Body(json!({ "a": ["x/y"] })).guard("a").is_err());
        assert!(Body(json!({ "a": "x\u{0}" })).guard("a").is_err());
        assert!(Body(json!({ "a": null })).guard("a").is_ok());
        assert!(Body(json!({})).guard("a").is_ok());
    }
}
