//! Ollama's stream, which is JSON values one after another, as the events that the browser reads.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use squaretable_compat::json::{parse, to_vec};

use super::js;
use crate::providers::relay::RelayError;

/// Longest value that is waited for, in bytes.
const MAX_VALUE: usize = 16 << 20;

/// Collects lines from pieces of any size.
#[derive(Debug, Default)]
pub struct Lines {
    open: Vec<u8>,
}

impl Lines {
    /// Takes a piece and gives the events of the lines that it ends.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut events = Vec::new();
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.open.extend_from_slice(part);
            // A value is shown as soon as it is whole: some servers write the line break with the next one.
            let is_whole = part.ends_with(b"\n") || self.open.ends_with(b"}") && parse(&self.open).is_ok();
            if is_whole || self.open.len() > MAX_VALUE {
                events.extend(event(&std::mem::take(&mut self.open)));
            }
        }
        events
    }

    /// The events of what is left at the end, and the mark of the end.
    pub fn finish(self) -> Vec<u8> {
        [&event(&self.open)[..], b"data: [DONE]\n\n"].concat()
    }
}

/// One line as an event; nothing for a blank one. A fault in it is an error that the browser shows.
fn event(line: &[u8]) -> Vec<u8> {
    if line.trim_ascii().is_empty() {
        return Vec::new();
    }
    let shown = match parse(line) {
        Ok(value) if js::is_truthy(value.get("error")) => {
            json!({ "error": { "message": js::to_text(value.get("error")) } })
        }
        Ok(value) => {
            json!({ "choices": [{ "text": or_empty(&value, "response"), "thinking": or_empty(&value, "thinking") }] })
        }
        Err(error) => json!({ "error": { "message": format!("The answer is no JSON: {error}") } }),
    };
    [b"data: ", &to_vec(&shown)[..], b"\n\n"].concat()
}

fn or_empty(value: &Value, field: &str) -> Value {
    let found = value.get(field).filter(|found| js::is_truthy(Some(found)));
    found.cloned().unwrap_or_else(|| "".into())
}

/// The events of a stream of pieces. An error of the stream ends it, and no mark of the end is sent.
pub fn events<S>(pieces: S) -> impl Stream<Item = Result<Bytes, RelayError>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, RelayError>> + Send + Unpin + 'static,
{
    stream::unfold(Some((pieces, Lines::default())), |state| async move {
        let (mut pieces, mut lines) = state?;
        loop {
            match pieces.next().await {
                Some(Ok(piece)) => {
                    let events = lines.push(&piece);
                    if !events.is_empty() {
                        return Some((Ok(events.into()), Some((pieces, lines))));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((Ok(lines.finish().into()), None)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Lines;

    fn events(pieces: &[&[u8]]) -> String {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(lines.push(piece));
        }
        out.extend(lines.finish());
        String::from_utf8(out).unwrap()
    }

    fn text(text: &str) -> String {
        format!("data: {{\"choices\":[{{\"text\":\"{text}\",\"thinking\":\"\"}}]}}\n\n")
    }

    #[test]
    fn each_value_is_an_event_however_it_is_cut() {
        let all = "{\"response\":\"a👋\"}\n{\"response\":\"b\",\"done\":false}\n{\"done\":true}";
        let expected = format!("{}{}{}data: [DONE]\n\n", text("a👋"), text("b"), text(""));
        assert_eq!(events(&[all.as_bytes()]), expected);
        for cut in 1..all.len() {
            let (start, end) = all.as_bytes().split_at(cut);
            assert_eq!(events(&[start, end]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_whole_value_does_not_wait_for_its_line_break() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"{\"response\":\"{x}"), b"");
        assert_eq!(String::from_utf8(lines.push(b"\"}")).unwrap(), text("{x}"));
        assert_eq!(lines.push(b"\n"), b"");
    }

    #[test]
    fn faults_are_shown() {
        assert_eq!(
            events(&[b"{\"error\":\"no such model\"}\n"]),
            "data: {\"error\":{\"message\":\"no such model\"}}\n\ndata: [DONE]\n\n"
        );
        let broken = events(&[b"{\"response\":"]);
        assert!(
            broken.starts_with("data: {\"error\":{\"message\":\"The answer is no JSON: "),
            "{broken}"
        );
        assert_eq!(events(&[b"\n \n"]), "data: [DONE]\n\n");
    }

    #[test]
    fn thinking_is_kept_apart() {
        let expected = "data: {\"choices\":[{\"text\":\"\",\"thinking\":\"t\"}]}\n\ndata: [DONE]\n\n";
        assert_eq!(events(&[b"{\"response\":\"\",\"thinking\":\"t\"}"]), expected);
    }
}
