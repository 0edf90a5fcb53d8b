//! Chats: JSON Lines as they are saved, and the formats of other programs.

use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use serde_json::{Value, json};
use squaretable_compat::chat::{self, LineFacts, Owner, Query, Summary, import};
use squaretable_compat::json as text;
use squaretable_compat::stats::CharacterStats;

use crate::mutate::{apply, edits, swap, swaps};

const LINES: &str = concat!(
    r#"{"user_name":"You","character_name":"C","chat_metadata":{"integrity":"0-1","note_prompt":""}}"#,
    "\n",
    r#"{"name":"C","is_user":false,"is_system":false,"send_date":"2024-07-12@01h31m37s123ms","mes":"Hello \ud83e\udd8a","swipes":["a","b"],"swipe_id":1,"gen_started":"2024-07-12T01:31:37Z","gen_finished":"2024-07-12T01:31:39Z","extra":{"token_count":5}}"#,
    "\n",
    r#"{"name":"You","is_user":true,"send_date":1720747897123,"mes":"Some more words"}"#,
);

fn now() -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_767_000_000_123)
        .single()
        .expect("a time that exists")
}

/// A chat of each program whose files are imported.
fn foreign() -> Vec<Value> {
    vec![
        json!({ "savedsettings": { "chatname": "You", "chatopponent": "C" }, "prompt": "P", "actions": ["\nYou: a", "\nC: b"] }),
        json!({ "histories": { "histories": [{ "msgs": [{ "src": { "is_human": true, "name": "Y" }, "text": "t" }] }] } }),
        json!({ "data_visible": [["a", "b"], ["", "c"]] }),
        json!({ "messages": [{ "msg": "m", "userId": "u", "createdAt": "2024-01-01T00:00:00Z" }, { "msg": "n", "characterId": "c" }] }),
        json!({ "type": "risuChat", "data": { "message": [{ "role": "user", "time": 1_720_747_897_123_i64, "data": "d" }, { "role": "char", "saying": "x", "data": "e" }] } }),
    ]
}

proptest! {
    #[test]
    fn fuzz_chat_lines(edits in edits(), query in ".{0,10}") {
        let file = apply(LINES.as_bytes(), &edits);
        let lines = chat::split(&file);
        prop_assert_eq!(&chat::join(&lines), &file);
        let query = Query::new(&query);
        for line in &lines {
            let facts = LineFacts::of(line);
            prop_assert!(facts.kept || facts.search.is_none());
            if let Ok(value) = text::parse(line) {
                prop_assert_eq!(facts.kept, text::js_truthy(&value));
            }
            let _ = query.matches(facts.search.as_deref());
        }
        let summary = Summary::of(&lines);
        prop_assert_eq!(&Summary::from_stored(&summary.to_stored()).expect("what was kept reads"), &summary);
        for listed in [
            chat::info_json(&summary, "a \u{10d800}.jsonl", file.len() as u64, now(), Owner::Avatar("C.png"), true),
            chat::search_json(&summary, "a.jsonl", 1, now()),
        ] {
            prop_assert!(text::is_valid(&listed), "{}", String::from_utf8_lossy(&listed));
        }
        let _ = chat::export_text(&file);
        let first = lines.first().copied();
        let _ = chat::integrity_holds(first.and_then(|line| std::str::from_utf8(line).ok()), first, file.len() as u64);
    }

    #[test]
    fn fuzz_chat_import_lines(edits in edits()) {
        let file = apply(LINES.as_bytes(), &edits);
        if let Ok(stored) = import::import_jsonl(&file) {
            let again = import::import_jsonl(&stored).expect("what was imported can be imported");
            prop_assert_eq!(again, stored);
        }
    }

    #[test]
    fn fuzz_chat_import_foreign(format in select(foreign()), swaps in swaps()) {
        let data = swap(&format, &swaps);
        for file in import::import_json(&data, "User", "Char", now()).unwrap_or_default() {
            for line in chat::split(&file) {
                prop_assert!(text::is_valid(line), "{}", String::from_utf8_lossy(line));
            }
        }
    }

    #[test]
    fn fuzz_chat_statistics(edits in edits()) {
        let file = apply(LINES.as_bytes(), &edits);
        let mut stats = CharacterStats::default();
        stats.add_chat(chat::split(&file), file.len() as u64, now());
        prop_assert!(text::is_valid(&text::to_vec(&stats.to_value())));
    }
}
