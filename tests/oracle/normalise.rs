//! The one place that says which values may differ between two correct servers: moments near now, fresh random ids,
//! data folders and values a step captured. Everything else has to be equal.

use chrono::{DateTime, Local, NaiveDateTime, Utc};
use serde_json::{Map, Value};

const DAY_MS: f64 = 86_400_000.0;

/// Values that a side's own answers or set-up gave, by name.
pub type Vars = Vec<(String, String)>;

/// Rewrites volatile values of one side's answers.
pub struct Normaliser<'a> {
    vars: &'a Vars,
    now: DateTime<Utc>,
}

impl<'a> Normaliser<'a> {
    /// For one side, at the present moment.
    pub fn new(vars: &'a Vars) -> Normaliser<'a> {
        Normaliser {
            vars,
            now: Utc::now(),
        }
    }

    /// A JSON value with every string and number rewritten; keys too, as some maps are keyed by file names.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => match number.as_f64() {
                Some(ms) if self.is_near(ms) => Value::String("<ms>".into()),
                _ => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, item)| self.entry(key, item))
                    .collect::<Map<_, _>>(),
            ),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn entry(&self, key: &str, item: &Value) -> (String, Value) {
        let hex64 = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let item = match (key, item) {
            ("token", Value::String(text)) if hex64(text) => Value::String("<token>".into()),
            _ => self.value(item),
        };
        (self.text(key), item)
    }

    /// A text with captured values, moments, ids and data folders replaced by names in angle brackets.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.vars.iter().filter(|(_, value)| value.len() > 3) {
            text = text.replace(value.as_str(), &format!("<{name}>"));
        }
        self.shapes(&strip_root(&text))
    }

    /// Walks a text and replaces each run that has a volatile shape.
    fn shapes(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < bytes.len() {
            let starts_word = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
            if starts_word
                && bytes[at].is_ascii_hexdigit()
                && let Some((length, name)) = self.shape_at(&text[at..])
            {
                out.push_str(name);
                at += length;
                continue;
            }
            let step = text[at..].chars().next().map_or(1, char::len_utf8);
            out.push_str(&text[at..at + step]);
            at += step;
        }
        out
    }

    /// The volatile shape a text starts with: its length and its replacement.
    fn shape_at(&self, text: &str) -> Option<(usize, &'static str)> {
        if fits(text, "dddd-dd-ddTdd:dd:dd.dddZ") {
            let moment = DateTime::parse_from_rfc3339(&text[..24]).ok()?;
            return self
                .is_near(moment.timestamp_millis() as f64)
                .then_some((24, "<iso>"));
        }
        if fits(text, "dddd-dd-dd@ddhddmddsdddms") {
            return self
                .is_local(&text[..20], "%Y-%m-%d@%Hh%Mm%Ss")
                .then_some((25, "<humanized>"));
        }
        // The same moment inside the name of a backup, where every other character became an underscore.
        if fits(text, "dddd_dd_dd_ddhddmddsdddms") {
            return self
                .is_local(&text[..20], "%Y_%m_%d_%Hh%Mm%Ss")
                .then_some((25, "<humanized>"));
        }
        if fits(text, "dddddddd-dddddd") {
            return self
                .is_local(&text[..15], "%Y%m%d-%H%M%S")
                .then_some((15, "<stamp>"));
        }
        if fits(text, "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx") {
            return (!text.starts_with("00000000")).then_some((36, "<uuid>"));
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 14 {
            return self
                .is_local(&text[..14], "%Y%m%d%H%M%S")
                .then_some((14, "<utc>"));
        }
        if digits == 13 && self.is_near(text[..13].parse().ok()?) {
            let fraction = text[13..]
                .strip_prefix('.')
                .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
            return Some((13 + if fraction > 0 { fraction + 1 } else { 0 }, "<ms>"));
        }
        None
    }

    /// Is this number of milliseconds within a day of now?
    fn is_near(&self, ms: f64) -> bool {
        (ms - self.now.timestamp_millis() as f64).abs() < DAY_MS
    }

    /// Is this local (or UTC) wall-clock text within a day of now?
    fn is_local(&self, text: &str, format: &str) -> bool {
        let now = self.now.with_timezone(&Local).naive_local();
        NaiveDateTime::parse_from_str(text, format).is_ok_and(|moment| (moment - now).num_hours().abs() < 25)
    }
}

/// Does the text start with this shape? `d` is a digit, `x` a hexadecimal digit, anything else itself; a digit or
/// letter must not follow directly where the shape ends in one.
fn fits(text: &str, shape: &str) -> bool {
    let bytes = text.as_bytes();
    let matches = |(byte, want): (&u8, u8)| match want {
        b'd' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        other => *byte == other,
    };
    // `d` also occurs as a literal nowhere in the shapes, so the two meanings cannot clash.
    bytes.len() >= shape.len()
        && bytes.iter().zip(shape.bytes()).all(matches)
        && !bytes.get(shape.len()).is_some_and(u8::is_ascii_digit)
}

/// Replaces the server's own path of the user's folder, in error texts that show one.
fn strip_root(text: &str) -> String {
    const USER: &str = "/default-user/";
    let mut out = String::new();
    let mut rest = text;
    while let Some(found) = rest.find(USER) {
        let start = rest[..found]
            .rfind(['\'', '"', ' ', '\n'])
            .map_or(0, |quote| quote + 1);
        let absolute = rest[start..=found].starts_with('/');
        out.push_str(if absolute { &rest[..start] } else { &rest[..found] });
        out.push_str(if absolute { "<root>/" } else { USER });
        rest = &rest[found + USER.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        Normaliser::new(&vec![("id".to_owned(), "abcd9".to_owned())]).text(text)
    }

    #[test]
    fn moments_near_now_are_replaced() {
        let now = Utc::now();
        let local = now.with_timezone(&Local);
        let iso = now.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        assert_eq!(normal(&format!("a {iso} b")), "a <iso> b");
        assert_eq!(
            normal(&local.format("Bob - %Y-%m-%d@%Hh%Mm%Ss123ms.jsonl").to_string()),
            "Bob - <humanized>.jsonl"
        );
        assert_eq!(
            normal(&local.format("chat_x_%Y%m%d-%H%M%S.jsonl").to_string()),
            "chat_x_<stamp>.jsonl"
        );
        assert_eq!(normal(&format!("{}.png", now.timestamp_millis())), "<ms>.png");
    }

    #[test]
    fn other_values_stay() {
        for text in [
            "2020-01-01T00:00:00.000Z",
            "1234567890123",
            "19990101-101010",
            "00000000-0000-4000-8000-000000000001",
        ] {
            assert_eq!(normal(text), text);
        }
    }

    #[test]
    fn ids_and_folders_are_replaced() {
        assert_eq!(normal("x abcd9 y"), "x <id> y");
        assert_eq!(normal("4f9c2f0e-1a2b-4c3d-8e9f-001122334455"), "<uuid>");
        assert_eq!(
            normal("open '/var/d/default-user/chats/x'"),
            "open '<root>/chats/x'"
        );
    }
}
