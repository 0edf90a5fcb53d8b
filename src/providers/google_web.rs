//! Google Translate's web page, which needs no key: calls of its batch interface.

use rand::RngExt;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::exchange::RequestFault;
use super::js;
use super::upstream::{Upstream, UpstreamHeaders};

const ADDRESS: &str = "https://translate.google.com/_/TranslateWebserverUi/data/batchexecute";
/// What stands before the first line of an answer, in characters.
const PREFIX: usize = 6;

/// The answer to one call of a batch.
pub(super) struct Answered {
    /// Which call of the batch: its place, in base 36.
    pub(super) place: String,
    /// What it answers.
    pub(super) value: Value,
}

/// The request of some calls of one procedure, each with its arguments.
pub(super) fn request(procedure: &str, calls: &[Value]) -> Result<Upstream, RequestFault> {
    let numbered = calls.iter().enumerate().map(|(place, arguments)| {
        let arguments = String::from_utf8_lossy(&to_vec(arguments)).into_owned();
        json!([procedure, arguments, null, base_36(place)])
    });
    let calls: Vec<Value> = numbered.collect();
    let calls = js::encode_component(&String::from_utf8_lossy(&to_vec(&json!([calls]))));
    let mut url = Url::parse(ADDRESS).map_err(|_| RequestFault::InvalidUrl)?;
    url.query_pairs_mut().extend_pairs([
        ("rpcids", procedure),
        ("source-path", "/"),
        ("f.sid", ""),
        ("bl", ""),
        ("hl", "en-US"),
        ("soc-app", "1"),
        ("soc-platform", "1"),
        ("soc-device", "1"),
        ("_reqid", &rand::rng().random_range(1000..10_000).to_string()),
        ("rt", "c"),
    ]);
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
    Ok(Upstream {
        method: axum::http::Method::POST,
        url,
        headers,
        body: format!("f.req={calls}&").into(),
    })
}

/// The answers, in the order of their lines: lines of lengths and of lists, in which an answer is JSON in a string. `None`
/// when one is missing or cannot be read.
pub(super) fn answers(text: &str) -> Option<Vec<Answered>> {
    let start = text.char_indices().nth(PREFIX).map_or(text.len(), |(at, _)| at);
    let mut found = Vec::new();
    for line in text[start..].split('\n') {
        if !line.starts_with('[') || line.chars().nth(3) == Some('e') {
            continue;
        }
        let Value::Array(answers) = serde_json::from_str(line).ok()? else {
            return None;
        };
        for answer in answers
            .iter()
            .filter(|answer| answer.get(0).and_then(Value::as_str) == Some("wrb.fr"))
        {
            found.push(Answered {
                place: js::join_text(answer.as_array()?.last()),
                value: serde_json::from_str(answer.get(2)?.as_str()?).ok()?,
            });
        }
    }
    Some(found)
}

fn base_36(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{answers, base_36, request};

    #[test]
    fn calls_are_numbered_in_base_36() {
        assert_eq!(
            (base_36(0), base_36(35), base_36(36)),
            ("0".into(), "z".into(), "10".into())
        );
        let made = request("Do", &[json!(["a", 1])]).unwrap();
        let body = "f.req=%5B%5B%5B%22Do%22%2C%22%5B%5C%22a%5C%22%2C1%5D%22%2Cnull%2C%220%22%5D%5D%5D&";
        assert_eq!(made.body, body);
        assert!(
            made.url
                .as_str()
                .contains("batchexecute?rpcids=Do&source-path=%2F&f.sid=&")
        );
    }

    #[test]
    fn an_answer_is_json_in_json_in_lines() {
        let line = json!([["wrb.fr", "Do", json!(["x"]).to_string(), null, "1"]]);
        let text = format!(")]}}'\n\n123\n{line}\n25\n[[\"e\",4]]\n");
        let found = answers(&text).unwrap();
        assert_eq!((found[0].place.as_str(), &found[0].value), ("1", &json!(["x"])));
        assert!(answers(")]}'\n\n[[\"wrb.fr\",\"Do\",null,\"0\"]]").is_none());
        assert!(answers("<html>").unwrap().is_empty());
    }
}
