use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::time::Duration;

use chrono::{DateTime, Local, TimeZone, Utc};
use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::store::{blobs, documents, files};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::{DocumentKind, USER_FOLDERS};
use zip::ZipArchive;
use zip::extra_fields::ExtraField;

use crate::api::chat::talk;
use crate::api::library::characters;
use crate::harness::{Answer, Client, Options, Server};

const BACKUP: &str = "/api/users/backup";

/// Name and content of each entry; folders end in `/`.
fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("an intact entry");
        assert!(
            entries
                .insert(entry.name().expect("a name").into_owned(), bytes)
                .is_none()
        );
    }
    entries
}

async fn backup(client: &Client, handle: &str) -> Answer {
    client.post(BACKUP, json!({ "handle": handle })).await
}

/// Stores a file past the routes.
async fn put(tenant: &Tenant, folder: &str, name: &str, bytes: &[u8], at: DateTime<Utc>) {
    let mut tx = tenant.begin().await.expect("a transaction");
    let blob = blobs::put(&mut tx, bytes).await.expect("stored");
    files::put_at(&mut tx, folder, name, &blob, at)
        .await
        .expect("stored");
    tx.commit().await.expect("committed");
}

/// Bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn with(change: impl FnOnce(&mut Config)) -> Options {
    let mut config = Config::default();
    change(&mut config);
    Options {
        config,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_backup_is_the_folder_that_the_original_would_have() {
    let server = Server::start().await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    characters::import(&client, "Ada").await;
    let changed =
        json!({ "avatar_url": "Ada.png", "ch_name": "Ada", "field": "description", "value": "new" });
    client
        .post("/api/characters/edit-attribute", changed)
        .await
        .expect(200);
    talk::save(&client, "talk", &talk::chat("a", &["Hello 🦊"]))
        .await
        .expect(200);
    let world = json!({ "name": "Lore", "data": { "entries": {} } });
    client.post("/api/worldinfo/edit", world).await.expect(200);
    let secret = json!({ "key": "api_key_openai", "value": "sk-1" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let at = Utc
        .with_ymd_and_hms(2024, 2, 29, 23, 59, 58)
        .single()
        .expect("a day");
    let large = noise((3 << 20) + 5);
    put(&tenant, "assets/a b/ü", ".hidden", b"", at).await;
    put(&tenant, "user/files", "large.bin", &large, at).await;
    put(&tenant, "backups", "secrets_migration_1.json", b"{}", at).await;
    put(&tenant, "backups", "secrets_migration_1.txt", b"kept", at).await;

    let answer = backup(&client, "default-user").await.expect(200);
    assert_eq!(answer.headers["content-type"], "application/zip");
    assert!(!answer.headers.contains_key("content-length"));
    let name = answer.headers["content-disposition"].to_str().expect("ASCII");
    let stamp = name
        .strip_prefix("attachment; filename=\"default-user-")
        .and_then(|rest| rest.strip_suffix(".zip\""))
        .unwrap_or_else(|| panic!("{name}"));
    chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%d-%H%M%S").expect("a time");

    let found = entries(&answer.body);
    for folder in USER_FOLDERS {
        assert!(found.contains_key(&format!("{folder}/")), "{folder}");
    }
    for folder in ["assets/a b/", "assets/a b/ü/", "chats/Ada/"] {
        assert_eq!(found[folder], b"", "{folder}");
    }
    assert_eq!(found["assets/a b/ü/.hidden"], b"");
    assert!(found["user/files/large.bin"] == large);
    assert_eq!(found["backups/secrets_migration_1.txt"], b"kept");
    assert!(!found.contains_key("backups/secrets_migration_1.json"));
    assert!(!found.contains_key("secrets.json"));
    let mut tx = tenant.begin().await.expect("a transaction");
    let lore = documents::get(&mut tx, DocumentKind::Worlds, "Lore.json").await;
    assert_eq!(
        found["worlds/Lore.json"],
        lore.expect("read").expect("there").body
    );
    let served = client.get("/characters/Ada.png").await.expect(200);
    assert!(found["characters/Ada.png"] == served.body);
    let card = squaretable_compat::png::read_card(&served.body).expect("a card");
    assert!(String::from_utf8_lossy(&card).contains(r#""description":"new""#));
    let lines = String::from_utf8(found["chats/Ada/talk.jsonl"].clone()).expect("UTF-8");
    assert!(lines.ends_with(&talk::message("Hello 🦊").to_string()), "{lines}");

    large_entry_is_as_it_was(&answer.body, at);
}

/// Neither grown by the compression, nor of another time.
fn large_entry_is_as_it_was(archive: &[u8], at: DateTime<Utc>) {
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let entry = archive.by_name("user/files/large.bin").expect("an entry");
    assert!(entry.compressed_size() < entry.size() + 4_000, "noise has grown");
    let local = at.with_timezone(&Local).naive_local();
    let dos = entry.last_modified().expect("a time");
    assert_eq!(dos.to_string(), local.format("%Y-%m-%d %H:%M:%S").to_string());
    let seconds = entry.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(time) => time.mod_time(),
        _ => None,
    });
    assert_eq!(seconds.map(i64::from), Some(at.timestamp()));
}

#[tokio::test]
async fn keys_go_along_only_where_they_may_be_seen() {
    let server = Server::with(with(|config| config.content.allow_keys_exposure = true)).await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    put(&tenant, "backups", "secrets_migration_1.json", b"{}", Utc::now()).await;
    let secret = json!({ "key": "api_key_openai", "value": "sk-1" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let found = entries(&backup(&client, "default-user").await.expect(200).body);
    assert_eq!(found["backups/secrets_migration_1.json"], b"{}");
    let secrets: Value = serde_json::from_slice(&found["secrets.json"]).expect("JSON");
    assert_eq!(secrets["api_key_openai"][0]["value"], "sk-1");
}

#[tokio::test]
async fn only_the_user_and_administrators_get_a_backup() {
    let server = Server::with(with(|config| config.accounts.enabled = true)).await;
    let first = server.tenant("first", false).await;
    server.tenant("admin", true).await;
    put(&first, "user/files", "mine.txt", b"mine", Utc::now()).await;
    let own = server.client_of("first").await;
    let admin = server.client_of("admin").await;
    let archive = backup(&own, "first").await.expect(200);
    assert_eq!(entries(&archive.body)["user/files/mine.txt"], b"mine");
    let archive = backup(&admin, "first").await.expect(200);
    assert_eq!(entries(&archive.body)["user/files/mine.txt"], b"mine");
    let name = archive.headers["content-disposition"].to_str().expect("ASCII");
    assert!(name.contains("filename=\"first-"), "{name}");

    for (client, body, status, error) in [
        (&own, json!({}), 400, "Missing required fields"),
        (&own, json!({ "handle": "" }), 400, "Missing required fields"),
        (&own, json!({ "handle": "admin" }), 403, "Unauthorized"),
        (&own, json!({ "handle": "none" }), 403, "Unauthorized"),
        (&own, json!({ "handle": ["first"] }), 403, "Unauthorized"),
        (&admin, json!({ "handle": "none" }), 404, "User not found"),
        (&admin, json!({ "handle": "../first" }), 404, "User not found"),
    ] {
        let answer = client.post(BACKUP, &body).await.expect(status);
        assert_eq!(answer.json(), json!({ "error": error }), "{body}");
    }
    let odd = admin
        .post(BACKUP, json!({ "handle": ["first"] }))
        .await
        .expect(500);
    assert_eq!(odd.text(), "Internal Server Error");

    let off = with(|config| config.content.backups.allow_full_data_backup = false);
    let server = Server::with(off).await;
    let answer = backup(&server.client().await, "default-user").await.expect(403);
    assert_eq!(answer.json(), json!({ "error": "Full data backup is disabled" }));
}

#[tokio::test]
async fn what_cannot_be_read_breaks_the_transfer() {
    let server = Server::start().await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    put(&tenant, "assets", "a.bin", &noise(5 << 20), Utc::now()).await;
    put(&tenant, "assets", "b.txt", b"last", Utc::now()).await;
    for fault in [
        "DELETE FROM blob_chunks WHERE seq = 3",
        "UPDATE blob_chunks SET bytes = '\\x6c6f7374' WHERE bytes = 'last'::bytea",
    ] {
        entries(&backup(&client, "default-user").await.expect(200).body);
        let mut conn = server.sql().await;
        sqlx::query("BEGIN").execute(&mut conn).await.expect("SQL");
        sqlx::query("CREATE TEMP TABLE kept AS SELECT * FROM blob_chunks")
            .execute(&mut conn)
            .await
            .expect("SQL");
        let done = sqlx::query(fault).execute(&mut conn).await.expect("SQL");
        assert_eq!(done.rows_affected(), 1);
        sqlx::query("COMMIT").execute(&mut conn).await.expect("SQL");

        let request = client.posting(BACKUP, &json!({ "handle": "default-user" }));
        let mut response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let mut got = Vec::new();
        let error = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => got.extend_from_slice(&bytes),
                Ok(None) => panic!("the transfer looks complete"),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert!(ZipArchive::new(Cursor::new(got)).is_err());

        for repair in [
            "DELETE FROM blob_chunks",
            "INSERT INTO blob_chunks SELECT * FROM kept",
            "DROP TABLE kept",
        ] {
            sqlx::query(repair).execute(&mut conn).await.expect("SQL");
        }
    }
}

/// The archive is far longer than what sockets hold, so the server is in its middle until it is read.
#[tokio::test]
async fn a_backup_shows_one_moment_and_gives_its_place_back() {
    let server = Server::start().await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    put(&tenant, "assets", "large.bin", &noise(48 << 20), Utc::now()).await;
    put(&tenant, "user/files", "late.txt", b"before", Utc::now()).await;
    let body = json!({ "handle": "default-user" });
    let mut response = client.posting(BACKUP, &body).send().await.expect("an answer");
    assert_eq!(response.status(), 200);

    let busy = backup(&client, "default-user").await.expect(503);
    assert_eq!(
        busy.json()["error"],
        "Too many backups are being made. Try again later."
    );
    put(&tenant, "user/files", "late.txt", b"after", Utc::now()).await;
    put(&tenant, "user/files", "later.txt", b"new", Utc::now()).await;
    let mut archive = Vec::new();
    while let Some(bytes) = response.chunk().await.expect("an intact transfer") {
        archive.extend_from_slice(&bytes);
    }
    let found = entries(&archive);
    assert_eq!(found["user/files/late.txt"], b"before");
    assert!(!found.contains_key("user/files/later.txt"));

    // The place is free when the work ends, a moment after the browser has everything or has left.
    for leave_early in [true, false] {
        let free = async {
            loop {
                let response = client.posting(BACKUP, &body).send().await.expect("an answer");
                match response.status().as_u16() {
                    503 => {}
                    200 => break response,
                    other => panic!("{other}"),
                }
            }
        };
        let response = tokio::time::timeout(Duration::from_secs(60), free)
            .await
            .expect("a place becomes free");
        if !leave_early {
            let archive = response.bytes().await.expect("an intact transfer");
            assert_eq!(entries(&archive)["user/files/late.txt"], b"after");
        }
    }
}
