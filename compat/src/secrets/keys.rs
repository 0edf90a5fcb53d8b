//! Names of secrets.

/// Every key the frontend is told about, in the order of the answer of `/api/secrets/read`.
pub const KNOWN_KEYS: [&str; 62] = [
    "api_key_horde", "api_key_mancer", "api_key_vllm", "api_key_aphrodite", "api_key_tabby",
    "api_key_openai", "api_key_novel", "api_key_claude", "deepl", "libre", "libre_url", "lingva_url",
    "api_key_openrouter", "api_key_ai21", "oneringtranslator_url", "deeplx_url", "api_key_makersuite",
    "api_key_vertexai", "api_key_serpapi", "api_key_togetherai", "api_key_mistralai", "api_key_custom",
    "api_key_ooba", "api_key_infermaticai", "api_key_dreamgen", "api_key_nomicai", "api_key_koboldcpp",
    "api_key_llamacpp", "api_key_cohere", "api_key_perplexity", "api_key_groq", "api_key_azure_tts",
    "api_key_featherless", "api_key_huggingface", "api_key_stability", "api_key_custom_openai_tts",
    "api_key_tavily", "api_key_chutes", "api_key_electronhub", "api_key_nanogpt", "api_key_bfl",
    "api_key_comfy_runpod", "api_key_falai", "api_key_generic", "api_key_deepseek", "api_key_serper",
    "api_key_aimlapi", "api_key_xai", "api_key_fireworks", "vertexai_service_account_json",
    "api_key_minimax", "minimax_group_id", "api_key_moonshot", "api_key_cometapi", "api_key_azure_openai",
    "api_key_zai", "api_key_siliconflow", "api_key_elevenlabs", "api_key_pollinations", "volcengine_app_id",
    "volcengine_access_key", "api_key_workers_ai",
];

/// Whether a value may be read back although keys are not exposed: the addresses of translation servers.
pub fn is_exportable(key: &str) -> bool {
    matches!(key, "libre_url" | "lingva_url" | "oneringtranslator_url" | "deeplx_url")
}
