//! Forms with files for providers, as RFC 7578 has them.

use axum::http::Method;
use uuid::Uuid;

use super::exchange::{RequestFault, parse_url};
use super::upstream::{Upstream, UpstreamHeaders};

/// A form under construction.
pub(super) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// A form without parts, between which random digits will stand.
    pub(super) fn new() -> Self {
        Self {
            boundary: format!("--------------------------{}", Uuid::new_v4().simple()),
            body: Vec::new(),
        }
    }

    /// Adds a text.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        self.head(&format!("name=\"{name}\""), None);
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a file; neither its name nor its media type may hold a line break, nor the name a quote.
    pub(super) fn file(mut self, name: &str, file_name: &str, media_type: &str, bytes: &[u8]) -> Self {
        self.body.reserve(bytes.len());
        self.head(
            &format!("name=\"{name}\"; filename=\"{file_name}\""),
            Some(media_type),
        );
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    fn head(&mut self, disposition: &str, media_type: Option<&str>) {
        let mut head = format!(
            "--{}\r\nContent-Disposition: form-data; {disposition}\r\n",
            self.boundary
        );
        if let Some(media_type) = media_type {
            head.push_str(&format!("Content-Type: {media_type}\r\n"));
        }
        head.push_str("\r\n");
        self.body.extend_from_slice(head.as_bytes());
    }

    /// The `POST` of the form; the headers need not state its type.
    pub(super) fn posting(
        mut self,
        address: &str,
        mut headers: UpstreamHeaders,
    ) -> Result<Upstream, RequestFault> {
        let boundary = &self.boundary;
        headers.set(
            "Content-Type",
            format!("multipart/form-data; boundary={boundary}"),
        );
        self.body
            .extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(Upstream {
            method: Method::POST,
            url: parse_url(address)?,
            headers,
            body: self.body.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Form;
    use crate::providers::upstream::UpstreamHeaders;

    #[test]
    fn parts_stand_between_boundaries() {
        let form = Form::new()
            .file("file", "a.wav", "audio/wav", b"\x00\xff")
            .text("model", "m");
        let boundary = form.boundary.clone();
        let made = form.posting("https://h/", UpstreamHeaders::default()).unwrap();
        let expected = [
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n").as_bytes(),
            b"Content-Type: audio/wav\r\n\r\n\x00\xff\r\n",
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        assert_eq!(made.body, expected);
        let (_, kind) = made.headers.iter().next().unwrap();
        assert_eq!(kind, format!("multipart/form-data; boundary={boundary}"));
        assert_ne!(Form::new().boundary, boundary);
    }
}
