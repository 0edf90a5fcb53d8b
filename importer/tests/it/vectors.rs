//! Indexes of vectors, which are files until they are used and rows then.

use squaretable::store::vectors;

use crate::source::{Root, assert_same, touch, tree};
use crate::target::{Target, folder, run};

const FOLDER: &str = "vectors/openai/c/m";

fn index(text: &str) -> String {
    let item = |id: u32, numbers: &str| {
        format!(
            r#"{{"id":"{id}","metadata":{{"hash":{id},"text":"{text}","index":0}},"vector":[{numbers}],"norm":1.5}}"#
        )
    };
    let items = [item(1, "0.1,-1e-7"), item(2, "0.5,3")].join(",");
    format!(r#"{{"version":1,"metadata_config":{{}},"items":[{items}]}}"#)
}

fn root(text: &str) -> Root {
    let mut root = Root::with_default_user();
    root.add(&format!("default-user/{FOLDER}/index.json"), index(text));
    root.add(
        "default-user/vectors/openai/broken/m/index.json",
        "{\"version\":1,",
    );
    root.add("default-user/settings.json", "{}");
    root
}

/// As a server does when somebody uses the collection.
async fn used(target: &Target) {
    let db = target.db().await;
    let tenant = target.default_user(&db).await;
    let mut tx = tenant.begin().await.expect("a transaction");
    vectors::bring_in(&mut tx, FOLDER).await.expect("an index");
    assert_eq!(vectors::list(&mut tx).await.expect("a list").len(), 1);
    tx.commit().await.expect("durable");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_used_is_still_the_sources() {
    let root = root("first");
    let before = tree(root.path());
    let target = Target::start().await;
    let id = target.import(root.path()).expect(0).run_id();
    used(&target).await;

    let verify = |deep: &[&str]| run(target.command("verify").arg(root.path()).args(deep));
    verify(&[]).expect(0);
    verify(&["--deep"]).expect(0);
    let out = folder();
    target.export(&out.path().join("new")).expect(0);
    assert_same(&before, &tree(&out.path().join("new")));
    let again = target.import(root.path()).expect(0);
    assert_eq!(again.row("total")[1], 0, "{}", again.out);

    run(target.command("rollback").arg(&id)).expect(0);
    let db = target.db().await;
    let tenant = target.default_user(&db).await;
    let mut tx = tenant.begin().await.expect("a transaction");
    assert_eq!(vectors::list(&mut tx).await.expect("a list").len(), 0);
    drop(tx);
    db.close().await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_takes_the_place_of_the_rows_and_gives_it_back() {
    let (first, mut second) = (root("first"), root("second"));
    let newer = second.add(&format!("default-user/{FOLDER}/index.json"), index("another"));
    touch(&newer, 5);
    let target = Target::start().await;
    target.import(first.path()).expect(0);
    used(&target).await;
    let before = folder();
    target.export(before.path()).expect(0);

    let id = target.overwrite(second.path()).expect(0).run_id();
    let between = folder();
    target.export(between.path()).expect(0);
    let path = format!("default-user/{FOLDER}/index.json");
    let exported =
        |folder: &tempfile::TempDir| std::fs::read_to_string(folder.path().join(&path)).expect("exported");
    assert_eq!(exported(&between), index("another"));
    used(&target).await;
    run(target.command("rollback").arg(&id)).expect(0);
    let after = folder();
    target.export(after.path()).expect(0);
    assert_same(&tree(before.path()), &tree(after.path()));
    target.stop().await;
}
