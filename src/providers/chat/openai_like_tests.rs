use serde_json::{Value, json};

use super::super::{ChatCall, ChatFault, ChatSettings, Source, generate, status};

fn call(body: Value, secret: Option<&str>) -> ChatCall {
    generate(Source::OpenAi, body, secret, &ChatSettings::default()).unwrap()
}

fn sent(call: &ChatCall) -> &str {
    std::str::from_utf8(&call.upstream.body).unwrap()
}

fn headers(call: &ChatCall) -> Vec<(&str, &str)> {
    call.upstream.headers.iter().collect()
}

#[test]
fn sends_the_known_fields_in_the_original_order() {
    let body = json!({
        "chat_completion_source": "openai", "type": "normal", "n": 1, "seed": 7, "stream": true,
        "temperature": 1, "max_tokens": 300, "presence_penalty": 0, "frequency_penalty": 0.5, "top_p": 1,
        "top_k": 4, "stop": ["z"], "logit_bias": {"5": -1}, "model": "gpt-4o", "logprobs": 5,
        "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function"}], "tool_choice": "auto",
        "user_name": "U", "reasoning_effort": "min", "verbosity": "low",
    });
    let call = call(body, Some("sk"));
    assert_eq!(
        sent(&call),
        concat!(
            r#"{"messages":[{"role":"user","content":"hi"}],"model":"gpt-4o","temperature":1,"max_tokens":300,"#,
            r#""stream":true,"presence_penalty":0,"frequency_penalty":0.5,"top_p":1,"top_k":4,"stop":["z"],"#,
            r#""logit_bias":{"5":-1},"seed":7,"n":1,"logprobs":true,"top_logprobs":5,"#,
            r#""tools":[{"type":"function"}],"tool_choice":"auto"}"#,
        )
    );
    assert!(call.stream);
    assert_eq!(
        call.upstream.url.as_str(),
        "https://api.openai.com/v1/chat/completions"
    );
    assert_eq!(
        headers(&call),
        [
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer sk")
        ]
    );
}

#[test]
fn a_reverse_proxy_replaces_base_and_key() {
    let body = json!({
        "reverse_proxy": "http://127.0.0.1:18912", "messages": [{"role": "user", "content": "hi"}],
        "model": "gpt-5", "reasoning_effort": "min", "verbosity": "low", "logprobs": 0,
        "json_schema": {"name": "n", "value": {"$defs": {"A": {"type": "string"}}, "a": {"$ref": "#/$defs/A"}}},
    });
    let call = call(body, Some("stored key"));
    // compat: a bare host gains a slash, and the doubled slash is sent.
    assert_eq!(
        call.upstream.url.as_str(),
        "http://127.0.0.1:18912//chat/completions"
    );
    assert_eq!(headers(&call)[1], ("Authorization", "Bearer undefined"));
    assert_eq!(
        sent(&call),
        concat!(
            r#"{"messages":[{"role":"user","content":"hi"}],"model":"gpt-5","logprobs":0,"#,
            r#""reasoning_effort":"minimal","verbosity":"low","response_format":{"type":"json_schema","#,
            r#""json_schema":{"name":"n","strict":true,"schema":{"a":{"type":"string"}}}}}"#,
        )
    );
    assert!(!call.stream);
}

#[test]
fn text_models_get_one_prompt_and_no_tools() {
    let body = json!({
        "reverse_proxy": "http://127.0.0.1:18912/v1", "proxy_password": "pp",
        "messages": [{"role": "system", "content": "s"}, {"role": "system", "name": "nm", "content": "t"}, {"role": "user"}],
        "model": "text-davinci-003", "logprobs": 4, "stop": ["a"], "tools": [1],
    });
    let call = call(body, None);
    assert_eq!(
        call.upstream.url.as_str(),
        "http://127.0.0.1:18912/v1/completions"
    );
    assert_eq!(headers(&call)[1], ("Authorization", "Bearer pp"));
    assert_eq!(
        sent(&call),
        r#"{"prompt":"System: s\nnm: t\nuser: undefined\nassistant:","model":"text-davinci-003","stop":["a"],"logprobs":4}"#
    );
}

#[test]
fn post_processing_comes_first_and_audio_is_inlined() {
    let body = json!({
        "model": "gpt-4o", "custom_prompt_post_processing": "strict", "user_name": "Bob",
        "messages": [{"role": "assistant", "content": [
            {"type": "text", "text": "hear"}, {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AA"}},
        ]}],
    });
    assert_eq!(
        sent(&call(body, Some("k"))),
        concat!(
            r#"{"messages":[{"role":"user","content":"[Start a new chat]"},{"role":"assistant","content":["#,
            r#"{"type":"text","text":"hear"},{"type":"input_audio","input_audio":{"format":"wav","data":"AA"}}]}],"#,
            r#""model":"gpt-4o"}"#,
        )
    );
}

#[test]
fn a_random_user_is_sent_only_on_request() {
    let settings = ChatSettings {
        randomize_user_id: true,
        ..ChatSettings::default()
    };
    let call = generate(Source::OpenAi, json!({"messages": []}), Some("k"), &settings).unwrap();
    let body: Value = serde_json::from_slice(&call.upstream.body).unwrap();
    assert_eq!(body["user"].as_str().map(str::len), Some(36));
}

#[test]
fn faults_are_told_apart() {
    let made = |body, secret| generate(Source::OpenAi, body, secret, &ChatSettings::default()).map(|_| ());
    assert_eq!(made(json!({"messages": []}), None), Err(ChatFault::MissingKey));
    assert_eq!(
        made(json!({"messages": []}), Some("")),
        Err(ChatFault::MissingKey)
    );
    assert_eq!(
        made(json!({"reverse_proxy": "bad"}), None),
        Err(ChatFault::InvalidUrl("bad".to_owned()))
    );
    let crash = made(json!({"model": "text-davinci-003"}), Some("k")).unwrap_err();
    assert_eq!(
        crash.to_string(),
        "Cannot read properties of undefined (reading 'forEach')"
    );
}

#[test]
fn status_lists_models_of_base_or_proxy() {
    let upstream = status(Source::OpenAi, &json!({}), Some("sk")).unwrap();
    assert_eq!(
        (upstream.method.as_str(), upstream.url.as_str()),
        ("GET", "https://api.openai.com/v1/models")
    );
    assert_eq!(
        upstream.headers.iter().collect::<Vec<_>>(),
        [("Authorization", "Bearer sk")]
    );
    let body = json!({"reverse_proxy": "http://127.0.0.1:18912", "proxy_password": ""});
    assert_eq!(
        status(Source::OpenAi, &body, None).unwrap().url.as_str(),
        "http://127.0.0.1:18912/models"
    );
    assert_eq!(
        status(Source::OpenAi, &json!({}), None),
        Err(ChatFault::MissingKey)
    );
}
