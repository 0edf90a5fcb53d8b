//! `/api/translate`. Bing's library goes past the proxy, so it is tested in `tests/api` alone.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::refusals;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

/// Languages that some service renames, and values that are none.
const LANGS: [&str; 7] = ["de", "zh-CN", "zh-TW", "pt-BR", "pt-PT", "ja", "en-US"];

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/translate/{route}"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

async fn secret(s: &mut Scenario, key: &str, value: &str) {
    s.post(
        "/api/secrets/write",
        json!({ "key": key, "value": value, "label": "l" }),
    )
    .await;
}

/// Answers that hold no translation, and their names.
fn failures() -> Vec<(&'static str, Reply)> {
    let mut replies = refusals();
    replies.extend([
        ("null", Reply::json(&Value::Null)),
        ("empty", Reply::json(&json!({}))),
        ("list", Reply::json(&json!([]))),
    ]);
    replies
}

/// Where each service is asked, and what it answers with.
fn services() -> Vec<(&'static str, &'static str, Value)> {
    let text = "Grüße & <b>„ja“</b> 🎉";
    vec![
        (
            "libre",
            "http://libre.example/translate",
            json!({ "translatedText": text }),
        ),
        (
            "yandex",
            "https://translate.yandex.net/",
            json!({ "text": [text, "zwei", null, 3] }),
        ),
        ("lingva", "https://lingva.ml/", json!({ "translation": text })),
        (
            "deepl",
            "https://api-free.deepl.com/",
            json!({ "translations": [{ "text": text }] }),
        ),
        ("onering", "http://onering.example/", json!({ "result": text })),
        ("deeplx", "http://deeplx.example/", json!({ "data": text })),
    ]
}

/// A body that the service takes.
fn good(service: &str, lang: &Value) -> Value {
    match service {
        "yandex" => json!({ "chunks": ["Hello & bye", "ünï?"], "lang": lang }),
        "onering" => json!({ "text": "Hello & bye", "from_lang": "en", "to_lang": lang }),
        _ => json!({ "text": "Hello & bye / ünï?#", "lang": lang }),
    }
}

#[tokio::test]
async fn oracle_translate() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("translate", "deepl:\n  formality: prefer_more\n", &sites).await;
    for (service, ..) in services() {
        ask(
            &mut s,
            service,
            "without key and address",
            &json!({ "text": "", "lang": "de" }),
        )
        .await;
    }
    for (key, value) in [
        ("libre_url", "http://libre.example/translate"),
        ("libre", "libre-key"),
        ("deepl", "deepl-key"),
        ("oneringtranslator_url", "http://onering.example/translate?old=1"),
        ("deeplx_url", "http://deeplx.example/translate"),
    ] {
        secret(&mut s, key, value).await;
    }
    for (service, start, value) in services() {
        let answer = value.clone();
        sites.below(start, move |_| Reply::json(&answer));
        for lang in LANGS {
            ask(&mut s, service, lang, &good(service, &json!(lang))).await;
        }
        awkward(&mut s, service).await;
        for (label, reply) in failures() {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, service, label, &good(service, &json!("de"))).await;
        }
    }
    addresses(&mut s, &sites).await;
    s.finish();
}

/// Bodies that lack something, or hold something else.
async fn awkward(s: &mut Scenario, service: &str) {
    for value in [
        json!(null),
        json!(""),
        json!(0),
        json!(5),
        json!(true),
        json!(["a", "b"]),
        json!({ "a": 1 }),
    ] {
        ask(s, service, &format!("lang {value}"), &good(service, &value)).await;
        let field = if service == "yandex" { "chunks" } else { "text" };
        let mut body = good(service, &json!("de"));
        body[field] = value.clone();
        ask(s, service, &format!("{field} {value}"), &body).await;
    }
    ask(s, service, "nothing", &json!({})).await;
}

/// Addresses and plans that the user chooses.
async fn addresses(s: &mut Scenario, sites: &Sites) {
    sites.below("https://api.deepl.com/", |_| {
        Reply::json(&json!({ "translations": [{ "text": "bezahlt" }] }))
    });
    let paid = json!({ "text": "Hello", "lang": "fr", "endpoint": "pro" });
    ask(s, "deepl", "paid", &paid).await;
    sites.below("http://lingva.example/", |_| {
        Reply::json(&json!({ "translation": "x" }))
    });
    for (key, service, path) in [
        ("lingva_url", "lingva", "http://lingva.example/api/v1/"),
        ("lingva_url", "lingva", "no address"),
        ("libre_url", "libre", "no address"),
        ("oneringtranslator_url", "onering", "no address"),
        ("deeplx_url", "deeplx", "ftp://deeplx.example/"),
    ] {
        secret(s, key, path).await;
        ask(s, service, path, &good(service, &json!("de"))).await;
    }
}

/// What Google answers with, the good answer last.
fn google_replies() -> Vec<(&'static str, Reply)> {
    let answered = |inner: &Value| {
        let line = json!([["wrb.fr", "MkEWBc", inner.to_string(), null, null, null, "0"]]);
        Reply::bytes(
            "application/json; charset=utf-8",
            format!(")]}}'\n\n99\n{line}\n25\n[[\"e\",4,null,null,99]]\n"),
        )
    };
    let sentences = json!([
        null,
        [
            [[null, null, null, null, null, [["Grüße.", 1], [""], ["Ja 🎉"]]]],
            null,
            null,
            "auto"
        ],
        "en"
    ]);
    let link = json!([null, [[["https://a.example/?b"]], null, null, "en"], "en"]);
    let mut replies = failures();
    replies.push((
        "refused",
        Reply::bytes(
            "application/json",
            ")]}'\n\n99\n[[\"wrb.fr\",\"MkEWBc\",null,null,null,null,\"0\"]]\n",
        ),
    ));
    replies.push(("a link", answered(&link)));
    replies.push(("good", answered(&sentences)));
    replies
}

#[tokio::test]
async fn oracle_translate_google() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("translate_google", "", &sites).await;
    for (label, reply) in google_replies() {
        sites.below("https://translate.google.com/", move |_| reply.clone());
        ask(
            &mut s,
            "google",
            label,
            &json!({ "text": "Hello \"you\" & bye\n(ünï)!", "lang": "de" }),
        )
        .await;
    }
    for lang in LANGS {
        if lang != "en-US" {
            ask(&mut s, "google", lang, &json!({ "text": "Hello", "lang": lang })).await;
        }
    }
    for value in [
        json!(null),
        json!(""),
        json!(0),
        json!(true),
        json!(["de"]),
        json!({ "a": 1 }),
    ] {
        ask(
            &mut s,
            "google",
            &format!("lang {value}"),
            &json!({ "text": "Hello", "lang": value }),
        )
        .await;
        ask(
            &mut s,
            "google",
            &format!("text {value}"),
            &json!({ "text": value, "lang": "de" }),
        )
        .await;
    }
    ask(&mut s, "google", "nothing", &json!({})).await;
    s.finish();
}
