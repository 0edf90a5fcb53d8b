use serde_json::{Value, json};

use super::{ClaudeOptions, ClaudePrompt, ConvertError, PromptNames, messages};

const PLAIN: ClaudeOptions<'_> = ClaudeOptions {
    prefill: None,
    has_system_prompt: true,
    has_tools: true,
    placeholder: "-",
};

fn names() -> PromptNames {
    PromptNames {
        character: "Bot".to_owned(),
        user: "Me".to_owned(),
        group: vec!["Eve".to_owned()],
    }
}

fn made(prompt: Value, options: ClaudeOptions<'_>) -> Result<ClaudePrompt, ConvertError> {
    messages(Some(prompt), &names(), options)
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

#[test]
fn takes_the_system_prompt_apart_and_merges_turns() {
    let prompt = json!([
        {"role": "system", "content": "Main"},
        {"role": "system", "name": "example_assistant", "content": "Eve: hi"},
        {"role": "system", "name": "example_user", "content": "ho"},
        {"role": "user", "name": "Ann", "content": "one"},
        {"role": "system", "name": "example_user", "content": "late"},
        {"role": "assistant", "content": [text(""), text("two")]},
    ]);
    let split = made(prompt.clone(), PLAIN).unwrap();
    assert_eq!(split.system, [text("Main"), text("Eve: hi"), text("Me: ho")]);
    let expected = json!([
        {"role": "user", "content": [text("Ann: one"), text("Me: late")]},
        {"role": "assistant", "content": [text("\u{200b}"), text("two")]},
    ]);
    assert_eq!(Value::from(split.messages), expected);
    let options = ClaudeOptions {
        has_system_prompt: false,
        ..PLAIN
    };
    let whole = made(prompt, options).unwrap();
    assert_eq!(whole.messages[0]["content"].as_array().map(Vec::len), Some(5));
    assert_eq!(
        made(json!([{"role": "system", "content": "only"}]), PLAIN)
            .unwrap()
            .messages,
        [json!({"role": "user", "content": [text("-")]})]
    );
}

#[test]
fn keeps_tools_or_writes_them_out() {
    let prompt = json!([
        {"role": "assistant", "content": null, "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{\"a\":1.0}"}}]},
        {"role": "tool", "tool_call_id": "t", "content": "r"},
    ]);
    let kept = made(prompt.clone(), PLAIN).unwrap().messages;
    assert_eq!(
        kept[0]["content"],
        json!([{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1.0}}])
    );
    assert_eq!(
        kept[1],
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]})
    );
    let options = ClaudeOptions {
        has_tools: false,
        ..PLAIN
    };
    let written = made(prompt, options).unwrap().messages;
    assert_eq!(written[0]["content"], json!([text("{\"a\":1}")]));
    assert_eq!(written[1]["content"], json!([text("r")]));
    let broken = json!([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}]);
    assert!(made(broken, PLAIN).is_err());
}

#[test]
fn moves_images_to_the_user() {
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let converted =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}});
    let prompt = json!([
        {"role": "assistant", "content": [text("a"), image("data:image/png;base64,AA")]},
        {"role": "assistant", "content": "b"},
    ]);
    let prefill = json!("Sure \n");
    let options = ClaudeOptions {
        prefill: Some(&prefill),
        ..PLAIN
    };
    let moved = made(prompt, options).unwrap().messages;
    let expected = json!([
        {"role": "assistant", "content": [text("a")]},
        {"role": "user", "content": []},
        {"role": "assistant", "content": [text("b")]},
        {"role": "user", "content": [converted]},
        {"role": "assistant", "content": [text("Sure")]},
    ]);
    assert_eq!(Value::from(moved), expected);
}

#[test]
fn refuses_what_it_cannot_read() {
    for prompt in [
        json!("text"),
        json!([null]),
        json!([{"role": "assistant", "content": null}]),
        json!([{"role": "user", "content": [null]}]),
        json!([{"role": "system", "name": "example_user", "content": 5}]),
    ] {
        assert!(made(prompt.clone(), PLAIN).is_err(), "{prompt}");
    }
    assert!(messages(None, &names(), PLAIN).is_err());
}
