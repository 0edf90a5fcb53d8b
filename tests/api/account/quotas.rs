//! What an account may hold and ask for.

use futures_util::future::join_all;
use serde_json::{Value, json};
use squaretable::config::limits::Quotas;
use squaretable::store::accounts::NewUser;
use squaretable::store::{Db, documents, quotas};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::DocumentKind;

use super::options;
use crate::api::cards;
use crate::canary;
use crate::harness::{Answer, Client, Log, Options, Server, file};

const SET: &str = "/api/squaretable/quotas/set";
const GET: &str = "/api/squaretable/quotas/get";

/// A server with an administrator and anna, both logged in.
async fn server_with(quotas: Quotas) -> (Server, Client, Client) {
    let server = Server::with(options(|config| config.limits.quotas = quotas)).await;
    server.tenant("admin", true).await;
    server.tenant("anna", false).await;
    let admin = server.client_of("admin").await;
    let anna = server.client_of("anna").await;
    (server, admin, anna)
}

async fn used(client: &Client, what: &str) -> i64 {
    let state = client.post(GET, json!({})).await.expect(200).json();
    state[what]["used"].as_i64().expect("a number")
}

/// Saves a chat of one line that is about so long.
async fn save(client: &Client, name: &str, length: usize) -> Answer {
    let chat = json!([
        { "chat_metadata": {}, "user_name": "unused", "character_name": "unused" },
        { "name": "Ada", "mes": "x".repeat(length) },
    ]);
    let body = json!({ "avatar_url": "Ada.png", "file_name": name, "chat": chat });
    client.post("/api/chats/save", body).await
}

async fn read(client: &Client, name: &str) -> Value {
    let body = json!({ "avatar_url": "Ada.png", "file_name": name });
    client.post("/api/chats/get", body).await.expect(200).json()
}

/// Whether there is such a chat.
async fn is_saved(client: &Client, name: &str) -> bool {
    read(client, name)
        .await
        .as_array()
        .is_some_and(|lines| !lines.is_empty())
}

async fn delete(client: &Client, name: &str) {
    let body = json!({ "avatar_url": "Ada.png", "chatfile": format!("{name}.jsonl") });
    client.post("/api/chats/delete", body).await.expect(200);
}

#[tokio::test]
async fn over_the_quota_nothing_is_written_and_deleting_makes_room() {
    let (_server, admin, anna) = server_with(Quotas::default()).await;
    save(&anna, "first", 1000).await.expect(200);
    let held = used(&anna, "bytes").await;
    assert!(held > 1000, "{held}");
    let quota = json!({ "handle": "anna", "bytes": held + 500 });
    let state = admin.post(SET, quota).await.expect(200).json();
    let expected = json!({ "used": held, "limit": held + 500, "default": null, "override": held + 500 });
    assert_eq!(state["bytes"], expected);

    let refused = save(&anna, "second", 1000).await.expect(507);
    let error = refused.json()["error"].as_str().expect("a text").to_owned();
    assert!(
        error.contains("quota") && error.contains("Nothing was changed"),
        "{error}"
    );
    assert!(!is_saved(&anna, "second").await);
    assert_eq!(used(&anna, "bytes").await, held);
    let theme = json!({ "name": "Big", "note": "x".repeat(1000) });
    anna.post("/api/themes/save", theme.clone()).await.expect(507);
    let picture = file("big.png", [cards::picture(), vec![0; 1000]].concat());
    let upload = anna.upload("/api/backgrounds/upload", picture, &[]).await;
    assert_eq!(upload.status, 507, "{}", upload.text());

    // What does not grow is saved even over the quota, and so is what makes room.
    let tight = json!({ "handle": "anna", "bytes": 10 });
    admin.post(SET, tight).await.expect(200);
    let rename = json!({
        "avatar_url": "Ada.png", "original_file": "first.jsonl", "renamed_file": "renamed.jsonl",
    });
    anna.post("/api/chats/rename", rename).await.expect(200);
    delete(&anna, "renamed").await;
    let wide = json!({ "handle": "anna", "bytes": held + 500 });
    admin.post(SET, wide).await.expect(200);
    save(&anna, "second", 1000).await.expect(200);
    // Another account, and one that may hold all it likes, notice nothing.
    save(&admin, "first", 5000).await.expect(200);
    let free = json!({ "handle": "anna", "bytes": "none" });
    admin.post(SET, free).await.expect(200);
    anna.post("/api/themes/save", theme).await.expect(200);
}

#[tokio::test]
async fn the_environments_quota_holds_for_everybody_and_the_administrator_decides_otherwise() {
    let (_server, admin, anna) = server_with(Quotas {
        bytes: Some(3000),
        ..Quotas::default()
    })
    .await;
    save(&anna, "a", 4000).await.expect(507);
    save(&anna, "a", 1000).await.expect(200);
    save(&admin, "a", 4000).await.expect(507);
    let more = json!({ "handle": "anna", "bytes": 10_000 });
    admin.post(SET, more).await.expect(200);
    save(&anna, "b", 4000).await.expect(200);
    let back = json!({ "handle": "anna", "bytes": null });
    let state = admin.post(SET, back).await.expect(200).json();
    assert_eq!(
        (&state["bytes"]["limit"], &state["bytes"]["override"]),
        (&json!(3000), &Value::Null)
    );
    save(&anna, "c", 10).await.expect(507);
    // Logging in, and reading, are no writes that count.
    anna.post("/api/users/logout", json!({})).await.expect(204);
}

#[tokio::test]
async fn every_version_of_a_chat_counts_until_it_is_deleted() {
    let (_server, admin, anna) = server_with(Quotas::default()).await;
    admin
        .post(SET, json!({ "handle": "anna", "bytes": 5000 }))
        .await
        .expect(200);
    save(&anna, "talk", 2000).await.expect(200);
    let once = used(&anna, "bytes").await;
    save(&anna, "talk", 2000).await.expect(200);
    assert_eq!(used(&anna, "bytes").await, once, "the same lines are held once");
    save(&anna, "talk", 2001).await.expect(200);
    assert!(
        used(&anna, "bytes").await >= once + 2001,
        "the earlier version is kept"
    );
    save(&anna, "talk", 2002).await.expect(507);
    assert_eq!(
        read(&anna, "talk").await[1]["mes"].as_str().map(str::len),
        Some(2001)
    );
    delete(&anna, "talk").await;
    assert!(used(&anna, "bytes").await < 100);
}

/// Two windows, or two nodes: the sum is what is judged, and no save is lost or refused that fits.
#[tokio::test]
async fn saves_at_once_fill_the_quota_and_no_more() {
    let (server, admin, anna) = server_with(Quotas::default()).await;
    let node = server.beside(options(|_| {})).await;
    let elsewhere = anna.elsewhere(&node.url);
    save(&anna, "measure", 1000).await.expect(200);
    let one = used(&anna, "bytes").await;
    delete(&anna, "measure").await;
    let rest = used(&anna, "bytes").await;
    let quota = rest + 5 * one + one / 2;
    admin
        .post(SET, json!({ "handle": "anna", "bytes": quota }))
        .await
        .expect(200);
    let names: Vec<String> = (0..12).map(|n| format!("chat {n:02}")).collect();
    let saves = names.iter().enumerate().map(|(n, name)| {
        let client = if n % 2 == 0 { &anna } else { &elsewhere };
        save(client, name, 1000)
    });
    let answers = join_all(saves).await;
    let count = |code: u16| answers.iter().filter(|answer| answer.status == code).count();
    assert_eq!((count(200), count(507)), (5, 7));
    for (name, answer) in names.iter().zip(&answers) {
        assert_eq!(is_saved(&anna, name).await, answer.status == 200, "{name}");
    }
    assert!(used(&anna, "bytes").await <= quota);
}

/// The counter and the sum of the rows, for the default user of a server that counts.
async fn counted_and_summed(server: &Server) -> ((i64, i64), (i64, i64)) {
    let mut conn = server.sql().await;
    let counted = "SELECT bytes, characters FROM tenant_usage";
    let counted = sqlx::query_as(counted).fetch_one(&mut conn).await.expect("a row");
    let summed = "SELECT bytes, characters FROM measured_usage()";
    let summed = sqlx::query_as(summed).fetch_one(&mut conn).await.expect("a row");
    (counted, summed)
}

/// More than anybody uses, so that everything is counted; with the default content.
fn plenty() -> Options {
    let mut options = Options::default();
    options.config.limits.quotas.bytes = Some(1 << 40);
    options.content = true;
    options
}

#[tokio::test]
async fn the_counter_is_the_sum_whatever_is_written_and_removed() {
    let log = Log::start();
    let server = Server::with(plenty()).await;
    let client = server.client().await;
    let (counted, summed) = counted_and_summed(&server).await;
    assert_eq!(counted, summed);
    assert!(
        counted.0 > 1000 && counted.1 > 0,
        "the default content counts: {counted:?}"
    );
    canary::fill(&client).await;
    let filled = counted_and_summed(&server).await;
    assert_eq!(filled.0, filled.1);
    assert_eq!(filled.0.1, counted.1 + 1);
    assert_ne!(filled.0.0, counted.0);
    let card = json!({ "avatar_url": "Ada.png" });
    for (path, body) in [
        ("/api/characters/duplicate", card.clone()),
        (
            "/api/characters/rename",
            json!({ "avatar_url": "Ada.png", "new_name": "Bea" }),
        ),
        (
            "/api/characters/edit-attribute",
            json!({
                "avatar_url": "Bea.png", "ch_name": "Bea", "field": "description", "value": "much longer than it was",
            }),
        ),
        (
            "/api/chats/rename",
            json!({
                "avatar_url": "Bea.png", "original_file": "talk.jsonl", "renamed_file": "tolk.jsonl",
            }),
        ),
        ("/api/worldinfo/delete", json!({ "name": "Lore" })),
        ("/api/settings/save", json!({ "shorter": 1 })),
        ("/api/groups/delete", json!({ "id": "1" })),
        (
            "/api/characters/delete",
            json!({ "avatar_url": "Bea.png", "delete_chats": true }),
        ),
    ] {
        let answer = client.post(path, body).await;
        assert!(
            answer.status.is_success(),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        let (counted, summed) = counted_and_summed(&server).await;
        assert_eq!(counted, summed, "after {path}");
    }
    client.post("/api/users/reset-step1", json!({})).await.expect(204);
    client
        .post("/api/users/reset-step2", json!({ "code": log.code() }))
        .await
        .expect(204);
    let (counted, summed) = counted_and_summed(&server).await;
    assert_eq!(counted, summed, "after the reset");
}

#[tokio::test]
async fn so_many_characters_and_no_more() {
    let (_server, admin, anna) = server_with(Quotas {
        characters: Some(2),
        ..Quotas::default()
    })
    .await;
    let create = async |client: &Client, name: &str| {
        client
            .post("/api/characters/create", json!({ "ch_name": name }))
            .await
    };
    create(&anna, "A").await.expect(200);
    create(&anna, "B").await.expect(200);
    let refused = create(&anna, "C").await.expect(403);
    assert!(
        refused.text().contains("quota of 2 characters"),
        "{}",
        refused.text()
    );
    let card = cards::png(&json!({ "name": "D", "data": { "name": "D" }, "spec": "chara_card_v2" }));
    let import = anna
        .upload(
            "/api/characters/import",
            file("D.png", card),
            &[("file_type", "png")],
        )
        .await;
    assert_eq!(import.status, 403, "{}", import.text());
    let all = anna
        .post("/api/characters/all", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    // A rename makes one and removes one.
    let rename = json!({ "avatar_url": "B.png", "new_name": "E" });
    anna.post("/api/characters/rename", rename).await.expect(200);
    let delete = json!({ "avatar_url": "A.png" });
    anna.post("/api/characters/delete", delete).await.expect(200);
    create(&anna, "C").await.expect(200);
    admin
        .post(SET, json!({ "handle": "anna", "characters": "none" }))
        .await
        .expect(200);
    create(&anna, "F").await.expect(200);
}

#[tokio::test]
async fn quotas_are_the_administrators_to_set_and_everybodys_own_to_see() {
    let (_server, admin, anna) = server_with(Quotas::default()).await;
    for path in [SET, GET] {
        let body = json!({ "handle": "admin", "bytes": 1 });
        anna.post(path, body).await.expect(403);
    }
    anna.post(SET, json!({ "handle": "anna", "bytes": "none" }))
        .await
        .expect(403);
    let own = anna.post(GET, json!({})).await.expect(200).json();
    assert_eq!(own["handle"], "anna");
    assert_eq!(
        own["characters"],
        json!({ "used": 0, "limit": null, "default": null, "override": null })
    );
    admin
        .post(SET, json!({ "handle": "nobody", "bytes": 1 }))
        .await
        .expect(404);
    admin.post(SET, json!({ "bytes": 1 })).await.expect(400);
    for wrong in [json!(-1), json!("many"), json!(1.5), json!([1])] {
        admin
            .post(SET, json!({ "handle": "anna", "bytes": wrong }))
            .await
            .expect(400);
    }
    let some = json!({ "handle": "anna", "bytes": 1000, "upstream": "none" });
    admin.post(SET, some).await.expect(200);
    let kept = admin
        .post(SET, json!({ "handle": "anna", "characters": 7 }))
        .await
        .expect(200)
        .json();
    assert_eq!(
        [
            &kept["bytes"]["override"],
            &kept["characters"]["override"],
            &kept["upstream"]["override"]
        ],
        [&json!(1000), &json!(7), &json!("none")]
    );
}

#[tokio::test]
async fn default_content_and_what_the_importer_writes_is_counted_and_not_refused() {
    let mut tight = options(|config| config.limits.quotas.bytes = Some(100));
    tight.content = true;
    let server = Server::with(tight).await;
    server.tenant("anna", false).await;
    let anna = server.client_of("anna").await;
    let before = used(&anna, "bytes").await;
    assert!(before > 100, "the default content was given: {before}");
    save(&anna, "a", 10).await.expect(507);
    // As the importer does: a database without the server's quotas.
    let db = Db::connect(server.database.clone(), 1)
        .await
        .expect("a connection");
    let account = NewUser {
        handle: "anna",
        name: "anna",
        password: "",
        salt: "",
        admin: false,
        enabled: true,
        avatar: "",
        created_at: chrono::Utc::now(),
    };
    let (tenant, _) = Tenant::open(&db, &account).await.expect("the account");
    let mut tx = tenant.begin().await.expect("a transaction");
    let body = vec![b' '; 5000];
    let put = documents::put(&mut tx, DocumentKind::Root, "imported.json", &body).await;
    put.expect("written");
    tx.commit().await.expect("not refused");
    assert_eq!(used(&anna, "bytes").await, before + 5000);
    let mut tx = tenant.begin().await.expect("a transaction");
    let summed = quotas::measured(&mut tx).await.expect("a sum");
    assert_eq!(summed.bytes, before + 5000);
}
