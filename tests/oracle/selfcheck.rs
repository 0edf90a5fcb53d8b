//! Proof that the comparison can fail, and that it is quiet when it should be.

use serde_json::json;

use super::compare::{Rules, compare};
use super::dsl::{call, get, post};
use super::http::Answer;
use super::scenario::Scenario;

fn answer(kind: &str, body: &str) -> Answer {
    let headers = vec![
        ("content-type".to_owned(), kind.to_owned()),
        ("etag".to_owned(), "W/\"2-abc\"".to_owned()),
    ];
    Answer {
        status: 200,
        reason: "OK".into(),
        headers,
        body: body.as_bytes().to_vec(),
        truncated: false,
    }
}

fn facts(original: &Answer, ours: &Answer) -> Vec<String> {
    let none = Vec::new();
    let found = compare(&Rules::default(), [(original, &none), (ours, &none)]);
    found.into_iter().map(|found| found.fact).collect()
}

#[test]
fn every_altered_fact_is_reported() {
    let original = answer("application/json", r#"{"a":[1,{"b":"x"}],"c":null}"#);
    assert_eq!(facts(&original, &original), Vec::<String>::new());
    let altered = |change: fn(&mut Answer)| {
        let mut ours = original.clone();
        change(&mut ours);
        facts(&original, &ours)
    };
    assert_eq!(altered(|ours| ours.status = 201), ["status"]);
    assert_eq!(
        altered(|ours| ours.headers[0].1 = "text/html".into()),
        ["header content-type"]
    );
    assert_eq!(altered(|ours| ours.headers.truncate(1)), ["header etag"]);
    assert_eq!(altered(|ours| ours.truncated = true), ["truncated"]);
    assert_eq!(
        altered(|ours| ours.body = br#"{"a":[1,{"b":"y"}],"c":null}"#.to_vec()),
        ["body /a/1/b"]
    );
    assert_eq!(
        altered(|ours| ours.body = br#"{"a":[1],"c":null}"#.to_vec()),
        ["body /a"]
    );
    assert_eq!(
        altered(|ours| ours.body = br#"{"a":[1,{"b":"x"}]}"#.to_vec()),
        ["body /c"]
    );
    assert_eq!(altered(|ours| ours.body = b"oops".to_vec()), ["body "]);
}

#[test]
fn numbers_agree_by_value_and_surrogates_are_compared() {
    let same = [
        (r#"[1.0,1e21]"#, r#"[1,1000000000000000000000]"#),
        (r#"["\ud800x"]"#, r#"["\ud800\u0078"]"#),
    ];
    for (one, other) in same {
        assert_eq!(
            facts(&answer("j", one), &answer("j", other)),
            Vec::<String>::new(),
            "{one}"
        );
    }
    let differ = [
        (r#"[1]"#, r#"["1"]"#),
        (r#"["\ud800"]"#, r#"["\ud801"]"#),
        (r#"["\ud800"]"#, r#"["�"]"#),
    ];
    for (one, other) in differ {
        assert_eq!(
            facts(&answer("j", one), &answer("j", other)),
            ["body /0"],
            "{one}"
        );
    }
}

#[tokio::test]
async fn a_live_difference_is_reported() {
    let mut s = Scenario::mirror("selfcheck").await;
    s.get("/version")
        .await
        .post("/api/files/sanitize-filename", json!({ "fileName": "a" }))
        .await;
    assert!(
        s.steps().iter().all(|step| step.disagreements.is_empty()),
        "one server disagrees with itself"
    );
    let name = |name: &str| post("/api/files/sanitize-filename", &json!({ "fileName": name }));
    s.send_each(name("a"), &name("b")).await;
    s.send_each(get("/img/ai4.png"), &get("/img/user-default.png"))
        .await;
    s.send_each(get("/version"), &call("HEAD", "/version")).await;
    s.send_each(name("a"), &name("a").no_csrf()).await;
    let facts: Vec<Vec<&str>> = s.steps()[2..]
        .iter()
        .map(|step| {
            step.disagreements
                .iter()
                .map(|found| found.fact.as_str())
                .collect()
        })
        .collect();
    assert_eq!(facts[0], ["body /fileName"]);
    assert!(facts[1].iter().any(|fact| fact.starts_with("body ")), "{facts:?}");
    assert_eq!(facts[2], ["body "]);
    assert!(facts[3].contains(&"status"), "{facts:?}");
}
