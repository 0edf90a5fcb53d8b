use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn modified() -> DateTime<Utc> {
    Utc.timestamp_opt(1_720_747_897, 123_456_000).unwrap()
}

fn info(file: &str) -> String {
    let summary = Summary::of(&split(file.as_bytes()));
    let json = info_json(
        &summary,
        "a.b.jsonl",
        file.len() as u64,
        modified(),
        Owner::Unnamed,
        true,
    );
    String::from_utf8(json).unwrap()
}

/// The part of a `ChatInfo` that depends on the lines: match, chat_items, mes, last_mes.
fn short(file: &str) -> (bool, u64, Value, Value) {
    let info: Value = json::parse(info(file).as_bytes()).unwrap();
    (
        info["match"] == true,
        info["chat_items"].as_u64().unwrap(),
        info["mes"].clone(),
        info["last_mes"].clone(),
    )
}

const HEADER: &str = r#"{"chat_metadata":{"integrity":"x","n":1.0},"user_name":"unused"}"#;

#[test]
fn chat_info_of_an_ordinary_chat() {
    let file = format!("{HEADER}\n{{\"name\":\"A\",\"mes\":\"h\\u00e9 \\ud83d\",\"send_date\":\"2024\"}}");
    assert_eq!(
        info(&file),
        r#"{"match":true,"file_id":"a.b","file_name":"a.b.jsonl","file_size":"119B","chat_items":1,"mes":"hé \ud83d","last_mes":"2024","chat_metadata":{"integrity":"x","n":1}}"#
    );
    let summary = Summary::of(&split(file.as_bytes()));
    assert_eq!(Summary::from_stored(&summary.to_stored()).unwrap(), summary);
    let tail = |owner: Owner<'_>| {
        let json = info_json(&summary, "x.jsonl", 1, modified(), owner, false);
        String::from_utf8(json)
            .unwrap()
            .split_once("\"2024\"")
            .unwrap()
            .1
            .to_owned()
    };
    assert_eq!(tail(Owner::Avatar("é\"x.png")), r#","avatar":"é\"x.png"}"#);
    assert_eq!(tail(Owner::Group(&json!(17))), r#","group":17}"#);
    assert_eq!(tail(Owner::Unnamed), "}");
}

#[test]
fn chat_info_of_odd_files() {
    let empty = (
        false,
        0,
        json!("[The chat is empty]"),
        json!(1_720_747_897_123.456),
    );
    assert_eq!(short(""), empty);
    assert_eq!(short("\n"), empty);
    assert_eq!(short(&format!("{HEADER}\n{{\"name\":\"A\"}}\n\n")), empty);
    let no_text = json!("[The message is empty]");
    assert_eq!(
        short(HEADER),
        (true, 0, no_text.clone(), json!("2024-07-12T01:31:37.123Z"))
    );
    assert_eq!(
        short(&format!("{HEADER}\n{{\"name\":\"A\",\"mes\":\"t\"}}\n")).1,
        1
    );
    assert_eq!(
        short(&format!("{HEADER}\r\n{{\"name\":\"A\",\"mes\":\"t\"}}\r\n")).2,
        json!("t")
    );
    assert_eq!(short(&format!("{HEADER}\r{{\"name\":\"A\",\"mes\":\"t\"}}")).1, 1);
    assert_eq!(
        short(&format!("{HEADER}\nx\n{{\"name\":")),
        (true, 1, no_text.clone(), json!(1_720_747_897_123.456))
    );
    assert_eq!(
        short("{broken"),
        (true, 0, no_text.clone(), json!(1_720_747_897_123.456))
    );
    assert_eq!(short("a\nb\n{\"mes\":\"no name\"}").1, 1);
    assert_eq!(
        short("{\"name\":\"A\",\"mes\":5,\"send_date\":[1.50]}"),
        (true, 0, json!(5), json!([1.5]))
    );
}

#[test]
fn facts_of_lines() {
    let facts = |line: &[u8]| {
        let facts = LineFacts::of(line);
        (facts.kept, facts.search)
    };
    let text = |text: &str| (true, Some(text.to_owned()));
    assert_eq!(
        facts(br#"{"mes":"HeLLo \u0000\ud800"}"#),
        text("hello \u{FFFD}\u{FFFD}")
    );
    assert_eq!(facts("{\"mes\":\"İΣ\"}\r".as_bytes()), text("i̇ς"));
    assert_eq!(facts(br#"{"mes":"a","m\u0065s":"B"}"#), text("b"));
    assert_eq!(facts(br#"{"mes":12.0}"#), text("12"));
    assert_eq!(facts(b"{\"mes\":\"\xFF\"}"), text("\u{FFFD}"));
    for line in [r#"{"mes":""}"#, "{}", "[1]", "\"s\"", "true", "-1"] {
        assert_eq!(facts(line.as_bytes()), (true, None), "{line}");
    }
    for line in [
        "",
        " ",
        "null",
        "0",
        "-0.0",
        "\"\"",
        "false",
        "{",
        "{} {}",
        "\u{FEFF}{}",
        "{\"a\":\"\t\"}",
    ] {
        assert_eq!(facts(line.as_bytes()), (false, None), "{line}");
    }
}

#[test]
fn integrity_rule() {
    let check = |incoming: &str, stored: &str| {
        let size = stored.len() as u64;
        integrity_holds(Some(incoming), Some(stored.as_bytes()), size)
    };
    let slug = r#"{"chat_metadata":{"integrity":"x"}}"#;
    assert!(check(slug, HEADER) && check(slug, &format!("\u{FEFF}{HEADER}\r")));
    assert!(check(slug, r#"{"chat_metadata":{"integrity":"\u0078"}}"#));
    assert!(!check(slug, r#"{"chat_metadata":{"integrity":"y"}}"#));
    assert!(check(slug, r#"{"chat_metadata":{"integrity":""}}"#) && check(slug, "{}"));
    for broken in ["{\"chat_metadata\"", "[]", "null", "\"x\"", "\r\n"] {
        assert!(!check(slug, broken), "{broken}");
    }
    for without in [
        "{}",
        "null",
        r#"{"chat_metadata":{"integrity":""}}"#,
        r#"{"chat_metadata":"x"}"#,
    ] {
        assert!(check(without, "{broken"), "{without}");
    }
    assert!(integrity_holds(Some(slug), None, 0) && integrity_holds(Some(slug), Some(b""), 0));
    assert!(
        !integrity_holds(Some(slug), Some(b""), 5),
        "a blank first line is no header"
    );
    let number = |text: &str| format!("{{\"chat_metadata\":{{\"integrity\":{text}}}}}");
    assert!(check(&number("5"), &number("5.0")) && !check(&number("5"), &number("\"5\"")));
    assert!(!check(&number("[]"), &number("[]")));
}

#[test]
fn text_export() {
    let file = concat!(
        r#"{"chat_metadata":{}}"#,
        "\n",
        r#"{"name":"A","mes":"one\r\ntwo\rthree"}"#,
        "\r\n",
        r#"{"name":"B","mes":"hidden","is_system":true}"#,
        "\n",
        r#"{"mes":"raw","extra":{"display_text":"shown \ud800"}}"#,
        "\n"
    );
    let text = export_text(file.as_bytes()).unwrap();
    assert_eq!(
        json::lossy(&text),
        "A: one\ntwo\rthree\n\nundefined: shown \u{FFFD}\n\n"
    );
    assert_eq!(export_text(b"").unwrap(), "");
    for broken in ["{}\n\n{}", "{}\nnull", "{}\n{\"mes\":5}", "\u{FEFF}{}", "{"] {
        assert!(export_text(broken.as_bytes()).is_err(), "{broken:?}");
    }
}

#[test]
fn search_needs_every_fragment_somewhere() {
    let query = Query::new(" Hello\tWORLD ");
    assert_eq!(query.fragments, ["hello", "world"]);
    assert!(query.matches(["say hello", "the world"]));
    assert!(!query.matches(["say hello", "the word"]) && !query.matches([]));
    assert!(query.matches_name("World hello") && !query.matches_name("world"));
    assert!(Query::new("  ").matches([]) && Query::new("").matches_name(""));
}

#[test]
fn previews_keep_the_last_400_units() {
    let long = format!("\"{}\"", "a".repeat(401));
    assert_eq!(preview(&long), format!("\"...{}\"", "a".repeat(400)));
    let short = format!("\"{}\"", "a".repeat(400));
    assert_eq!(preview(&short), short);
    let pairs = format!("\"{}b\"", "😀".repeat(200));
    assert_eq!(preview(&pairs), format!("\"...\\ude00{}b\"", "😀".repeat(199)));
    assert_eq!(preview("5"), "5");
    let summary = Summary::of(&[HEADER.as_bytes()]);
    assert_eq!(
        String::from_utf8(search_json(&summary, "a.jsonl", 1536, modified())).unwrap(),
        r#"{"file_name":"a","file_size":"1.5KB","message_count":0,"last_mes":"2024-07-12T01:31:37.123Z","preview_message":"[The message is empty]"}"#
    );
}

fn imported(data: &Value) -> Vec<String> {
    let files = import::import_json(data, "Us", "Ch", modified()).unwrap();
    files
        .into_iter()
        .map(|file| String::from_utf8(file).unwrap())
        .collect()
}

fn messages(data: &Value) -> String {
    let files = imported(data);
    let (header, messages) = files[0].split_once('\n').unwrap();
    assert_eq!(
        header,
        r#"{"chat_metadata":{},"user_name":"unused","character_name":"unused"}"#
    );
    messages.replace("2024-07-12T01:31:37.123Z", "NOW")
}

#[test]
fn import_of_foreign_chats() {
    let kobold = json!({"savedsettings": {"chatname": "U", "chatopponent": "A||$||B"}, "prompt": "start", "actions": ["{{[INPUT]}} hi {{[OUTPUT]}}"]});
    assert_eq!(
        messages(&kobold),
        "{\"name\":\"A\",\"is_user\":false,\"mes\":\"start\",\"send_date\":\"NOW\",\"extra\":{}}\n{\"name\":\"U\",\"is_user\":true,\"mes\":\"hi\",\"send_date\":\"NOW\",\"extra\":{}}"
    );
    assert_eq!(
        messages(&json!({"data_visible": [["a", ""], [null, {"x": 1}], "p", 5]})),
        "{\"name\":\"Us\",\"is_user\":true,\"send_date\":\"NOW\",\"mes\":\"a\",\"extra\":{}}\n{\"name\":\"Ch\",\"is_user\":false,\"send_date\":\"NOW\",\"mes\":{\"x\":1},\"extra\":{}}\n{\"name\":\"Us\",\"is_user\":true,\"send_date\":\"NOW\",\"mes\":\"p\",\"extra\":{}}"
    );
    assert_eq!(
        messages(&json!({"messages": [{"userId": 1, "msg": "u"}, {}]})),
        "{\"name\":\"Us\",\"is_user\":true,\"send_date\":\"NOW\",\"mes\":\"u\",\"extra\":{}}\n{\"name\":\"Ch\",\"is_user\":false,\"send_date\":\"NOW\",\"extra\":{}}"
    );
    assert_eq!(
        messages(
            &json!({"type": "risuChat", "data": {"message": [{"role": "user", "data": "x", "time": 5.9}, {"name": "N", "time": null}]}})
        ),
        "{\"name\":\"Us\",\"is_user\":true,\"send_date\":\"1970-01-01T00:00:00.005Z\",\"mes\":\"x\",\"extra\":{}}\n{\"name\":\"N\",\"is_user\":false,\"send_date\":\"NOW\",\"mes\":\"\",\"extra\":{}}"
    );
    assert_eq!(imported(&json!({"histories": {}})), Vec::<String>::new());
}

#[test]
fn import_refuses_what_the_original_refuses() {
    for data in [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({"savedsettings": null}),
        json!({"savedsettings": {}, "actions": [5]}),
        json!({"histories": {"histories": [{"msgs": []}]}}),
        json!({"data_visible": [null]}),
        json!({"messages": [null]}),
        json!({"type": "risuChat"}),
        json!({"type": "risuChat", "data": {"message": [{"time": "bad"}]}}),
    ] {
        assert!(
            import::import_json(&data, "Us", "Ch", modified()).is_err(),
            "{data}"
        );
    }
}

#[test]
fn jsonl_import_keeps_or_flattens() {
    let import =
        |file: &[u8]| import::import_jsonl(file).map(|file| String::from_utf8_lossy(&file).into_owned());
    let kept = b"{\"name\":\"a\"}\n{\"mes\":\"x\xFF\"}\n{broken\n\n";
    assert_eq!(import::import_jsonl(kept).unwrap(), kept);
    let chub = "{\"name\":\"a\"}\n{\"mes\":{\"message\":\"m\"},\"swipes\":[{\"message\":\"s\"},\"t\",{\"message\":\"\"}]}\n";
    assert_eq!(
        import(chub.as_bytes()).unwrap(),
        "{\"name\":\"a\"}\n{\"mes\":\"m\",\"swipes\":[\"s\",\"t\",{\"message\":\"\"}]}\n"
    );
    assert_eq!(
        import(b"{\"name\": \"a\"}\r\n{}").unwrap(),
        "{\"name\":\"a\"}\n{}"
    );
    let null_swipe = "{\"name\": \"a\"}\n{\"swipes\":[null]}";
    assert_eq!(import(null_swipe.as_bytes()).unwrap(), null_swipe);
    assert!(
        import(b"{\"x\":1}").is_err()
            && import(b"").is_err()
            && import("\u{FEFF}{\"name\":1}".as_bytes()).is_err()
    );
    assert!(import(b"{\"chat_metadata\":null}").is_ok());
}

proptest! {
    #[test]
    fn join_undoes_split(file in prop::collection::vec(prop::sample::select(b"\n\n\r{}\"a\xFF\0\xEF\xBB\xBF".to_vec()), 0..40)) {
        let lines = split(&file);
        prop_assert_eq!(lines.len(), file.iter().filter(|&&byte| byte == b'\n').count() + 1);
        prop_assert_eq!(join(&lines), file);
    }

    #[test]
    fn kept_means_parsed_and_truthy(line in "[{}\\[\\]\":,a0-9. \\\\u]{0,12}") {
        let value = json::parse(line.as_bytes());
        prop_assert_eq!(LineFacts::of(line.as_bytes()).kept, value.is_ok_and(|value| json::js_truthy(&value)));
    }
}
