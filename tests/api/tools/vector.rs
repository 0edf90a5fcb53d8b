//! Collections of vectors: what the original loses, and what nobody else may see.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::store::{Tx, blobs, files, vectors};
use squaretable::user_folder::{self, Content};

use crate::harness::{Client, Options, Reply, Server, Sites};

const ITEM: &str =
    r#"{"id":"0-1","metadata":{"hash":5,"text":"a fox","index":0},"vector":[0.1,-1.5e-7,3],"norm":3.5}"#;
const OTHER: &str =
    r#"{"id":"0-2","metadata":{"hash":"six","text":"ü"},"vector":[0.5,0.25],"norm":0.5590169943749475}"#;
const FOLDER: &str = "vectors/webllm/c/m";

fn file_of(items: &[&str]) -> String {
    format!(
        r#"{{"version":1,"metadata_config":{{}},"items":[{}]}}"#,
        items.join(",")
    )
}

/// A body for a collection of vectors that come along: those of the texts.
fn body(collection: &str, vectors: &[(&str, Value)]) -> Value {
    let embeddings: serde_json::Map<String, Value> = vectors
        .iter()
        .map(|(text, vector)| ((*text).to_owned(), vector.clone()))
        .collect();
    let items: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, (text, _))| json!({ "hash": index + 1, "text": text, "index": index }))
        .collect();
    json!({
        "collectionId": collection, "source": "webllm", "model": "m", "embeddings": embeddings, "items": items,
    })
}

async fn ask(client: &Client, route: &str, body: &Value) -> (u16, Value) {
    let answer = client.post(&format!("/api/vector/{route}"), body).await;
    let value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(answer.text()));
    (answer.status.as_u16(), value)
}

async fn list(client: &Client, collection: &str) -> Value {
    let (status, hashes) = ask(client, "list", &body(collection, &[])).await;
    assert_eq!(status, 200, "{hashes}");
    hashes
}

/// Puts the file of an index where an import puts it.
async fn import(tx: &mut Tx, text: &str, at: DateTime<Utc>) {
    let blob = blobs::put(tx, text.as_bytes()).await.expect("stored");
    files::put_at(tx, FOLDER, "index.json", &blob, at)
        .await
        .expect("stored");
}

/// The files below `vectors` that an export has, with their times.
async fn exported(tx: &mut Tx) -> Vec<(String, String, DateTime<Utc>)> {
    use futures_util::TryStreamExt;

    let mut all = Vec::new();
    for item in user_folder::items(tx).await.expect("a folder") {
        if !item.path.starts_with("vectors/") {
            continue;
        }
        let bytes = match item.read(tx, None).await.expect("a content") {
            Content::Stored(blob) => blobs::read(tx, &blob).await.expect("bytes").to_vec(),
            Content::Vectors(index) => {
                let pieces: Vec<_> = vectors::pieces(tx, &index).try_collect().await.expect("pieces");
                pieces.concat()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes.len() as u64, item.size, "{}", item.path);
        all.push((
            item.path,
            String::from_utf8(bytes).expect("text"),
            item.modified_at,
        ));
    }
    all.sort();
    all
}

#[tokio::test]
async fn an_imported_index_is_used_and_comes_out_as_it_went_in() {
    let server = Server::start().await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time");
    let text = file_of(&[ITEM, OTHER]);
    let mut tx = tenant.begin().await.expect("a transaction");
    import(&mut tx, &text, at).await;
    tx.commit().await.expect("durable");

    assert_eq!(list(&client, "c").await, json!([5, null]));
    let mut tx = tenant.begin().await.expect("a transaction");
    let path = format!("{FOLDER}/index.json");
    assert_eq!(exported(&mut tx).await, [(path.clone(), text.clone(), at)]);
    assert!(!vectors::is_waiting(&mut tx, FOLDER).await.expect("an answer"));
    drop(tx);

    let mut query = body("c", &[("q", json!([0, 1]))]);
    query["searchText"] = "q".into();
    query["threshold"] = json!(0.4);
    let expected = json!({ "metadata": [{ "hash": "six", "text": "ü" }], "hashes": [null, 5] });
    assert_eq!(ask(&client, "query", &query).await, (200, expected));

    let new = body("c", &[("new", json!([1, 2]))]);
    assert_eq!(ask(&client, "insert", &new).await.0, 200);
    let mut delete = body("c", &[]);
    delete["hashes"] = json!([5]);
    assert_eq!(ask(&client, "delete", &delete).await.0, 200);
    assert_eq!(list(&client, "c").await, json!([null, 1]));
    let mut tx = tenant.begin().await.expect("a transaction");
    let after = exported(&mut tx).await;
    let (_, after, modified_at) = &after[0];
    assert!(*modified_at > at);
    let start = &file_of(&[OTHER])[..file_of(&[OTHER]).len() - 2];
    assert!(after.starts_with(start), "{after}");
    assert!(
        after.ends_with(
            r#""metadata":{"hash":1,"text":"new","index":0},"vector":[1,2],"norm":2.23606797749979}]}"#
        ),
        "{after}"
    );

    // Only an import can bring the file again, and then it holds.
    import(&mut tx, &file_of(&[ITEM]), at).await;
    tx.commit().await.expect("durable");
    let mut tx = tenant.begin().await.expect("a transaction");
    assert_eq!(exported(&mut tx).await, [(path, file_of(&[ITEM]), at)]);
    drop(tx);
    assert_eq!(list(&client, "c").await, json!([5]));
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_a_foreign_one_left_alone() {
    let server = Server::start().await;
    let client = server.client().await;
    let tenant = server.tenant("default-user", true).await;
    let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time");
    for damaged in ["", &file_of(&[ITEM])[..90]] {
        let mut tx = tenant.begin().await.expect("a transaction");
        import(&mut tx, damaged, at).await;
        tx.commit().await.expect("durable");
        assert_eq!(list(&client, "c").await, json!([]));
        let mut tx = tenant.begin().await.expect("a transaction");
        let path = format!("{FOLDER}/index.json.corrupt");
        assert_eq!(exported(&mut tx).await, [(path, damaged.to_owned(), at)]);
    }
    let foreign = r#"{"version":1,"metadata_config":{"indexed":["a"]},"items":[]}"#;
    let mut tx = tenant.begin().await.expect("a transaction");
    import(&mut tx, foreign, at).await;
    tx.commit().await.expect("durable");
    for route in ["list", "insert"] {
        assert_eq!(ask(&client, route, &body("c", &[("a", json!([1]))])).await.0, 500);
    }
    let mut tx = tenant.begin().await.expect("a transaction");
    assert_eq!(exported(&mut tx).await[0].1, foreign);
    drop(tx);
    // A purge takes the files as well.
    assert_eq!(ask(&client, "purge", &body("c", &[])).await.0, 200);
    let mut tx = tenant.begin().await.expect("a transaction");
    assert_eq!(exported(&mut tx).await, []);
}

#[tokio::test]
async fn an_answer_that_is_no_json_costs_no_collection() {
    let sites = Sites::default();
    let (_world, server, client) = Server::in_world(&sites).await;
    let good = Reply::json(&json!({ "data": [{ "index": 0, "embedding": [1, 2] }] }));
    let secret = json!({ "key": "api_key_openai", "value": "k" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let body = json!({
        "collectionId": "c", "source": "openai", "model": "m", "searchText": "x",
        "items": [{ "hash": 1, "text": "x", "index": 0 }],
    });
    sites.below("https://api.openai.com/", move |_| good.clone());
    assert_eq!(ask(&client, "insert", &body).await.0, 200);
    for bad in [
        Reply::bytes("application/json", "[{"),
        Reply::json(&json!({ "data": [{ "index": 0, "embedding": "x" }] })),
        Reply::json(&json!({ "data": [{ "index": 0, "embedding": [1, null] }] })),
        Reply::json(&json!({ "data": [{ "index": 0, "embedding": [1e200, 1e200] }] })),
    ] {
        sites.below("https://api.openai.com/", move |_| bad.clone());
        assert_eq!(ask(&client, "insert", &body).await.0, 500);
        assert_eq!(ask(&client, "list", &body).await, (200, json!([1])));
    }
    let count = server.count("SELECT count(*) FROM vector_items").await;
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_name_that_names_nothing_reaches_no_other_collection() {
    let server = Server::start().await;
    let client = server.client().await;
    let near = [("a", json!([1]))];
    assert_eq!(ask(&client, "insert", &body("c", &near)).await.0, 200);
    for name in ["..", ".", "/", "con", "index.json", "  "] {
        for route in ["purge", "list", "insert", "query", "delete"] {
            let mut body = body(name, &near);
            body["searchText"] = "a".into();
            body["hashes"] = json!([1]);
            let (status, answer) = ask(&client, route, &body).await;
            assert_eq!(
                (status, answer),
                (400, json!("Invalid collection")),
                "{route} {name}"
            );
        }
    }
    let mut odd = body("c", &near);
    odd["source"] = "..".into();
    assert_eq!(ask(&client, "list", &odd).await, (400, json!("Invalid source")));
    let mut odd = body("c", &near);
    odd["model"] = "index.json".into();
    assert_eq!(ask(&client, "insert", &odd).await, (400, json!("Invalid model")));
    assert_eq!(list(&client, "c").await, json!([1]));
}

#[tokio::test]
async fn the_best_of_vectors_that_cannot_all_be_compared_come_first() {
    let server = Server::start().await;
    let client = server.client().await;
    let near = [
        ("far", json!([0.1, 1])),
        ("short", json!([1])),
        ("near", json!([1, 0])),
        ("zero", json!([0, 0])),
    ];
    assert_eq!(ask(&client, "insert", &body("c", &near)).await.0, 200);
    let mut query = body("c", &[("q", json!([1, 0]))]);
    query["searchText"] = "q".into();
    let (_, found) = ask(&client, "query", &query).await;
    assert_eq!(found["hashes"], json!([3, 1, 2, 4]));
    assert_eq!(found["metadata"].as_array().map(Vec::len), Some(2));
}

/// `local_models.rs` has one that is.
#[tokio::test]
async fn a_model_that_cannot_be_had_stores_nothing() {
    let mut options = Options::default();
    options.config.models.auto_download = false;
    let server = Server::with(options).await;
    let client = server.client().await;
    let mut own = body("c", &[("a", json!([1]))]);
    own["source"] = "transformers".into();
    own["searchText"] = "a".into();
    for route in ["insert", "query"] {
        assert_eq!(ask(&client, route, &own).await.0, 500, "{route}");
    }
    assert_eq!(ask(&client, "list", &own).await, (200, json!([])));
}

/// Everything at once: inserts into one collection, into others, and purges of others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_at_the_same_time_is_all_there() {
    let server = Server::start().await;
    let client = &server.client().await;
    let near: Vec<(String, Value)> = (0..5).map(|n| (format!("t{n}"), json!([n, 0.5]))).collect();
    let near: Vec<(&str, Value)> = near
        .iter()
        .map(|(text, vector)| (text.as_str(), vector.clone()))
        .collect();
    let near = &near;
    let inserts = (0..12).map(async |n| {
        let id = if n % 3 == 0 { "gone" } else { "kept" };
        let inserted = ask(client, "insert", &body(id, near)).await;
        if n % 3 == 0 {
            let purged = ask(client, "purge", &json!({ "collectionId": "gone" })).await;
            assert_eq!(purged.0, 200);
        }
        inserted.0
    });
    let statuses = futures_util::future::join_all(inserts).await;
    assert_eq!(statuses, [200; 12]);
    assert_eq!(list(client, "kept").await.as_array().map(Vec::len), Some(40));
    assert_eq!(list(client, "gone").await, json!([]));
    let strays = "SELECT count(*) FROM vector_items i WHERE NOT EXISTS
                  (SELECT FROM vector_indexes x WHERE x.index_id = i.index_id)";
    assert_eq!(server.count(strays).await, 0);
    let miscounted = "SELECT count(*) FROM vector_indexes x WHERE (items, byte_size) <>
                      (SELECT count(*), sum(byte_size) FROM vector_items i WHERE i.index_id = x.index_id)";
    assert_eq!(server.count(miscounted).await, 0);
    // A purge beside an insert: either all of it is there or nothing.
    let (purge, insert) = (json!({ "collectionId": "kept" }), body("kept", near));
    let (_, inserted) = tokio::join!(ask(client, "purge", &purge), ask(client, "insert", &insert));
    assert_eq!(inserted.0, 200);
    let left = list(client, "kept").await.as_array().map(Vec::len);
    assert!([Some(0), Some(5)].contains(&left), "{left:?}");
}

#[tokio::test]
async fn everybody_has_collections_of_their_own() {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    for handle in ["anna", "bert"] {
        server.tenant(handle, false).await;
    }
    let (anna, bert) = (server.client_of("anna").await, server.client_of("bert").await);
    let near = [("a", json!([1, 0]))];
    assert_eq!(ask(&anna, "insert", &body("c", &near)).await.0, 200);
    assert_eq!(list(&bert, "c").await, json!([]));
    for (route, extra) in [
        ("delete", json!({ "hashes": [1] })),
        ("purge", json!({})),
        ("purge-all", json!({})),
    ] {
        let mut body = body("c", &near);
        body["hashes"] = extra["hashes"].clone();
        assert_eq!(ask(&bert, route, &body).await.0, 200);
    }
    let mut query = body("c", &near);
    query["searchText"] = "a".into();
    query["collectionIds"] = json!(["c"]);
    assert_eq!(ask(&bert, "query", &query).await.1["hashes"], json!([]));
    assert_eq!(ask(&bert, "query-multi", &query).await.1, json!({}));
    assert_eq!(list(&anna, "c").await, json!([1]));
    let bytes = async |handle: &str| {
        let tenant = server.tenant(handle, false).await;
        let mut tx = tenant.begin().await.expect("a transaction");
        let index = vectors::list(&mut tx).await.expect("a list");
        index.first().map(vectors::Index::file_size)
    };
    assert_eq!(bytes("bert").await, None);
    assert!(bytes("anna").await.is_some_and(|size| size > 100));
}

#[tokio::test]
async fn a_quota_counts_vectors_as_the_file_that_they_stand_for() {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    server.tenant("admin", true).await;
    server.tenant("anna", false).await;
    let (admin, anna) = (server.client_of("admin").await, server.client_of("anna").await);
    let used = async || {
        let state = anna.post("/api/squaretable/quotas/get", json!({})).await;
        state.expect(200).json()["bytes"]["used"]
            .as_i64()
            .expect("a number")
    };
    let before = used().await;
    let quota = json!({ "handle": "anna", "bytes": before + 1000 });
    admin.post("/api/squaretable/quotas/set", quota).await.expect(200);
    let body = |numbers: usize| {
        let mut body = body("c", &[("t", json!(vec![1; numbers]))]);
        body["hashes"] = json!([1]);
        body
    };
    assert_eq!(ask(&anna, "insert", &body(100)).await.0, 200);
    let held = used().await;
    assert!((before + 200..before + 500).contains(&held), "{before} {held}");
    assert_eq!(ask(&anna, "insert", &body(600)).await.0, 507);
    assert_eq!(used().await, held);
    assert_eq!(ask(&anna, "delete", &body(1)).await.0, 200);
    assert_eq!(used().await, before);
    assert_eq!(ask(&anna, "insert", &body(100)).await.0, 200);
    assert_eq!(ask(&anna, "purge-all", &body(1)).await.0, 200);
    assert_eq!(used().await, before);
    // Deleting a user removes the vectors.
    assert_eq!(ask(&anna, "insert", &body(100)).await.0, 200);
    let mut conn = server.sql().await;
    let sql = "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants WHERE handle = 'anna'";
    sqlx::query(sql).execute(&mut conn).await.expect("anna's rows");
    let mut stored = async || {
        let sql = "SELECT count(*) FROM vector_items";
        let count: sqlx::Result<i64> = sqlx::query_scalar(sql).fetch_one(&mut conn).await;
        count.expect("a count")
    };
    assert_eq!(stored().await, 1);
    let gone = json!({ "handle": "anna", "purge": true });
    admin.post("/api/users/delete", gone).await.expect(204);
    assert_eq!(stored().await, 0);
}
