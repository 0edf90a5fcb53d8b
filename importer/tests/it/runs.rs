//! What a run remembers: the ledger, going on after an interruption, taking everything back.

use std::fs;

use serde_json::{Value, json};
use squaretable::store::audit::{self, Filter};
use squaretable::store::documents;
use squaretable_compat::layout::DocumentKind;

use crate::source::{Root, assert_same, card_v2, tree};
use crate::target::{Run, Target, folder, run};

/// One file of every kind.
fn root(text: &str) -> Root {
    let mut root = Root::with_default_user();
    root.add("default-user/characters/Ann.png", card_v2(text));
    root.add("default-user/chats/Ann/a.jsonl", text);
    root.add("default-user/group chats/1.jsonl", text);
    root.add("default-user/worlds/Lore.json", text);
    root.add("default-user/settings.json", text);
    root.add("default-user/secrets.json", text);
    root.add("default-user/backgrounds/wall.jpg", text);
    root.add("default-user/own/deep/x.bin", text);
    root
}

fn rollback(target: &Target, id: &str) -> Run {
    run(target.command("rollback").arg(id))
}

/// Taking back an import over other data leaves exactly what was there before.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_restores_what_was_there() {
    let (mut first, mut second) = (root("{\"a\":1}"), root("{\"a\":22}"));
    first.add("default-user/themes/old.json", "{}");
    second.add("default-user/themes/new.json", "{}");
    second.user(
        &json!({ "handle": "ann", "name": "Ann", "created": 1, "password": "", "salt": "", "admin": false,
                         "enabled": true }),
    );
    second.add("ann/worlds/w.json", "{}");
    let target = Target::start().await;
    target.import_with(first.path(), &[]).expect(0);
    let before = folder();
    target.export(before.path()).expect(0);
    let id = target.overwrite(second.path()).expect(0).run_id();
    let between = folder();
    target.export(between.path()).expect(0);
    assert_ne!(tree(before.path()), tree(between.path()));

    let back = rollback(&target, &id).expect(0);
    let total = back.row("total");
    assert_eq!(total[0], total[1], "{}", back.out);
    let after = folder();
    target.export(after.path()).expect(0);
    assert_same(&tree(before.path()), &tree(after.path()));
    assert!(rollback(&target, &id).expect(9).err.contains("already"));
    expect_told(&target, &id).await;
    target.stop().await;
}

/// The audit log tells what the importer did to whom.
async fn expect_told(target: &Target, id: &str) {
    let filter = Filter {
        tenant: Some("ann".to_owned()),
        ..Filter::default()
    };
    let db = target.db().await;
    let told = audit::list(&db, &filter, 10).await.expect("an answer");
    let told: Vec<_> = told
        .iter()
        .map(|entry| (entry.act.as_str(), entry.subject.as_str()))
        .collect();
    let run = format!("run {id}");
    assert_eq!(
        (told[0], told.last()),
        (("rollback", &*run), Some(&("import", &*run)))
    );
    assert!(told.iter().any(|(act, _)| *act == "export"), "{told:?}");
}

/// What was edited since the import stays, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_what_was_edited() {
    let root = root("{\"a\":1}");
    let target = Target::start().await;
    let id = target.import_with(root.path(), &[]).expect(0).run_id();
    let db = target.db().await;
    let tenant = target.tenant(&db, "default-user").await;
    let mut tx = tenant.begin().await.expect("a transaction");
    documents::put(&mut tx, DocumentKind::Worlds, "Lore.json", b"{\"mine\":1}")
        .await
        .expect("it is stored");
    tx.commit().await.expect("it is stored");
    db.close().await;
    let back = rollback(&target, &id).expect(0);
    assert!(back.problem("worlds/Lore.json").starts_with("skipped"));
    assert!(back.problem("default-user").contains("1 files are left"));
    let out = folder();
    target.export(out.path()).expect(0);
    let left = fs::read_to_string(out.path().join("default-user/worlds/Lore.json")).expect("it stayed");
    assert_eq!(left, "{\"mine\":1}");
    assert!(!out.path().join("default-user/characters/Ann.png").exists());
    assert!(!out.path().join("default-user/own").exists());
    target.stop().await;
}

/// Taking back the first import of an account removes the account.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_removes_the_account_it_made() {
    let root = root("{}");
    let target = Target::start().await;
    target.db().await.close().await;
    let before = target.rows().await;
    let id = target.import_with(root.path(), &[]).expect(0).run_id();
    rollback(&target, &id).expect(0);
    let kept = |rows: Vec<(String, i64)>| {
        let mut rows = rows;
        rows.retain(|(name, _)| name != "all blobs");
        rows
    };
    assert_eq!(kept(target.rows().await), kept(before));
    run(target
        .command("export")
        .arg(folder().path().join("x"))
        .arg("--all-users"))
    .expect(9);
    target.stop().await;
}

/// `runs` names every import and what became of each file; a rejected file's bytes can be had back.
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_and_shown() {
    let mut root = root("{}");
    let long = "default-user/".to_owned() + &vec!["a".repeat(200); 11].join("/") + ".txt";
    root.add(&long, "kept");
    let target = Target::start().await;
    run(&mut target.command("runs")).expect(9);
    let id = target.import_with(root.path(), &[]).expect(5).run_id();
    let list = run(&mut target.command("runs")).expect(0).out;
    assert!(list.contains(&id) && list.contains("finished"), "{list}");
    let shown = run(target.command("runs").arg(&id).arg("--json")).expect(0).out;
    let rows: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
        .collect();
    assert_eq!(rows[0]["run"], id.as_str());
    assert_eq!(rows[0]["state"], "finished");
    let cards = rows
        .iter()
        .find(|row| row["kind"] == "cards")
        .expect("cards were counted");
    assert_eq!(
        (&cards["outcome"], &cards["files"]),
        (&json!("imported"), &json!(1))
    );
    rollback(&target, &id).expect(0);
    let list = run(&mut target.command("runs")).expect(0).out;
    assert!(list.contains("rolled back"), "{list}");
    target.stop().await;
}

/// The report file and the event stream hold every file once, and add up to the summary.
#[tokio::test(flavor = "multi_thread")]
async fn reports_hold_every_file() {
    let root = root("{}");
    let target = Target::start().await;
    let out = folder();
    let (csv, log) = (out.path().join("r.csv"), out.path().join("r.log"));
    let done = run(target
        .command("import")
        .arg(root.path())
        .args(["--with-secrets", "--json", "--report"])
        .arg(&csv)
        .arg("--log-file")
        .arg(&log))
    .expect(0);
    let events: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
        .collect();
    assert_eq!(events[0]["event"], "start");
    let files = events.iter().filter(|event| event["event"] == "file").count();
    let summary = events.last().expect("a summary");
    assert_eq!(summary["event"], "summary");
    let found: u64 = summary["kinds"]
        .as_object()
        .expect("kinds")
        .values()
        .map(|kind| kind["found"].as_u64().expect("a count"))
        .sum();
    assert_eq!((files as u64, found), (9, 9));
    assert_eq!(
        fs::read_to_string(&csv).expect("the report").lines().count(),
        1 + 9
    );
    assert_eq!(fs::read_to_string(&log).expect("the log").lines().count(), 9 + 2);
    let json = out.path().join("r.json");
    run(target
        .command("verify")
        .arg(root.path())
        .args(["--with-secrets", "--deep", "--report"])
        .arg(&json))
    .expect(0);
    let report: Value = serde_json::from_slice(&fs::read(&json).expect("the report")).expect("JSON");
    assert_eq!(report["files"].as_array().expect("files").len(), 9);
    run(target
        .command("import")
        .arg(root.path())
        .args(["--report", "r.txt"]))
    .expect(2);
    target.stop().await;
}

/// `verify` finds what is missing or changed in either place; `diff` also names what only the account has.
#[tokio::test(flavor = "multi_thread")]
async fn differences_are_found() {
    let mut root = root("{\"a\":1}");
    let target = Target::start().await;
    target.import_with(root.path(), &[]).expect(0);
    let verify = |verb: &str, deep: bool| {
        let mut command = target.command(verb);
        command.arg(root.path()).arg("--with-secrets");
        if deep {
            command.arg("--deep");
        }
        run(&mut command)
    };
    verify("verify", false).expect(0);
    verify("verify", true).expect(0);
    verify("diff", true).expect(0);
    // The same size and time, other bytes: only --deep reads them.
    let path = root.path().join("default-user/backgrounds/wall.jpg");
    let modified = fs::metadata(&path)
        .and_then(|meta| meta.modified())
        .expect("a time");
    fs::write(&path, "{\"a\":2}").expect("our own file");
    let file = fs::File::options().write(true).open(&path).expect("our own file");
    file.set_modified(modified).expect("our own file");
    verify("verify", false).expect(0);
    let deep = verify("verify", true).expect(6);
    assert!(
        deep.problem("default-user/backgrounds/wall.jpg")
            .contains("bytes differ")
    );
    let gone = root.path().join("default-user/worlds/Lore.json");
    fs::remove_file(&gone).expect("our own file");
    let diff = verify("diff", true).expect(6);
    assert!(
        diff.problem("default-user/worlds/Lore.json")
            .contains("only in Squaretable")
    );
    root.add("default-user/worlds/New.json", "{}");
    let missing = run(target.command("verify").arg(root.path()).arg("--with-secrets")).expect(6);
    assert!(
        missing
            .problem("default-user/worlds/New.json")
            .contains("does not have it")
    );
    target.stop().await;
}
