//! What the administrator allows everybody, keys that are lent, and limits on requests to providers.

use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::config::secret::Secret;
use squaretable::config::upstream::RequestProxy;

use super::options;
use crate::harness::{Answer, Client, Reply, Server, Sites, World};

const POLICY: &str = "/api/squaretable/policy";
const GENERATE: &str = "/api/backends/chat-completions/generate";
const LENT: &str = "sk-lent-to-everybody";

fn through(world: &World, config: &mut Config) {
    config.upstream.extra_ca_certificates = Some(world.authority());
    config.upstream.proxy = Some(RequestProxy {
        url: Secret::new(world.proxy()),
        bypass: Vec::new(),
    });
}

/// A world in which every site answers with a completion.
async fn world() -> World {
    let sites = Sites::default();
    for host in [
        "https://api.openai.com/",
        "http://own.example/",
        "http://evil.example/",
    ] {
        sites.below(host, |_| {
            Reply::json(&json!({ "choices": [{ "message": { "content": "hello" } }] }))
        });
    }
    World::start(&sites).await
}

/// A server in that world, an administrator and anna.
async fn server(world: &World, change: fn(&mut Config)) -> (Server, Client, Client) {
    let server = Server::with(options(|config| {
        through(world, config);
        change(config);
    }))
    .await;
    server.tenant("admin", true).await;
    server.tenant("anna", false).await;
    let admin = server.client_of("admin").await;
    let anna = server.client_of("anna").await;
    (server, admin, anna)
}

fn openai() -> Value {
    json!({ "chat_completion_source": "openai", "model": "m", "messages": [{ "role": "user", "content": "x" }] })
}

fn custom(url: &str) -> Value {
    json!({
        "chat_completion_source": "custom", "custom_url": url, "model": "m",
        "messages": [{ "role": "user", "content": "x" }],
    })
}

async fn policy(admin: &Client, body: Value) -> Value {
    admin
        .post(&format!("{POLICY}/set"), body)
        .await
        .expect(200)
        .json()
}

/// 403 with a message that the frontend shows.
#[track_caller]
fn expect_forbidden(answer: &Answer, part: &str) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    let message = answer.json()["error"]["message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(message.contains(part), "{message}");
}

#[tokio::test]
async fn sources_that_are_not_allowed_are_refused_on_every_node_at_once() {
    let world = world().await;
    let (server, admin, anna) = server(&world, |_| {}).await;
    let node = server.beside(options(|config| through(&world, config))).await;
    let there = anna.elsewhere(&node.url);
    let own = custom("http://own.example/v1");
    anna.post(GENERATE, openai()).await;
    there.post(GENERATE, &own).await.expect(200);
    let set = policy(
        &admin,
        json!({ "chatSources": ["custom"], "textSources": ["vllm"] }),
    )
    .await;
    assert_eq!(set["chatSources"], json!(["custom"]));
    let text = |kind: &str| json!({ "api_type": kind, "api_server": "http://own.example", "prompt": "x" });
    let path = "/api/backends/text-completions/generate";
    let kobold = json!({ "api_server": "http://own.example" });
    world.take();
    for client in [&anna, &there] {
        expect_forbidden(&client.post(GENERATE, openai()).await, "\"openai\"");
        expect_forbidden(&client.post(path, text("ooba")).await, "\"ooba\"");
        let sent = client.post("/api/backends/kobold/generate", &kobold).await;
        expect_forbidden(&sent, "\"kobold\"");
        assert!(world.take().is_empty(), "nobody was asked");
        client.post(GENERATE, &own).await.expect(200);
        client.post(path, text("vllm")).await.expect(200);
        assert_eq!(world.take().len(), 2);
    }
    // As forms, which the handler would read as well.
    let form = "chat_completion_source=openai&model=m";
    let sent = anna
        .post_raw(GENERATE, "application/x-www-form-urlencoded", form)
        .await;
    expect_forbidden(&sent, "openai");
    let form =
        "--b\r\nContent-Disposition: form-data; name=\"chat_completion_source\"\r\n\r\nopenai\r\n--b--\r\n";
    let sent = anna
        .post_raw(GENERATE, "multipart/form-data; boundary=b", form)
        .await;
    expect_forbidden(&sent, "JSON");
    policy(&admin, json!({ "chatSources": null, "textSources": null })).await;
    there.post(path, text("ooba")).await.expect(200);
}

#[tokio::test]
async fn hosts_that_are_not_allowed_are_asked_nothing() {
    let world = world().await;
    let (server, admin, anna) = server(&world, |_| {}).await;
    let node = server.beside(options(|config| through(&world, config))).await;
    let there = anna.elsewhere(&node.url);
    let evil = custom("http://evil.example/v1");
    anna.post(GENERATE, &evil).await.expect(200);
    let key = json!({ "key": "api_key_openai", "value": "sk-own" });
    anna.post("/api/secrets/write", key).await.expect(200);
    policy(&admin, json!({ "hosts": ["own.example"] })).await;
    world.take();
    for client in [&anna, &there] {
        expect_forbidden(&client.post(GENERATE, &evil).await, "evil.example");
        // The source's own address is judged where it is sent.
        let sent = client.post(GENERATE, openai()).await.text();
        assert!(
            sent.contains("does not allow requests to api.openai.com"),
            "{sent}"
        );
        // What is fetched for other reasons is bound by the hosts, too.
        let import = json!({ "url": "https://cdn.discordapp.com/card.png" });
        let sent = client.post("/api/content/importURL", import).await;
        assert!(!sent.status.is_success());
        assert!(world.take().is_empty(), "nobody was asked");
        let own = custom("http://own.example/v1");
        client.post(GENERATE, own).await.expect(200);
        assert_eq!(world.take().len(), 1);
    }
    policy(&admin, json!({ "hosts": null })).await;
    there.post(GENERATE, &evil).await.expect(200);
}

#[tokio::test]
async fn a_redirect_leads_to_no_host_that_is_not_allowed() {
    let sites = Sites::default();
    sites.below("http://own.example/", |_| {
        Reply::redirect("http://evil.example/x")
    });
    sites.below("http://evil.example/", |_| Reply::json(&json!({ "choices": [] })));
    let world = World::start(&sites).await;
    let (_server, admin, anna) = server(&world, |_| {}).await;
    policy(&admin, json!({ "hosts": ["own.example"] })).await;
    anna.post(GENERATE, custom("http://own.example/v1")).await;
    let asked: Vec<String> = world.take().into_iter().map(|request| request.url).collect();
    assert_eq!(asked, ["http://own.example/v1/chat/completions"]);
}

async fn secrets(client: &Client) -> Value {
    client
        .post("/api/secrets/read", json!({}))
        .await
        .expect(200)
        .json()
}

/// No route shows the key that is lent, whoever asks and whatever is tried on it.
async fn expect_unreadable(clients: &[&Client]) {
    for client in clients {
        for (path, body) in [
            ("/api/secrets/read", json!({})),
            ("/api/secrets/view", json!({})),
            ("/api/secrets/find", json!({ "key": "api_key_openai" })),
            (
                "/api/secrets/find",
                json!({ "key": "api_key_openai", "id": "shared" }),
            ),
            (
                "/api/secrets/rotate",
                json!({ "key": "api_key_openai", "id": "shared" }),
            ),
            (
                "/api/secrets/delete",
                json!({ "key": "api_key_openai", "id": "shared" }),
            ),
            ("/api/squaretable/policy/get", json!({})),
            ("/api/squaretable/audit", json!({})),
            ("/api/users/backup", json!({ "handle": "anna" })),
        ] {
            let answer = client.post(path, body).await;
            assert!(!answer.text().contains(LENT), "{path} shows it");
        }
    }
}

#[tokio::test]
async fn a_key_is_lent_to_whoever_has_none_and_shown_to_nobody() {
    let world = world().await;
    let (_server, admin, anna) = server(&world, |config| config.content.allow_keys_exposure = true).await;
    assert!(secrets(&anna).await["api_key_openai"].is_null());
    let lend = json!({ "sharedKey": "api_key_openai", "secret": LENT });
    let state = admin.post(&format!("{POLICY}/lend"), lend).await.expect(200);
    assert_eq!(state.json()["sharedKeys"], json!(["api_key_openai"]));
    assert!(!state.text().contains(LENT));

    // The frontend asks for nothing without a key that is set.
    let shown = secrets(&anna).await;
    assert_eq!(shown["api_key_openai"][0]["active"], true);
    anna.post(GENERATE, openai()).await.expect(200);
    let bearer = |request: &crate::harness::Request| request.header("authorization").map(str::to_owned);
    assert_eq!(bearer(&world.take()[0]), Some(format!("Bearer {LENT}")));
    let mut chosen = openai();
    chosen["secret_id"] = "shared".into();
    anna.post(GENERATE, chosen).await.expect(200);
    assert_eq!(bearer(&world.take()[0]), Some(format!("Bearer {LENT}")));

    // A proxy of the user's own is not given it.
    let mut proxied = openai();
    proxied["reverse_proxy"] = "http://evil.example/v1".into();
    proxied["proxy_password"] = "mine".into();
    anna.post(GENERATE, proxied).await;
    assert!(
        world
            .take()
            .iter()
            .all(|request| !format!("{request:?}").contains(LENT))
    );

    expect_unreadable(&[&anna, &admin]).await;
    anna.post(GENERATE, openai()).await.expect(200);
    assert_eq!(world.take().len(), 1, "deleting a lent key deletes nothing");

    // An own key comes first.
    let own = json!({ "key": "api_key_openai", "value": "sk-own" });
    anna.post("/api/secrets/write", own).await.expect(200);
    anna.post(GENERATE, openai()).await.expect(200);
    assert_eq!(bearer(&world.take()[0]).as_deref(), Some("Bearer sk-own"));
    let back = json!({ "sharedKey": "api_key_openai", "secret": "" });
    let state = admin
        .post(&format!("{POLICY}/lend"), back)
        .await
        .expect(200)
        .json();
    assert_eq!(state["sharedKeys"], json!([]));
    assert!(secrets(&admin).await["api_key_openai"].is_null());
}

#[tokio::test]
async fn only_administrators_see_and_change_it_and_only_some_keys_can_be_lent() {
    let world = world().await;
    let (_server, admin, anna) = server(&world, |_| {}).await;
    for (route, body) in [
        ("get", json!({})),
        ("set", json!({ "hosts": [] })),
        ("lend", json!({ "sharedKey": "api_key_openai", "secret": "x" })),
    ] {
        anna.post(&format!("{POLICY}/{route}"), body).await.expect(403);
    }
    for key in ["api_key_custom", "api_key_vllm", "api_key_vertexai", "nonsense"] {
        let body = json!({ "sharedKey": key, "secret": "x" });
        admin.post(&format!("{POLICY}/lend"), body).await.expect(400);
    }
    for wrong in [
        json!({}),
        json!({ "hosts": "a.example" }),
        json!({ "chatSources": [1] }),
    ] {
        admin.post(&format!("{POLICY}/set"), wrong).await.expect(400);
    }
    let none = json!({ "chatSources": null, "textSources": null, "hosts": null, "sharedKeys": [] });
    let state = admin
        .post(&format!("{POLICY}/get"), json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(state, none);
}

#[tokio::test]
async fn so_many_requests_go_to_providers_in_a_minute_and_in_a_day() {
    let world = world().await;
    let (_server, admin, anna) = server(&world, |config| {
        config.limits.upstream = 4;
        config.limits.quotas.upstream = Some(2);
    })
    .await;
    let ask = async |client: &Client| client.post(GENERATE, custom("http://own.example/v1")).await;
    ask(&anna).await.expect(200);
    ask(&anna).await.expect(200);
    let spent = ask(&anna).await.expect(429);
    let message = spent.json()["error"]["message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(message.contains("2 requests to providers a day"), "{message}");
    let wait: u64 = spent.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .expect("seconds");
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(world.take().len(), 2, "the third was not sent");
    let state = admin
        .post("/api/squaretable/quotas/get", json!({ "handle": "anna" }))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&state["upstream"]["used"], &state["upstream"]["limit"]),
        (&json!(2), &json!(2))
    );
    // What asks nobody is free, and so is everything else.
    let bias = "/api/backends/chat-completions/bias?model=gpt-4";
    anna.post(bias, json!([])).await.expect(200);
    anna.post("/api/settings/save", json!({})).await.expect(200);
    let more = json!({ "handle": "anna", "upstream": "none" });
    admin.post("/api/squaretable/quotas/set", more).await.expect(200);
    ask(&anna).await.expect(200);
    let fast = ask(&anna).await.expect(429);
    let wait: u64 = fast.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    ask(&admin).await.expect(200);
    let none = json!({ "handle": "admin", "upstream": 0 });
    admin.post("/api/squaretable/quotas/set", none).await.expect(200);
    ask(&admin).await.expect(429);
}
