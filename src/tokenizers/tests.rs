use serde_json::{Value, json};

use super::routing::Encoding;
use super::{Loaded, bias, count, decode, encode};

const SAMPLE: &str = "Hello, wörld! 👋🏽 日本語\r\n  don't  x1234567";

fn ids(encoding: Encoding, text: &str) -> Vec<u64> {
    let encoded = encode(&Loaded::OpenAi(encoding), &json!({ "text": text }));
    assert_eq!(encoded["count"], encoded["ids"].as_array().unwrap().len());
    assert_eq!(
        encoded["chunks"].as_array().unwrap().len(),
        encoded["ids"].as_array().unwrap().len()
    );
    encoded["ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect()
}

#[test]
fn encodes_with_the_original_ids() {
    let old = [
        15496, 11, 266, 30570, 335, 0, 50169, 233, 8582, 237, 121, 10545, 245, 98, 17312, 105, 45739, 252,
        201, 198, 220, 836, 470, 220, 2124, 10163, 2231, 3134,
    ];
    for encoding in [
        Encoding::Gpt2,
        Encoding::R50kBase,
        Encoding::P50kBase,
        Encoding::P50kEdit,
    ] {
        assert_eq!(ids(encoding, SAMPLE), old, "{encoding:?}");
    }
    let cl100k = [
        9906, 11, 289, 9603, 509, 0, 62904, 233, 9468, 237, 121, 76502, 22656, 45918, 252, 319, 220, 1541,
        956, 220, 865, 4513, 10961, 22,
    ];
    assert_eq!(ids(Encoding::Cl100kBase, SAMPLE), cl100k);
    let o200k = [
        13225, 11, 286, 2877, 582, 0, 61138, 233, 52622, 121, 17428, 40909, 370, 220, 4128, 220, 1215, 7633,
        19354, 22,
    ];
    assert_eq!(ids(Encoding::O200kBase, SAMPLE), o200k);
}

#[test]
fn chunks_are_each_id_alone() {
    let encoded = encode(&Loaded::OpenAi(Encoding::O200kBase), &json!({ "text": SAMPLE }));
    let expected = json!([
        "Hello",
        ",",
        " w",
        "ör",
        "ld",
        "!",
        " \u{fffd}",
        "\u{fffd}",
        "\u{fffd}",
        "\u{fffd}",
        " 日本",
        "語",
        "\r\n",
        " ",
        " don't",
        " ",
        " x",
        "123",
        "456",
        "7",
    ]);
    assert_eq!(encoded["chunks"], expected);
    let mark = encode(
        &Loaded::OpenAi(Encoding::Cl100kBase),
        &json!({ "text": "\u{feff}abc" }),
    );
    assert_eq!(
        mark,
        json!({"ids": [3305, 13997], "count": 2, "chunks": ["", "abc"]})
    );
}

#[test]
fn lone_surrogates_count_as_replacement_characters() {
    let body = squaretable_compat::json::parse(br#"{"text":"a\ud800b"}"#).unwrap();
    let encoded = encode(&Loaded::OpenAi(Encoding::Cl100kBase), &body);
    assert_eq!(encoded["ids"], json!([64, 5809, 65]));
}

#[test]
fn what_cannot_be_encoded_gives_the_empty_result() {
    let empty = json!({"ids": [], "count": 0, "chunks": []});
    let cl100k = Loaded::OpenAi(Encoding::Cl100kBase);
    for text in [
        json!(null),
        json!(""),
        json!(5),
        json!(true),
        json!([]),
        json!(["a"]),
        json!({}),
    ] {
        assert_eq!(encode(&cl100k, &json!({ "text": text })), empty, "{text}");
    }
    for text in ["<|endoftext|>", "a <|fim_prefix|> b", "<|endofprompt|>"] {
        assert_eq!(encode(&cl100k, &json!({ "text": text })), empty, "{text}");
    }
    assert_eq!(encode(&Loaded::Failing, &json!({"text": "x"})), empty);
    assert_eq!(
        ids(Encoding::Cl100kBase, "<|im_start|>"),
        [27, 91, 318, 5011, 91, 29]
    );
    assert_eq!(
        ids(Encoding::O200kBase, "<|fim_prefix|>"),
        [27, 91, 103_473, 33197, 91, 29]
    );
    assert_eq!(
        ids(Encoding::P50kBase, "<|fim_prefix|>"),
        [27, 91, 69, 320, 62, 40290, 91, 29]
    );
}

#[test]
fn decodes_as_the_original() {
    for (given, text) in [
        (json!([9906, 11, 1917]), "Hello, world"),
        (json!(["9906"]), "Hello"),
        (json!([9906.7]), "Hello"),
        (json!([9906, "x"]), "Hello!"),
        (json!([100_257]), "<|endoftext|>"),
        (json!([-1]), ""),
        (json!([200_000]), ""),
        (json!({}), ""),
        (json!(null), ""),
    ] {
        let decoded = decode(&Loaded::OpenAi(Encoding::Cl100kBase), &json!({ "ids": given }));
        assert_eq!(decoded, json!({ "text": text }), "{given}");
    }
    assert_eq!(
        decode(&Loaded::Failing, &json!({"ids": [1]})),
        json!({"text": ""})
    );
}

#[test]
fn counts_messages_as_the_original() {
    let tokens = |model: &str, body: Value| {
        count(
            model,
            &Loaded::OpenAi(if model == "gpt-4o" {
                Encoding::O200kBase
            } else {
                Encoding::Cl100kBase
            }),
            &body,
        )["token_count"]
            .clone()
    };
    let message = json!([{"role": "user", "content": "Hello there", "name": "Bob"}]);
    assert_eq!(tokens("gpt-4", message.clone()), 11);
    assert_eq!(tokens("gpt-4o", message.clone()), 11);
    assert_eq!(tokens("gpt-3.5-turbo-0301", message), 19);
    for (content, expected) in [
        (json!(5), 7),
        (json!(null), 7),
        (json!(true), 7),
        (json!([]), 9),
        (json!(["a"]), 7),
        (json!({}), 7),
        (json!("<|endoftext|>"), 7),
        (json!(""), 9),
    ] {
        let body = json!([{"role": "user", "content": content, "name": "Bob"}]);
        assert_eq!(tokens("gpt-4", body), expected, "{content}");
    }
    assert_eq!(tokens("gpt-4", json!(["ab", null, 5, [], ["hello"]])), 21);
    assert_eq!(tokens("gpt-4", json!({"a": 1})), 3);
    assert_eq!(tokens("gpt-4", json!([])), 3);
}

#[test]
fn biases_texts_and_literal_ids() {
    let entries = json!([
        {"text": "hello world", "value": -5},
        {"text": "[5, 3, 3.7, -1]", "value": 2},
        {"text": " hello", "value": 1},
        {"text": "[]", "value": 9},
        {"text": 5, "value": 3},
        {"text": "<|endoftext|>", "value": 1},
        null,
        {"text": "[1,\"a\"]", "value": 4},
        {"text": "hello"},
        {"text": "x", "value": null},
    ]);
    assert_eq!(
        bias(&Loaded::OpenAi(Encoding::Cl100kBase), &entries).to_string(),
        r#"{"3":2,"5":2,"16":4,"58":4,"64":4,"87":null,"1359":4,"1365":4,"1917":-5,"24748":1,"4294967295":2}"#
    );
}
