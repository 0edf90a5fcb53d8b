//! `/api/content`: imports from every site, all of them played by a world of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use super::content_perchance::gzip;
use super::fixtures;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

pub(super) const URL: &str = "/api/content/importURL";
pub(super) const UUID: &str = "/api/content/importUUID";

/// The default list and one more: a shorter one would be filled up by the original.
pub(super) const CONFIG: &str = "whitelistImportDomains: [localhost, cdn.discordapp.com, files.catbox.moe, \
                      raw.githubusercontent.com, cards.example]\n";

/// Ids that end in a digit, which says how the site answers.
fn id(last: u8) -> String {
    format!("0ade1c2b-1111-4222-8333-abcdefabcde{last}")
}

pub(super) async fn import(s: &mut Scenario, route: &str, value: impl Into<Value>) {
    let value = value.into();
    let label: String = value.to_string().chars().take(80).collect();
    s.post(route, json!({ "url": value })).await;
    s.reached(&format!("{} {label}", route.trim_start_matches("/api/content/")))
        .await;
}

/// The last segment of a request's path.
pub(super) fn last(request: &Request) -> String {
    let path = request.url.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Failures that every site may answer with.
pub(super) fn failure(name: &str) -> Option<Reply> {
    Some(match name {
        "e404" => Reply::bytes("text/plain", "none").with_status("404 Not Found"),
        "e500" => Reply::bytes("text/html", "<p>boom").with_status("500 Internal Server Error"),
        "broken" => Reply::bytes("application/json", "{\"node\":"),
        "empty" => Reply::bytes("application/json", ""),
        "null" => Reply::json(&json!(null)),
        "list" => Reply::json(&json!([1])),
        "text" => Reply::json(&json!("text")),
        "object" => Reply::json(&json!({})),
        "hangup" => Reply::hang_up(),
        "cut" => Reply::bytes("application/json", "{").cut(),
        "away" => Reply::redirect("https://elsewhere.example/none"),
        "loop" => Reply::redirect("loop"),
        "ftp" => Reply::redirect("ftp://elsewhere.example/none"),
        "nowhere" => Reply::status("302 Found"),
        _ => return None,
    })
}

pub(super) const FAILURES: &[&str] = &[
    "e404", "e500", "broken", "empty", "null", "list", "text", "object", "hangup", "cut", "away", "loop",
    "ftp", "nowhere",
];

pub(super) fn pictures(sites: &Sites) {
    sites.below("https://pictures.example/", |request| {
        let name = last(request);
        match name.as_str() {
            "good.png" => Reply::bytes("image/png", fixtures::png(40, 60)),
            "card.png" => Reply::bytes("image/png", fixtures::card(&[("chara", "{\"old\":1}")])),
            "photo.jpg" => Reply::bytes("image/jpeg", fixtures::picture(32, 24, ImageFormat::Jpeg)),
            "untyped" => Reply::bytes("", fixtures::picture(32, 24, ImageFormat::Bmp)),
            "text.png" => Reply::bytes("image/png", "no picture"),
            "typed.png" => Reply::bytes("image/png;a=b", fixtures::png(40, 60)),
            "moved" => Reply::redirect("/good.png"),
            _ => failure(&name).unwrap_or_else(|| Reply::status("404 Not Found")),
        }
    });
}

pub(super) fn data_link(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// What Pygmalion answers for ids that end in these digits.
fn pygmalion_page(request: &Request) -> Reply {
    let card = |avatar: Value| json!({ "character": { "data": { "name": "P", "avatar": avatar, "10": 1, "2": 2.0 } } });
    let link = |name: &str| Reply::json(&card(json!(format!("https://pictures.example/{name}"))));
    let digit = request.url.trim_end_matches("/v2").chars().last();
    match digit.and_then(|digit| digit.to_digit(10)) {
        Some(0) => link("good.png"),
        Some(1) => link("card.png"),
        Some(2) => link("photo.jpg"),
        Some(3) => link("e404"),
        Some(4) => link("hangup"),
        Some(5) => Reply::json(&card(json!(null))),
        Some(6) => Reply::json(&card(json!("no address"))),
        Some(7) => Reply::json(&json!({ "character": [1] })),
        Some(8) => Reply::json(&json!({ "character": "text" })),
        _ => Reply::json(&json!({})),
    }
}

#[tokio::test]
async fn oracle_content_pygmalion() {
    let sites = Sites::default();
    pictures(&sites);
    sites.below("https://server.pygmalion.chat/", pygmalion_page);
    let mut scenario = Scenario::in_world("content_pygmalion", CONFIG, &sites).await;
    let s = &mut scenario;
    for digit in 0..=9 {
        import(s, URL, format!("https://pygmalion.chat/character/{}", id(digit))).await;
    }
    import(s, UUID, id(0)).await;
    import(s, UUID, id(5)).await;
    for name in FAILURES {
        let address = format!("https://server.pygmalion.chat/api/export/character/{}/v2", id(9));
        sites.on("GET", &address, failure(name).expect("one of the failures"));
        import(s, URL, format!("https://pygmalion.chat/{}?{name}", id(9))).await;
        import(s, UUID, id(9)).await;
    }
    for address in [
        "https://pygmalion.chat",
        "https://pygmalion.chat/character/x",
        "https://pygmalion.chat/0ADE1C2B-1111-4222-8333-ABCDEFABCDE0",
        "https://www.pygmalion.chat/?id=x0ade1c2b-1111-4222-8333-abcdefabcde0y",
        "http://pygmalion.chat/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "ftp://pygmalion.chat/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "//pygmalion.chat/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "pygmalion.chat/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "https://pygmalion.chat.evil.example/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "https://evil.example/pygmalion.chat/0ade1c2b-1111-4222-8333-abcdefabcde0",
        "https://pygmalion.chat@evil.example/0ade1c2b-1111-4222-8333-abcdefabcde0",
    ] {
        import(s, URL, address).await;
    }
    for odd in [
        "../../../x?aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "é🦊aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        import(s, UUID, odd).await;
    }
    values(s).await;
    scenario.finish();
}

/// Values that are no addresses.
async fn values(s: &mut Scenario) {
    for route in [URL, UUID] {
        for body in [json!({}), json!([]), json!({ "URL": "x" })] {
            s.post(route, body).await;
        }
        for value in [
            json!(null),
            json!(""),
            json!(0),
            json!(false),
            json!(5),
            json!(true),
            json!({}),
            json!([]),
            json!(["x"]),
            json!([format!("https://pygmalion.chat/{}", id(0))]),
            json!(["https://chub.ai/characters/a/b"]),
            json!(["https://evil.example/"]),
            json!({ "toString": "x" }),
            json!("none"),
            json!("https://"),
            json!("https://[::1]/x"),
            json!("data:image/png;base64,aGk="),
            json!("file:///etc/passwd"),
            json!("_character"),
            json!("12_character_x_y"),
            json!("AICC/lorebook/x"),
            json!("n".repeat(300)),
        ] {
            import(s, route, value).await;
        }
    }
    s.send(super::dsl::call("POST", "/api/content/import").body("application/json", b"{\"url\":\"x\"}"))
        .await;
    s.send(super::dsl::call("POST", URL).body(
        "application/x-www-form-urlencoded",
        b"url=https%3A%2F%2Fchub.ai%2Fx",
    ))
    .await;
    s.get(URL).await;
}

fn janny_page(request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let asked = body["characterId"].as_str().unwrap_or_default().to_owned();
    let card = |name: &str| {
        Reply::json(&json!({ "status": "ok", "downloadUrl": format!("https://pictures.example/{name}") }))
    };
    match asked.chars().last() {
        Some('0') => card("card.png"),
        Some('1') => card("untyped"),
        Some('2') => card("e404"),
        Some('3') => card("hangup"),
        Some('4') => Reply::json(&json!({ "status": "ok" })),
        Some('5') => {
            Reply::json(&json!({ "status": "bad", "downloadUrl": "https://pictures.example/card.png" }))
        }
        Some('6') => Reply::json(&json!({ "status": "ok", "downloadUrl": data_link("text/html", b"hi") })),
        Some('7') => card("moved"),
        _ => failure(&asked).unwrap_or_else(|| Reply::json(&json!({}))),
    }
}

/// Addresses of JannyAI, AI Character Cards and Risu Realm.
#[rustfmt::skip] // a table
const FILES: &[&str] = &[
    "janitorai.com/characters/x", "www.janitorai.com/0ade1c2b-1111-4222-8333-abcdefabcde0",
    "janitorai.me/0ade1c2b-1111-4222-8333-abcdefabcde0",
    "janitorai.evil.example/0ade1c2b-1111-4222-8333-abcdefabcde0",
    "aicharactercards.com/charactercards/fun/ada/card/", "aicharactercards.com/ada//card?x=1#y",
    "aicharactercards.com/ada/untyped", "www.aicharactercards.com/ada/jpeg", "aicharactercards.com/ada",
    "aicharactercards.com", "aicharactercards.com/a b/é", "aicharactercards.com/ada/%2e%2e%2fcard",
    "realm.risuai.net/character/ab-12", "realm.risuai.net/character/ab-12/", "REALM.risuai.net/CHARACTER/AB-12",
    "realm.risuai.net/character/ab-12?x", "realm.risuai.net/character/0e", "realm.risuai.net/character/ffff",
    "realm.risuai.net/character/xyz", "realm.risuai.net/", "sub.realm.risuai.net/character/ab-12",
];

/// JannyAI, AI Character Cards, Risu Realm: whole files.
#[tokio::test]
async fn oracle_content_files() {
    let sites = Sites::default();
    pictures(&sites);
    sites.below("https://api.jannyai.com/", janny_page);
    let file = |request: &Request| match last(request).as_str() {
        "card" | "ab-12" => Reply::bytes("image/png", fixtures::card(&[("chara", "{}")])),
        "untyped" => Reply::bytes("", "x"),
        "jpeg" | "0e" => Reply::bytes("image/jpeg", "x"),
        name => failure(name).unwrap_or_else(|| Reply::status("404 Not Found")),
    };
    sites.below("https://aicharactercards.com/", file);
    sites.below("https://realm.risuai.net/", file);
    let mut scenario = Scenario::in_world("content_files", CONFIG, &sites).await;
    let s = &mut scenario;
    for digit in 0..=8 {
        import(
            s,
            URL,
            format!("https://janitorai.com/characters/{}_x", id(digit)),
        )
        .await;
    }
    import(s, UUID, format!("{}_character_name", id(0))).await;
    for name in FAILURES {
        import(s, UUID, format!("{name}_character")).await;
        import(s, URL, format!("https://aicharactercards.com/ada/{name}")).await;
        import(s, UUID, format!("AICC/ada/{name}")).await;
    }
    for address in FILES {
        import(s, URL, format!("https://{address}")).await;
    }
    import(s, URL, "http://realm.risuai.net/character/ab-12").await;
    import(s, URL, json!(["https://aicharactercards.com/ada/card"])).await;
    for odd in [
        "AICC/",
        "AICC/ada",
        "AICC/ada/card/x",
        "AICC//card",
        "aicc/ada/card",
        "AICC/ada/card?x#y",
    ] {
        import(s, UUID, odd).await;
    }
    scenario.finish();
}

/// What an allowed host answers.
fn any_file(request: &Request) -> Reply {
    match last(request).as_str() {
        "card.png" | "card" | "" => Reply::bytes("image/png", fixtures::card(&[("chara", "{}")])),
        "card.json" => Reply::bytes("application/json", "{\"a\":1}"),
        "card.txt" => Reply::bytes("text/plain; Charset=latin1", "é"),
        "card.html" => Reply::bytes("text/html;charset=x", "<p>"),
        "page.html" => Reply::bytes("text/html", "<p>"),
        "script" => Reply::bytes("application/javascript", "1"),
        "untyped" => Reply::bytes("", "x"),
        "none" => Reply::status("204 No Content"),
        "packed" => Reply::bytes("text/plain", gzip(b"text")).header("Content-Encoding", "gzip"),
        "pieces" => Reply::stream("image/png", &[b"ab", b"c"]),
        "two" => Reply::bytes("image/png", "x").header("Content-Type", "text/plain"),
        "moved" => Reply::redirect("https://pictures.example/good.png?x=1"),
        "inside" => Reply::redirect("/a/card#frag"),
        "see" => Reply::status("303 See Other").header("Location", "card.json"),
        "odd" => Reply::redirect("http://["),
        name => failure(name).unwrap_or_else(|| Reply::status("404 Not Found")),
    }
}

/// Files of an allowed host.
#[rustfmt::skip] // a table
const PATHS: &[&str] = &[
    "card.png", "card", "", "card.json", "card.txt", "card.html", "page.html", "script", "untyped", "none", "packed",
    "pieces", "two", "moved", "inside", "see", "odd", "a%20b.png", "é.png", "x/card?y=/z.json", "card#frag",
    "card?a#b", "con", "..", "a/../card", "a\\card", "n.p-g", "nul.png",
];

/// Hosts that are allowed, and hosts that are not.
#[rustfmt::skip] // a table
const HOSTS: &[&str] = &[
    "http://cards.example/card", "http://localhost/card.png", "HTTPS://CARDS.EXAMPLE/card",
    " https://cards.example/card ", "https://cards.example:443/card", "https://cards.example./card",
    "https://sub.cards.example/card", "https://a@cards.example/card", "https://a:b@cards.example/card",
    "ftp://cards.example/card", "https://127.0.0.1/card", "https://evil.example/card",
    "https://evil.example/#cards.example",
];

#[tokio::test]
async fn oracle_content_generic() {
    let sites = Sites::default();
    pictures(&sites);
    for start in [
        "https://cards.example/",
        "http://cards.example/",
        "http://localhost/",
        "https://localhost/",
    ] {
        sites.below(start, any_file);
    }
    let mut scenario = Scenario::in_world("content_generic", CONFIG, &sites).await;
    let s = &mut scenario;
    for path in PATHS {
        import(s, URL, format!("https://cards.example/{path}")).await;
    }
    for name in FAILURES {
        import(s, URL, format!("https://cards.example/{name}")).await;
    }
    for address in HOSTS {
        import(s, URL, *address).await;
    }
    import(s, URL, json!(["https://cards.example/card.json"])).await;
    scenario.finish();
}
