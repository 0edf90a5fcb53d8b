//! `cacheBuster`: which answers tell which browsers to drop their cache.

use super::dsl::{Call, call, file, get, upload};
use super::fixtures::png;
use super::scenario::Scenario;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/129.0 Safari/537.36";

fn by(call: Call, agent: &str) -> Call {
    let note = format!("by {agent}");
    let call = call.note(&note);
    if agent.is_empty() {
        call
    } else {
        call.header("User-Agent", agent)
    }
}

/// Everything that may tell, and something that never does, by each browser.
async fn visit(family: &str, config: &str) {
    let mut s = Scenario::start(family, config).await;
    let picture = png(8, 12);
    s.upload(
        "/api/characters/create",
        file("a.png", &picture),
        &[("ch_name", "Ada")],
    )
    .await;
    for agent in [FIREFOX, CHROME, "", "fire fox", "\u{e9}"] {
        for path in ["/", "/", "/?a=b", "/csrf-token", "/script.js", "/version"] {
            s.send(by(get(path), agent)).await;
        }
        s.send(by(call("HEAD", "/"), agent)).await;
        let form = |path: &str, has_file: bool, fields: &[(&str, &str)]| {
            let file = has_file.then(|| file("a.png", &picture));
            by(upload(path, file, fields), agent).header("X-Fields", &format!("{}", fields.len()))
        };
        let ada = [("ch_name", "Ada"), ("avatar_url", "Ada.png")];
        for call in [
            form("/api/avatars/upload", true, &[("overwrite_name", "me.png")]),
            form("/api/avatars/upload", true, &[("overwrite_name", "")]).ignore("body /path"),
            form("/api/avatars/upload", false, &[("overwrite_name", "me.png")]),
            form("/api/characters/edit", true, &ada),
            form("/api/characters/edit", false, &ada),
            form("/api/characters/edit-avatar", true, &ada[1..]),
            form("/api/characters/edit-avatar", false, &ada[1..]),
            form("/api/backgrounds/upload", true, &[]),
            form("/api/sprites/upload", true, &[("name", "Ada"), ("label", "joy")]),
        ] {
            s.send(call).await;
        }
    }
    s.finish();
}

#[tokio::test]
async fn oracle_cache_buster() {
    visit(
        "cache_buster",
        "cacheBuster:\n  enabled: true\n  userAgentPattern: 'FIRE.?fox|^$'\n",
    )
    .await;
}

#[tokio::test]
async fn oracle_cache_buster_for_all() {
    visit("cache_buster_for_all", "cacheBuster:\n  enabled: true\n").await;
}
