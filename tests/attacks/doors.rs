//! Every way to make the server ask an address of the user's.

use serde_json::{Value, json};

use super::tally::{ASSETS, BODY, BYPASS, PROXY};
use crate::harness::{Answer, Client, file};

/// A route that asks an address.
pub struct Door {
    /// Its path.
    pub path: String,
    /// A body with `{url}` where the address belongs.
    pub body: Value,
    /// The rule that an attack on it breaks.
    pub rule: &'static str,
    /// The secret that holds the address, for routes that don't take one in their body.
    secret: Option<&'static str>,
    /// Secrets without which it asks nobody.
    keys: &'static [&'static str],
}

impl Door {
    /// Makes the server ask this address, if it does.
    pub async fn knock(&self, client: &Client, url: &str) -> Answer {
        let secrets = self.keys.iter().map(|key| (key, "k"));
        for (key, value) in self.secret.iter().map(|key| (key, url)).chain(secrets) {
            let body = json!({ "key": key, "value": value });
            client.post("/api/secrets/write", body).await.expect(200);
        }
        if self.path.ends_with("transcribe-audio") {
            return client
                .upload(&self.path, file("a.wav", "x"), &[("server", url)])
                .await;
        }
        let text = self.body.to_string().replace("{url}", url);
        client
            .post_raw(&self.path.replace("{url}", url), "application/json", text)
            .await
    }

    /// Route and kind, for people.
    pub fn name(&self) -> String {
        row(&self.path, &self.body)
    }
}

/// A route and what of its body tells whom it asks, for people.
pub fn row(path: &str, body: &Value) -> String {
    let fields = ["chat_completion_source", "api_type", "source", "api", "url"];
    let kinds = fields.into_iter().filter_map(|field| body[field].as_str());
    let kind = kinds.filter(|kind| !kind.contains("{url}")).take(1);
    [path].into_iter().chain(kind).collect::<Vec<_>>().join(" ")
}

fn door(path: &str, rule: &'static str, body: Value) -> Door {
    Door {
        path: path.to_owned(),
        body,
        rule,
        secret: None,
        keys: &[],
    }
}

/// All of them.
pub fn all() -> Vec<Door> {
    let mut all = text_doors();
    all.extend(chat_doors());
    all.extend(tool_doors());
    all.extend(media_doors());
    all.extend(image_doors());
    let asset = json!({ "url": "{url}/a", "category": "bgm", "filename": "a.mp3" });
    all.push(door("/api/assets/download", ASSETS, asset));
    all.push(door(
        "/api/content/importURL",
        ASSETS,
        json!({ "url": "{url}/a.png" }),
    ));
    all.push(door(
        "/api/extensions/install",
        BYPASS,
        json!({ "url": "{url}/Ext" }),
    ));
    all
}

/// Those of text completions and their tokenizers.
fn text_doors() -> Vec<Door> {
    const TEXT: &str = "/api/backends/text-completions";
    const KOBOLD: &str = "/api/backends/kobold";
    const TOKENS: &str = "/api/tokenizers/remote";
    let mut all = Vec::new();
    for kind in [
        "ooba",
        "vllm",
        "aphrodite",
        "tabby",
        "koboldcpp",
        "llamacpp",
        "ollama",
        "generic",
    ] {
        let body =
            json!({ "api_type": kind, "api_server": "{url}", "prompt": "p", "stream": kind == "ollama" });
        all.push(door(&format!("{TEXT}/status"), BODY, body.clone()));
        all.push(door(&format!("{TEXT}/generate"), BODY, body));
    }
    for kind in ["ooba", "vllm", "aphrodite", "tabby", "koboldcpp", "llamacpp"] {
        let body = json!({ "api_type": kind, "url": "{url}", "text": "t", "model": "m" });
        all.push(door(&format!("{TOKENS}/textgenerationwebui/encode"), BODY, body));
    }
    let counted = json!({ "url": "{url}", "text": "t" });
    all.push(door(&format!("{TOKENS}/kobold/count"), BODY, counted));
    for (route, body) in [
        ("props", json!({ "api_type": "llamacpp", "api_server": "{url}" })),
        ("ollama/download", json!({ "name": "m", "api_server": "{url}" })),
        (
            "ollama/caption-image",
            json!({ "server_url": "{url}", "model": "m", "image": "aGk=", "prompt": "p" }),
        ),
        ("llamacpp/props", json!({ "server_url": "{url}" })),
        (
            "llamacpp/slots",
            json!({ "server_url": "{url}", "action": "info", "id_slot": "0" }),
        ),
        (
            "tabby/download",
            json!({ "api_type": "tabby", "api_server": "{url}", "repo_id": "r" }),
        ),
    ] {
        all.push(door(&format!("{TEXT}/{route}"), BODY, body));
    }
    for (route, body) in [
        ("generate", json!({ "api_server": "{url}", "prompt": "p" })),
        ("status", json!({ "api_server": "{url}" })),
        ("embed", json!({ "server": "{url}", "items": ["x"] })),
        ("transcribe-audio", json!({})),
    ] {
        all.push(door(&format!("{KOBOLD}/{route}"), BODY, body));
    }
    all
}

/// Those of chat completions.
fn chat_doors() -> Vec<Door> {
    const CHAT: &str = "/api/backends/chat-completions";
    let mut all = Vec::new();
    let messages = json!([{ "role": "user", "content": "x" }]);
    let custom = json!({ "chat_completion_source": "custom", "custom_url": "{url}", "model": "m", "messages": messages });
    for route in ["status", "generate"] {
        all.push(door(&format!("{CHAT}/{route}"), BODY, custom.clone()));
    }
    for source in [
        "openai",
        "claude",
        "makersuite",
        "vertexai",
        "mistralai",
        "deepseek",
        "xai",
    ] {
        let body = json!({
            "chat_completion_source": source, "reverse_proxy": "{url}", "proxy_password": "p", "model": "m",
            "max_tokens": 5, "messages": messages,
        });
        all.push(door(&format!("{CHAT}/generate"), BODY, body.clone()));
        // The list of the other two's models is not asked for at the proxy.
        if !matches!(source, "claude" | "vertexai") {
            all.push(door(&format!("{CHAT}/status"), BODY, body));
        }
    }
    all
}

/// Those of captions and voices, and of what Google paints.
fn media_doors() -> Vec<Door> {
    let picture = "data:image/png;base64,aGk=";
    let proxied = json!({ "reverse_proxy": "{url}", "proxy_password": "p", "model": "m", "image": picture, "prompt": "p" });
    let mut all = Vec::new();
    for path in [
        "/api/anthropic/caption-image",
        "/api/google/caption-image",
        "/api/google/generate-image",
        "/api/google/generate-video",
    ] {
        all.push(door(path, BODY, proxied.clone()));
    }
    for api in ["openai", "openrouter", "moonshot", "zai"] {
        let mut body = proxied.clone();
        body["api"] = api.into();
        all.push(door("/api/openai/caption-image", BODY, body));
    }
    for api in ["custom", "ooba", "koboldcpp", "llamacpp", "vllm"] {
        let body =
            json!({ "api": api, "server_url": "{url}", "model": "m", "image": picture, "prompt": "p" });
        all.push(door("/api/openai/caption-image", BODY, body));
    }
    let spoken =
        json!({ "reverse_proxy": "{url}", "proxy_password": "p", "model": "m", "text": "t", "voice": "v" });
    all.push(door("/api/google/generate-native-tts", BODY, spoken));
    let custom = json!({ "provider_endpoint": "{url}", "input": "t" });
    all.push(door("/api/openai/custom/generate-voice", BODY, custom));
    let volcengine =
        json!({ "provider_endpoint": "{url}", "text": "t", "resource_id": "r", "voice_speaker": "v" });
    // The address is in the path.
    all.push(door("/proxy/{url}", PROXY, json!({})));
    let minimax = json!({ "apiHost": "{url}", "text": "t", "voiceId": "v" });
    all.push(Door {
        keys: &["api_key_minimax"],
        ..door("/api/minimax/generate-voice", BODY, minimax)
    });
    all.push(Door {
        keys: &["volcengine_app_id", "volcengine_access_key"],
        ..door("/api/volcengine/generate-voice", BODY, volcengine)
    });
    all
}

/// Those of pictures.
fn image_doors() -> Vec<Door> {
    let body = json!({ "url": "{url}", "auth": "a:b", "prompt": "{\"prompt\":{}}", "model": "m" });
    let local = [
        "ping",
        "upscalers",
        "vaes",
        "samplers",
        "schedulers",
        "models",
        "get-model",
        "set-model",
        "generate",
    ];
    let local = local.map(str::to_owned).into_iter();
    let more = [
        "sd-next/upscalers",
        "sdcpp/ping",
        "sdcpp/models",
        "sdcpp/generate",
        "drawthings/ping",
        "drawthings/get-model",
        "drawthings/get-upscaler",
        "drawthings/generate",
        "comfy/ping",
        "comfy/samplers",
        "comfy/models",
        "comfy/schedulers",
        "comfy/vaes",
        "comfy/generate",
    ];
    let all = local.chain(more.map(str::to_owned));
    let mut all: Vec<Door> = all
        .map(|route| door(&format!("/api/sd/{route}"), BODY, body.clone()))
        .collect();
    for route in ["ping", "generate"] {
        all.push(Door {
            keys: &["api_key_comfy_runpod"],
            ..door(&format!("/api/sd/comfyrunpod/{route}"), BODY, body.clone())
        });
    }
    all
}

/// Those of translation and search.
fn tool_doors() -> Vec<Door> {
    let mut all = Vec::new();
    for (name, secret) in [
        ("libre", "libre_url"),
        ("lingva", "lingva_url"),
        ("onering", "oneringtranslator_url"),
        ("deeplx", "deeplx_url"),
    ] {
        let body = json!({ "text": "t", "lang": "en", "from_lang": "en", "to_lang": "de" });
        all.push(Door {
            secret: Some(secret),
            ..door(&format!("/api/translate/{name}"), BODY, body)
        });
    }
    let searxng = json!({ "baseUrl": "{url}", "query": "q" });
    all.push(door("/api/search/searxng", BODY, searxng));
    let kobold = json!({ "url": "{url}", "query": "q" });
    all.push(door("/api/search/koboldcpp", BODY, kobold));
    for (source, field) in [
        ("llamacpp", "apiUrl"),
        ("vllm", "apiUrl"),
        ("ollama", "apiUrl"),
        ("extras", "extrasUrl"),
        ("palm", "reverse_proxy"),
    ] {
        let mut body =
            json!({ "source": source, "collectionId": "c", "searchText": "x", "collectionIds": ["c"] });
        body["items"] = json!([{ "hash": 1, "text": "x", "index": 0 }]);
        body[field] = "{url}".into();
        for route in ["insert", "query", "query-multi"] {
            all.push(door(&format!("/api/vector/{route}"), BODY, body.clone()));
        }
    }
    all
}
