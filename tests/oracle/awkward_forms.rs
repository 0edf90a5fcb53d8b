//! Awkward forms: mutations of the fields and of the files of a multipart body.

use super::awkward_values::TEXTS;
use super::dsl::{Call, call};
use super::fixtures::long_name;

const BOUNDARY: &str = "----awkward-boundary-91c4";

/// A valid form: its text fields, and the file in the field `avatar`.
pub struct Form {
    fields: Vec<(&'static str, &'static str)>,
    file: Option<(&'static str, Vec<u8>)>,
}

impl Form {
    /// A form with a file.
    pub fn with_file(fields: &[(&'static str, &'static str)], name: &'static str, bytes: Vec<u8>) -> Form {
        Form {
            fields: fields.to_vec(),
            file: Some((name, bytes)),
        }
    }

    /// Names of the text fields.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|(name, _)| *name).collect()
    }

    /// The parts of all text fields but one.
    fn texts_without(&self, left_out: &str) -> Vec<u8> {
        let rest = self.fields.iter().filter(|(name, _)| *name != left_out);
        rest.flat_map(|(name, value)| text_part(name, value)).collect()
    }

    fn file_part(&self) -> Vec<u8> {
        self.file
            .as_ref()
            .map(|(name, bytes)| file_part("avatar", name, bytes))
            .unwrap_or_default()
    }
}

fn text_part(name: &str, value: &str) -> Vec<u8> {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
}

fn file_part(field: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

fn send(path: &str, parts: &[&[u8]], label: &str) -> Call {
    let end = format!("--{BOUNDARY}--\r\n");
    let body = [&parts.concat(), end.as_bytes()].concat();
    call("POST", path)
        .body(&format!("multipart/form-data; boundary={BOUNDARY}"), &body)
        .note(label)
}

/// The mutations of one text field: all but the long one, or it alone.
pub(super) fn form_values(path: &str, form: &Form, name: &str, long: bool) -> Vec<Call> {
    let (others, file) = (form.texts_without(name), form.file_part());
    let with = |own: &[u8], label: &str| send(path, &[&others, own, &file], &format!("{name}{label}"));
    if long {
        return vec![with(&text_part(name, &long_name()), "=long")];
    }
    let mut calls: Vec<Call> = TEXTS
        .iter()
        .map(|text| with(&text_part(name, text), &format!("={text}")))
        .collect();
    calls.push(with(b"", " missing"));
    let twice = [text_part(name, "a"), text_part(name, "b")].concat();
    calls.push(with(&twice, " repeated"));
    calls.push(with(&text_part(&format!("{name}[]"), "a"), " list"));
    calls.push(with(&text_part(&format!("{name}[k]"), "a"), " object"));
    calls.push(with(
        &text_part(&format!("{name}[toString]"), "a"),
        " with toString",
    ));
    calls
}

/// Names of files as an odd browser would send them.
const FILE_NAMES: &[&str] = &[
    "",
    " ",
    ".",
    "..",
    "../x.png",
    "a/b.png",
    "..\\x.png",
    "CON.png",
    "x.",
    "🦊.png",
    "e\u{301}.png",
    "%2e%2e%2f.png",
    "100%.png",
    "__proto__",
    "constructor",
    "none",
    "UP.PNG",
    ".png",
];

/// The mutations of the file and of the form as a whole.
pub(super) fn form_bodies(path: &str, form: &Form) -> Vec<Call> {
    let texts = form.texts_without("");
    let file = form.file_part();
    let bytes = form
        .file
        .as_ref()
        .map(|(_, bytes)| bytes.clone())
        .unwrap_or_default();
    let name = form.file.as_ref().map_or("file.png", |(name, _)| *name);
    let mut calls = vec![
        send(path, &[&texts], "file missing"),
        send(
            path,
            &[&texts, &file_part("other", name, &bytes)],
            "file in another field",
        ),
        send(
            path,
            &[
                &texts,
                &file_part("avatar", name, &bytes),
                &file_part("avatar", "b.png", &bytes),
            ],
            "two files",
        ),
        send(path, &[&texts, &file_part("avatar", name, b"")], "empty file"),
        send(
            path,
            &[&texts, &file_part("avatar", name, b"\x00\xff\xfe rubbish")],
            "rubbish in the file",
        ),
        send(path, &[&text_part("avatar", "text"), &texts], "file as text"),
        send(path, &[&file, &texts], "file first"),
        send(path, &[], "nothing"),
        send(
            path,
            &[&texts, &file, &text_part("unknown", "x")],
            "one field more",
        ),
        send(path, &[&texts, &file, &text_part("", "x")], "nameless field"),
    ];
    for odd in FILE_NAMES {
        let label = format!("file name {odd}");
        calls.push(send(path, &[&texts, &file_part("avatar", odd, &bytes)], &label));
    }
    let whole = [&texts[..], &file].concat();
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let raw = |kind: &str, body: &[u8], label: &str| call("POST", path).body(kind, body).note(label);
    calls.push(raw(&kind, &whole, "body: no end"));
    calls.push(raw(&kind, &whole[..whole.len() / 2], "body: truncated"));
    calls.push(raw(&kind, b"", "body: empty"));
    calls.push(raw("multipart/form-data", &whole, "body: no boundary"));
    calls.push(raw("application/json", b"{}", "body: empty object"));
    calls.push(raw("application/json", b"[]", "body: array"));
    calls.push(raw("", b"", "body: none"));
    calls
}
