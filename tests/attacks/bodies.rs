//! What a route is sent so that it asks its provider.

use serde_json::Value;

/// Sources that share a route.
const CHAT: &str =
    "openai claude openrouter ai21 makersuite vertexai mistralai cohere perplexity groq chutes electronhub nanogpt
    deepseek aimlapi xai pollinations moonshot fireworks cometapi zai siliconflow minimax workers_ai azure_openai";
const TEXT: &str = "mancer togetherai infermaticai dreamgen openrouter featherless huggingface";
const VECTORS: &str =
    "transformers openai togetherai mistral nomicai cohere palm vertexai openrouter electronhub
    chutes nanogpt siliconflow workers_ai";
const CAPTIONS: &str =
    "openai openrouter mistral xai cohere groq moonshot zai pollinations electronhub nanogpt aimlapi chutes";
const SITES: &str = "https://chub.ai/characters/a/b https://pygmalion.chat/8e4b1e0a-6f0e-4b0e-9a43-0c8ad6c1a6b1
    https://janitorai.com/characters/8e4b1e0a-6f0e-4b0e-9a43-0c8ad6c1a6b1_x https://aicharactercards.com/charactercards/a/b
    https://realm.risuai.net/character/8e4b1e0a-6f0e-4b0e-9a43-0c8ad6c1a6b1 https://perchance.org/ai-character-chat?data=a~b.gz";

/// One pixel, as PNG.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Every key that a vendor's route may want.
pub const KEYS: &str = "api_key_horde api_key_mancer api_key_openai api_key_novel api_key_claude api_key_openrouter api_key_ai21
    api_key_makersuite api_key_vertexai api_key_serpapi api_key_togetherai api_key_mistralai api_key_infermaticai
    api_key_dreamgen api_key_nomicai api_key_cohere api_key_perplexity api_key_groq api_key_azure_tts api_key_featherless
    api_key_huggingface api_key_stability api_key_custom_openai_tts api_key_tavily api_key_chutes api_key_electronhub
    api_key_nanogpt api_key_bfl api_key_comfy_runpod api_key_falai api_key_deepseek api_key_serper api_key_aimlapi
    api_key_xai api_key_fireworks api_key_minimax api_key_moonshot api_key_cometapi api_key_azure_openai api_key_zai
    api_key_siliconflow api_key_elevenlabs api_key_pollinations api_key_workers_ai deepl libre minimax_group_id
    volcengine_app_id volcengine_access_key";

/// The words of a list.
pub fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_ascii_whitespace()
}

/// What a route is sent, once for each source that it knows.
pub fn bodies(path: &str) -> Vec<Value> {
    let (field, values) = match path {
        "/api/backends/chat-completions/generate" | "/api/backends/chat-completions/status" => {
            ("chat_completion_source", CHAT)
        }
        "/api/backends/text-completions/generate" | "/api/backends/text-completions/status" => {
            ("api_type", TEXT)
        }
        "/api/vector/insert" | "/api/vector/query" | "/api/vector/query-multi" => ("source", VECTORS),
        "/api/openai/caption-image" => ("api", CAPTIONS),
        "/api/content/importURL" | "/api/content/importUUID" => ("url", SITES),
        "/api/extra/caption/" => ("image", PICTURE),
        "/api/search/visit" => ("url", "http://names.example"),
        "/api/sd/stability/generate" => ("model", "stable-image-core"),
        _ => return vec![body()],
    };
    let mut all = Vec::new();
    for value in words(values) {
        let mut one = body();
        one[field] = value.into();
        one["api_server"] = "https://names.example".into();
        all.push(one);
    }
    all
}

/// What any route finds its fields in.
const BODY: &str = r#"{
    "model": "m", "name": "m", "prompt": "p", "query": "q", "text": "t", "input": "x", "q": "x", "id": "1",
    "lang": "en", "from_lang": "en", "to_lang": "de", "messages": [{ "role": "user", "content": "x" }],
    "items": [{ "hash": 1, "text": "x", "index": 0 }], "collectionId": "c", "collectionIds": ["c"], "searchText": "x",
    "image": "data:image/png;base64,aGk=",
    "audio": "data:audio/wav;base64,UklGRg==", "max_tokens": 5,
    "chunks": ["t"], "voice": "en", "voiceId": "v", "voice_speaker": "v", "resource_id": "r", "request": { "voice": "v" },
    "extensionName": "Ext", "branch": "main", "historyItemId": "1", "videoId": "dQw4w9WgXcQ", "taskId": "1",
    "region": "r", "vertexai_region": "r", "vertexai_auth_mode": "express", "workers_ai_account_id": "a",
    "account_id": "a", "azure_base_url": "https://azure.example", "azure_deployment_name": "d",
    "azure_api_version": "v", "parameters": {}, "payload": {}, "workflow": "{}", "groupId": "g", "size": "1024x1024",
    "width": 64, "height": 64, "steps": 1, "negative_prompt": "", "provider": "p"
}"#;

fn body() -> Value {
    serde_json::from_str(BODY).expect("our own text")
}
