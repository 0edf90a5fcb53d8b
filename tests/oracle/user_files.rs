//! `/api/files`.

use serde_json::json;

use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_files() {
    let mut s = Scenario::start("files", "").await;
    let send = "/api/files/upload";
    let long = long_name();
    let names = [
        "plain.txt",
        "a_b-c.d.txt",
        "noext",
        ".hidden",
        "two words.txt",
        "Ünï.txt",
        "x.php",
        "x.PY",
        "x.svg",
        "x.html",
        "x.js",
        "x.json",
        "a..b",
        "con.txt",
        "..",
        "x.",
        "x/y.txt",
        "../x.txt",
        "-dash",
        "_under",
        "nul",
    ];
    for name in names.iter().copied().chain([long.as_str()]) {
        s.post(send, json!({ "name": name, "data": "aGVsbG8=" })).await;
    }
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "x.txt" }),
        json!({ "name": "x.txt", "data": "" }),
        json!({ "name": 5, "data": "aGk=" }),
        json!({ "name": "odd.txt", "data": "§§ not base64" }),
        json!({ "name": "url.txt", "data": "-_-_" }),
        json!({ "name": "nopad.txt", "data": "aGk" }),
        json!({ "name": "num.txt", "data": 5 }),
        json!({ "name": "spaced.txt", "data": "aG Vs\nbG8=" }),
    ] {
        s.post(send, body).await;
    }
    file_reads(&mut s).await;
    sanitising(&mut s).await;
    s.finish();
}

async fn file_reads(s: &mut Scenario) {
    for name in [
        "plain.txt",
        "odd.txt",
        "url.txt",
        "nopad.txt",
        "spaced.txt",
        "num.txt",
    ] {
        s.get(&format!("/user/files/{name}")).await;
    }
    s.post("/api/files/verify", json!({ "urls": ["/user/files/plain.txt", "user/files/plain.txt", "/user/files/none.txt", "/user/files/../files/plain.txt", "/user/images/x.png", "../x", "/user/files", "", "/user/files2/x"] })).await;
    for body in [
        json!({}),
        json!({ "urls": "x" }),
        json!({ "urls": [5] }),
        json!({ "urls": [] }),
        json!({ "urls": null }),
    ] {
        s.post("/api/files/verify", body).await;
    }
    for path in [
        "/user/files/plain.txt",
        "/user/files/plain.txt",
        "user/files/odd.txt",
        "/user/images/x",
        "/user/files/../../settings.json",
        "/user/files/none.txt",
        "",
    ] {
        s.post("/api/files/delete", json!({ "path": path })).await;
    }
    for body in [json!({}), json!({ "path": 5 })] {
        s.post("/api/files/delete", body).await;
    }
}

async fn sanitising(s: &mut Scenario) {
    let long = long_name();
    for name in NAMES.iter().copied().chain([
        long.as_str(),
        "COM9.txt",
        "com10",
        "  ",
        "...",
        "a. . .",
        "\u{7f}",
        "\u{85}x",
        "x\u{9f}",
    ]) {
        s.post("/api/files/sanitize-filename", json!({ "fileName": name }))
            .await;
    }
    let wide = "日".repeat(100) + ".json";
    for value in [
        json!(wide),
        json!(5),
        json!(null),
        json!(true),
        json!([]),
        json!(["a/b", "c"]),
        json!({ "a": 1 }),
        json!(1.5),
    ] {
        s.post("/api/files/sanitize-filename", json!({ "fileName": value }))
            .await;
    }
}
