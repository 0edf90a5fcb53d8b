//! Chat statistics rebuilt from chat files (`/api/stats/recreate`, and the start of a server without `stats.json`).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{dates, json};

/// `date_first_chat` of a character without user messages: the end of the year 9999.
const NEVER: f64 = 253_402_300_799_999.0;

/// The numbers of one character, built up chat by chat with [`add_chat`](Self::add_chat).
///
/// Numbers are JavaScript's: sums may become NaN and then show as `null`.
#[derive(Debug, Clone)]
pub struct CharacterStats {
    total_gen_time: f64,
    user_word_count: f64,
    non_user_word_count: f64,
    user_msg_count: f64,
    non_user_msg_count: f64,
    total_swipe_count: f64,
    chat_size: f64,
    date_last_chat: f64,
    date_first_chat: f64,
    /// Digests of the message texts counted so far: a text that occurs again, in any chat, is not counted again.
    seen: HashSet<[u8; 32]>,
}

impl Default for CharacterStats {
    fn default() -> Self {
        Self {
            total_gen_time: 0.0,
            user_word_count: 0.0,
            non_user_word_count: 0.0,
            user_msg_count: 0.0,
            non_user_msg_count: 0.0,
            total_swipe_count: 0.0,
            chat_size: 0.0,
            date_last_chat: 0.0,
            date_first_chat: NEVER,
            seen: HashSet::new(),
        }
    }
}

impl CharacterStats {
    /// Counts one chat file of the character: its lines without line feeds, its size in bytes and its modification
    /// time. Chats are to be given in byte order of their names.
    pub fn add_chat<'a>(
        &mut self,
        lines: impl IntoIterator<Item = &'a [u8]>,
        size: u64,
        modified: DateTime<Utc>,
    ) {
        let mut chat = ChatCount {
            first: NEVER,
            ..ChatCount::default()
        };
        for line in lines {
            if let Ok(line) = json::parse(line) {
                // A line on which the original throws keeps what was counted before.
                let _: Option<()> = chat.add_line(&line, &mut self.seen);
            }
        }
        // NaN counts as nothing.
        self.total_gen_time += if chat.gen_time.is_nan() {
            0.0
        } else {
            chat.gen_time
        };
        self.user_word_count += chat.user.words;
        self.non_user_word_count += chat.other.words;
        self.user_msg_count += chat.user.messages;
        self.non_user_msg_count += chat.other.messages;
        self.total_swipe_count += chat.swipes;
        self.chat_size += size as f64;
        self.date_last_chat = self.date_last_chat.max(dates::millis(modified).floor());
        self.date_first_chat = js_min(self.date_first_chat, chat.first);
    }

    /// The character's entry in the statistics document.
    pub fn to_value(&self) -> Value {
        let members = [
            ("total_gen_time", self.total_gen_time),
            ("user_word_count", self.user_word_count),
            ("non_user_word_count", self.non_user_word_count),
            ("user_msg_count", self.user_msg_count),
            ("non_user_msg_count", self.non_user_msg_count),
            ("total_swipe_count", self.total_swipe_count),
            ("chat_size", self.chat_size),
            ("date_last_chat", self.date_last_chat),
            ("date_first_chat", self.date_first_chat),
        ];
        Value::Object(
            members
                .into_iter()
                .map(|(name, number)| (name.to_owned(), Value::from(number)))
                .collect(),
        )
    }
}

/// The statistics document: an entry per card file name, then the time it was made.
pub fn document<'a>(
    characters: impl IntoIterator<Item = (&'a str, &'a CharacterStats)>,
    now: DateTime<Utc>,
) -> Value {
    let entries = characters
        .into_iter()
        .map(|(avatar, stats)| (avatar.to_owned(), stats.to_value()));
    let mut document: Map<String, Value> = entries.collect();
    document.insert("timestamp".to_owned(), Value::from(now.timestamp_millis()));
    Value::Object(document)
}

/// `Math.min`, which prefers NaN.
fn js_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

#[derive(Default)]
struct Side {
    words: f64,
    messages: f64,
}

impl Side {
    fn add(&mut self, text: &str) {
        self.words += count_words(text) as f64;
        self.messages += 1.0;
    }
}

#[derive(Default)]
struct ChatCount {
    gen_time: f64,
    user: Side,
    other: Side,
    swipes: f64,
    first: f64,
}

impl ChatCount {
    /// Counts one parsed line; `None` where the original throws midway.
    fn add_line(&mut self, line: &Value, seen: &mut HashSet<[u8; 32]>) -> Option<()> {
        if line.is_null() {
            return None;
        }
        let member = |name: &str| line.get(name).filter(|value| json::js_truthy(value));
        let is_user = member("is_user").is_some();
        let mes = match member("mes") {
            None => None,
            Some(mes) => Some(mes.as_str()?),
        };
        // The digest of a lone surrogate is that of U+FFFD, as Node encodes it.
        if mes.is_some_and(|mes| !seen.insert(Sha256::digest(json::lossy(mes).as_bytes()).into())) {
            return Some(());
        }
        let swipes = member("swipes");
        if let Some(time) = gen_time(line) {
            self.gen_time += time;
            if let Some(swipes) = swipes.filter(|_| member("swipe_info").is_none()) {
                self.gen_time += time * length(swipes);
            }
        }
        let side = if is_user { &mut self.user } else { &mut self.other };
        if let Some(mes) = mes {
            side.add(mes);
        }
        if let Some(swipes) = swipes.filter(|swipes| length(swipes) > 1.0) {
            self.swipes += length(swipes) - 1.0;
            for swipe in items(swipes).get(1..)? {
                side.add(swipe.as_str()?);
            }
        }
        for info in items(member("swipe_info").unwrap_or(&Value::Null)).iter().skip(1) {
            if info.is_null() {
                return None;
            }
            self.gen_time += gen_time(info).unwrap_or(0.0);
        }
        if is_user {
            self.first = js_min(dates::send_date(line.get("send_date"))?, self.first);
        }
        Some(())
    }
}

/// Milliseconds between `gen_started` and `gen_finished`; `None` unless both are there, NaN when either is no date.
fn gen_time(value: &Value) -> Option<f64> {
    let date = |name| value.get(name).filter(|date| json::js_truthy(date));
    let (started, finished) = (date("gen_started")?, date("gen_finished")?);
    Some(dates::js_date(Some(finished)) - dates::js_date(Some(started)))
}

/// `value.length`; NaN without one.
fn length(value: &Value) -> f64 {
    match value {
        Value::Array(items) => items.len() as f64,
        Value::String(text) => json::utf16_len(text) as f64,
        Value::Object(map) => map.get("length").map_or(f64::NAN, json::js_to_number),
        _ => f64::NAN,
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Words as the original counts them: runs of ASCII letters, digits and underscores.
pub fn count_words(text: &str) -> usize {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.as_bytes()
        .split(|byte| !word(byte))
        .filter(|run| !run.is_empty())
        .count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count(chats: &[&[&str]]) -> Value {
        let mut stats = CharacterStats::default();
        let modified = "2024-01-02T03:04:05.6789Z".parse().unwrap();
        for chat in chats {
            stats.add_chat(chat.iter().map(|line| line.as_bytes()), 10, modified);
        }
        stats.to_value()
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value
            .as_object()
            .unwrap()
            .values()
            .map(|number| number.as_f64().unwrap_or(f64::NAN))
            .collect()
    }

    #[test]
    fn words_are_ascii() {
        assert_eq!(count_words("Don't stop, naïve_1 日本 a1"), 6);
        assert_eq!(count_words(""), 0);
    }

    #[test]
    fn counts_messages_swipes_and_times() {
        let stats = count(&[
            &[
                r#"{"chat_metadata":{},"user_name":"unused"}"#,
                r#"{"is_user":true,"mes":"hello there","send_date":"2024-07-12T01:31:37.123Z"}"#,
                r#"{"mes":"one two three","gen_started":"2024-07-12T01:31:37.000Z","gen_finished":"2024-07-12T01:31:39.500Z","swipes":["one two three","four"],"swipe_info":[{},{"gen_started":"2024-07-12T01:31:37.000Z","gen_finished":"2024-07-12T01:31:38.000Z"}]}"#,
                "",
                "{broken",
                r#"{"mes":"hello there"}"#,
            ],
            &[r#"{"mes":"hello there","is_user":true,"send_date":"2020-07-12T01:31:37.123Z"}"#],
        ]);
        assert_eq!(
            numbers(&stats),
            [
                3500.0,
                2.0,
                4.0,
                1.0,
                2.0,
                1.0,
                20.0,
                1_704_164_645_678.0,
                1_720_747_897_123.0
            ]
        );
    }

    #[test]
    fn swipes_without_details_multiply_the_time() {
        let line = r#"{"mes":"a","gen_started":"2024-07-12T01:31:37.000Z","gen_finished":"2024-07-12T01:31:38.000Z","swipes":["a","b c"]}"#;
        assert_eq!(
            numbers(&count(&[&[line]]))[..6],
            [3000.0, 0.0, 3.0, 0.0, 2.0, 1.0]
        );
    }

    #[test]
    fn oddities_of_the_original() {
        let stats = count(&[&[r#"{"is_user":true,"mes":"a","send_date":"June 19, 2023 2:20pm"}"#]]);
        assert_eq!(stats["date_first_chat"], Value::Null);
        let stats = count(&[&[r#"{"is_user":true,"mes":"a"}"#]]);
        assert_eq!(stats["date_first_chat"], 0.0);
        let stats = count(&[&[
            r#"{"mes":"a","gen_started":"soon","gen_finished":"later"}"#,
            r#"{"mes":5,"swipes":["x","y"]}"#,
        ]]);
        assert_eq!(numbers(&stats)[..6], [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        let stats = count(&[&[r#"{"mes":"a","swipes":["a","b",null,"c"],"is_user":true,"send_date":1}"#]]);
        assert_eq!(numbers(&stats)[..6], [0.0, 2.0, 0.0, 2.0, 0.0, 3.0]);
        assert_eq!(stats["date_first_chat"], NEVER);
    }

    #[test]
    fn document_ends_with_its_time() {
        let stats = CharacterStats::default();
        let document = document([("a.png", &stats)], DateTime::UNIX_EPOCH);
        assert_eq!(document["timestamp"], json!(0));
        let text = String::from_utf8(json::to_vec(&document)).unwrap();
        assert!(
            text.ends_with(r#""date_last_chat":0,"date_first_chat":253402300799999},"timestamp":0}"#),
            "{text}"
        );
    }
}
