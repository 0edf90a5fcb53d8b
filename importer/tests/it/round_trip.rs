//! In and out again, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::source::{Node, Root, assert_same, card, card_v2, picture, touch, tree};
use crate::target::{Target, folder, program, run};

const SAVED_CHAT: &str = concat!(
    r#"{"chat_metadata":{"integrity":"x"},"user_name":"unused","character_name":"unused"}"#,
    "\n",
    r#"{"name":"Ann","is_user":false,"mes":"Hello, \ud83d\ude00","send_date":"2024-01-01T00:00:00.000Z"}"#,
    "\n",
    r#"{"name":"User","is_user":true,"mes":"Hi"}"#,
);

/// Files of the first account that are plain text.
const TEXTS: [(&str, &str); 18] = [
    ("settings.json", "{\n    \"a\": 1.50,\n    \"a\": 2\n}"),
    ("stats.json", "{}"),
    ("content.log", "settings.json\ngone.json"),
    (
        "secrets.json",
        "{\n    \"api_key_openai\": [],\n    \"unknown\": 1\n}",
    ),
    (
        "worlds/Lore.json",
        "{\"entries\":{\"1\":{\"uid\":1,\"odd\":null}}}",
    ),
    ("worlds/UPPER.JSON", " {} "),
    ("groups/1700.json", "{\"id\":\"1700\",\"members\":[]}"),
    ("group chats/1700.jsonl", SAVED_CHAT),
    ("sysprompt/.migrated", ""),
    ("chats/Ann/saved.jsonl", SAVED_CHAT),
    ("chats/Ann/empty.jsonl", ""),
    ("chats/Ann/feeds.jsonl", "\n\n"),
    ("chats/Ann/sub/deep.jsonl", "not looked at {"),
    ("chats/Ann/.jsonl", "hidden"),
    ("chats/loose.jsonl", SAVED_CHAT),
    ("backgrounds/empty.jpg", ""),
    ("unknown.xyz", "?"),
    ("un known/deep/er/a\\b\u{301}\n.txt", "?"),
];

/// Everything that SillyTavern itself would write, and nothing that it would not.
fn clean() -> Root {
    let mut root = Root::with_default_user();
    root.user(&json!({
        "handle": "ann", "name": "Ann \u{e9} \u{1f600}", "created": 1_711_111_111_111_u64, "password": "aGFzaA==",
        "salt": "c2FsdA==", "admin": false, "enabled": true,
    }));
    root.record("avatar:ann", &json!("data:image/png;base64,iVBORw0KGgo="));
    for (path, text) in TEXTS {
        root.add(&format!("default-user/{path}"), text);
    }
    let v1 = card(&json!({ "name": "V1", "description": "old", "chat": "V1 - x" }));
    let crlf = SAVED_CHAT.replace('\n', "\r\n") + "\r\n\r\n";
    for (path, bytes) in [
        ("characters/V1.png", v1),
        ("characters/Ann.png", card_v2("Ann")),
        ("characters/Zo\u{eb} \u{1f3ad}.png", card_v2("composed")),
        ("characters/Zoe\u{308} \u{1f3ad}.png", card_v2("decomposed")),
        ("characters/100%25 x.png", card_v2("percent")),
        ("characters/a.pngb.png", card_v2("dots")),
        ("characters/Ann/joy.png", picture()),
        ("User Avatars/user-default.png", picture()),
        ("chats/Ann/crlf.jsonl", crlf.into_bytes()),
        (
            "chats/Ann/twice.jsonl",
            format!("{SAVED_CHAT}\n{SAVED_CHAT}\n").into_bytes(),
        ),
        (
            "chats/Ann/latin.jsonl",
            [SAVED_CHAT.as_bytes(), b"\n{\"mes\":\"\xe9\xff\"}"].concat(),
        ),
        (
            "extensions/x/.git/objects/ab/cdef",
            vec![0, 159, 146, 150, 10, 13, 0],
        ),
        ("user/files/large.bin", noise(9_000_001)),
    ] {
        root.add(&format!("default-user/{path}"), bytes);
    }
    for folder in ["chats/Nobody", "user/images/a/b c/d"] {
        fs::create_dir_all(root.path().join("default-user").join(folder)).expect("our own folder");
    }
    root.add("ann/settings.json", "{}");
    root.add("ann/chats/Ann/saved.jsonl", SAVED_CHAT);
    root
}

/// Bytes that repeat nowhere near.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// A root with nothing but users' data comes out as it went in, and a second import finds nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_root_comes_back_whole() {
    let root = clean();
    let before = tree(root.path());
    let target = Target::start().await;
    let first = target.import(root.path()).expect(0);
    let total = first.row("total");
    assert_eq!(
        total[0],
        before
            .values()
            .filter(|node| matches!(node, Node::File(..)))
            .count()
    );
    assert_eq!(total[1..], [total[0], 0, 0, 0, 0, 0]);
    assert_eq!(before, tree(root.path()), "the source was changed");

    let out = folder();
    target.export(&out.path().join("new")).expect(0);
    assert_same(&before, &tree(&out.path().join("new")));

    let rows = target.rows().await;
    let second = target.import(root.path()).expect(0);
    assert_eq!(second.row("total")[1..], [0, total[0], 0, 0, 0, 0]);
    assert_eq!(rows, target.rows().await, "a second import wrote something");
    target.stop().await;
}

/// What SillyTavern makes again, and what only tells of one machine, is left out, and the summary says so.
#[tokio::test(flavor = "multi_thread")]
async fn derived_files_are_left_out_and_counted() {
    let mut root = Root::with_default_user();
    root.add("default-user/settings.json", "{}");
    let left_out = [
        "access.log",
        "heartbeat.json",
        "_uploads/abc",
        "_cache/characters/1",
        "_webpack/x/output/lib.js",
        "default-user/thumbnails/bg/a.jpg",
    ];
    for path in left_out {
        root.add(path, "x");
    }
    let target = Target::start().await;
    let run = target.import(root.path()).expect(0);
    assert_eq!(
        run.row("total"),
        [left_out.len() + 2, 2, 0, left_out.len(), 0, 0, 0]
    );
    assert_eq!(run.row("other"), [left_out.len(), 0, 0, left_out.len(), 0, 0, 0]);
    let mut expected = tree(root.path());
    let folders = ["_uploads", "_cache", "_webpack"];
    expected.retain(|path, _| {
        !left_out.iter().any(|left| path == Path::new(left))
            && !folders.iter().any(|left| path.starts_with(left))
    });
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&expected, &tree(out.path()));
    target.stop().await;
}

/// Damaged files are taken as they are, named each time, and come back as they are.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_kept_and_named() {
    let mut root = Root::with_default_user();
    let good = card_v2("Good");
    root.add("default-user/characters/good.png", &good);
    let damaged: [(&str, &[u8], &str); 9] = [
        (
            "characters/cut.png",
            &good[..good.len() - 20],
            "ends before its IEND",
        ),
        ("characters/plain.png", &picture(), "No PNG metadata"),
        ("characters/text.png", b"not a picture", "signature"),
        ("characters/array.png", &card(&json!([1])), "not a JSON object"),
        ("worlds/bad.json", b"{\"entries\":", "not JSON"),
        ("worlds/none.json", b"", "not JSON"),
        ("worlds/bom.json", b"\xEF\xBB\xBF{}", "not JSON"),
        (
            "chats/A/cut.jsonl",
            b"{\"a\":1}\n{\"mes\":\"Hel",
            "line 2 is not JSON",
        ),
        (
            "chats/A/bom.jsonl",
            b"\xEF\xBB\xBF{}\nx\n{}",
            "2 lines are not JSON (the first is line 1)",
        ),
    ];
    for (path, bytes, _) in damaged {
        root.add(&format!("default-user/{path}"), bytes);
    }
    let target = Target::start().await;
    let total = damaged.len() + 2;
    for expected in [[total, total, 0, 0, 0, 0, 0], [total, 0, total, 0, 0, 0, 0]] {
        let run = target.import(root.path()).expect(5);
        assert_eq!(run.row("total"), expected);
        assert_eq!(run.err.matches("damaged ").count(), damaged.len(), "{}", run.err);
        for (path, _, reason) in damaged {
            let problem = run.problem(&format!("default-user/{path}"));
            assert!(
                problem.starts_with("damaged") && problem.contains(reason),
                "{problem}"
            );
        }
    }
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    target.stop().await;
}

/// A chat that is larger than what travels in memory comes in and out line by line: the same bytes, the same revisions.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_chat_is_streamed() {
    let mut root = Root::with_default_user();
    let path = "default-user/chats/Ann/large.jsonl";
    let line = |number: usize| format!("{{\"mes\":\"{number} {}\"}}", "x".repeat(number % 7000));
    let text = |count: usize| (0..count).map(line).collect::<Vec<_>>().join("\n");
    // Repeats, a broken line, no line feed at the end.
    let first = format!("{}\n{}\n{{\"mes\":\ncut", text(4000), text(10));
    root.add(path, &first);
    root.add("default-user/chats/Ann/one line.jsonl", line(6999).repeat(2000));
    let target = Target::start().await;
    let done = target.import(root.path()).expect(5);
    assert!(
        done.problem(path)
            .contains("2 lines are not JSON (the first is line 4011)")
    );
    let rows: BTreeMap<String, i64> = target.rows().await.into_iter().collect();
    let count = |rows: &BTreeMap<String, i64>, name: &str| {
        let found = rows.iter().filter(|(row, _)| row.ends_with(name));
        found.map(|(_, count)| *count).sum::<i64>()
    };
    assert_eq!((count(&rows, "lines"), count(&rows, "revisions")), (4003, 2));
    run(target.command("verify").arg(root.path()).arg("--deep")).expect(0);
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));

    assert_eq!(
        target.import(root.path()).expect(5).row("chats"),
        [2, 0, 2, 0, 0, 0, 0]
    );
    touch(&root.path().join(path), 50);
    assert_eq!(
        target.import(root.path()).expect(5).row("chats"),
        [2, 1, 1, 0, 0, 0, 0]
    );
    let rows: BTreeMap<String, i64> = target.rows().await.into_iter().collect();
    assert_eq!((count(&rows, "lines"), count(&rows, "revisions")), (4003, 2));
    root.add(path, text(4001));
    touch(&root.path().join(path), 60);
    let grown = target.import(root.path()).expect(5);
    assert_eq!(grown.row("chats"), [2, 1, 1, 0, 0, 0, 0]);
    let rows: BTreeMap<String, i64> = target.rows().await.into_iter().collect();
    assert_eq!((count(&rows, "lines"), count(&rows, "revisions")), (4004, 3));
    run(target.command("rollback").arg(grown.run_id())).expect(0);
    fs::write(root.path().join(path), &first).expect("our own file");
    touch(&root.path().join(path), 50);
    run(target.command("verify").arg(root.path()).arg("--deep")).expect(0);
    target.stop().await;
}

/// Only what changed is written again; a chat that grew gets one more revision and keeps its lines.
#[tokio::test(flavor = "multi_thread")]
async fn only_changes_are_written_again() {
    let mut root = clean();
    let target = Target::start().await;
    let total = target.import(root.path()).expect(0).row("total")[0];
    let rows: BTreeMap<String, i64> = target.rows().await.into_iter().collect();
    let line = r#"{"name":"Ann","is_user":false,"mes":"More"}"#;
    root.add(
        "default-user/chats/Ann/saved.jsonl",
        format!("{SAVED_CHAT}\n{line}"),
    );
    root.add("default-user/worlds/Lore.json", "{\"entries\":{}}");
    root.add("default-user/characters/Ann.png", card_v2("Ann, changed"));
    root.add("default-user/new.txt", "new");
    touch(&root.path().join("default-user/chats/loose.jsonl"), 9999);
    let run = target.import(root.path()).expect(0);
    assert_eq!(run.row("total"), [total + 1, 5, total - 4, 0, 0, 0, 0]);
    let now: BTreeMap<String, i64> = target.rows().await.into_iter().collect();
    let grown: Vec<(&str, i64)> = now
        .iter()
        .filter_map(|(name, count)| Some((name.split_once(' ')?.1, count - rows[name])))
        .filter(|(_, by)| *by != 0)
        .collect();
    assert_eq!(
        grown,
        [
            ("blobs", 3),
            ("files", 1),
            ("lines", 1),
            ("revisions", 1),
            ("versions", 1)
        ]
    );
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    target.stop().await;
}

/// One account of several comes out alone, and quietly.
#[tokio::test(flavor = "multi_thread")]
async fn one_account_is_exported_alone() {
    let root = clean();
    let target = Target::start().await;
    target.import(root.path()).expect(0);
    let out = folder();
    let done = run(target
        .command("export")
        .arg(out.path())
        .args(["--user", "ann", "--quiet"]))
    .expect(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
    let mut expected = tree(root.path());
    let first_user = squaretable_compat::layout::storage_file_name("user:default-user");
    expected.retain(|path, _| {
        !path.starts_with("default-user") && path != &PathBuf::from("_storage").join(&first_user)
    });
    assert_same(&expected, &tree(out.path()));
    let out = folder();
    run(target
        .command("export")
        .arg(out.path())
        .args(["--user", "nobody"]))
    .expect(2);
    target.stop().await;
}

/// Without a running PostgreSQL the program starts one for itself, and stops it; a URL leads to the same data.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_brings_its_own_database() {
    let root = clean();
    let data = folder();
    let with_data = |verb: &str| {
        let mut command = program();
        command.arg(verb).arg("--data-dir").arg(data.path());
        command
    };
    run(with_data("import").arg(root.path()).arg("--with-secrets")).expect(0);
    assert!(
        !data.path().join("postgres/cluster/postmaster.pid").exists(),
        "PostgreSQL still runs"
    );
    let out = folder();
    run(with_data("export").arg(out.path()).arg("--all-users")).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
}
