//! Limits on attempts and on requests: in one process, shared by nodes, and when Redis is lost.

use serde_json::json;
use squaretable::config::Config;
use squaretable::config::secret::Secret;

use super::options;
use crate::harness::{Answer, Client, Options, Redis, Server};

/// The page, even while there is but one account.
const LOGIN: &str = "/login?noauto=1";

/// Answered 429 with the time to wait, and with an error that can be read.
#[track_caller]
fn expect_limited(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    let wait: u64 = answer.headers["retry-after"]
        .to_str()
        .expect("ASCII")
        .parse()
        .expect("seconds");
    assert!((1..=300).contains(&wait), "{wait}");
    let error = &answer.json()["error"];
    assert!(error.is_string() || error["message"].is_string(), "{error}");
}

fn shared(redis: &Redis, change: impl FnOnce(&mut Config)) -> Options {
    let url = redis.url();
    options(|config| {
        config.database.redis_url = Some(Secret::new(url));
        change(config);
    })
}

/// Two nodes on one database and one Redis.
async fn two_nodes(redis: &Redis, change: fn(&mut Config)) -> [Server; 2] {
    let first = Server::with(shared(redis, change)).await;
    let second = first.beside(shared(redis, change)).await;
    [first, second]
}

/// Wrong passwords, until one is refused for being one too many: how many were answered 403.
async fn wrong_logins(clients: &mut [Client]) -> usize {
    for attempt in 0..100 {
        let count = clients.len();
        let answer = clients[attempt % count].log_in("anna", "wrong").await;
        if answer.status == 429 {
            expect_limited(&answer);
            return attempt;
        }
        answer.expect(403);
    }
    panic!("nothing limits the attempts");
}

async fn anna(server: &Server) {
    server.tenant("anna", false).await;
    let set = server.app.accounts().set_password("anna", "secret", None).await;
    set.expect("a password");
}

#[tokio::test]
async fn nodes_count_attempts_to_log_in_together() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis, |config| config.accounts.rate_limits.login = 5).await;
    anna(&nodes[0]).await;
    let mut clients = [nodes[0].client().await, nodes[1].client().await];
    assert_eq!(wrong_logins(&mut clients).await, 5);
    for client in &mut clients {
        expect_limited(&client.log_in("anna", "secret").await);
    }
    // The count ends by itself.
    let key = "squaretable:limit:login:127.0.0.1";
    let life: i64 = redis.ask(&format!("PTTL {key}")).await[1..]
        .trim()
        .parse()
        .expect("ms");
    assert!((1..=60_000).contains(&life), "{life}");
    assert!(redis.ask(&format!("DEL {key}")).await.starts_with(":1"));
    // A success forgives on all nodes.
    clients[0].log_in("anna", "wrong").await.expect(403);
    clients[1].log_in("anna", "secret").await.expect(200);
    assert!(redis.ask(&format!("EXISTS {key}")).await.starts_with(":0"));
}

#[tokio::test]
async fn recovery_and_reset_are_counted_together_too() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis, |config| {
        (
            config.accounts.rate_limits.recover,
            config.accounts.rate_limits.reset,
        ) = (2, 2);
    })
    .await;
    nodes[0].tenant("anna", false).await;
    let clients = [nodes[0].client_of("anna").await, nodes[1].client_of("anna").await];
    let code = json!({ "handle": "anna", "code": "wrong" });
    for (path, wrong) in [("/api/users/recover-step2", 403), ("/api/users/reset-step2", 400)] {
        for client in &clients {
            client.post(path, &code).await.expect(wrong);
        }
        for client in &clients {
            expect_limited(&client.post(path, &code).await);
        }
    }
}

#[tokio::test]
async fn without_redis_each_process_counts_and_with_it_they_count_again() {
    let mut redis = Redis::start().await;
    let nodes = two_nodes(&redis, |config| config.accounts.rate_limits.login = 3).await;
    anna(&nodes[0]).await;
    redis.stop();
    for node in &nodes {
        let mut alone = [node.client().await];
        assert_eq!(wrong_logins(&mut alone).await, 3, "a limit of its own");
        expect_limited(&alone[0].log_in("anna", "secret").await);
    }
    redis.start_again().await;
    let third = nodes[0]
        .beside(shared(&redis, |config| config.accounts.rate_limits.login = 3))
        .await;
    let mut clients = [third.client().await];
    assert_eq!(wrong_logins(&mut clients).await, 3);
    let count = redis.ask("GET squaretable:limit:login:127.0.0.1").await;
    assert_eq!(count, "$1\r\n4\r\n", "the attempts are in Redis");
}

#[tokio::test]
async fn an_address_may_ask_so_often() {
    let server = Server::with(options(|config| config.limits.address = 5)).await;
    let client = server.client().await;
    for _ in 0..4 {
        client.get(LOGIN).await.expect(200);
    }
    expect_limited(&client.get(LOGIN).await);
    expect_limited(&client.post("/api/users/login", json!({ "handle": "x" })).await);
    expect_limited(&client.get("/css/user.css").await);
}

#[tokio::test]
async fn a_user_may_ask_so_often_on_all_nodes_together_and_others_as_often() {
    let redis = Redis::start().await;
    // Six, and the token that a browser asks for after its login.
    let nodes = two_nodes(&redis, |config| config.limits.user = 7).await;
    for handle in ["anna", "bob"] {
        nodes[0].tenant(handle, false).await;
    }
    let here = nodes[0].client_of("anna").await;
    let there = here.elsewhere(&nodes[1].url);
    for _ in 0..3 {
        for client in [&here, &there] {
            client.get("/api/users/me").await.expect(200);
        }
    }
    for client in [&here, &there] {
        expect_limited(&client.get("/api/users/me").await);
        let body = json!({ "name": "Mine" });
        expect_limited(&client.post("/api/themes/save", body).await);
    }
    let bob = nodes[1].client_of("bob").await;
    bob.get("/api/users/me").await.expect(200);
    let left = redis.ask("GET squaretable:limit:user:bob").await;
    assert_eq!(left, "$1\r\n2\r\n");
}

#[tokio::test]
async fn what_a_proxy_reports_is_counted_where_that_is_asked_for() {
    let server = Server::with(options(|config| {
        config.limits.address = 2;
        config.accounts.rate_limits.prefer_real_ip_header = true;
        config.http.ip_whitelist.check_forwarded = false;
    }))
    .await;
    let client = Client::cookies_only(&server.url, String::new());
    let ask = async |address: &str| {
        let request = client.request(reqwest::Method::GET, LOGIN);
        client.send(request.header("x-real-ip", address)).await
    };
    for _ in 0..2 {
        ask("2001:db8::1").await.expect(200);
    }
    expect_limited(&ask("2001:db8::2").await);
    ask("2001:db8:0:1::1").await.expect(200);
    ask("10.0.0.1").await.expect(200);
}

#[tokio::test]
async fn basic_authentication_is_counted_on_all_nodes() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis, |config| {
        config.accounts.rate_limits.basic_auth = 2;
        config.http.listen.exposed = true;
        config.http.basic_auth = Some(squaretable::config::http::BasicAuth {
            username: "user".to_owned(),
            password: Secret::new("right".to_owned()),
        });
    })
    .await;
    let ask = async |node: &Server, password: &str| {
        let client = Client::cookies_only(&node.url, String::new());
        let request = client.request(reqwest::Method::GET, LOGIN);
        client.send(request.basic_auth("user", Some(password))).await
    };
    for node in &nodes {
        ask(node, "wrong").await.expect(401);
    }
    for node in &nodes {
        ask(node, "wrong").await.expect(429);
        let answer = ask(node, "right").await.expect(429);
        assert!(answer.headers.contains_key("retry-after"));
    }
}
