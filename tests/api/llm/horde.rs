use serde_json::{Value, json};

use crate::harness::{Reply, Server, Sites};

const API: &str = "https://aihorde.net/api/v2";

#[tokio::test]
async fn the_owner_of_a_key_and_of_a_shared_one() {
    let sites = Sites::default();
    sites
        .on(
            "GET",
            &format!("{API}/find_user"),
            Reply::json(&json!({ "username": "u" })),
        )
        .on(
            "GET",
            &format!("{API}/sharedkeys/k%2F1"),
            Reply::json(&json!({ "id": "s" })),
        );
    let (world, _server, client) = Server::in_world(&sites).await;
    let anonymous = client
        .post("/api/horde/user-info", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(anonymous, json!({ "anonymous": true }));
    assert!(world.take().is_empty());
    let key = json!({ "key": "api_key_horde", "value": "k/1" });
    client.post("/api/secrets/write", key).await.expect(200);
    let known = client
        .post("/api/horde/user-info", json!({}))
        .await
        .expect(200)
        .text();
    assert_eq!(
        known,
        r#"{"user":{"username":"u"},"sharedKey":{"id":"s"},"anonymous":false}"#
    );
    let mut keys: Vec<_> = world
        .take()
        .iter()
        .map(|request| (request.url.clone(), request.header("apikey").map(str::to_owned)))
        .collect();
    keys.sort();
    let expected = [
        (format!("{API}/find_user"), Some("k/1".to_owned())),
        (format!("{API}/sharedkeys/k%2F1"), None),
    ];
    assert_eq!(keys, expected);
    sites.on(
        "GET",
        &format!("{API}/sharedkeys/k%2F1"),
        Reply::status("404 Not Found").body("{}"),
    );
    let known = client
        .post("/api/horde/user-info", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(known["sharedKey"], Value::Null);
    sites.on(
        "GET",
        &format!("{API}/find_user"),
        Reply::status("401 Unauthorized").body("{}"),
    );
    client.post("/api/horde/user-info", json!({})).await.expect(500);
}

#[tokio::test]
async fn lists_are_everybodys_for_a_while_and_failures_nobodys() {
    let sites = Sites::default();
    let url = format!("{API}/workers?type=text");
    let (world, _server, client) = Server::in_world(&sites).await;
    let ask = async |force: bool| {
        let answer = client
            .post("/api/horde/text-workers", json!({ "force": force }))
            .await;
        (answer.status.as_u16(), answer.text(), world.take().len())
    };
    let shown = |text: &str, asked: usize| (200, text.to_owned(), asked);
    sites.on(
        "GET",
        &url,
        Reply::json(&json!({ "message": "down" })).with_status("503 Busy"),
    );
    assert_eq!(ask(false).await, shown(r#"{"message":"down"}"#, 1));
    sites.on("GET", &url, Reply::json(&json!([1])));
    assert_eq!(ask(false).await, shown("[1]", 1));
    sites.on("GET", &url, Reply::json(&json!([2])));
    assert_eq!(ask(false).await, shown("[1]", 0));
    assert_eq!(ask(true).await, shown("[2]", 1));
    assert_eq!(ask(false).await, shown("[2]", 0));
}

#[tokio::test]
async fn models_of_pictures_are_told_or_the_failure_is() {
    let sites = Sites::default();
    sites.on(
        "GET",
        &format!("{API}/status/models"),
        Reply::json(&json!([{ "name": "m" }])),
    );
    let (_world, _server, client) = Server::in_world(&sites).await;
    let models = client.post("/api/horde/sd-models", json!({})).await.expect(200);
    assert_eq!(models.text(), r#"[{"name":"m"}]"#);
    sites.on(
        "GET",
        &format!("{API}/status/models"),
        Reply::status("503 Busy").body("[]"),
    );
    client.post("/api/horde/sd-models", json!({})).await.expect(500);
}

#[tokio::test]
async fn a_task_leads_to_no_other_address() {
    let sites = Sites::default();
    let (world, _server, client) = Server::in_world(&sites).await;
    for id in ["../../find_user", "..", "a?b#c", "%2e%2e/x"] {
        client
            .post("/api/horde/cancel-task", json!({ "taskId": id }))
            .await;
    }
    for request in world.take() {
        let task = request.url.strip_prefix(&format!("{API}/generate/text/status/"));
        assert!(
            task.is_some_and(|task| !task.contains(['/', '?', '#'])),
            "{}",
            request.url
        );
    }
}
