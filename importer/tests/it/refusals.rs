//! What is not taken, not overwritten or not understood, and the exit code that says so.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::json;
use sqlx::{Connection, Executor};
use squaretable::store::{accounts, characters, chats, documents};
use squaretable_compat::layout::{DocumentKind, storage_file_name};

use crate::source::{Node, Root, assert_same, card_v2, tree};
use crate::target::{Target, as_new, folder, program, run};

/// Links and names that cannot be stored are rejected; records that say nothing of an account are kept and named.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_named() {
    let mut root = Root::with_default_user();
    root.add("default-user/settings.json", "{}");
    root.add("_storage/broken", "{");
    root.record("other:key", &json!(1));
    root.record("avatar:nobody", &json!("data:,"));
    root.record("user:../up", &json!({ "handle": "../up" }));
    root.record("user:_system", &json!({ "handle": "_system" }));
    let user = root.path().join("default-user");
    symlink("settings.json", user.join("link.json")).expect("a link");
    symlink("worlds", user.join("linked")).expect("a link");
    symlink("default-user", root.path().join("other")).expect("a link");
    let odd = user.join("worlds").join(OsStr::from_bytes(b"\xff.json"));
    fs::write(odd, "{}").expect("our own file");
    let target = Target::start().await;
    let done = target.import(root.path()).expect(5);
    assert_eq!(done.row("total"), [11, 7, 0, 0, 0, 0, 4]);
    let stored = |key: &str| format!("_storage/{}", storage_file_name(key));
    for (word, path, reason) in [
        ("rejected", "default-user/link.json", "symbolic link"),
        ("rejected", "default-user/linked", "symbolic link"),
        ("rejected", "other", "symbolic link"),
        ("rejected", "default-user/worlds/\u{fffd}.json", "UTF-8"),
        ("damaged", "_storage/broken", "not a record"),
        ("damaged", &stored("other:key"), "no record \"other:key\""),
        ("damaged", &stored("avatar:nobody"), "no account \"nobody\""),
        ("damaged", &stored("user:../up"), "cannot name an account"),
        ("damaged", &stored("user:_system"), "cannot name an account"),
    ] {
        let problem = done.problem(path);
        assert!(problem.starts_with(word) && problem.contains(reason), "{problem}");
    }
    let out = folder();
    target.export(out.path()).expect(0);
    let mut expected = tree(root.path());
    expected.retain(|path, node| *node != Node::Other && !path.to_string_lossy().contains('\u{fffd}'));
    assert_same(&expected, &tree(out.path()));
    target.stop().await;
}

/// A record with members that SillyTavern does not write keeps them, as long as the account is what the record says.
#[tokio::test(flavor = "multi_thread")]
async fn an_odd_account_record_comes_back() {
    let mut root = Root::new();
    root.user(
        &json!({ "handle": "default-user", "name": "User", "created": 1, "password": "", "admin": true,
                       "enabled": true, "salt": "", "note": "mine" }),
    );
    let target = Target::start().await;
    target.import(root.path()).expect(0);
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    let db = target.db().await;
    let mut user = accounts::find(&db, "default-user")
        .await
        .expect("an answer")
        .expect("it exists");
    user.name = "Renamed".to_owned();
    accounts::replace(&db, &as_new(&user))
        .await
        .expect("it is stored");
    db.close().await;
    let out = folder();
    target.export(out.path()).expect(0);
    let name = storage_file_name("user:default-user");
    let record = fs::read_to_string(out.path().join("_storage").join(name)).expect("the record");
    assert!(record.contains("Renamed") && !record.contains("mine"), "{record}");
    target.stop().await;
}

/// What was edited in Squaretable after the source's version stays, unless the caller insists.
#[tokio::test(flavor = "multi_thread")]
async fn later_edits_are_not_overwritten() {
    let mut root = Root::with_default_user();
    root.add("default-user/worlds/Lore.json", "{\"mine\":0}");
    root.add("default-user/chats/A/a.jsonl", "{\"a\":1}\n{\"b\":2}");
    root.add("default-user/themes/Dark.json", "{}");
    root.add("default-user/characters/Ann.png", card_v2("Ann"));
    let target = Target::start().await;
    target.import(root.path()).expect(0);
    edit(&target).await;
    let edited = folder();
    target.export(edited.path()).expect(0);
    let bytes =
        |path: &str| std::fs::read_to_string(edited.path().join("default-user").join(path)).expect("a file");
    assert_eq!(bytes("worlds/Lore.json"), EDITED_WORLD);
    assert_eq!(bytes("chats/A/a.jsonl"), "{\"a\":1}\n{\"b\":2}\n{\"c\":3}");

    let refused = target.import(root.path()).expect(0);
    assert_eq!(refused.row("total"), [5, 0, 2, 0, 3, 0, 0]);
    assert!(
        refused
            .problem("default-user/worlds/Lore.json")
            .contains("changed later")
    );
    let unchanged = target.import(edited.path()).expect(0);
    assert_eq!(
        unchanged.row("total"),
        [5, 0, 5, 0, 0, 0, 0],
        "the edits are not what they were"
    );

    assert_eq!(
        target.overwrite(root.path()).expect(0).row("total"),
        [5, 3, 2, 0, 0, 0, 0]
    );
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    target.stop().await;
}

const EDITED_WORLD: &str = "{\"edited\":1}";

/// Edits a world, a chat and a card as the server would.
async fn edit(target: &Target) {
    let db = target.db().await;
    let tenant = target.tenant(&db, "default-user").await;
    let mut tx = tenant.begin().await.expect("a transaction");
    let world = EDITED_WORLD.as_bytes();
    documents::put(&mut tx, DocumentKind::Worlds, "Lore.json", world)
        .await
        .expect("it is stored");
    let lines: [&[u8]; 3] = [b"{\"a\":1}", b"{\"b\":2}", b"{\"c\":3}"];
    chats::save(&mut tx, "chats/A", "a.jsonl", &lines, chats::Cause::Save)
        .await
        .expect("it is stored");
    let card = characters::get(&mut tx, "Ann.png")
        .await
        .expect("an answer")
        .expect("it exists");
    characters::set_card(&mut tx, &card, b"{\"name\":\"Bea\"}")
        .await
        .expect("it is stored");
    tx.commit().await.expect("it is stored");
    db.close().await;
}

/// A server that was only started has made an account and its default content: both give way without a question.
#[tokio::test(flavor = "multi_thread")]
async fn default_content_gives_way() {
    let mut root = Root::new();
    root.user(
        &json!({ "handle": "default-user", "name": "Ann", "created": 1, "password": "aA==", "admin": true,
                       "enabled": true, "salt": "bB==" }),
    );
    for path in [
        "worlds/Eldoria.json",
        "content.log",
        "settings.json",
        "themes/same.json",
    ] {
        root.add(&format!("default-user/{path}"), format!("\"{path}\""));
    }
    let target = Target::start().await;
    let db = target.db().await;
    let tenant = target.default_user(&db).await;
    let mut tx = tenant.begin().await.expect("a transaction");
    documents::put(&mut tx, DocumentKind::Worlds, "Eldoria.json", b"{}")
        .await
        .expect("it is stored");
    documents::put(
        &mut tx,
        DocumentKind::Themes,
        "same.json",
        b"\"themes/same.json\"",
    )
    .await
    .expect("it is stored");
    documents::put(&mut tx, DocumentKind::Root, "settings.json", b"{}")
        .await
        .expect("it is stored");
    documents::put(&mut tx, DocumentKind::Root, "content.log", b"a\nb")
        .await
        .expect("it is stored");
    tx.commit().await.expect("it is stored");
    // Edited and created by the user: neither is default content any more.
    let mut tx = tenant.begin().await.expect("a transaction");
    documents::put(&mut tx, DocumentKind::Root, "settings.json", b"{\"mine\":1}")
        .await
        .expect("it is stored");
    tx.commit().await.expect("it is stored");
    let run = target.import(root.path()).expect(0);
    assert!(run.problem("default-user/settings.json").starts_with("skipped"));
    assert_eq!(run.row("total"), [5, 4, 0, 0, 1, 0, 0]);
    target.overwrite(root.path()).expect(0);
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    db.close().await;
    target.stop().await;
}

/// An account that somebody set up in Squaretable keeps its name and password, unless the caller insists.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_in_use_is_not_replaced() {
    let account = |name: &str| {
        let mut root = Root::new();
        root.user(
            &json!({ "handle": "ann", "name": name, "created": 1, "password": "aA==", "salt": "bB==",
                           "admin": true, "enabled": true }),
        );
        root
    };
    let (first, second) = (account("First"), account("Second"));
    let target = Target::start().await;
    target.import(first.path()).expect(0);
    assert_eq!(
        target.import(second.path()).expect(0).row("accounts"),
        [1, 0, 0, 0, 1, 0, 0]
    );
    assert_eq!(
        target.import(first.path()).expect(0).row("accounts"),
        [1, 0, 1, 0, 0, 0, 0]
    );
    target.overwrite(second.path()).expect(0);
    assert_eq!(
        target.import(second.path()).expect(0).row("accounts"),
        [1, 0, 1, 0, 0, 0, 0]
    );
    target.stop().await;
}

/// Mistakes of the caller, before anything is touched.
#[test]
fn mistakes_have_exit_codes_of_their_own() {
    let root = Root::with_default_user();
    let empty = folder();
    let data = folder();
    let import = |path: &std::path::Path| {
        let mut command = program();
        command.arg("import").arg(path).arg("--data-dir").arg(data.path());
        command
    };
    run(&mut program()).expect(2);
    run(program().arg("import")).expect(2);
    run(program().arg("rollback")).expect(2);
    run(program().args(["rollback", "x"])).expect(2);
    run(program().args(["export", "x"])).expect(2);
    run(&mut import(&empty.path().join("none"))).expect(3);
    run(&mut import(empty.path())).expect(9);
    let dead = "postgres://nobody:geheim@127.0.0.1:1/none";
    let unreachable = run(import(root.path()).args(["--database-url", dead])).expect(4);
    let malformed = run(import(root.path()).args(["--database-url", "geheim@nowhere"])).expect(4);
    for text in [&unreachable.err, &malformed.err] {
        assert!(!text.contains("geheim") && !text.is_empty(), "{text}");
    }
    let export = |out: &std::path::Path| {
        let mut command = program();
        command
            .arg("export")
            .arg(out)
            .arg("--all-users")
            .arg("--data-dir")
            .arg(data.path());
        command
    };
    run(&mut export(root.path())).expect(7);
    run(&mut export(&empty.path().join("out"))).expect(4);
    assert!(
        !data.path().join("postgres").exists(),
        "a refused run made a database"
    );
}

/// `--help` lists the verbs that exist, and the exit codes.
#[test]
fn help_names_the_verbs_and_exit_codes() {
    let help = run(program().arg("--help")).expect(0).out;
    let verbs = [
        "inspect", "import", "verify", "diff", "export", "rollback", "runs",
    ];
    for part in verbs.iter().chain(&["9  nothing to do"]) {
        assert!(help.contains(part), "{help}");
    }
}

/// Interrupted while the database makes it wait, the program ends with 8, leaves nothing half-written, and goes on
/// when it is run again.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on() {
    let mut root = Root::with_default_user();
    for number in 0..300 {
        root.add(
            &format!("default-user/chats/A/{number}.jsonl"),
            format!("{{\"mes\":{number}}}\n{{}}"),
        );
    }
    let target = Target::start().await;
    target.db().await.close().await;
    let mut lock = target.connect().await;
    let mut hold = lock.begin().await.expect("a transaction");
    hold.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("the lock");
    let mut command = target.command("import");
    let child = command
        .arg(root.path())
        .args(["--with-secrets", "--on-conflict", "newer"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut watch = target.connect().await;
    let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'messages'::regclass";
    loop {
        let waiting: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut watch)
            .await
            .expect("an answer");
        if waiting > 0 {
            break;
        }
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("it runs");
    assert!(kill.success());
    let waiter = tokio::task::spawn_blocking(move || child.wait_with_output());
    // The statement that waits for the lock ends with it; the signal came first.
    hold.rollback().await.expect("the lock is released");
    let ended = waiter.await.expect("no panic").expect("it ends");
    assert_eq!(
        ended.status.code(),
        Some(8),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let rows = target.rows().await;
    let count = |name: &str| {
        rows.iter()
            .find(|(row, _)| row.ends_with(name))
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(count("lines"), 2 * count("chats"), "half a chat: {rows:?}");
    let again = target.import(root.path()).expect(0);
    let total = again.row("chats");
    assert_eq!((total[0], total[1] + total[2]), (300, 300));
    watch.close().await.expect("the connection closes");
    lock.close().await.expect("the connection closes");
    target.stop().await;
}
