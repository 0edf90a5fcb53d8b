use serde_json::{Value, json};

use super::{GoogleOptions, GooglePrompt, PromptNames, contents};

fn made(prompt: Value, model: &str) -> GooglePrompt {
    let names = PromptNames {
        character: "Bot".to_owned(),
        user: "Me".to_owned(),
        group: vec!["Eve".to_owned()],
    };
    let options = GoogleOptions {
        model,
        has_system_prompt: true,
        sends_signatures: true,
    };
    contents(Some(prompt), &names, options).unwrap()
}

#[test]
fn leaves_one_message_outside_the_instruction() {
    let prompt = json!([{"role": "system", "content": "a"}, {"role": "system", "content": "b"}]);
    let split = made(prompt, "gemini-2.0-flash");
    assert_eq!(split.system, [json!({"text": "a"})]);
    assert_eq!(
        split.contents,
        [json!({"role": "user", "parts": [{"text": "b"}]})]
    );
}

#[test]
fn joins_texts_with_the_first_and_keeps_media() {
    let prompt = json!([
        {"role": "user", "name": "Ann", "content": "one"},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:;base64,AA", "detail": "high"}},
            {"type": "audio_url", "audio_url": {"url": "https://host/a"}},
            {"type": "text", "text": "two"},
        ]},
        {"role": "assistant", "name": "example_assistant", "content": "Eve: x"},
    ]);
    let expected = json!([
        {"role": "user", "parts": [
            {"text": "Ann: one\n\ntwo"},
            {"inlineData": {"mimeType": "image/png", "data": "AA"}, "mediaResolution": {"level": "media_resolution_high"}},
        ]},
        {"role": "model", "parts": [{"text": "Eve: x"}]},
    ]);
    assert_eq!(
        Value::from(made(prompt.clone(), "gemini-3-pro").contents),
        expected
    );
    // A newer model gets no answer that is begun.
    let strict = made(prompt, "gemini-3.7-flash").contents;
    assert_eq!(strict.len(), 1);
}

#[test]
fn names_results_by_their_calls_and_signs_them() {
    let prompt = json!([
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "t", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "u", "signature": "s", "function": {"name": "g", "arguments": "not json"}},
        ]},
        {"role": "tool", "tool_call_id": "t", "content": "r"},
        {"role": "tool", "tool_call_id": "none", "content": null},
    ]);
    let response = |name: &str, content: &str| json!({"functionResponse": {"name": name, "response": {"name": name, "content": content}}});
    let expected = json!([
        {"role": "model", "parts": [
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "skip_thought_signature_validator"},
            {"functionCall": {"name": "g", "args": "not json"}, "thoughtSignature": "s"},
        ]},
        {"role": "user", "parts": [response("f", "r"), response("unknown", "")]},
    ]);
    assert_eq!(Value::from(made(prompt, "gemini-3-flash").contents), expected);
}

#[test]
fn a_signed_text_after_a_call_is_there_twice_and_grows_twice() {
    let call = json!({"id": "t", "function": {"name": "f", "arguments": "{}"}});
    let prompt = json!([
        {"role": "assistant", "tool_calls": [call]},
        {"role": "assistant", "content": "a", "signature": "s"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]);
    let parts = &made(prompt, "gemini-2.5-pro").contents[0]["parts"];
    let text = json!({"text": "a\n\nb", "thoughtSignature": "s"});
    assert_eq!(
        parts,
        &json!([{"functionCall": {"name": "f", "args": {}}}, text, text])
    );
}
