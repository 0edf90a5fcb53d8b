use serde_json::{Value, json};

use super::{ChatSettings, generate, reply};

fn sent(extra: &Value) -> (String, Value) {
    let mut body = json!({ "model": "gemini-2.5-flash", "max_tokens": 1000, "messages": [{ "role": "user", "content": "hi" }] });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    let call = generate(&body, Some("sk"), &ChatSettings::default()).unwrap();
    let body = serde_json::from_slice(&call.upstream.body).unwrap();
    (call.upstream.url.to_string(), body)
}

#[test]
fn methods_and_parameters_follow_the_body() {
    let (url, body) = sent(&json!({ "stream": true, "reasoning_effort": "min", "top_k": 0, "stop": [] }));
    assert_eq!(
        url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?key=sk&alt=sse"
    );
    assert_eq!(
        body["generationConfig"].to_string(),
        r#"{"candidateCount":1,"maxOutputTokens":1000,"thinkingConfig":{"includeThoughts":false,"thinkingBudget":0}}"#
    );
    let (url, _) = sent(&json!({ "reverse_proxy": "http://h/p/" }));
    assert_eq!(
        url,
        "http://h/p/v1beta/models/gemini-2.5-flash:generateContent?key=undefined"
    );
}

#[test]
fn drawing_leaves_tools_and_instruction_out() {
    let (_, body) = sent(&json!({
        "model": "gemini-3-pro-image", "request_images": true, "request_image_aspect_ratio": "1:1", "use_sysprompt": true,
        "tools": [{ "type": "function", "function": {} }], "enable_web_search": true,
    }));
    let config = &body["generationConfig"];
    assert_eq!(
        config["imageConfig"],
        json!({ "imageSize": "undefined", "aspectRatio": "1:1" })
    );
    assert!(body.get("tools").is_none() && body.get("systemInstruction").is_none());
}

#[test]
fn functions_exclude_other_tools() {
    let function = json!({ "type": "function", "function": { "name": "f", "parameters": { "$schema": "s", "properties": {} } } });
    let own = json!({ "type": "code_execution", "code_execution": {} });
    let (_, body) =
        sent(&json!({ "tools": [function, own], "tool_choice": "required", "enable_web_search": true }));
    assert_eq!(
        body["tools"],
        json!([{ "function_declarations": [{ "name": "f" }] }])
    );
    assert_eq!(
        body["toolConfig"],
        json!({ "functionCallingConfig": { "mode": "ANY" } })
    );
    let (_, body) = sent(&json!({ "tools": [own], "enable_web_search": true }));
    assert_eq!(
        body["tools"],
        json!([{ "code_execution": {} }, { "google_search": {} }])
    );
}

#[test]
fn replies_are_reshaped_or_explained() {
    let read = |text: &str| reply("G", text).unwrap();
    let parts = json!([{ "text": "t", "thought": true }, { "text": "a" }, { "text": "b" }]);
    let answer = json!({ "candidates": [{ "content": { "parts": parts } }] });
    let expected =
        json!({ "choices": [{ "message": { "content": "a\n\nb" } }], "responseContent": { "parts": parts } });
    assert_eq!(read(&answer.to_string()), expected);
    let blocked = read(r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#);
    assert_eq!(
        blocked["error"]["message"],
        "G API returned no candidate\nPrompt was blocked due to : SAFETY"
    );
    assert_eq!(
        read(r#"{"candidates":[{}]}"#)["error"]["message"],
        "G Candidate text empty"
    );
    let drawn = read(r#"{"candidates":[{"content":{"parts":[{"inlineData":{}}]}}]}"#);
    assert_eq!(drawn["choices"][0]["message"]["content"], "");
    assert!(reply("G", "{").is_none());
}
