//! What happens where the account holds something else, and what a run can be asked to leave out.

use serde_json::json;
use squaretable::store::documents;
use squaretable_compat::layout::DocumentKind;

use crate::source::{Node, Root, card_v2, touch, tree};
use crate::target::{Target, folder, run};

const FIRST: &str = "{\"mes\":\"first\"}";
const SECOND: &str = "{\"mes\":\"second\"}";

/// A card with two chats, a world, settings, a picture.
fn root(text: &str) -> Root {
    let mut root = Root::with_default_user();
    root.add("default-user/characters/Ann.png", card_v2(text));
    root.add("default-user/chats/Ann/a.jsonl", text);
    root.add("default-user/chats/Ann/b.jsonl", "{\"mes\":\"both\"}");
    root.add("default-user/worlds/Lore.json", text);
    root.add("default-user/settings.json", text);
    root.add("default-user/backgrounds/wall.jpg", text);
    root
}

/// The text of a file of an export.
fn text(out: &tempfile::TempDir, path: &str) -> String {
    let path = out.path().join("default-user").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Without being told what to do, an import into an account that holds something else writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_in_use_is_refused() {
    let (first, second) = (root(FIRST), root(SECOND));
    let target = Target::start().await;
    target.import_with(first.path(), &[]).expect(0);
    // The same again is no conflict.
    target.import_with(first.path(), &[]).expect(0);
    let before = target.rows().await;
    let refused = target.import_with(second.path(), &[]).expect(7);
    assert!(refused.err.contains("--on-conflict"), "{}", refused.err);
    assert_eq!(target.rows().await, before);
    // An account that holds something more is refused as well: its files would be mixed with the source's.
    let mut part = Root::with_default_user();
    part.add("default-user/themes/new.json", "{}");
    target.import_with(part.path(), &[]).expect(7);
    assert_eq!(target.rows().await, before);
    target.stop().await;
}

/// `skip` keeps, `overwrite` takes, `newer` compares times.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_versions_stays() {
    let (first, second) = (root(FIRST), root(SECOND));
    // Of the second root only the world is newer.
    touch(&second.path().join("default-user/worlds/Lore.json"), 5000);
    for (how, world, chat) in [
        ("skip", FIRST, FIRST),
        ("overwrite", SECOND, SECOND),
        ("newer", SECOND, FIRST),
    ] {
        let target = Target::start().await;
        touch(&first.path().join("default-user/chats/Ann/a.jsonl"), 4000);
        target.import_with(first.path(), &[]).expect(0);
        target
            .import_with(second.path(), &["--on-conflict", how])
            .expect(0);
        let out = folder();
        target.export(out.path()).expect(0);
        assert_eq!(text(&out, "worlds/Lore.json"), world, "{how}");
        assert_eq!(text(&out, "chats/Ann/a.jsonl"), chat, "{how}");
        target.stop().await;
    }
}

/// `rename` keeps both: the card takes its chats along, and what exists only once stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn both_versions_stay_under_two_names() {
    let (first, second) = (root(FIRST), root(SECOND));
    let target = Target::start().await;
    target.import_with(first.path(), &[]).expect(0);
    let before = folder();
    target.export(before.path()).expect(0);
    let renamed = target
        .import_with(second.path(), &["--on-conflict", "rename"])
        .expect(0);
    assert!(
        renamed
            .problem("default-user/settings.json")
            .starts_with("skipped")
    );
    let out = folder();
    target.export(out.path()).expect(0);
    assert_eq!(text(&out, "chats/Ann/a.jsonl"), FIRST);
    assert_eq!(text(&out, "chats/Ann (2)/a.jsonl"), SECOND);
    assert_eq!(text(&out, "chats/Ann (2)/b.jsonl"), "{\"mes\":\"both\"}");
    assert_eq!(text(&out, "worlds/Lore (2).json"), SECOND);
    assert_eq!(text(&out, "backgrounds/wall (2).jpg"), SECOND);
    assert_eq!(text(&out, "settings.json"), FIRST);
    let old = tree(&before.path().join("default-user"));
    let now = tree(&out.path().join("default-user"));
    for (path, node) in &old {
        assert_eq!(now.get(path), Some(node), "{}", path.display());
    }
    target.stop().await;
}

/// A dry run says what would happen, and nothing of it has happened: not even an account is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_nothing() {
    let mut root = root(FIRST);
    root.user(
        &json!({ "handle": "ann", "name": "Ann", "created": 1, "password": "", "salt": "", "admin": false,
                       "enabled": true }),
    );
    root.add("ann/backgrounds/large.bin", vec![7; 9 << 20]);
    let target = Target::start().await;
    target.db().await.close().await;
    let before = target.rows().await;
    let dry = target.import_with(root.path(), &["--dry-run"]).expect(0);
    assert_eq!(dry.row("total"), [9, 9, 0, 0, 0, 0, 0]);
    assert_eq!(target.rows().await, before);
    run(&mut target.command("runs")).expect(9);
    target.import_with(root.path(), &[]).expect(0);
    target.stop().await;
}

/// Filters leave files out, by name and in the sum; secrets are left out unless they are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn filters_are_counted() {
    let mut root = root(FIRST);
    root.add("default-user/secrets.json", "{}");
    root.add("default-user/characters/Bob.png", card_v2("Bob"));
    root.add("default-user/chats/Bob/a.jsonl", FIRST);
    touch(&root.path().join("default-user/worlds/Lore.json"), 9000);
    // The end of 2023 and 9,000 hours.
    for (arguments, taken) in [
        (&["--only", "chats,cards"][..], 5),
        (&["--character", "Ann"], 3),
        (
            &["--character", "Ann", "--character", "Bob.png", "--only", "cards"],
            2,
        ),
        (&["--since", "2024-12-31"], 1),
        (&["--exclude", "chats", "--exclude", "*.json"], 4),
        (&[], 8),
        (&["--with-secrets"], 9),
    ] {
        let target = Target::start().await;
        let done = run(target.command("import").arg(root.path()).args(arguments)).expect(0);
        let total = done.row("total");
        // The account's own record is always taken.
        assert_eq!(
            (total[0], total[1]),
            (10, taken + 1),
            "{arguments:?}\n{}",
            done.out
        );
        target.stop().await;
    }
}

/// `--on-error` ends a run; what was taken before stays, and the same command goes on.
#[tokio::test(flavor = "multi_thread")]
async fn errors_end_a_run_when_asked() {
    let mut root = root(FIRST);
    for number in 0..5 {
        let path = root.add(&format!("default-user/themes/{number}.json"), "{}");
        std::fs::remove_file(&path).expect("our own file");
        std::os::unix::fs::symlink("/etc/hostname", &path).expect("our own link");
    }
    let target = Target::start().await;
    // Links are settled by the scan, before the first file is written.
    let ended = target.import_with(root.path(), &["--on-error", "3"]).expect(5);
    assert!(ended.err.contains("--on-error"), "{}", ended.err);
    target.import_with(root.path(), &[]).expect(5);
    let verified = run(target.command("verify").arg(root.path()).arg("--deep")).expect(5);
    assert_eq!(verified.row("documents")[1], 2, "{}", verified.out);
    target.stop().await;
}

/// One account of a data root, under another name.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_gets_another_name() {
    let root = root(FIRST);
    let target = Target::start().await;
    run(target
        .command("import")
        .arg(root.path())
        .args(["--user", "nobody=ann"]))
    .expect(2);
    run(target
        .command("import")
        .arg(root.path())
        .args(["--user", "default-user=ann"]))
    .expect(0);
    let db = target.db().await;
    let tenant = target.tenant(&db, "ann").await;
    let mut tx = tenant.begin().await.expect("a transaction");
    let world = documents::get(&mut tx, DocumentKind::Worlds, "Lore.json")
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!(world.body, FIRST.as_bytes());
    tx.commit().await.expect("an answer");
    db.close().await;
    let verify = |arguments: &[&str]| {
        run(target
            .command("verify")
            .arg(root.path())
            .arg("--deep")
            .args(arguments))
    };
    verify(&["--user", "default-user=ann"]).expect(0);
    // Under its own name there is no such account.
    verify(&[]).expect(6);
    target.stop().await;
}

/// A folder of one user goes to the account that it is named after, or to the one that is named; an unknown account is
/// made only when that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn one_users_folder_is_a_source() {
    let root = root(FIRST);
    let source = root.path().join("default-user");
    let target = Target::start().await;
    run(target.command("import").arg(&source).args(["--user", "ann"])).expect(2);
    run(target
        .command("import")
        .arg(&source)
        .args(["--user", "ann", "--create-tenant"]))
    .expect(0);
    run(target.command("import").arg(&source)).expect(0);
    for user in ["ann", "default-user"] {
        let out = folder();
        run(target.command("export").arg(out.path()).args(["--user", user])).expect(0);
        let mut found = tree(&out.path().join(user));
        found.retain(|_, node| *node != Node::Folder);
        let mut expected = tree(&source);
        expected.retain(|_, node| *node != Node::Folder);
        assert_eq!(found, expected);
    }
    target.stop().await;
}
