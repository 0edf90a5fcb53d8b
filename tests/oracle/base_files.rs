//! Static files of the frontend and the files of a user: types, ranges, conditional requests, compression.

use serde_json::json;

use super::dsl::{call, get, post};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_base_files() {
    let mut s = Scenario::start("base_files", "").await;
    frontend(&mut s).await;
    ranges(&mut s).await;
    types(&mut s).await;
    user_files(&mut s).await;
    odd_user_paths(&mut s).await;
    compression(&mut s).await;
    s.finish();
}

async fn frontend(s: &mut Scenario) {
    for path in [
        "/",
        "/?x=1",
        "/index.html",
        "/login.html",
        "/css",
        "/css/",
        "/img",
        "/scripts/",
        "/.eslintrc",
        "/script.js",
        "/style.css",
        "/css/user.css",
        "/manifest.json",
        "/robots.txt",
        "/favicon.ico",
        "/INDEX.html",
        "/img/../index.html",
        "/img/%2e%2e/index.html",
        "/scripts/extensions/third-party/none/x.js",
    ] {
        s.get(path).await;
    }
    for path in ["/", "/script.js", "/css", "/nope.css", "/css/user.css"] {
        s.send(call("HEAD", path)).await;
    }
    // The bundle is each server's own build; that it is served, and how, is not.
    s.send(
        get("/lib.js")
            .ignore("body *")
            .ignore("header etag")
            .ignore("header content-length"),
    )
    .await;
    s.send(get("/LIB.JS").ignore("body *").ignore("header etag"))
        .await;
    s.send(call("POST", "/script.js")).await;
    s.send(call("POST", "/")).await;
    s.send(call("PUT", "/img/ai4.png")).await;
    s.send(
        get("/")
            .header("User-Agent", "Mozilla/5.0 Firefox/130.0")
            .note("Firefox"),
    )
    .await;
    s.send(
        get("/img/ai4.png")
            .header("User-Agent", "Mozilla/5.0 Firefox/130.0")
            .note("Firefox"),
    )
    .await;
    s.send(get("/").no_cookie()).await;
}

async fn ranges(s: &mut Scenario) {
    let path = "/img/ai4.png";
    for range in [
        "bytes=0-9",
        "bytes=10-",
        "bytes=-5",
        "bytes=5-2",
        "bytes=99999999-",
        "bytes=0-1,4-5",
        "bytes=abc",
        "items=0-1",
        "bytes=0-99999999",
        "bytes= 0 - 3",
    ] {
        s.send(get(path).header("Range", range).note(range)).await;
    }
    s.send(
        call("HEAD", path)
            .header("Range", "bytes=0-9")
            .note("range on HEAD"),
    )
    .await;
    s.get(path)
        .await
        .capture_header("tag", "etag")
        .capture_header("date", "last-modified");
    let conditions = [
        ("If-None-Match", "{{tag}}"),
        ("If-None-Match", "*"),
        ("If-None-Match", "\"other\""),
        ("If-Match", "\"other\""),
        ("If-Match", "*"),
        ("If-Modified-Since", "{{date}}"),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("If-Modified-Since", "rubbish"),
        ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ];
    for (name, value) in conditions {
        s.send(get(path).header(name, value).note(&format!("{name}: {value}")))
            .await;
        s.send(
            call("HEAD", path)
                .header(name, value)
                .note(&format!("{name}: {value}")),
        )
        .await;
    }
    for value in ["{{date}}", "\"other\"", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        s.send(
            get(path)
                .header("If-Range", value)
                .header("Range", "bytes=0-3")
                .note(&format!("If-Range: {value}")),
        )
        .await;
    }
}

async fn types(s: &mut Scenario) {
    for name in [
        "a.png",
        "a.jpg",
        "a.gif",
        "a.webp",
        "a.bmp",
        "a.mp4",
        "a.mp3",
        "a.ogg",
        "a.wav",
        "a.txt",
        "a.json",
        "a.md",
        "a.css",
        "a.xml",
        "a.csv",
        "a.zip",
        "a.apng",
        "a.avif",
        "a.ttf",
        "a.woff2",
        "a.svg",
        "a.yaml",
        "a.jsonl",
        "a.unknown",
        "noext",
        "A.PNG",
        "a.tar.gz",
        "a.flac",
        "a.mkv",
        "a.ico",
        "a.wasm",
        "a.mjs",
    ] {
        s.post("/api/files/upload", json!({ "name": name, "data": "aGVsbG8=" }))
            .await;
        s.get(&format!("/user/files/{name}")).await;
    }
}

async fn user_files(s: &mut Scenario) {
    for path in [
        "/characters/default_Seraphina.png",
        "/characters/Seraphina/joy.png",
        "/backgrounds/royal.jpg",
        "/backgrounds/bedroom%20clean.jpg",
        "/User%20Avatars/user-default.png",
        "/user/files/a.txt",
        "/user/images/none.png",
        "/assets/none",
        "/Characters/default_Seraphina.png",
        "/characters/DEFAULT_seraphina.png",
    ] {
        s.get(path).await;
        s.send(call("HEAD", path)).await;
        s.send(call("POST", path)).await;
    }
    s.send(call("POST", "/characters/default_Seraphina.png").no_csrf())
        .await;
    s.send(call("DELETE", "/user/files/a.txt")).await;
    s.send(
        get("/backgrounds/royal.jpg")
            .header("User-Agent", "FIREFOX")
            .note("Firefox"),
    )
    .await;
    s.send(
        get("/user/files/a.txt")
            .header("User-Agent", "FIREFOX")
            .note("Firefox"),
    )
    .await;
    s.send(
        get("/user/files/a.txt")
            .header("Range", "bytes=1-2")
            .note("range"),
    )
    .await;
    s.get("/user/files/a.txt")
        .await
        .capture_header("file_tag", "etag");
    s.send(
        get("/user/files/a.txt")
            .header("If-None-Match", "{{file_tag}}")
            .note("matching tag"),
    )
    .await;
}

async fn odd_user_paths(s: &mut Scenario) {
    for base in ["/characters", "/backgrounds", "/user/files", "/assets"] {
        for rest in [
            "",
            "/",
            "/%2e%2e%2fsettings.json",
            "/..%2f..%2fx",
            "/%252e%252e%252fsettings.json",
            "/.hidden",
            "/a/.hidden/b",
            "/%",
            "/%25",
            "/%00",
            "/a%2500",
            "//",
            "/Seraphina",
            "/Seraphina/",
            "/./none",
            "/%2F",
            "/none.png?x=1",
            "/%5c..%5cx",
        ] {
            s.get(&format!("{base}{rest}")).await;
        }
    }
    s.get("/user")
        .await
        .get("/user/")
        .await
        .get("/user/images")
        .await
        .get("/user/images/")
        .await;
}

async fn compression(s: &mut Scenario) {
    for accept in [
        "gzip",
        "br",
        "deflate",
        "gzip, deflate, br",
        "identity",
        "gzip;q=0",
        "*",
        "zstd",
    ] {
        // Compressed bytes depend on the compressor; the headers have to agree.
        for path in ["/script.js", "/version", "/img/ai4.png", "/user/files/a.txt"] {
            s.send(
                get(path)
                    .header("Accept-Encoding", accept)
                    .note(accept)
                    .ignore("body *"),
            )
            .await;
        }
    }
    s.send(
        call("HEAD", "/script.js")
            .header("Accept-Encoding", "gzip")
            .note("gzip"),
    )
    .await;
    s.send(
        post("/api/settings/get", &json!({}))
            .header("Accept-Encoding", "gzip")
            .note("gzip")
            .ignore("body *")
            .ignore("header etag"),
    )
    .await;
    s.send(
        get("/script.js")
            .header("Accept-Encoding", "gzip")
            .header("Range", "bytes=0-9")
            .note("gzip and range"),
    )
    .await;
}
