//! The small language of the scenarios: a [`Call`] describes one request before it is bound to a server.
//!
//! `{{name}}` in a path, header or body stands for a captured value of the side the request goes to.

use std::io::Write as _;

use serde_json::Value;

use super::compare::Rules;

const BOUNDARY: &str = "----oracle-boundary-7d1f";

/// A file part of a multipart form.
pub struct Upload<'a> {
    /// Form field; every upload route of the original wants `avatar`.
    pub field: &'a str,
    /// File name as the browser would send it, UTF-8.
    pub name: &'a str,
    /// Content type of the part.
    pub kind: &'a str,
    /// Content.
    pub bytes: &'a [u8],
}

/// A file in the field `avatar`.
pub fn file<'a>(name: &'a str, bytes: &'a [u8]) -> Upload<'a> {
    Upload {
        field: "avatar",
        name,
        kind: "application/octet-stream",
        bytes,
    }
}

/// One request, not yet bound to a side.
#[derive(Clone, Default)]
pub struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    note: String,
    pub(super) no_csrf: bool,
    pub(super) no_cookie: bool,
    pub(super) rules: Rules,
}

/// A `GET`.
pub fn get(path: &str) -> Call {
    call("GET", path)
}

/// A `POST` with a JSON body.
pub fn post(path: &str, body: &Value) -> Call {
    call("POST", path).body("application/json", body.to_string().as_bytes())
}

/// Any method, no body.
pub fn call(method: &str, path: &str) -> Call {
    Call {
        method: method.into(),
        path: path.into(),
        ..Call::default()
    }
}

/// A multipart `POST`.
pub fn upload(path: &str, file: Option<Upload<'_>>, fields: &[(&str, &str)]) -> Call {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    let mut note = format!("{fields:?}");
    if let Some(file) = file {
        let Upload {
            field,
            name,
            kind,
            bytes,
        } = file;
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
        note = format!("{name} ({} bytes) {note}", bytes.len());
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    call("POST", path)
        .body(&format!("multipart/form-data; boundary={BOUNDARY}"), &body)
        .note(&note)
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets body and content type; an empty content type sends none.
    pub fn body(mut self, kind: &str, bytes: &[u8]) -> Call {
        self.body = Some(bytes.to_vec());
        if kind.is_empty() {
            self
        } else {
            self.header("Content-Type", kind)
        }
    }

    /// Compresses the body with gzip and says so.
    pub fn gzip(mut self) -> Call {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder
            .write_all(self.body.as_deref().unwrap_or_default())
            .expect("a vector takes any bytes");
        self.note = format!("gzip {}", self.excerpt());
        self.body = Some(encoder.finish().expect("a vector takes any bytes"));
        self.header("Content-Encoding", "gzip")
    }

    /// Leaves the CSRF header out.
    pub fn no_csrf(mut self) -> Call {
        self.no_csrf = true;
        self
    }

    /// Leaves the session cookies out.
    pub fn no_cookie(mut self) -> Call {
        self.no_cookie = true;
        self
    }

    /// Names the step in the report instead of the start of its body.
    pub fn note(mut self, note: &str) -> Call {
        self.note = note.into();
        self
    }

    /// Leaves a fact (`header vary`, `body /x`, `body /list*`) out of the comparison.
    pub fn ignore(mut self, fact: &str) -> Call {
        self.rules.ignored.push(fact.into());
        self
    }

    fn excerpt(&self) -> String {
        if !self.note.is_empty() {
            return self.note.clone();
        }
        let text = String::from_utf8_lossy(self.body.as_deref().unwrap_or_default()).into_owned();
        let cut: String = text.chars().take(90).collect();
        cut.replace(['\r', '\n'], "⏎")
    }

    /// The step's name in the report.
    pub(super) fn label(&self) -> String {
        let flags = if self.no_csrf { " (no csrf)" } else { "" };
        let path: String = self.path.chars().take(120).collect();
        format!("{} {path}{flags} {}", self.method, self.excerpt())
            .trim_end()
            .to_owned()
    }

    /// The route, for the count of routes.
    pub(super) fn route(&self) -> String {
        let path = self
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_ascii_lowercase();
        let mut segments = path.split('/').skip(1);
        match segments.next() {
            Some("api" | "thumbnail" | "version" | "csrf-token" | "proxy") => {
                format!("{} {path}", self.method)
            }
            Some(first) => format!("{} /{first}", self.method),
            None => format!("{} /", self.method),
        }
    }
}
