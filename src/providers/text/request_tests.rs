use serde_json::{Value, json};

use super::{TextCall, generate, props, status};
use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::RequestFault;
use crate::providers::text::backend::BACKENDS;

fn call(extra: &Value) -> TextCall {
    let mut body = json!({ "api_type": "generic", "api_server": "http://localhost:5000/v1/", "prompt": "p" });
    for (key, value) in extra.as_object().unwrap() {
        body[key] = value.clone();
    }
    generate(body, "k", &UpstreamConfig::default()).unwrap()
}

fn sent(call: &TextCall) -> Value {
    serde_json::from_slice(&call.upstream.body).unwrap()
}

#[test]
fn every_back_end_is_asked_where_it_answers() {
    let path = |name: &str| call(&json!({ "api_type": name })).upstream.url.path().to_owned();
    for backend in &BACKENDS {
        let expected = match backend.name {
            "mancer" => "/oai/v1/completions",
            "dreamgen" => "/api/openai/v1/completions",
            "llamacpp" => "/completion",
            "ollama" => "/api/generate",
            "openrouter" => "/v1/chat/completions",
            _ => "/v1/completions",
        };
        assert_eq!(path(backend.name), expected, "{}", backend.name);
    }
    assert_eq!(path("nonsense"), "/");
}

#[test]
fn local_names_are_sent_as_numbers_and_unknown_fields_stay() {
    let plain = call(&json!({ "api_type": "tabby", "stopping_strings": ["a"], "secret_id": "x" }));
    assert_eq!(
        plain.upstream.url.as_str(),
        "http://127.0.0.1:5000/v1/completions"
    );
    assert_eq!(
        sent(&plain),
        json!({ "api_type": "tabby", "api_server": "http://127.0.0.1:5000/v1/", "prompt": "p",
                "stopping_strings": ["a"], "secret_id": "x" })
    );
    assert_eq!(plain.abort, None);
    assert!(!plain.stream && call(&json!({ "stream": true })).stream);
}

#[test]
fn strict_back_ends_get_only_what_they_know() {
    let extra = json!({ "stop": ["a", "b", "c", "d", "e"], "top_k": 5, "best_of": 2, "mirostat": 1 });
    let with = |name: &str| {
        let mut extra = extra.clone();
        extra["api_type"] = name.into();
        sent(&call(&extra))
    };
    assert_eq!(
        with("generic"),
        json!({ "prompt": "p", "stop": ["a", "b", "c", "d"], "best_of": 2 })
    );
    assert_eq!(
        with("togetherai"),
        json!({ "prompt": "p", "stop": ["a", "b", "c", "d", "e"], "top_k": 5 })
    );
    for name in ["vllm", "featherless", "infermaticai"] {
        let expected = json!({ "prompt": "p", "stop": ["a", "b", "c", "d", "e"], "top_k": 5, "best_of": 2 });
        assert_eq!(with(name), expected, "{name}");
    }
}

#[test]
fn openrouter_gets_an_order_of_providers() {
    let with = |extra: Value| {
        let mut body = extra;
        body["api_type"] = "openrouter".into();
        sent(&call(&body))["provider"].clone()
    };
    assert_eq!(
        with(json!({ "provider": ["A"], "allow_fallbacks": false })),
        json!({ "allow_fallbacks": false, "order": ["A"] })
    );
    assert_eq!(
        with(json!({ "provider": ["A"], "allow_fallbacks": null, "quantizations": ["int8"] })),
        json!({ "allow_fallbacks": true, "order": ["A"], "quantizations": ["int8"] })
    );
    assert_eq!(with(json!({ "provider": [] })), Value::Null);
    assert_eq!(
        with(json!({ "provider": "A", "quantizations": [1] })),
        json!({ "quantizations": [1] })
    );
}

#[test]
fn ollama_gets_a_request_of_its_own() {
    let body = json!({
        "api_type": "ollama", "api_server": "http://o:11434", "model": "m", "prompt": "p", "temperature": 1,
        "top_a": 2, "num_batch": 1,
    });
    let config = UpstreamConfig {
        ollama_keep_alive: 60,
        ollama_batch_size: 512,
        ..UpstreamConfig::default()
    };
    let made = generate(body.clone(), "", &config).unwrap();
    let options = json!({ "temperature": 1, "num_batch": 512 });
    let expected = json!({ "model": "m", "prompt": "p", "stream": false, "keep_alive": 60, "raw": true, "options": options });
    assert_eq!(sent(&made), expected);
    let made = generate(body, "", &UpstreamConfig::default()).unwrap();
    assert_eq!(
        sent(&made)["options"],
        json!({ "temperature": 1, "num_batch": 1 })
    );
}

#[test]
fn koboldcpp_is_told_when_the_browser_goes() {
    let abort = call(&json!({ "api_type": "koboldcpp" })).abort.unwrap();
    assert_eq!(abort.url.as_str(), "http://127.0.0.1:5000/api/extra/abort");
    let headers: Vec<_> = abort.headers.iter().collect();
    assert_eq!(headers, [("Authorization", "Bearer k")]);
    assert!(abort.body.is_empty());
}

#[test]
fn status_asks_for_models_and_for_the_loaded_one() {
    let ask = |name: &str| {
        let body = json!({ "api_type": name, "api_server": "http://h/v1" });
        let call = status(&body, "", &UpstreamConfig::default()).unwrap();
        (
            call.models.url.to_string(),
            call.loaded.map(|loaded| loaded.url.to_string()),
        )
    };
    assert_eq!(ask("togetherai"), ("http://h/api/models?&info".to_owned(), None));
    assert_eq!(
        ask("ooba"),
        (
            "http://h/v1/models".to_owned(),
            Some("http://h/v1/internal/model/info".to_owned())
        )
    );
    assert_eq!(ask("tabby").1.as_deref(), Some("http://h/v1/model"));
    assert_eq!(ask("nonsense").0, "http://h/");
    let faulty = |body: Value| status(&body, "", &UpstreamConfig::default()).unwrap_err();
    assert_eq!(faulty(json!({})), RequestFault::MissingServer);
    assert_eq!(
        faulty(json!({ "api_server": "nonsense" })),
        RequestFault::InvalidUrl
    );
}

#[test]
fn props_name_the_model_to_llamacpp_alone() {
    let ask = |name: &str| {
        let body = json!({ "api_type": name, "api_server": "http://h/", "model": "a b/ü&(c)" });
        props(&body, "", &UpstreamConfig::default())
            .unwrap()
            .url
            .to_string()
    };
    assert_eq!(ask("llamacpp"), "http://h/props?model=a%20b%2F%C3%BC%26(c)");
    assert_eq!(ask("koboldcpp"), "http://h/props");
}
