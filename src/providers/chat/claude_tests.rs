use serde_json::{Value, json};

use super::{Budget, ChatSettings, Traits, generate, reply};

fn sent(extra: &Value) -> Value {
    let mut body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "temperature": 1, "top_p": 1, "top_k": 5,
        "reasoning_effort": "auto", "messages": [{ "role": "user", "content": "hi" }],
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    let call = generate(body, Some("sk"), &ChatSettings::default()).unwrap();
    serde_json::from_slice(&call.upstream.body).unwrap()
}

#[test]
fn families_take_what_they_take() {
    let traits = |model| Traits::of(model, false);
    assert!(traits("anthropic/claude-opus-5").takes_no_sampling && traits("claude-3-5-x").can_search);
    assert!(!traits("claude-3-5-x").can_think && !traits("anthropic/claude-opus-4-7").can_think);
    assert!(Traits::of("claude-opus-4-6", true).is_adaptive && !traits("claude-opus-4-6").is_adaptive);
    assert!(sent(&json!({})).get("top_p").is_none());
    assert!(sent(&json!({ "top_p": 0.5 })).get("temperature").is_none());
    let bare = sent(&json!({ "model": "claude-opus-4-7" }));
    assert!(
        ["temperature", "top_p", "top_k"]
            .iter()
            .all(|key| bare.get(*key).is_none())
    );
}

#[test]
fn budgets_grow_with_the_answer() {
    let of = |effort, length, stream| Budget::of(Some(effort), length, stream, false);
    assert_eq!(of("auto", 1e6, true), Budget::Unset);
    assert_eq!(of("low", 1e6, true), Budget::Tokens(1e5));
    assert_eq!(of("high", 1e6, false), Budget::Tokens(21_333.0));
    assert_eq!(of("odd", 1e6, true), Budget::Tokens(1024.0));
    assert_eq!(Budget::of(Some("min"), 1.0, true, true), Budget::Effort("low"));
    let thinking = sent(&json!({ "reasoning_effort": "min" }));
    assert_eq!(
        thinking["thinking"],
        json!({ "type": "enabled", "budget_tokens": 1024 })
    );
    assert_eq!(thinking["max_tokens"], 2024);
    assert!(thinking.get("temperature").is_none());
}

#[test]
fn the_newest_models_think_by_effort() {
    let extra = json!({ "model": "claude-opus-5", "reasoning_effort": "max", "include_reasoning": true,
        "assistant_prefill": "Sure", "verbosity": "low" });
    let body = sent(&extra);
    assert_eq!(
        body["thinking"],
        json!({ "type": "adaptive", "display": "summarized" })
    );
    assert_eq!(body["output_config"], json!({ "effort": "max" }));
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!(body["messages"][1]["role"], "user");
    let auto = sent(
        &json!({ "model": "claude-fable-5-1", "include_reasoning": true, "verbosity": "low",
        "json_schema": { "name": "n", "value": {} } }),
    );
    assert_eq!(
        auto["thinking"],
        json!({ "type": "adaptive", "display": "summarized" })
    );
    assert_eq!(
        auto["output_config"],
        json!({ "format": { "type": "json_schema", "schema": {} }, "effort": "low" })
    );
}

#[test]
fn replies_keep_the_content() {
    let made = reply(r#"{"content":[{"type":"text","text":"a"}]}"#).unwrap();
    let expected = json!({ "choices": [{ "message": { "content": "a" } }], "content": [{ "type": "text", "text": "a" }] });
    assert_eq!(made, expected);
    assert_eq!(
        reply("{}"),
        Some(json!({ "choices": [{ "message": { "content": "" } }] }))
    );
    assert!(reply("null").is_none() && reply("{").is_none());
}
