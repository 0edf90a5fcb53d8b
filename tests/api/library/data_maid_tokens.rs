//! What a report of the data maid lets its user do.

use serde_json::{Value, json};
use squaretable::config::Config;

use super::data_maid::{DELETE, Report, put_file, put_files, save, showing};
use crate::harness::{Options, Server};

#[tokio::test]
async fn nothing_is_deleted_that_is_in_use_again_or_changed() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(
        &server,
        &[
            "user/images/a.png",
            "user/images/b.png",
            "user/images/c.png",
            "user/images/d.png",
        ],
    )
    .await;
    let report = Report::of(&client).await;
    let hash = |name: &str| report.hash("images", name);
    save(
        &client,
        "Ada.png",
        "a",
        showing(&json!({ "image": "user/images/a.png" })),
    )
    .await;
    put_files(&server, &["user/images/b.png"]).await;
    for doomed in [[hash("a.png"), hash("d.png")], [hash("d.png"), hash("b.png")]] {
        let answer = report.delete(&client, &doomed).await.expect(409);
        assert!(answer.text().contains("Nothing was deleted"), "{}", answer.text());
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder = 'user/images'")
            .await,
        4,
        "all or nothing"
    );
    let sql = "DELETE FROM files WHERE name = 'c.png'";
    sqlx::query(sql).execute(&mut server.sql().await).await.unwrap();
    let doomed = [hash("c.png"), hash("d.png"), "unknown".to_owned()];
    report.delete(&client, &doomed).await.expect(204);
    report.view(&client, &hash("d.png")).await.expect(404);
    assert_eq!(Report::of(&client).await.names("images"), ["b.png"]);
}

#[tokio::test]
async fn a_file_that_is_not_of_the_report_is_not_reached() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(&server, &["user/images/a.png"]).await;
    let report = Report::of(&client).await;
    put_files(&server, &["user/images/later.png"]).await;
    let later = Report::of(&client).await.hash("images", "later.png");
    // The report after it was the last one, so the first token has ended.
    report.view(&client, &later).await.expect(403);
    report.delete(&client, &[later]).await.expect(403);
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder LIKE 'user/%'")
            .await,
        2
    );
}

#[tokio::test]
async fn tokens_end_and_bad_ones_are_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(&server, &["user/images/a.png"]).await;
    let Report { token, .. } = Report::of(&client).await;
    for (body, status) in [
        (json!({}), 400),
        (json!({ "token": token }), 400),
        (json!({ "token": token, "hashes": [] }), 400),
        (json!({ "token": token, "hashes": "x" }), 400),
        (json!({ "token": "x", "hashes": ["x"] }), 403),
        (json!({ "token": "\u{0}", "hashes": ["x"] }), 403),
        (json!({ "token": [token], "hashes": ["x"] }), 403),
        (json!({ "token": token, "hashes": [5, null, "\u{0}"] }), 204),
    ] {
        client.post(DELETE, &body).await.expect(status);
    }
    for (query, status) in [
        ("".to_owned(), 400),
        (format!("token={token}"), 400),
        ("hash=x".to_owned(), 400),
        ("token=x&hash=x".to_owned(), 403),
        ("token=%00&hash=%00".to_owned(), 403),
        (format!("token={token}&hash=x"), 404),
        (format!("token={token}&token={token}&hash=x"), 403),
    ] {
        client
            .get(&format!("/api/data-maid/view?{query}"))
            .await
            .expect(status);
    }
    let finalize = async |token: Value| {
        client
            .post("/api/data-maid/finalize", json!({ "token": token }))
            .await
    };
    finalize(json!("")).await.expect(400);
    finalize(json!("x")).await.expect(403);
    finalize(json!(token)).await.expect(204);
    finalize(json!(token)).await.expect(403);
}

#[tokio::test]
async fn a_long_file_is_viewed_in_pieces() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut tx = server.tenant("default-user", false).await.begin().await.unwrap();
    let video: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    put_file(&mut tx, "user/images", "v.mp4", &video).await;
    tx.commit().await.unwrap();
    let report = Report::of(&client).await;
    let viewed = report
        .view(&client, &report.hash("images", "v.mp4"))
        .await
        .expect(200);
    assert!(viewed.body == video);
    assert_eq!(viewed.headers["content-length"], "3000000");
    assert_eq!(viewed.headers["content-type"], "video/mp4");
}

#[tokio::test]
async fn a_report_is_the_users_own() {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    for handle in ["first", "second"] {
        let mut tx = server.tenant(handle, false).await.begin().await.unwrap();
        put_file(&mut tx, "user/images", "same.png", handle.as_bytes()).await;
        tx.commit().await.unwrap();
    }
    let (first, second) = (server.client_of("first").await, server.client_of("second").await);
    let report = Report::of(&first).await;
    let hash = report.hash("images", "same.png");
    assert_ne!(hash, Report::of(&second).await.hash("images", "same.png"));
    report.view(&second, &hash).await.expect(403);
    report
        .delete(&second, std::slice::from_ref(&hash))
        .await
        .expect(403);
    second
        .post("/api/data-maid/finalize", json!({ "token": report.token }))
        .await
        .expect(403);
    assert_eq!(report.view(&first, &hash).await.expect(200).text(), "first");
}
