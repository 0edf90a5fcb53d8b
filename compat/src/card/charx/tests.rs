use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::{Charx, Error, Place, embedded_path, read};
use crate::card::members::fixture::zip;
use crate::zip::{Limits, ZipError};

fn card(assets: &Value) -> Vec<u8> {
    json!({ "spec": "chara_card_v3", "data": { "name": "A", "assets": assets } })
        .to_string()
        .into_bytes()
}

fn read_all(file: &[u8]) -> Charx {
    read(file, Limits::default()).expect("a card")
}

#[test]
fn assets_go_where_their_type_says() {
    let assets = json!([
        { "type": "icon", "name": "other", "uri": "embeded://b.png", "ext": "png" },
        { "type": "ICON", "name": "Main", "uri": "embedded://a.png", "ext": ".PNG" },
        { "type": "emotion", "name": " Very  Happy!.png", "uri": "EMBEDED://./x/../a.png", "ext": "png" },
        { "type": "Expression", "name": "sad.webp", "uri": "__asset:b.png", "ext": "gif" },
        { "type": "background", "name": "Room_1 (day)", "uri": " embeded://b.png ", "ext": "" },
        { "type": "x-art", "name": "con", "uri": "embeded://b.png", "ext": 5 },
        { "type": null, "uri": "embeded://b.png" },
        { "type": "user_icon", "name": "me", "uri": "embeded://b.png" },
        { "type": "emotion", "name": "tune", "uri": "embeded://c.mp3", "ext": "mp3" },
        { "type": "emotion", "name": "far", "uri": "https://example.invalid/a.png", "ext": "png" },
        { "type": "emotion", "name": "out", "uri": "embeded://../a.png", "ext": "png" },
        { "type": "emotion", "name": "lost", "uri": "embeded://none.png", "ext": "png" },
        "text", 5, null, []
    ]);
    let file = zip(&[
        ("a.png", b"AA"),
        ("card.json", &card(&assets)),
        ("b.png", b"BB"),
        ("c.mp3", b"C"),
    ]);
    let charx = read_all(&file);
    assert_eq!(charx.pictures, [b"AA".to_vec(), b"BB".to_vec()]);
    assert_eq!(charx.icon, Some(0), "the one named main");
    let found: Vec<(Place, &str, usize)> = charx
        .assets
        .iter()
        .map(|asset| (asset.place, asset.file_name.as_str(), asset.picture))
        .collect();
    assert_eq!(
        found,
        [
            (Place::Sprite, "very-happy.png", 0),
            (Place::Sprite, "sad.gif", 1),
            (Place::Background, "room_1_day.png", 1),
            (Place::Gallery, "misc-5.png", 1),
            (Place::Gallery, "misc-6.png", 1),
        ]
    );
    assert_eq!(charx.assets[0].base_name, "very-happy");
    assert_eq!(Place::Sprite.folder("A"), "characters/A");
    assert_eq!(Place::Background.folder("A"), "characters/A/backgrounds");
    assert_eq!(Place::Gallery.folder("A"), "user/images/A");
}

#[test]
fn the_first_icon_stands_in_for_main() {
    let assets = json!([
        { "type": "icon", "name": "one", "uri": "embeded://a.png" },
        { "type": "icon", "name": "two", "uri": "embeded://b.png" }
    ]);
    let charx = read_all(&zip(&[
        ("card.json", &card(&assets)),
        ("b.png", b"B"),
        ("a.png", b"A"),
    ]));
    assert_eq!(
        charx.icon.map(|icon| charx.pictures[icon].as_slice()),
        Some(&b"A"[..])
    );
    let charx = read_all(&zip(&[("card.json", &card(&assets)), ("b.png", b"B")]));
    assert_eq!(charx.icon, None, "no second choice for a missing picture");
}

#[test]
fn the_card_is_found_by_the_end_of_its_name() {
    for name in ["card.json", "deep/card.json", "my-card.json"] {
        let file = zip(&[("__MACOSX/card.json", b"{"), (name, &card(&json!(null)))]);
        assert_eq!(read_all(&file).card["data"]["name"], "A");
        assert_eq!(
            read_all(&[b"#!garbage".as_slice(), &file].concat()).card["data"]["name"],
            "A"
        );
    }
}

#[test]
fn what_is_no_card_is_refused() {
    let limits = Limits::default();
    let missing = read(&zip(&[("x.json", b"{}")]), limits);
    assert!(matches!(missing, Err(Error::NoCard)));
    assert!(matches!(
        read(&zip(&[("card.json", b"{")]), limits),
        Err(Error::Json(_))
    ));
    assert!(matches!(
        read(b"hello", limits),
        Err(Error::Zip(ZipError::NotArchive(_)))
    ));
    let after = zip(&[("../x", b""), ("card.json", &card(&json!(null)))]);
    assert!(
        matches!(read(&after, limits), Err(Error::NoCard)),
        "nothing after a name that leads out"
    );
    let before = zip(&[("card.json", &card(&json!(null))), ("../x", b"")]);
    assert_eq!(read_all(&before).card["data"]["name"], "A");
}

#[test]
fn limits_are_kept() {
    let limits = Limits {
        entries: 10,
        entry_bytes: 1000,
        total_bytes: 10_000,
    };
    let asset = json!({ "type": "emotion", "uri": "embeded://a.png" });
    let bomb = zip(&[("card.json", &card(&json!([asset]))), ("a.png", &[0; 1001])]);
    assert!(matches!(read(&bomb, limits), Err(Error::Zip(error)) if error.is_limit()));
    let bomb = zip(&[("card.json", &[b' '; 1001])]);
    assert!(matches!(read(&bomb, limits), Err(Error::Zip(error)) if error.is_limit()));
    let many = zip(&[("card.json", &card(&json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])))]);
    assert!(matches!(read(&many, limits), Err(Error::Zip(error)) if error.is_limit()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
        let _ = read(&bytes, Limits::default());
        let _ = read(&zip(&[("card.json", &bytes)]), Limits::default());
        let _ = embedded_path(&format!("embeded://{text}"));
    }

    #[test]
    fn mutated_archives_never_panic(
        name: String,
        ext: String,
        uri: String,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let assets = json!([{ "type": "emotion", "name": name, "ext": ext, "uri": format!("embeded://{uri}") },
                            { "type": "x", "name": name, "ext": "png", "uri": "embeded://a.png" }]);
        let mut file = zip(&[("card.json", &card(&assets)), ("a.png", b"A"), (&uri, b"B")]);
        for (place, value) in edits {
            let place = place.index(file.len());
            file[place] = value;
        }
        if let Ok(charx) = read(&file, Limits::default()) {
            for asset in &charx.assets {
                assert!(asset.picture < charx.pictures.len());
                assert!(!asset.file_name.contains(['/', '\\', '\0']) && !asset.base_name.starts_with('.'));
                assert_eq!(asset.base_name, asset.base_name.to_lowercase());
            }
        }
    }
}
