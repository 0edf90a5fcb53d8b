//! `/api/content`: characters of Perchance.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::ImageFormat;
use serde_json::{Value, json};

use super::content::{CONFIG, FAILURES, URL, UUID, data_link, failure, import, last, pictures};
use super::fixtures;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

/// Compressed.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("a vector takes any bytes");
    encoder.finish().expect("a vector takes any bytes")
}

/// A name of an upload: the digits say which.
fn upload(number: u8) -> String {
    format!("{number:032x}.gz")
}

/// Characters of Perchance, by the number of their upload.
fn perchance_uploads() -> Vec<Vec<u8>> {
    let full = |avatar: Value, name: Value| {
        let character = json!({
            "name": name, "roleInstruction": "role", "metaTitle": "me", "metaDescription": "notes", "reminderMessage": "r",
            "uuid": "u-1", "folderPath": "/f", "folderName": "", "customData": { "2": 1, "a": [] }, "avatar": avatar
        });
        gzip(json!({ "addCharacter": character }).to_string().as_bytes())
    };
    let link = |name: &str| {
        full(
            json!({ "url": format!("https://pictures.example/{name}") }),
            json!("Ada"),
        )
    };
    let jpeg = fixtures::picture(20, 30, ImageFormat::Jpeg);
    let text = |text: &str| gzip(text.as_bytes());
    vec![
        full(json!(null), json!("Ada")),
        link("good.png"),
        link("photo.jpg"),
        link("untyped"),
        link("typed.png"),
        link("text.png"),
        link("e404"),
        link("hangup"),
        link("moved"),
        full(
            json!({ "url": data_link("image/png", &fixtures::png(7, 9)) }),
            json!("Ada"),
        ),
        full(json!({ "url": data_link("image/jpeg", &jpeg) }), json!("Ada")),
        full(json!({ "url": data_link("image/jpeg", b"hi") }), json!("Ada")),
        full(json!({ "url": "data:image/svg" }), json!("Ada")),
        full(json!({ "url": "data:text/plain,hi" }), json!("Ada")),
        full(json!({ "url": "no address" }), json!("Ada")),
        full(json!({ "url": 5 }), json!("Ada")),
        full(json!({ "url": "" }), json!("a/b\"c\n日")),
        full(json!("text"), json!(5)),
        full(json!({}), json!("")),
        text("{\"addCharacter\":{}}"),
        text("{\"addCharacter\":\"text\"}"),
        text("{\"addCharacter\":0}"),
        text("null"),
        text("{"),
        text(""),
        text("\u{feff}{\"addCharacter\":{}}"),
        b"{\"addCharacter\":{}}".to_vec(),
        Vec::new(),
        [text("{\"addCharacter\":"), text("{}}")].concat(),
        [text("{\"addCharacter\":{}}"), vec![0; 9]].concat(),
        [text("{\"addCharacter\":{}}"), b"garbage garbage".to_vec()].concat(),
    ]
}

#[tokio::test]
async fn oracle_content_perchance() {
    let sites = Sites::default();
    pictures(&sites);
    let uploads = perchance_uploads();
    let count = u8::try_from(uploads.len()).expect("few uploads");
    sites.below("https://user.uploads.dev/", move |request| {
        let name = last(request);
        let number = usize::from_str_radix(name.trim_end_matches(".gz"), 16).ok();
        match number.and_then(|number| uploads.get(number)) {
            Some(packed) => Reply::bytes("application/gzip", packed.clone()),
            None => failure(&name).unwrap_or_else(|| Reply::status("404 Not Found")),
        }
    });
    let mut scenario = Scenario::in_world("content_perchance", CONFIG, &sites).await;
    let s = &mut scenario;
    let page = "https://perchance.org/ai-character-chat?data=Ada";
    for number in 0..count {
        import(s, URL, format!("{page}~{}", upload(number))).await;
    }
    for number in [0, 16, 200] {
        import(s, UUID, format!("Ada_1~{}", upload(number))).await;
    }
    for name in FAILURES {
        import(s, URL, format!("{page}~{name}")).await;
    }
    for odd in ["", "~", "~~x", "~a b", "~../x", "~é?x#y"] {
        import(s, URL, format!("{page}{odd}")).await;
    }
    import(s, URL, json!([format!("{page}~{}", upload(0))])).await;
    import(
        s,
        URL,
        format!("https://perchance.org.evil.example/~{}", upload(0)),
    )
    .await;
    for name in ["é", "a-b", "", "lorebook"] {
        import(s, UUID, format!("{name}~{}", upload(0))).await;
    }
    scenario.finish();
}
