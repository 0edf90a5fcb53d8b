//! `/api/assets`, downloads from sites that a world of ours plays.

use serde_json::{Value, json};

use super::awkward::{LeftOut, Row, run};
use super::content::{failure, last};
use super::dsl::{call, file, get, post};
use super::fixtures::{encode, long_name, png};
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const GET: &str = "/api/assets/get";
const DOWNLOAD: &str = "/api/assets/download";
const DELETE: &str = "/api/assets/delete";
const CHARACTER: &str = "/api/assets/character";

/// The default list and one more: a shorter one would be filled up by the original.
const CONFIG: &str = "whitelistImportDomains: [localhost, cdn.discordapp.com, files.catbox.moe, \
                      raw.githubusercontent.com, assets.example]\n";

const LEFT_OUT: LeftOut<'_> = &[
    (
        "POST /api/assets/delete category={\"toString\":1}",
        "compared outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename missing",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=null",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=true",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=0",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=1.0",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=-1",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename=12345678901234567890",
        "no text is looked at outside of its `try`",
    ),
    (
        "POST /api/assets/delete filename={\"toString\":1}",
        "no text is looked at outside of its `try`",
    ),
];

fn sites() -> Sites {
    let sites = Sites::default();
    for start in [
        "https://assets.example/",
        "http://assets.example/",
        "http://localhost/",
    ] {
        sites.below(start, |request| match last(request).as_str() {
            "tune.mp3" => Reply::bytes("audio/mpeg", "a tune"),
            "card.png" => Reply::bytes("text/html", png(8, 8)),
            "model.json" => Reply::bytes("application/json", "{\"a\":1}"),
            "empty" => Reply::bytes("", ""),
            "none" => Reply::status("204 No Content"),
            "pieces" => Reply::stream("audio/mpeg", &[b"ab", b"c"]),
            "moved" => Reply::redirect("https://elsewhere.example/other.mp3"),
            name => failure(name).unwrap_or_else(|| Reply::status("404 Not Found")),
        });
    }
    sites.below("https://elsewhere.example/", |_| {
        Reply::bytes("audio/mpeg", "from elsewhere")
    });
    sites
}

fn asset(url: &str, category: &str, name: &str) -> Value {
    json!({ "url": url, "category": category, "filename": name })
}

const TUNE: &str = "https://assets.example/tune.mp3";

#[tokio::test]
async fn oracle_assets() {
    let mut s = Scenario::in_world("assets", CONFIG, &sites()).await;
    s.post(GET, json!({})).await;
    downloads(&mut s).await;
    addresses(&mut s).await;
    deletions(&mut s).await;
    characters(&mut s).await;
    s.finish();
}

#[tokio::test]
async fn oracle_awkward_assets() {
    let mut s = Scenario::in_world("awkward_assets", CONFIG, &sites()).await;
    let body = asset(TUNE, "bgm", "awk.mp3");
    let rows = [
        Row::json(DOWNLOAD, body.clone()).read(post(GET, &json!({}))),
        Row::json(DELETE, json!({ "category": "bgm", "filename": "awk.mp3" }))
            .before(post(DOWNLOAD, &body))
            .read(post(GET, &json!({}))),
        Row::json(GET, json!({ "unknown": 1 })),
    ];
    run(&mut s, &rows, LEFT_OUT).await;
    s.finish();
}

async fn downloads(s: &mut Scenario) {
    for category in [
        "bgm",
        "ambient",
        "blip",
        "live2d",
        "vrm",
        "character",
        "temp",
        "BGM",
        "",
        ".",
        "../bgm",
    ] {
        for name in ["tune.mp3", "model.json"] {
            s.post(DOWNLOAD, asset(TUNE, category, name)).await;
        }
    }
    s.reached("the first downloads").await;
    s.post(GET, json!({})).await;
    for path in [
        "/assets/bgm/tune.mp3",
        "/assets/live2d/model.json",
        "/assets/vrm/tune.mp3",
        "/assets/character/tune.mp3",
        "/assets/bgm/TUNE.mp3",
        "/assets/bgm",
        "/assets/bgm/",
        "/assets/bgm/../bgm/tune.mp3",
        "/Assets/bgm/tune.mp3",
    ] {
        s.get(path).await;
    }
    s.send(get("/assets/bgm/tune.mp3").header("Range", "bytes=2-3"))
        .await;
    s.send(call("HEAD", "/assets/bgm/tune.mp3")).await;
    download_names(s).await;
}

async fn download_names(s: &mut Scenario) {
    let long = long_name();
    for name in [
        "a b.mp3",
        "a/b.mp3",
        "..",
        "../x.mp3",
        ".hidden",
        "x.",
        "con.mp3",
        "x.html",
        "x.JS",
        "noext",
        "ünï.mp3",
        "a..b",
        "-x.mp3",
        "_",
        &long,
    ] {
        s.post(DOWNLOAD, asset(TUNE, "blip", name)).await;
        s.post(DOWNLOAD, asset(TUNE, "character", name)).await;
    }
    // Another content replaces the first.
    s.post(
        DOWNLOAD,
        asset("https://assets.example/pieces", "bgm", "tune.mp3"),
    )
    .await;
    s.get("/assets/bgm/tune.mp3").await;
    for name in [
        "card.png",
        "card.PNG",
        "card.json",
        "card.webp",
        "png",
        "card.charx",
        "card.txt",
    ] {
        s.post(
            DOWNLOAD,
            asset("https://assets.example/card.png", "character", name),
        )
        .await;
    }
    s.post(GET, json!({})).await;
}

async fn addresses(s: &mut Scenario) {
    for url in [
        "https://assets.example/empty",
        "https://assets.example/none",
        "https://assets.example/moved",
        "https://assets.example/e404",
        "https://assets.example/nowhere",
        "http://assets.example/tune.mp3",
        "http://localhost/tune.mp3",
        " HTTPS://ASSETS.example/tune.mp3#x ",
        "https://assets.example:443/tune.mp3?a=b",
        "https://assets.example./tune.mp3",
        "https://sub.assets.example/tune.mp3",
        "https://a:b@assets.example/tune.mp3",
        "https://elsewhere.example/tune.mp3",
        "https://127.0.0.1/tune.mp3",
        "ftp://assets.example/tune.mp3",
        "data:audio/mpeg;base64,aGk=",
        "file:///etc/passwd",
        "//assets.example/tune.mp3",
        "assets.example/tune.mp3",
        "http://[",
        "https://",
        "",
    ] {
        s.post(DOWNLOAD, asset(url, "ambient", "address.mp3")).await;
        s.reached(&format!("download {url}")).await;
        s.get("/assets/ambient/address.mp3").await;
        s.post(DOWNLOAD, asset(url, "character", "address.mp3")).await;
        s.reached(&format!("character {url}")).await;
        s.post(
            DELETE,
            json!({ "category": "ambient", "filename": "address.mp3" }),
        )
        .await;
    }
    s.post(
        DOWNLOAD,
        json!({ "url": [TUNE], "category": ["bgm"], "filename": "list.mp3" }),
    )
    .await;
    s.post(
        DOWNLOAD,
        json!({ "url": TUNE, "category": [["bgm"]], "filename": ["list.mp3"] }),
    )
    .await;
    s.post(GET, json!({})).await;
}

async fn deletions(s: &mut Scenario) {
    for body in [
        json!({ "category": "bgm", "filename": "list.mp3" }),
        json!({ "category": "bgm", "filename": "list.mp3" }),
        json!({ "category": "bgm", "filename": "../blip/noext" }),
        json!({ "category": "bgm", "filename": ".placeholder" }),
        json!({ "category": "bgm", "filename": "x.exe" }),
        json!({ "category": "../assets/bgm", "filename": "tune.mp3" }),
        json!({ "category": "Bgm", "filename": "tune.mp3" }),
        json!({ "category": ["bgm"], "filename": "tune.mp3" }),
        json!({ "filename": "tune.mp3" }),
        json!({}),
        json!([]),
    ] {
        s.post(DELETE, body).await;
    }
    s.post(GET, json!({})).await;
}

/// Sprites make folders of any character, which is how the categories of one get files.
async fn characters(s: &mut Scenario) {
    for (name, label, original) in [
        ("Ada/bgm", "tune", "x.mp3"),
        ("Ada/bgm", "second", "x.mp3"),
        ("Ada/live2d", "model", "x.json"),
        ("Ada/vrm", "body", "x.vrm"),
        ("live2d/Model", "a.model3", "x.json"),
        ("live2d/Model", "a.texture", "x.png"),
        ("live2d/Bare", "settings", "x.json"),
        ("bgm", "nobody", "x.mp3"),
        ("Ada", "blip", "noext"),
    ] {
        s.upload(
            "/api/sprites/upload",
            file(original, b"x"),
            &[("name", name), ("label", label)],
        )
        .await;
    }
    for category in [
        "bgm",
        "ambient",
        "blip",
        "live2d",
        "vrm",
        "character",
        "temp",
        "none",
        "",
    ] {
        for name in [
            "Ada",
            "ada",
            "",
            "Ad:a",
            "../Ada",
            "none",
            "live2d",
            "..",
            "default_Seraphina.png",
        ] {
            s.send(call(
                "POST",
                &format!("{CHARACTER}?name={}&category={category}", encode(name)),
            ))
            .await;
        }
    }
    character_queries(s).await;
}

async fn character_queries(s: &mut Scenario) {
    for query in [
        "",
        "?name=Ada",
        "?category=bgm",
        "?name[]=Ada&category[]=bgm",
        "?name=Ada&category=bgm&category=bgm",
        "?name[a]=b&category=bgm",
        "?name=%zz&category=bgm",
    ] {
        s.send(call("POST", &format!("{CHARACTER}{query}"))).await;
    }
    s.post(CHARACTER, json!({ "name": "Ada", "category": "bgm" }))
        .await;
    s.get("/characters/Ada/bgm/tune.mp3").await;
    s.get("/characters/Ada/vrm/body.vrm").await;
}
