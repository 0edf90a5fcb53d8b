//! Files that hold keys.

use sqlx::{Connection, Executor};

use crate::source::{Root, assert_same, tree};
use crate::target::{Target, folder, run};

/// Everything that holds keys is left out unless it is asked for, and then nothing of it is stored in plain text.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_taken_when_asked_for_and_sealed() {
    let mut root = Root::with_default_user();
    root.add("default-user/settings.json", "{}");
    let keys = [
        "default-user/secrets.json",
        "default-user/secrets.json.4711",
        "default-user/backups/secrets_migration_1700000000000.json",
        "cookie-secret.txt",
        "ghost/secrets.json",
    ];
    for path in keys {
        root.add(path, "{\"api_key_openai\":\"canary-92\"}");
    }
    let target = Target::start().await;
    let without = run(target.command("import").arg(root.path())).expect(0);
    assert_eq!(without.row("secrets"), [5, 0, 0, 5, 0, 0, 0]);
    let out = folder();
    target.export(out.path()).expect(0);
    assert!(keys.iter().all(|path| !out.path().join(path).exists()));

    let done = target.import(root.path()).expect(0);
    assert_eq!(done.row("secrets"), [5, 5, 0, 0, 0, 0, 0]);
    assert_eq!(target.plain_blobs("canary-92").await, 0);
    assert_eq!(
        target.import(root.path()).expect(0).row("secrets"),
        [5, 0, 5, 0, 0, 0, 0]
    );
    run(target
        .command("verify")
        .arg(root.path())
        .args(["--with-secrets", "--deep"]))
    .expect(0);
    let out = folder();
    target.export(out.path()).expect(0);
    assert_same(&tree(root.path()), &tree(out.path()));
    let out = folder();
    run(target
        .command("export")
        .arg(out.path())
        .args(["--all-users", "--without-secrets"]))
    .expect(0);
    assert!(keys.iter().all(|path| !out.path().join(path).exists()));

    let id = done.run_id();
    run(target.command("rollback").arg(id)).expect(0);
    let out = folder();
    target.export(out.path()).expect(0);
    assert!(keys.iter().all(|path| !out.path().join(path).exists()));
    target.stop().await;
}

/// Secrets are sealed by the master key; without it they are neither stored nor lost from sight.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_need_the_master_key() {
    let mut root = Root::with_default_user();
    root.add("default-user/secrets.json", "{\"api_key_openai\":\"canary-91\"}");
    let target = Target::start().await;
    target.import(root.path()).expect(0);
    let mut conn = target.connect().await;
    let sql = "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants";
    conn.execute(sql).await.expect("an answer");
    let sql = "SELECT count(*) FROM secrets WHERE strpos(encode(body, 'escape'), 'canary') > 0";
    let plain: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut conn)
        .await
        .expect("an answer");
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM secrets")
        .fetch_one(&mut conn)
        .await
        .expect("an answer");
    assert_eq!((plain, all), (0, 1));
    conn.close().await.expect("the connection closes");
    let out = folder();
    let other_key = run(target
        .command("export")
        .arg(out.path())
        .arg("--all-users")
        .env("SQUARETABLE_MASTER_KEY", "ab".repeat(32)))
    .expect(5);
    assert!(
        other_key
            .problem("default-user/secrets.json")
            .contains("master key")
    );
    assert!(!out.path().join("default-user/secrets.json").exists());
    target.stop().await;
}
