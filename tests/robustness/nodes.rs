//! Several servers on one PostgreSQL and one Redis: what one of them does the others know, and what one of them was when it
//! died is nobody's loss. Sessions on several nodes are in `tests/api/account/sessions_redis.rs`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use serde_json::json;
use squaretable::config::Config;
use squaretable::config::secret::Secret;

use super::{chat, folder, kill_database, read, save, start};
use crate::canary::fill;
use crate::harness::{Client, Options, Redis, Server, file};

fn options(redis: &Redis) -> Options {
    let mut config = Config::default();
    config.accounts.enabled = true;
    config.database.redis_url = Some(Secret::new(redis.url()));
    // Chats are saved at a rate that no browser has.
    config.content.backups.chat_enabled = false;
    Options {
        config,
        ..Options::default()
    }
}

/// Everything that a browser shows, as one node tells it.
async fn view(client: &Client) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    let talk = json!({ "avatar_url": "Ada.png", "file_name": "talk", "name": "Lore", "id": "1", "key": "api_key_openai" });
    for path in [
        "/api/users/me",
        "/api/settings/get",
        "/api/secrets/read",
        "/api/characters/all",
        "/api/characters/get",
        "/api/characters/chats",
        "/api/chats/get",
        "/api/chats/recent",
        "/api/chats/group/get",
        "/api/groups/all",
        "/api/worldinfo/get",
        "/api/worldinfo/list",
        "/api/backgrounds/all",
        "/api/avatars/get",
        "/api/stats/get",
    ] {
        let answer = match path {
            "/api/users/me" => client.get(path).await,
            _ => client.post(path, &talk).await,
        };
        seen.push((path, format!("{} {}", answer.status, answer.text())));
    }
    for path in [
        "/characters/Ada.png",
        "/thumbnail?type=avatar&file=Ada.png",
        "/backgrounds/sky.png",
        "/thumbnail?type=bg&file=sky.png",
        "/User%20Avatars/me.png",
        "/thumbnail?type=persona&file=me.png",
        "/user/files/a.txt",
    ] {
        let answer = client.get(path).await;
        seen.push((path, format!("{} {}", answer.status, hex::encode(&answer.body))));
    }
    seen
}

/// A picture of one colour.
fn picture(shade: u8) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let pixels = image::RgbaImage::from_pixel(6, 4, image::Rgba([shade, shade, shade, 255]));
    pixels
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("a picture can be encoded");
    png.into_inner()
}

/// A change to what [`view`] shows: what it changes, a route, and a body in which `<n>` is another number each time.
const CHANGES: [(&str, &str, &str); 8] = [
    ("settings", "/api/settings/save", r#"{"note":"<n>"}"#),
    (
        "a secret",
        "/api/secrets/write",
        r#"{"key":"api_key_openai","value":"sk-<n>-long","label":"<n>"}"#,
    ),
    (
        "a character",
        "/api/characters/edit-attribute",
        r#"{"avatar_url":"Ada.png","ch_name":"Ada","field":"description","value":"<n>"}"#,
    ),
    (
        "a chat",
        "/api/chats/save",
        r#"{"avatar_url":"Ada.png","file_name":"talk","force":true,
            "chat":[{"chat_metadata":{}},{"name":"Ada","mes":"<n>","send_date":"2026-01-01"}]}"#,
    ),
    (
        "a group",
        "/api/groups/edit",
        r#"{"id":"1","name":"<n>","members":["Ada.png"],"chats":["1"]}"#,
    ),
    (
        "a world",
        "/api/worldinfo/edit",
        r#"{"name":"Lore","data":{"entries":{},"note":"<n>"}}"#,
    ),
    (
        "a file",
        "/api/files/upload",
        r#"{"name":"a.txt","data":"bj<n>A"}"#,
    ),
    (
        "the own name",
        "/api/users/change-name",
        r#"{"handle":"anna","name":"round <n>"}"#,
    ),
];

/// The same with a picture.
const PICTURES: [(&str, &str, &str); 3] = [
    ("a character's picture", "/api/characters/edit-avatar", "new.png"),
    ("a background", "/api/backgrounds/upload", "sky.png"),
    ("a persona", "/api/avatars/upload", "me.png"),
];

/// Makes the change of this number.
async fn change(client: &Client, step: usize, n: u8) -> &'static str {
    let (what, answer) = match CHANGES.get(step) {
        Some((what, path, body)) => {
            let body = body.replace("<n>", &(100 + u32::from(n)).to_string());
            (*what, client.post_raw(path, "application/json", body).await)
        }
        None => {
            let (what, path, name) = PICTURES[step - CHANGES.len()];
            let fields = [("avatar_url", "Ada.png"), ("overwrite_name", "me.png")];
            (what, client.upload(path, file(name, picture(n)), &fields).await)
        }
    };
    let is_done = answer.status.is_success();
    assert!(is_done, "{what}: {} {}", answer.status, answer.text());
    what
}

/// What nodes keep in memory or in Redis is never older than what another node acknowledged.
#[tokio::test]
async fn what_one_node_stored_every_node_shows_at_once() {
    let mut redis = Redis::start().await;
    let first = Server::with(options(&redis)).await;
    let second = first.beside(options(&redis)).await;
    first.tenant("anna", false).await;
    let here = first.client_of("anna").await;
    let there = here.elsewhere(&second.url);
    fill(&here).await;
    let steps = CHANGES.len() + PICTURES.len();
    for step in 0..steps {
        change(&here, step, 1).await;
    }
    let (mut n, mut seen) = (1, view(&there).await);
    for round in ["with Redis", "without it", "with an empty one"] {
        match round {
            "without it" => redis.stop(),
            "with an empty one" => redis.start_again().await,
            _ => {}
        }
        for step in 0..steps {
            n += 1;
            let [writer, reader] = if n % 2 == 0 {
                [&here, &there]
            } else {
                [&there, &here]
            };
            let what = change(writer, step, n).await;
            let (after, own) = (view(reader).await, view(writer).await);
            assert_eq!(
                after, own,
                "{round}: {what} is not everywhere what it is where it was stored"
            );
            assert_ne!(
                after, seen,
                "{round}: {what} did not change anything: the step proves nothing"
            );
            seen = after;
        }
    }
}

/// The saves that were acknowledged; the others have to be refused in words that say so.
fn judged(outcomes: &[(usize, u16)]) -> BTreeSet<usize> {
    let is_odd = |(_, status): &&(usize, u16)| !matches!(status, 200 | 500 | 503);
    let odd: Vec<_> = outcomes.iter().filter(is_odd).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let good = outcomes.iter().filter(|(_, status)| *status == 200);
    let good: BTreeSet<usize> = good.map(|(n, _)| *n).collect();
    assert!(
        (40..200).contains(&good.len()),
        "{} were acknowledged",
        good.len()
    );
    good
}

/// PostgreSQL dies under two nodes in the middle of saves: what was acknowledged stays, what was not is refused, and both
/// go on with the database once it is back, sessions and all.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_outlive_their_database() {
    let data = folder();
    let dir = data.path().join("postgres");
    let first = start(&dir).await;
    let redis = Redis::start().await;
    let one = Server::with_on(options(&redis), first.connect_options()).await;
    let two = one.beside(options(&redis)).await;
    one.tenant("anna", false).await;
    let here = one.client_of("anna").await;
    let there = here.elsewhere(&two.url);
    let (done, is_dead) = (AtomicUsize::new(0), AtomicBool::new(false));
    let saves = futures_util::stream::iter(0..200).map(|n| {
        let (client, done, is_dead) = (if n % 2 == 0 { &here } else { &there }, &done, &is_dead);
        async move {
            if is_dead.load(Ordering::Relaxed) {
                return (n, 503);
            }
            let status = save(client, n).await.status.as_u16();
            done.fetch_add(1, Ordering::Relaxed);
            (n, status)
        }
    });
    let death = async {
        super::until("some saves", || done.load(Ordering::Relaxed) >= 40).await;
        kill_database(&dir).await;
        is_dead.store(true, Ordering::Relaxed);
    };
    let (outcomes, ()) = tokio::join!(saves.buffer_unordered(20).collect::<Vec<_>>(), death);
    let acknowledged = judged(&outcomes);
    for client in [&here, &there] {
        client.get("/readyz").await.expect(503);
        for n in [0, 1] {
            let answer = read(client, n).await;
            assert_eq!(answer.status, 503, "{}", answer.text());
        }
    }
    drop(first);
    let second = start(&dir).await;
    for client in [&here, &there] {
        for n in &acknowledged {
            assert_eq!(
                read(client, *n).await.expect(200).json(),
                chat(*n),
                "the save {n}"
            );
        }
        client.get("/api/users/me").await.expect(200);
        client.get("/readyz").await.expect(200);
    }
    save(&here, 1000).await.expect(200);
    assert_eq!(read(&there, 1000).await.expect(200).json(), chat(1000));
    let apps = [one.app.clone(), two.app.clone()];
    drop((one, two));
    for app in apps {
        app.db().close().await;
    }
    second.stop().await.expect("PostgreSQL stops");
}
