//! `/api/vector`: what collections hold and find. A service that is asked for `v:[1,2]` answers with that vector.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

/// A service that makes vectors of texts: those that they spell, others by their letters.
pub(super) fn embed(request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let texts = body["input"].as_array().cloned().unwrap_or_default();
    let data = texts.iter().enumerate();
    let data: Vec<Value> = data
        .map(|(index, text)| json!({ "index": index, "embedding": vector(text) }))
        .rev()
        .collect();
    Reply::json(&json!({ "data": data }))
}

/// The vector of a text.
pub(super) fn vector(text: &Value) -> Value {
    let text = text.as_str().unwrap_or_default();
    if let Some(spelled) = text.strip_prefix("v:") {
        return serde_json::from_str(spelled).expect("a test spells JSON");
    }
    let mut counts = [0.1; 16];
    for (place, letter) in text.bytes().enumerate() {
        counts[usize::from(letter) % 16] += 1.0 / (place as f64 + 3.0);
    }
    json!(counts)
}

async fn scenario(family: &str) -> Scenario {
    let sites = Sites::default();
    sites.below("https://api.openai.com/", embed);
    let mut s = Scenario::in_world(family, "", &sites).await;
    let secret = json!({ "key": "api_key_openai", "value": "k", "label": "l" });
    s.post("/api/secrets/write", secret).await;
    s
}

/// A body for the collection `id` of OpenAI's, with more fields.
fn body(id: &str, extra: Value) -> Value {
    let mut body = json!({ "collectionId": id, "source": "openai", "model": "m" });
    if let Value::Object(extra) = extra {
        body.as_object_mut().expect("an object").extend(extra);
    }
    body
}

async fn ask(s: &mut Scenario, route: &str, body: &Value) {
    s.send(post(&format!("/api/vector/{route}"), body)).await;
}

fn items(texts: &[&str]) -> Value {
    let items = texts.iter().enumerate();
    let items = items.map(|(index, text)| json!({ "hash": index + 1, "text": text, "index": index }));
    items.collect::<Vec<_>>().into()
}

async fn put(s: &mut Scenario, id: &str, items: Value) {
    ask(s, "insert", &body(id, json!({ "items": items }))).await;
}

async fn find(s: &mut Scenario, id: &str, text: &str, extra: Value) {
    let mut body = body(id, extra);
    body["searchText"] = text.into();
    ask(s, "query", &body).await;
}

#[tokio::test]
async fn oracle_vectors() {
    let mut s = scenario("vectors").await;
    ask(&mut s, "list", &body("new", json!({}))).await;
    find(&mut s, "new", "anything", json!({})).await;
    let words = [
        "a fox",
        "two foxes",
        "Grüße 👋",
        "the same",
        "the same",
        "",
        "zebra crossing",
        "a",
        "b",
        "c",
        "d",
        "e",
        "more than ten",
    ];
    put(&mut s, "words", items(&words)).await;
    s.reached("batches of ten").await;
    ask(&mut s, "list", &body("words", json!({}))).await;
    for text in ["a fox", "the same", "nothing like it 123", "👋"] {
        find(&mut s, "words", text, json!({})).await;
    }
    s.reached("queries").await;
    bounds(&mut s).await;
    shapes(&mut s).await;
    kept(&mut s).await;
    deleted(&mut s).await;
    s.finish();
}

/// Every end of `topK` and `threshold`.
async fn bounds(s: &mut Scenario) {
    for top_k in [
        json!(1),
        json!(3),
        json!("2"),
        json!(2.7),
        json!(0.5),
        json!(0),
        json!(-1),
        json!(-3),
        json!(-100),
        json!(1000),
        json!(null),
        json!("x"),
        json!(true),
        json!([4]),
        json!({}),
        json!("Infinity"),
    ] {
        find(s, "words", "a fox", json!({ "topK": top_k })).await;
    }
    for threshold in [
        json!(0.99),
        json!(0.5),
        json!("0.9"),
        json!(1),
        json!(2),
        json!(-1),
        json!("x"),
        json!(null),
        json!([]),
    ] {
        find(s, "words", "a fox", json!({ "threshold": threshold })).await;
        let body = json!({
            "collectionIds": ["words"], "searchText": "a fox", "source": "openai", "model": "m", "threshold": threshold,
            "topK": 4,
        });
        ask(s, "query-multi", &body).await;
    }
}

/// Vectors that are equal, opposite, longer, shorter, tiny or nothing.
async fn shapes(s: &mut Scenario) {
    let ties = [
        "v:[1,0]",
        "v:[2,0]",
        "v:[0,1]",
        "v:[-1,0]",
        "v:[1,1]",
        "v:[3,0]",
        "v:[0.1,0.2]",
        "v:[0.2,0.4]",
    ];
    put(s, "ties", items(&ties)).await;
    for text in [
        "v:[1,0]",
        "v:[1,1]",
        "v:[0.1,0.2]",
        "v:[0.3,0.6]",
        "v:[-1,-0.5]",
        "v:[1]",
    ] {
        find(s, "ties", text, json!({})).await;
        find(s, "ties", text, json!({ "threshold": -2, "topK": 3 })).await;
    }
    // All of these are NaN or none is: where some are, the original's order is that of its engine's sort.
    for text in ["v:[1,0,0]", "v:[0,0]", "v:[]"] {
        find(s, "ties", text, json!({})).await;
    }
    put(
        s,
        "longer",
        items(&["v:[1,0,0]", "v:[1,0,9]", "v:[0,1,1e-9]", "v:[1e-150,1e150,0]"]),
    )
    .await;
    find(s, "longer", "v:[1,0.5]", json!({})).await;
    find(s, "longer", "v:[1e-150,1e-140]", json!({ "threshold": -2 })).await;
    put(s, "mixed", items(&["v:[1,0]"])).await;
    put(s, "mixed", items(&["v:[1,0,0]", "v:[0,1,0]"])).await;
    find(s, "mixed", "v:[1,2]", json!({})).await;
    put(s, "none", json!([])).await;
    ask(s, "list", &body("none", json!({}))).await;
    // One bad vector, and nothing of all is stored.
    put(s, "bad", items(&["fine", "v:null", "fine"])).await;
    put(s, "bad", items(&["v:0"])).await;
    put(s, "bad", items(&["v:\"\""])).await;
    ask(s, "list", &body("bad", json!({}))).await;
}

/// What is kept beside the vectors.
async fn kept(s: &mut Scenario) {
    let odd = json!([
        { "hash": 9_007_199_254_740_991_u64, "text": "a", "index": 1.5, "other": "dropped" },
        { "hash": "12", "text": "b", "index": null },
        { "hash": null, "text": "c" },
        { "text": "d", "index": "x" },
        { "hash": true, "text": "e", "index": [1, { "2": 1, "1": 2 }] },
        { "hash": [7], "text": "f" },
        { "hash": {}, "text": 5 },
        { "hash": -0.0 },
        { "hash": 1e21, "text": "g\u{0}\u{7f}\u{2028}" },
        "text",
        5,
    ]);
    put(s, "odd", odd).await;
    ask(s, "list", &body("odd", json!({}))).await;
    find(s, "odd", "a", json!({ "topK": 20 })).await;
    put(s, "odd", json!([null])).await;
    put(s, "odd", json!({ "0": 1 })).await;
    let multi =
        |ids: Value| json!({ "collectionIds": ids, "searchText": "a", "source": "openai", "model": "m" });
    for ids in [
        json!(["odd", "words", "ties"]),
        json!(["10", "odd", "9", "10"]),
        json!(["missing"]),
        json!([]),
        json!("odd"),
        json!({ "0": "odd" }),
        json!([5, null, true]),
    ] {
        ask(s, "query-multi", &multi(ids)).await;
    }
    for id in ["10", "9"] {
        put(s, id, items(&["a", "b"])).await;
    }
    let mut few = multi(json!(["odd", "10", "words", "9", "10"]));
    for top_k in [json!(3), json!(-2), json!(6)] {
        few["topK"] = top_k;
        ask(s, "query-multi", &few).await;
    }
    few["searchText"] = json!("");
    ask(s, "query-multi", &few).await;
    missing(s).await;
}

/// What is missing, or of another type.
async fn missing(s: &mut Scenario) {
    for (route, body) in [
        ("query", json!({ "searchText": "x", "source": "openai" })),
        ("query", json!({ "collectionId": "words", "source": "openai" })),
        (
            "query",
            json!({ "collectionId": ["words"], "searchText": ["a fox"], "source": "openai", "model": "m" }),
        ),
        (
            "query",
            json!({ "collectionId": "words", "searchText": { "a": 1 }, "source": "openai", "model": "m" }),
        ),
        ("insert", json!({ "items": [], "source": "openai" })),
        ("insert", json!({ "collectionId": "x", "source": "openai" })),
        ("list", json!({ "collectionId": 0, "source": "openai" })),
        ("list", json!({ "collectionId": "words", "source": "openai" })),
        ("list", json!([])),
        ("delete", json!({ "collectionId": "words", "source": "openai" })),
        ("delete", json!({ "hashes": [1], "source": "openai" })),
        ("purge", json!({})),
    ] {
        ask(s, route, &body).await;
    }
}

async fn deleted(s: &mut Scenario) {
    for hashes in [
        json!([1, "2", 3.0, 99]),
        json!([null, true, {}, "x", [5]]),
        json!([]),
        json!("4"),
    ] {
        ask(s, "delete", &body("words", json!({ "hashes": hashes }))).await;
        ask(s, "list", &body("words", json!({}))).await;
        ask(s, "delete", &body("odd", json!({ "hashes": hashes }))).await;
        ask(s, "list", &body("odd", json!({}))).await;
    }
    find(s, "words", "a fox", json!({})).await;
    ask(s, "delete", &body("missing", json!({ "hashes": [1] }))).await;
    named(s).await;
    ask(s, "purge", &json!({ "collectionId": "a/bc" })).await;
    ask(s, "list", &body("abc", json!({}))).await;
    ask(s, "list", &body("ties", json!({}))).await;
    ask(s, "purge", &json!({ "collectionId": "missing" })).await;
    ask(s, "purge-all", &json!({})).await;
    ask(s, "list", &body("ties", json!({}))).await;
    put(s, "ties", items(&["again"])).await;
    ask(s, "list", &body("ties", json!({}))).await;
    s.reached("all the rest").await;
}

/// Names become those of folders, and some become the same.
async fn named(s: &mut Scenario) {
    put(s, "a/b:c", items(&["x"])).await;
    put(s, "abc", items(&["y"])).await;
    put(s, &"n".repeat(300), items(&["z"])).await;
    for id in [
        "a/b:c",
        "abc",
        "../abc",
        "abc. ",
        &"n".repeat(300),
        &"n".repeat(255),
        "ABC",
    ] {
        let body = body(id, json!({}));
        s.send(post("/api/vector/list", &body).note(&format!("name {id:.8}")))
            .await;
    }
    let other = json!({ "collectionId": "abc", "source": "openai", "model": "m/../n" });
    ask(s, "list", &other).await;
    for source in [
        json!("nonsense"),
        json!("a/b"),
        json!(5),
        json!(null),
        json!("toString"),
    ] {
        for route in ["list", "delete", "query", "insert"] {
            let mut body = body(
                "abc",
                json!({ "hashes": [1], "searchText": "x", "items": items(&["x"]) }),
            );
            body["source"] = source.clone();
            ask(s, route, &body).await;
        }
    }
    for source in ["", "transformers"] {
        ask(s, "list", &json!({ "collectionId": "abc", "source": source })).await;
    }
}
