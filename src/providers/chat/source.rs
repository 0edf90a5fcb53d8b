//! The providers a chat request may name.

use serde_json::Value;

use super::ChatFault;

macro_rules! sources {
    ($($variant:ident, $name:literal, $secret:literal;)*) => {
        /// A value of `chat_completion_source`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Source {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Source {
            /// Every source the original knows.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in `chat_completion_source`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The key of the user's secret for this source.
            #[must_use]
            pub fn secret_key(self) -> &'static str {
                match self { $(Self::$variant => $secret,)* }
            }

            /// The source of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

sources! {
    OpenAi, "openai", "api_key_openai";
    Claude, "claude", "api_key_claude";
    OpenRouter, "openrouter", "api_key_openrouter";
    Ai21, "ai21", "api_key_ai21";
    MakerSuite, "makersuite", "api_key_makersuite";
    VertexAi, "vertexai", "api_key_vertexai";
    MistralAi, "mistralai", "api_key_mistralai";
    Custom, "custom", "api_key_custom";
    Cohere, "cohere", "api_key_cohere";
    Perplexity, "perplexity", "api_key_perplexity";
    Groq, "groq", "api_key_groq";
    Chutes, "chutes", "api_key_chutes";
    ElectronHub, "electronhub", "api_key_electronhub";
    NanoGpt, "nanogpt", "api_key_nanogpt";
    DeepSeek, "deepseek", "api_key_deepseek";
    AimlApi, "aimlapi", "api_key_aimlapi";
    Xai, "xai", "api_key_xai";
    Pollinations, "pollinations", "api_key_pollinations";
    Moonshot, "moonshot", "api_key_moonshot";
    Fireworks, "fireworks", "api_key_fireworks";
    CometApi, "cometapi", "api_key_cometapi";
    AzureOpenAi, "azure_openai", "api_key_azure_openai";
    Zai, "zai", "api_key_zai";
    SiliconFlow, "siliconflow", "api_key_siliconflow";
    MiniMax, "minimax", "api_key_minimax";
    WorkersAi, "workers_ai", "api_key_workers_ai";
}

impl Source {
    /// Reads `chat_completion_source` of a request body.
    ///
    /// # Errors
    /// [`ChatFault::UnknownSource`] when it is missing or not one of the original's.
    pub fn from_body(body: &Value) -> Result<Self, ChatFault> {
        let name = body.get("chat_completion_source").and_then(Value::as_str);
        name.and_then(Self::from_name).ok_or(ChatFault::UnknownSource)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChatFault, Source};

    #[test]
    fn names_round_trip_and_strangers_are_refused() {
        assert_eq!(Source::ALL.len(), 26);
        for source in Source::ALL {
            assert_eq!(
                Source::from_body(&json!({"chat_completion_source": source.name()})),
                Ok(source)
            );
        }
        assert_eq!(
            Source::from_body(&json!({"chat_completion_source": "wat"})),
            Err(ChatFault::UnknownSource)
        );
        assert_eq!(Source::from_body(&json!(null)), Err(ChatFault::UnknownSource));
    }
}
