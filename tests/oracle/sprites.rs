//! `/api/sprites`, and forms in which no file was chosen.

use serde_json::json;

use super::awkward::{LeftOut, Row, run};
use super::awkward_forms::Form;
use super::characters_archives::deflated;
use super::dsl::{Call, call, file, get, post, upload};
use super::fixtures::{NAMES, encode, long_name, png, zip};
use super::scenario::Scenario;

const UPLOAD: &str = "/api/sprites/upload";
const ZIP: &str = "/api/sprites/upload-zip";
const DELETE: &str = "/api/sprites/delete";

/// What ends the original's process or hangs: text asked of a value that has none, outside of its `try`.
const LEFT_OUT: LeftOut<'_> = &[
    (
        "POST /api/sprites/upload name object",
        "`String` of an object without prototype",
    ),
    (
        "POST /api/sprites/upload name with toString",
        "`String` of an object without prototype",
    ),
    (
        "POST /api/sprites/upload-zip name object",
        "`String` of an object without prototype",
    ),
    (
        "POST /api/sprites/upload-zip name with toString",
        "`String` of an object without prototype",
    ),
    (
        "POST /api/sprites/delete name={\"toString\":1}",
        "`String` of an object whose `toString` is no function",
    ),
];

fn list(name: &str) -> Call {
    get(&format!("/api/sprites/get?name={}", encode(name)))
}

#[tokio::test]
async fn oracle_sprites() {
    let mut s = Scenario::start("sprites", "").await;
    queries(&mut s).await;
    uploads(&mut s).await;
    deletions(&mut s).await;
    archives(&mut s).await;
    broken_archives(&mut s).await;
    s.finish();
}

#[tokio::test]
async fn oracle_awkward_sprites() {
    let mut s = Scenario::start("awkward_sprites", "").await;
    let fields = [("name", "Awk"), ("label", "joy"), ("spriteName", "joy-1")];
    let sent = || upload(UPLOAD, Some(file("a.png", b"one")), &fields);
    let rows = [
        Row::form(UPLOAD, Form::with_file(&fields, "a.png", png(8, 8))).each(list("Awk")),
        Row::form(
            ZIP,
            Form::with_file(&fields[..1], "a.zip", zip(&[("x/joy.png", b"p")])),
        )
        .each(list("Awk")),
        Row::json(
            DELETE,
            json!({ "name": "Awk", "label": "joy", "spriteName": "joy-1" }),
        )
        .before(sent())
        .each(list("Awk")),
        Row::query("/api/sprites/get", &[("name", "Awk")]),
    ];
    run(&mut s, &rows, LEFT_OUT).await;
    s.finish();
}

async fn queries(s: &mut Scenario) {
    for query in [
        "",
        "?name=",
        "?name=Seraphina",
        "?name=seraphina",
        "?name=Seraphina/",
        "?name=Seraphina//",
        "?name=/Seraphina",
        "?name=Seraphina/..",
        "?name=%20Seraphina",
        "?name=Seraphina.",
        "?name=Sera:phina",
        "?name=default_Seraphina.png",
        "?name=default_Seraphina.png/x",
        "?name=a&name=b",
        "?name[]=Seraphina",
        "?name%5B%5D=Seraphina",
        "?name[a]=b",
        "?name[a][b]=c",
        "?Name=Seraphina",
        "?name=Seraphina&x=%zz",
        "?name=%zz",
        "?name=%ff",
        "?name=Sera%2Bphina+x",
        "?name=Seraphina;x",
    ] {
        s.get(&format!("/api/sprites/get{query}")).await;
    }
    s.send(call("HEAD", "/api/sprites/get?name=Seraphina")).await;
    for path in [
        "/characters/Seraphina/joy.png",
        "/characters/Seraphina/joy.png?t=20200101000000",
        "/Characters/Seraphina/joy.png",
        "/characters/seraphina/joy.png",
        "/characters/Seraphina/JOY.png",
        "/characters/Seraphina/none.png",
        "/characters/Seraphina",
        "/characters/Seraphina/",
    ] {
        s.get(path).await;
    }
    s.send(get("/characters/Seraphina/joy.png").header("Range", "bytes=5-9"))
        .await;
    s.send(call("HEAD", "/characters/Seraphina/joy.png")).await;
}

/// Uploads a sprite and lists its folder.
async fn send(s: &mut Scenario, name: &str, label: &str, sprite: &str, original: &str) {
    let fields = [("name", name), ("label", label), ("spriteName", sprite)];
    s.upload(UPLOAD, file(original, original.as_bytes()), &fields)
        .await;
    s.send(list(name)).await;
}

async fn uploads(s: &mut Scenario) {
    for (name, label, sprite, original) in [
        ("Ada", "joy", "", "x.png"),
        ("Ada", "joy", "", "second.webp"),
        ("Ada", "joy", "joy-1", "x.png"),
        ("Ada", "joy", "joy.expressive", "x.gif"),
        ("Ada", "Sad", "", "x.PNG"),
        ("Ada", "note", "", "x.txt"),
        ("Ada", "none", "", "noext"),
        ("Ada", "png", "", "noext"),
        ("Ada", "dot", "", "a."),
        ("Ada", "hidden", "", ".png"),
        ("Ada", "page", "", "x.html"),
        ("Ada", "picture", "", "x.svg"),
        ("Ada", "picture", "", "x.avif"),
        ("Ada/live2d", "model", "", "x.json"),
        ("Ada/live2d/deep", "model", "", "x.png"),
        ("Ada/joy.webp", "below a file", "", "x.png"),
        ("Ada/joy.webp/x", "below a file", "", "x.png"),
        ("Ada/", "joy", "", "x.png"),
        ("default_Seraphina.png", "joy", "", "x.png"),
        ("default_Seraphina.png/x", "joy", "", "x.png"),
        ("Ada", "live2d", "", "noext"),
        ("Ada", "con", "", "x.png"),
        ("Ada", "..", "", "noext"),
        ("Ada", "a/b\\c", "", "x.png"),
        ("Ada", "-dash", "", "x.png"),
        ("Ada", "..dots", "", "x.png"),
        ("Ada", "ÉTÉ-x", "", "x.png"),
        ("Ada", "e\u{301}-x", "", "x.png"),
        ("Ada", "İ-x", "", "x.png"),
        ("Ada", "two\u{2028}lines-x", "", "x.png"),
        ("Ada", "100%", "", "x.png"),
    ] {
        send(s, name, label, sprite, original).await;
    }
    for name in NAMES {
        send(s, name, "joy", "", "x.png").await;
    }
    let long = long_name();
    send(s, "Ada", &long, "", "x.png").await;
    send(s, &long, "joy", "", "x.png").await;
    for path in [
        "/characters/Ada/joy.webp",
        "/characters/Ada/joy-1.png",
        "/characters/Ada/note.txt",
        "/characters/Ada/none",
        "/characters/Ada/page.html",
        "/characters/Ada/picture.svg",
        "/characters/Ada/live2d/model.json",
        "/characters/Ada/live2d",
        "/characters/Ada/100%25.png",
    ] {
        s.get(path).await;
    }
}

async fn deletions(s: &mut Scenario) {
    for body in [
        json!({ "name": "Ada", "label": "JOY" }),
        json!({ "name": "Ada", "label": "joy.webp" }),
        json!({ "name": "Ada", "label": "joy" }),
        json!({ "name": "Ada", "label": "joy" }),
        json!({ "name": "Ada", "label": "sad", "spriteName": "joy-1" }),
        json!({ "name": "Ada", "label": 5 }),
        json!({ "name": "Ada", "label": "", "spriteName": "Sad" }),
        json!({ "name": "Ada" }),
        json!({ "label": "joy" }),
        json!({ "name": "", "label": "joy" }),
        json!({ "name": "Nobody", "label": "joy" }),
        json!({ "name": "Ada/live2d", "label": "model" }),
        json!({ "name": "Ada", "label": "live2d" }),
        json!({ "name": "default_Seraphina.png", "label": "joy" }),
        json!({ "name": "..", "label": "default_Seraphina" }),
        json!({ "name": "../characters", "label": "default_Seraphina" }),
    ] {
        s.post(DELETE, body).await;
        s.send(list("Ada")).await;
    }
}

/// Uploads an archive and lists its folder.
async fn unpack(s: &mut Scenario, label: &str, name: &str, bytes: &[u8]) {
    s.upload(ZIP, file(label, bytes), &[("name", name)]).await;
    s.send(list(name)).await;
}

async fn archives(s: &mut Scenario) {
    let all: [(&str, &[u8]); 9] = [
        ("joy.png", b"a"),
        ("pack/sad.webp", b"b"),
        ("pack/notes.txt", b"c"),
        ("__MACOSX/joy.png", b"d"),
        ("deep/er/Fear.PNG", b"e"),
        ("film.mp4", b"f"),
        ("pack/png", b"g"),
        ("back\\slash.png", b"h"),
        ("e\u{301} 🦊.png", b"i"),
    ];
    unpack(s, "all.zip", "Zip", &zip(&all)).await;
    unpack(s, "deflated.zip", "Zip", &deflated(&all)).await;
    unpack(s, "part.zip", "Zip/part", &deflated(&all)).await;
    unpack(s, "empty.zip", "Empty", &zip(&[])).await;
    unpack(
        s,
        "other.zip",
        "Zip",
        &zip(&[("joy.gif", b"k"), ("x/joy.gif", b"l")]),
    )
    .await;
    s.get("/characters/Zip/joy.gif").await;
    send(s, "Two", "joy", "", "x.gif").await;
    s.upload(
        UPLOAD,
        file("x.png", b"p"),
        &[("name", "Two"), ("label", "mood"), ("spriteName", "joy/")],
    )
    .await;
    unpack(s, "first.zip", "Two", &zip(&[("joy.webp", b"m")])).await;
    unpack(s, "card.zip", "default_Seraphina.png", &zip(&all)).await;
    unpack(s, "below a card.zip", "default_Seraphina.png/x", &zip(&all)).await;
    for name in ["", "..", "con", "a/..", "a/b/c"] {
        unpack(s, "name.zip", name, &zip(&all[..1])).await;
    }
}

async fn broken_archives(s: &mut Scenario) {
    let good: (&str, &[u8]) = ("good.png", b"x");
    for (label, odd) in [
        ("leads out", "../out.png"),
        ("leads out inside", "a/../out.png"),
        ("absolute", "/out.png"),
        ("drive", "C:/out.png"),
        ("leads out backwards", "..\\out.png"),
        ("text that leads out", "../out.txt"),
        ("reserved", "con.png"),
        ("dots", "...png"),
    ] {
        unpack(s, label, "Bad", &zip(&[good, (odd, b"y")])).await;
        s.get("/characters/out.png").await;
    }
    let whole = deflated(&[good, ("better.png", &[7; 900])]);
    unpack(s, "nothing", "Bad", b"").await;
    unpack(s, "text", "Bad", b"no archive").await;
    unpack(s, "cut", "Bad", &whole[..whole.len() - 30]).await;
    unpack(s, "headless", "Bad", &whole[10..]).await;
    unpack(s, "prefixed", "Bad", &[b"prefix", &whole[..]].concat()).await;
    unpack(s, "trailed", "Bad", &[&whole[..], b"trail"].concat()).await;
    let mut checksum = zip(&[good]);
    for at in [14, checksum.len() - 22 - good.0.len() - 30] {
        checksum[at] ^= 0xff;
    }
    unpack(s, "checksum", "Bad", &checksum).await;
    unpack(
        s,
        "long",
        "Bad",
        &zip(&[(&format!("{}.png", "n".repeat(300)), b"y")]),
    )
    .await;
}

/// A form with one part as browsers send it for a file input that nobody touched.
fn untouched(path: &str, kind: &str, fields: &[(&str, &str)]) -> Call {
    const BOUNDARY: &str = "----untouched-boundary";
    let mut body = String::new();
    for (name, value) in fields {
        body +=
            &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"\"\r\n{kind}\r\n\r\n"
    );
    body += &format!("--{BOUNDARY}--\r\n");
    call("POST", path)
        .body(
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            body.as_bytes(),
        )
        .note(&format!("no file chosen, {} {fields:?}", kind.trim()))
}

#[tokio::test]
async fn oracle_untouched_files() {
    let mut s = Scenario::start("untouched_files", "").await;
    for kind in [
        "Content-Type: application/octet-stream\r\n",
        "",
        "Content-Type: text/plain\r\n",
    ] {
        for (path, fields) in [
            (UPLOAD, &[("name", "Ada"), ("label", "joy")][..]),
            (ZIP, &[("name", "Ada")]),
            ("/api/characters/create", &[("ch_name", "Untouched")]),
            (
                "/api/characters/edit",
                &[("ch_name", "Edited"), ("avatar_url", "Untouched.png")],
            ),
            ("/api/characters/edit-avatar", &[("avatar_url", "Untouched.png")]),
            ("/api/backgrounds/upload", &[]),
            ("/api/avatars/upload", &[("overwrite_name", "a.png")]),
            ("/api/worldinfo/import", &[]),
            ("/api/worldinfo/import", &[("convertedData", "{\"entries\":{}}")]),
            (
                "/api/chats/import",
                &[("avatar_url", "Untouched.png"), ("file_type", "jsonl")],
            ),
            ("/api/characters/import", &[("file_type", "png")]),
        ] {
            s.send(untouched(path, kind, fields)).await;
        }
        s.send(post(
            "/api/characters/get",
            &json!({ "avatar_url": "Untouched.png" }),
        ))
        .await;
        s.send(get("/characters/Untouched.png")).await;
    }
    s.finish();
}
