//! HTTP rules that hold for every route: sessions, CSRF, body parsing, CORS, redirects, unknown paths.

use serde_json::json;

use super::dsl::{call, file, get, post, upload};
use super::scenario::Scenario;

const ECHO: &str = "/api/files/sanitize-filename";

#[tokio::test]
async fn oracle_base() {
    let mut s = Scenario::start("base", "").await;
    sessions(&mut s).await;
    bodies(&mut s).await;
    forms(&mut s).await;
    origins(&mut s).await;
    paths(&mut s).await;
    redirects(&mut s).await;
    conditional(&mut s).await;
    s.finish();
}

async fn sessions(s: &mut Scenario) {
    s.get("/csrf-token").await;
    s.send(get("/csrf-token").no_cookie()).await;
    s.send(call("HEAD", "/csrf-token")).await;
    let echo = || post(ECHO, &json!({ "fileName": "a:b" }));
    s.send(echo()).await;
    s.send(echo().no_csrf()).await;
    s.send(echo().no_cookie()).await;
    s.send(
        echo()
            .no_csrf()
            .header("X-CSRF-Token", "wrong")
            .note("wrong token"),
    )
    .await;
    s.send(echo().no_csrf().header("X-CSRF-Token", "").note("empty token"))
        .await;
    s.send(
        call("POST", &format!("{ECHO}?_csrf=x"))
            .no_csrf()
            .body("application/json", br#"{"fileName":"a"}"#),
    )
    .await;
    s.send(call("POST", "/nope").no_csrf()).await;
    s.send(call("POST", "/api/ping").no_csrf()).await;
    s.send(call("POST", "/api/ping")).await;
    s.send(call("POST", "/api/ping").body("application/json", b"{}"))
        .await;
    s.send(call("POST", "/api/ping?extend=1")).await;
    s.send(get("/api/ping")).await;
    s.send(
        get("/csrf-token")
            .no_cookie()
            .header("Cookie", "session-00000000=abc; session-00000000.sig=def")
            .note("bad signature"),
    )
    .await;
    s.get("/version").await;
    s.send(call("HEAD", "/version")).await;
    s.send(call("POST", "/version")).await;
    s.get("/login").await;
    s.get("/login?noauto=true").await;
}

async fn bodies(s: &mut Scenario) {
    for text in [
        "",
        "{",
        "null",
        "1",
        "\"text\"",
        "true",
        "[]",
        "[1]",
        "{\"fileName\":\"a\"} x",
        "\u{feff}{\"fileName\":\"bom\"}",
        "  {\"fileName\":\"sp\"}  ",
    ] {
        s.raw(ECHO, text).await;
    }
    s.send(call("POST", ECHO).body("application/json", b"{").no_csrf())
        .await;
    let json = br#"{"fileName":"x?y"}"#;
    for kind in [
        "",
        "text/plain",
        "application/json; charset=utf-8",
        "application/json; charset=latin1",
        "application/json;charset=UTF-16",
        "application/vnd.api+json",
        "APPLICATION/JSON",
        "application/octet-stream",
    ] {
        s.send(
            call("POST", ECHO)
                .body(kind, json)
                .note(&format!("type {kind:?}")),
        )
        .await;
    }
    for form in [
        "fileName=a%3Ab",
        "fileName[]=a&fileName[]=b",
        "fileName[x]=a",
        "fileName=a&fileName=b",
        "fileName=%zz",
        "fileName=a+b",
        "",
    ] {
        s.send(call("POST", ECHO).body("application/x-www-form-urlencoded", form.as_bytes()))
            .await;
    }
    encoded_bodies(s).await;
}

async fn encoded_bodies(s: &mut Scenario) {
    let json = br#"{"fileName":"x?y"}"#;
    s.send(post(ECHO, &json!({ "fileName": "zip*ped" })).gzip()).await;
    for coding in ["gzip", "br", "deflate", "identity", "lzma"] {
        s.send(
            call("POST", ECHO)
                .body("application/json", json)
                .header("Content-Encoding", coding)
                .note(&format!("plain body as {coding}")),
        )
        .await;
    }
    for text in [
        r#"{"fileName":"\ud800"}"#,
        r#"{"fileName":"a\u0000b"}"#,
        r#"{"fileName":1e21}"#,
        r#"{"fileName":1.0}"#,
        r#"{"fileName":123456789012345678901234567890}"#,
        r#"{"fileName":"a","fileName":"b"}"#,
        r#"{"__proto__":{"fileName":"p"}}"#,
    ] {
        s.raw(ECHO, text).await;
    }
}

async fn forms(s: &mut Scenario) {
    s.send(upload(ECHO, None, &[("fileName", "from*form")])).await;
    s.send(upload(ECHO, None, &[("fileName", "a"), ("fileName", "b")]))
        .await;
    s.send(upload(ECHO, None, &[("fileName[k]", "v")])).await;
    s.send(upload(
        ECHO,
        Some(file("x.txt", b"x")),
        &[("fileName", "beside:file")],
    ))
    .await;
    let other = super::dsl::Upload {
        field: "other",
        name: "x.txt",
        kind: "text/plain",
        bytes: b"x",
    };
    s.send(upload(ECHO, Some(other), &[])).await;
    s.send(upload(ECHO, None, &[("fileName", "a")]).no_csrf()).await;
    s.send(call("POST", ECHO).body("multipart/form-data", b"no boundary"))
        .await;
    s.send(call("POST", ECHO).body("multipart/form-data; boundary=x", b"--x\r\nContent-Disp"))
        .await;
}

async fn origins(s: &mut Scenario) {
    for origin in ["null", "http://evil.example", "http://127.0.0.1:8000"] {
        s.send(get("/version").header("Origin", origin).note(origin))
            .await;
        s.send(
            call("OPTIONS", "/api/chats/get")
                .header("Origin", origin)
                .note(origin),
        )
        .await;
    }
    let preflight = call("OPTIONS", "/nope")
        .header("Origin", "null")
        .header("Access-Control-Request-Method", "POST");
    s.send(
        preflight
            .header("Access-Control-Request-Headers", "x-csrf-token")
            .note("preflight"),
    )
    .await;
    s.send(call("OPTIONS", "/").no_cookie()).await;
    s.send(call("OPTIONS", "/img/ai4.png")).await;
}

async fn paths(s: &mut Scenario) {
    for path in [
        "/nope",
        "/api",
        "/api/",
        "/api/nope",
        "/api/chats",
        "/nope.js",
        "/scripts/nope.js",
        "/API/FILES/NOPE",
    ] {
        s.get(path).await;
        s.send(call("POST", path)).await;
    }
    for path in [
        "/API/Files/Sanitize-Filename",
        "/api/files/sanitize-filename/",
        "/api/files/sanitize-filename?x=1",
        "/api//files/sanitize-filename",
        "/api/files/sanitize%2Dfilename",
        "/api/files/../files/sanitize-filename",
    ] {
        s.post(path, json!({ "fileName": "n" })).await;
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        s.send(call(method, ECHO)).await;
    }
    for path in [
        "/%",
        "/%zz",
        "/api/%ff",
        "/characters/%",
        "/VERSION",
        "/Version/",
        "/csrf-token/",
    ] {
        s.get(path).await;
    }
    s.send(call("POST", "/proxy/http://127.0.0.1:1/")).await;
    s.get("/proxy/http://127.0.0.1:1/").await;
    s.get("/api/plugins/none").await;
}

async fn redirects(s: &mut Scenario) {
    for path in [
        "/callback",
        "/callback/",
        "/callback/openrouter",
        "/callback/openrouter?code=a%20b&x=1",
        "/callback?code=1",
        "/callback/a%2Fb?q=%C3%A9",
        "/callback/a/b",
    ] {
        s.get(path).await;
    }
    s.send(
        get("/callback/x")
            .header("Accept", "text/html")
            .note("html wanted"),
    )
    .await;
    s.send(
        get("/login")
            .header("Accept", "text/html,*/*")
            .note("html wanted"),
    )
    .await;
    for path in [
        "/createcharacter",
        "/getcharacters?x=1",
        "/getcharacters/sub",
        "/savechat",
        "/GetChat",
        "/v2/editcharacterattribute",
        "/listimgfiles/abc",
        "/listimgfiles",
        "/api/content/import",
        "/savemovingui",
        "/api/serpapi/search",
        "/downloadbackground",
        "/deletegroupchat/",
        "/getstats",
    ] {
        s.send(call("POST", path).body("application/json", b"{}")).await;
    }
    s.get("/getbackgrounds").await;
    s.send(call("HEAD", "/uploadimage")).await;
    s.send(call("POST", "/savetheme").no_csrf()).await;
    s.send(
        call("POST", "/getgroups")
            .header("Accept", "text/html")
            .note("html wanted"),
    )
    .await;
    s.send(
        call("POST", "/getgroups")
            .header("Accept", "application/json")
            .note("json wanted"),
    )
    .await;
}

async fn conditional(s: &mut Scenario) {
    for (name, value) in [
        ("If-None-Match", "*"),
        ("If-None-Match", "W/\"x\""),
        ("If-None-Match", "garbage"),
    ] {
        s.send(
            get("/version")
                .header(name, value)
                .note(&format!("{name}: {value}")),
        )
        .await;
    }
    s.get("/version").await.capture_header("tag", "etag");
    s.send(
        get("/version")
            .header("If-None-Match", "{{tag}}")
            .note("matching tag"),
    )
    .await;
    s.send(
        call("HEAD", "/version")
            .header("If-None-Match", "{{tag}}")
            .note("matching tag"),
    )
    .await;
    s.send(
        get("/version")
            .header("If-None-Match", "\"y\", {{tag}}")
            .note("tag in a list"),
    )
    .await;
    s.send(
        get("/version")
            .header("If-None-Match", "{{tag}}")
            .header("Cache-Control", "no-cache")
            .note("no-cache"),
    )
    .await;
    s.get("/nope").await.capture_header("tag404", "etag");
    s.send(
        get("/nope")
            .header("If-None-Match", "{{tag404}}")
            .note("tag of the 404 page"),
    )
    .await;
    s.post(ECHO, json!({ "fileName": "t" }))
        .await
        .capture_header("tagpost", "etag");
    s.send(
        post(ECHO, &json!({ "fileName": "t" }))
            .header("If-None-Match", "{{tagpost}}")
            .note("POST with a matching tag"),
    )
    .await;
}
