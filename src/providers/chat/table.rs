//! The OpenAI-like sources, a record each. The next one is a record here and a line in [`Source`].

use serde_json::Value;

use super::openai_like::{Base, Family, Key, Models, Record, Rule};
use super::response_format::Style;
use super::{Source, custom, hooks, openrouter};

/// Fields of the shared handler, in sending order. `prompt` stands for `messages` where the model completes text.
const SHARED_FIELDS: &str = "messages prompt model temperature max_tokens max_completion_tokens stream \
    presence_penalty frequency_penalty top_p top_k stop logit_bias seed n";

/// Names the user's client to the providers that ask who sends them customers.
const REFERER: &[(&str, &str)] = &[
    ("HTTP-Referer", "https://sillytavern.app"),
    ("X-Title", "SillyTavern"),
];

/// What most sources have in common.
const SHARED: Record = Record {
    family: Family::Shared,
    base: Base::At(""),
    path: "/chat/completions",
    has_text_endpoint: true,
    takes_proxy: false,
    key: Key::UnlessProxied,
    headers: &[],
    asked_headers: None,
    fields: SHARED_FIELDS,
    rules: &[],
    trim: None,
    models: Some(Models::SAME),
};

/// What the sources with handlers of their own in the original have in common.
const OWN: Record = Record {
    family: Family::Own,
    key: Key::Required,
    fields: "",
    ..SHARED
};

/// The record of a source; `None` for those with a wire form of their own, or with none.
pub(super) fn record(source: Source) -> Option<&'static Record> {
    Some(match source {
        Source::OpenAi => &OPENAI,
        Source::OpenRouter => &OPENROUTER,
        Source::Custom => &CUSTOM,
        Source::Perplexity => &PERPLEXITY,
        Source::Groq => &GROQ,
        Source::Fireworks => &FIREWORKS,
        Source::NanoGpt => &NANOGPT,
        Source::Pollinations => &POLLINATIONS,
        Source::Moonshot => &MOONSHOT,
        Source::Zai => &ZAI,
        Source::SiliconFlow => &SILICONFLOW,
        Source::WorkersAi => &WORKERS_AI,
        Source::Ai21 => &AI21,
        Source::MistralAi => &MISTRAL,
        Source::Cohere => &COHERE,
        Source::DeepSeek => &DEEPSEEK,
        Source::AimlApi => &AIMLAPI,
        Source::Xai => &XAI,
        Source::Chutes => &CHUTES,
        Source::MiniMax => &MINIMAX,
        Source::ElectronHub => &ELECTRONHUB,
        Source::Claude | Source::MakerSuite | Source::VertexAi | Source::AzureOpenAi | Source::CometApi => {
            return None;
        }
    })
}

const OPENAI: Record = Record {
    base: Base::At("https://api.openai.com/v1"),
    takes_proxy: true,
    rules: &[
        Rule::LogprobsAsAsked,
        Rule::Hook(hooks::random_user),
        Rule::Hook(hooks::inline_audio),
        Rule::Hook(hooks::reasoning),
    ],
    ..SHARED
};

const CUSTOM: Record = Record {
    base: Base::Of(custom::base),
    key: Key::Optional,
    asked_headers: Some(custom::include_headers),
    rules: &[
        Rule::LogprobsAsAsked,
        Rule::Hook(custom::include),
        Rule::Hook(hooks::inline_audio),
        Rule::Schema(Style::Named),
        Rule::Hook(hooks::reasoning),
        Rule::Hook(custom::koboldcpp_effort),
    ],
    trim: Some(custom::exclude),
    ..SHARED
};

const OPENROUTER: Record = Record {
    base: Base::At("https://openrouter.ai/api/v1"),
    has_text_endpoint: false,
    headers: REFERER,
    rules: &[
        Rule::Hook(openrouter::routing),
        Rule::Logprobs,
        Rule::Copy("min_p"),
        Rule::Copy("top_a"),
        Rule::Copy("repetition_penalty"),
        Rule::Hook(openrouter::providers),
        Rule::Truthy("verbosity"),
        Rule::Schema(Style::Named),
        Rule::Hook(openrouter::messages),
    ],
    ..SHARED
};

const PERPLEXITY: Record = Record {
    base: Base::At("https://api.perplexity.ai"),
    rules: &[
        Rule::Copy("reasoning_effort"),
        Rule::Hook(hooks::strict_messages),
        Rule::Schema(Style::SchemaOnly),
    ],
    models: None,
    ..SHARED
};

const GROQ: Record = Record {
    base: Base::At("https://api.groq.com/openai/v1"),
    rules: &[Rule::Schema(Style::Described)],
    ..SHARED
};

const FIREWORKS: Record = Record {
    base: Base::At("https://api.fireworks.ai/inference/v1"),
    rules: &[
        Rule::Truthy("reasoning_effort"),
        Rule::Schema(Style::Described),
        Rule::Hook(hooks::session_affinity),
    ],
    models: None,
    ..SHARED
};

const NANOGPT: Record = Record {
    base: Base::At("https://nano-gpt.com/api/v1"),
    rules: &[
        Rule::Hook(hooks::nanogpt_routing),
        Rule::Copy("min_p"),
        Rule::Copy("top_a"),
        Rule::Copy("repetition_penalty"),
        Rule::Hook(hooks::nanogpt_reasoning),
    ],
    models: Some(Models {
        query: &[("detailed", "true")],
        ..Models::SAME
    }),
    ..SHARED
};

const POLLINATIONS: Record = Record {
    base: Base::Switch(
        "pollinations_endpoint",
        "anonymous",
        "https://text.pollinations.ai/v1",
        "https://gen.pollinations.ai/v1",
    ),
    key: Key::AnonymousWhen("pollinations_endpoint"),
    rules: &[Rule::Hook(hooks::pollinations)],
    models: Some(Models {
        base: Some("https://gen.pollinations.ai/text"),
        ..Models::SAME
    }),
    ..SHARED
};

const MOONSHOT: Record = Record {
    base: Base::At("https://api.moonshot.ai/v1"),
    takes_proxy: true,
    rules: &[
        Rule::Thinking,
        Rule::Schema(Style::JsonObject),
        Rule::Hook(hooks::partial_answer),
    ],
    ..SHARED
};

const ZAI: Record = Record {
    base: Base::Switch(
        "zai_endpoint",
        "coding",
        "https://api.z.ai/api/coding/paas/v4",
        "https://api.z.ai/api/paas/v4",
    ),
    takes_proxy: true,
    headers: &[("Accept-Language", "en-US,en")],
    rules: &[Rule::Thinking, Rule::Schema(Style::JsonObject)],
    models: None,
    ..SHARED
};

const SILICONFLOW: Record = Record {
    base: Base::Switch(
        "siliconflow_endpoint",
        "cn",
        "https://api.siliconflow.cn/v1",
        "https://api.siliconflow.com/v1",
    ),
    rules: &[Rule::Schema(Style::JsonObject)],
    models: Some(Models {
        query: &[("type", "text"), ("sub_type", "chat")],
        ..Models::SAME
    }),
    ..SHARED
};

const WORKERS_AI: Record = Record {
    base: Base::Of(hooks::workers_ai_base),
    rules: &[Rule::Copy("repetition_penalty"), Rule::Schema(Style::Raw)],
    models: None,
    ..SHARED
};

const AI21: Record = Record {
    base: Base::At("https://api.ai21.com/studio/v1"),
    headers: &[("accept", "application/json")],
    fields: "messages model max_tokens temperature top_p stop stream tools",
    rules: &[Rule::Schema(Style::JsonObject), Rule::Hook(hooks::ai21_messages)],
    models: None,
    ..OWN
};

const MISTRAL: Record = Record {
    base: Base::At("https://api.mistral.ai/v1"),
    takes_proxy: true,
    fields: "model messages temperature top_p frequency_penalty presence_penalty max_tokens stream \
             safe_prompt",
    rules: &[
        Rule::Hook(hooks::mistral_messages),
        Rule::Hook(hooks::mistral_seed),
        Rule::Stop,
        Rule::Tools,
        Rule::Schema(Style::Described),
    ],
    ..OWN
};

const COHERE: Record = Record {
    base: Base::At("https://api.cohere.ai/v2"),
    path: "/chat",
    rules: &[
        Rule::Hook(hooks::cohere_messages),
        Rule::Hook(hooks::cohere_stream),
        Rule::Copy("model"),
        Rule::Copy("messages"),
        Rule::Copy("temperature"),
        Rule::Copy("max_tokens"),
        Rule::As("k", "top_k"),
        Rule::As("p", "top_p"),
        Rule::Copy("seed"),
        Rule::As("stop_sequences", "stop"),
        Rule::Copy("frequency_penalty"),
        Rule::Copy("presence_penalty"),
        Rule::Hook(hooks::cohere_documents_and_tools),
        Rule::Schema(Style::Bare),
    ],
    models: Some(Models {
        base: Some("https://api.cohere.ai/v1"),
        ..Models::SAME
    }),
    ..OWN
};

const DEEPSEEK: Record = Record {
    base: Base::At("https://api.deepseek.com/beta"),
    takes_proxy: true,
    key: Key::UnlessProxied,
    fields: "messages model temperature max_tokens stream presence_penalty frequency_penalty top_p \
             stop seed",
    rules: &[
        Rule::Thinking,
        Rule::Logprobs,
        Rule::Hook(hooks::drop_empty_required),
        Rule::Tools,
        Rule::Schema(Style::JsonObject),
        Rule::Hook(hooks::deepseek_messages),
        Rule::Hook(hooks::effort_with_reasoning),
    ],
    models: Some(Models {
        base: Some("https://api.deepseek.com"),
        ..Models::SAME
    }),
    ..OWN
};

const XAI: Record = Record {
    base: Base::At("https://api.x.ai/v1"),
    takes_proxy: true,
    key: Key::UnlessProxied,
    fields: "messages model temperature max_tokens max_completion_tokens stream presence_penalty \
             frequency_penalty top_p seed n",
    rules: &[
        Rule::Logprobs,
        Rule::Tools,
        Rule::Stop,
        Rule::Hook(hooks::high_or_low_effort),
        Rule::Schema(Style::Named),
        Rule::Hook(hooks::xai_messages),
    ],
    ..OWN
};

const AIMLAPI: Record = Record {
    base: Base::At("https://api.aimlapi.com/v1"),
    headers: REFERER,
    fields: "messages model temperature max_tokens stream presence_penalty frequency_penalty top_p \
             seed n",
    rules: &[
        Rule::Logprobs,
        Rule::Tools,
        Rule::Stop,
        Rule::Truthy("reasoning_effort"),
        Rule::Schema(Style::Described),
    ],
    ..OWN
};

const ELECTRONHUB: Record = Record {
    base: Base::At("https://api.electronhub.ai/v1"),
    fields: "messages model temperature max_tokens stream presence_penalty frequency_penalty top_p \
             top_k logit_bias seed",
    rules: &[
        Rule::Hook(hooks::web_search),
        Rule::Tools,
        Rule::Truthy("reasoning_effort"),
        Rule::Schema(Style::Described),
        Rule::Hook(hooks::electronhub_caching),
    ],
    ..OWN
};

const CHUTES: Record = Record {
    base: Base::At("https://llm.chutes.ai/v1"),
    fields: "messages model temperature max_tokens stream presence_penalty frequency_penalty \
             repetition_penalty min_p top_p top_k seed stop reasoning_effort logit_bias",
    rules: &[Rule::Tools, Rule::Logprobs, Rule::Schema(Style::Described)],
    ..OWN
};

const MINIMAX: Record = Record {
    base: Base::Switch(
        "minimax_endpoint",
        "cn",
        "https://api.minimaxi.com/v1",
        "https://api.minimax.io/v1",
    ),
    fields: "messages model temperature max_tokens stream top_p stop",
    rules: &[
        Rule::Hook(hooks::minimax_messages),
        Rule::Tools,
        Rule::Hook(hooks::minimax_length),
    ],
    models: None,
    ..OWN
};

/// Changes a list of models before the browser sees it, if it can be read; `None` when it passes as it is.
pub(super) fn reshaping(source: Source) -> Option<fn(Value) -> Option<Value>> {
    match source {
        Source::Pollinations => Some(hooks::pollinations_models),
        Source::Chutes => Some(hooks::chutes_models),
        _ => None,
    }
}
