//! Pictures of every kind and state, through every route that takes one.

use serde_json::json;

use super::characters::{GET, avatar};
use super::dsl::{file, get, upload};
use super::fixtures::encode;
use super::odd_pictures::{Odd, broken, whole, with_card};
use super::scenario::Scenario;

const CROP: &str = r#"{"x":8,"y":4,"width":50,"height":50}"#;
const RESIZE: &str = r#"{"x":8,"y":4,"width":50,"height":50,"want_resize":true}"#;

/// What cannot be read as a picture: for cards the original answers OK and stores nothing, ours refuses.
const UNREADABLE: [&str; 9] = [
    "anim.webp",
    "cut.png",
    "head.png",
    "cut.jpg",
    "cut.avif",
    "empty.png",
    "text.png",
    "markup.jpg",
    "huge.gif",
];

#[tokio::test]
async fn oracle_awkward_images() {
    let mut s = Scenario::start("awkward_images", "").await;
    for odd in whole().iter().chain(&broken()) {
        background(&mut s, odd).await;
        persona(&mut s, odd).await;
    }
    s.post("/api/backgrounds/all", json!({})).await;
    s.post("/api/image-metadata/all", json!({ "prefix": "backgrounds/" }))
        .await;
    s.finish();
}

#[tokio::test]
async fn oracle_awkward_image_cards() {
    let mut s = Scenario::start("awkward_image_cards", "").await;
    s.post("/api/characters/create", json!({ "ch_name": "Bearer" }))
        .await;
    for odd in whole().iter().chain(&broken()) {
        character(&mut s, odd).await;
        import(&mut s, odd).await;
    }
    s.finish();
}

async fn background(s: &mut Scenario, odd: &Odd) {
    let Odd { name, bytes } = odd;
    s.upload("/api/backgrounds/upload", file(name, bytes), &[]).await;
    s.get(&format!("/thumbnail?type=bg&file={name}")).await;
    s.get(&format!("/thumbnail?type=bg&file={name}&animated=true"))
        .await;
    let path = format!("backgrounds/{name}");
    s.post("/api/image-metadata", json!({ "path": path, "type": "bg" }))
        .await;
}

async fn persona(s: &mut Scenario, odd: &Odd) {
    let Odd { name, bytes } = odd;
    let (crop, resize) = (encode(CROP), encode(RESIZE));
    for query in ["".to_owned(), format!("?crop={crop}"), format!("?crop={resize}")] {
        let route = format!("/api/avatars/upload{query}");
        s.upload(&route, file(name, bytes), &[("overwrite_name", name)])
            .await;
        s.send(get(&format!("/User%20Avatars/{name}")).note(&route)).await;
    }
    s.get(&format!("/thumbnail?type=persona&file={name}")).await;
}

async fn character(s: &mut Scenario, odd: &Odd) {
    let Odd { name, bytes } = odd;
    let title = name.replace('.', " ");
    let routes = [String::new(), format!("?crop={}", encode(RESIZE))]
        .map(|query| format!("/api/characters/edit-avatar{query}"));
    let edit = |route: &str| upload(route, Some(file(name, bytes)), &[("avatar_url", "Bearer.png")]);
    let create = upload(
        "/api/characters/create",
        Some(file(name, bytes)),
        &[("ch_name", &title)],
    );
    if UNREADABLE.contains(name) {
        for call in [create, edit(&routes[0]), edit(&routes[1])] {
            s.ours_refuses(&call).await;
        }
        return;
    }
    s.send(create).await;
    s.post(GET, avatar(&format!("{title}.png"))).await;
    s.get(&format!("/characters/{}.png", encode(&title))).await;
    s.get(&format!("/thumbnail?type=avatar&file={}.png", encode(&title)))
        .await;
    for route in routes {
        s.send(edit(&route)).await;
        s.send(get("/characters/Bearer.png").note(&format!("{name} {route}")))
            .await;
    }
    s.send(get("/thumbnail?type=avatar&file=Bearer.png").note(name))
        .await;
}

async fn import(s: &mut Scenario, odd: &Odd) {
    let title = format!("Import {}", odd.name.replace('.', " "));
    let card = json!({ "spec": "chara_card_v2", "spec_version": "2.0", "data": { "name": title, "first_mes": "Hi" } });
    let bytes = with_card(&odd.bytes, &card.to_string());
    s.upload(
        "/api/characters/import",
        file(odd.name, &bytes),
        &[("file_type", "png")],
    )
    .await;
    let kept = format!("{title}.png");
    s.get(&format!("/characters/{}", encode(&kept))).await;
    s.get(&format!("/thumbnail?type=avatar&file={}", encode(&kept)))
        .await;
}
