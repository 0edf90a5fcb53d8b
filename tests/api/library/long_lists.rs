//! `/api/characters/all` of libraries that are too long for memory.

use std::io::Read;

use serde_json::{Value, json};
use sqlx::Executor;
use squaretable::store::blobs;
use squaretable::store::characters::{self, NewCharacter};

use crate::api::cards;
use crate::harness::{Client, Server};

const ALL: &str = "/api/characters/all";

/// Adds cards `<prefix>000.png` and so on, each with a description of this many bytes.
async fn add(server: &Server, prefix: &str, count: usize, length: usize) {
    let tenant = server.tenant("default-user", true).await;
    let mut tx = tenant.begin().await.expect("a transaction");
    let image = blobs::put(&mut tx, &cards::picture()).await.expect("stored");
    for number in 0..count {
        let name = format!("{prefix}{number:03}");
        let card = json!({ "name": name, "description": "é\n".repeat(length / 3), "data": { "name": name } });
        let avatar = format!("{name}.png");
        let card = card.to_string();
        let new = NewCharacter::now(&avatar, &image, card.as_bytes());
        assert!(characters::insert(&mut tx, &new).await.expect("stored"));
    }
    tx.commit().await.expect("committed");
}

/// Makes every full entry this many bytes longer.
async fn swell(server: &Server, length: usize) {
    let sql = format!(
        "UPDATE characters SET entry = entry || convert_to(',\"x\":\"' || repeat('x', {length}) || '\"', 'UTF8')"
    );
    let mut conn = server.sql().await;
    conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
        .await
        .expect("SQL");
}

fn plain(client: &Client) -> reqwest::RequestBuilder {
    client
        .posting(ALL, &json!({}))
        .header("accept-encoding", "identity")
}

async fn list(client: &Client) -> Vec<Value> {
    let answer = client.send(plain(client)).await.expect(200);
    answer.json().as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_list_that_is_sent_as_it_is_read_is_the_same_list() {
    let server = Server::start().await;
    let client = server.client().await;
    add(&server, "a", 200, 5_000).await;
    let answer = client.send(plain(&client)).await.expect(200);
    let length = answer.body.len().to_string();
    assert_eq!(answer.headers["content-length"], length.as_str());
    let before = answer.json();

    add(&server, "b", 200, 40_000).await;
    let answer = client.send(plain(&client)).await.expect(200);
    assert!(!answer.headers.contains_key("content-length"));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let after = answer.json();
    let after = after.as_array().expect("a list");
    assert_eq!(after.len(), 400);
    assert_eq!(Value::from(&after[..200]), before);
    for (index, card) in after.iter().enumerate().step_by(57) {
        let letter = if index < 200 { 'a' } else { 'b' };
        let avatar = format!("{letter}{:03}.png", index % 200);
        let body = json!({ "avatar_url": avatar });
        let single = client.post("/api/characters/get", body).await.expect(200);
        assert_eq!(*card, single.json(), "{avatar}");
    }

    // A client that shows what goes over the wire.
    let http = reqwest::Client::builder()
        .no_gzip()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client.posting(ALL, &json!({})).header("accept-encoding", "gzip");
    let packed = http.execute(request.build().expect("a request")).await;
    let packed = packed.expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.expect("an intact transfer");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .expect("gzip");
    assert!(unpacked == answer.body);
}

#[tokio::test]
async fn a_list_that_no_browser_can_read_is_answered_in_the_short_form() {
    let server = Server::start().await;
    let client = server.client().await;
    add(&server, "a", 300, 10).await;
    swell(&server, 600_000).await;
    assert!(
        plain(&client)
            .send()
            .await
            .expect("an answer")
            .content_length()
            .is_none()
    );
    swell(&server, 110_000).await;
    let short = list(&client).await;
    assert_eq!(short.len(), 300);
    for card in short {
        assert_eq!(card["shallow"], true);
        assert_eq!(card.get("description"), None);
    }
}

/// The list is far longer than what sockets hold, so the server is in its middle until it is read.
#[tokio::test]
async fn a_list_that_breaks_off_breaks_the_transfer() {
    let server = Server::start().await;
    let client = server.client().await;
    add(&server, "a", 80, 10).await;
    swell(&server, 700_000).await;
    let mut response = plain(&client).send().await.expect("an answer");
    assert!(response.chunk().await.expect("a start").is_some());
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    server.sql().await.execute(sql).await.expect("SQL");
    let error = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the transfer looks complete"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");

    // Who leaves early gives the only place back, and so did the one that broke.
    let mut left = plain(&client).send().await.expect("an answer");
    assert!(left.chunk().await.expect("a start").is_some());
    drop(left);
    assert_eq!(list(&client).await.len(), 80);
}
