//! The text-completion back ends, as records: where they answer, how they take a key, which fields they accept.

use serde_json::Value;

use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::RequestFault;
use crate::providers::upstream::UpstreamHeaders;

/// Who this program says it is, to the sites that ask for it.
const INTRODUCTION: [(&str, &str); 2] = [
    ("HTTP-Referer", "https://sillytavern.app"),
    ("X-Title", "SillyTavern"),
];

/// A value of `api_type`.
#[derive(Debug, PartialEq, Eq)]
pub struct Backend {
    /// The name in `api_type`.
    pub name: &'static str,
    /// The key of the user's secret for it; `None` where no key is sent.
    pub secret_key: Option<&'static str>,
    /// Header that repeats the key beside `Authorization`.
    key_header: Option<&'static str>,
    /// Whether requests say which program they come from.
    introduces: bool,
    /// Path of the model list.
    pub(super) models: &'static str,
    /// Path of the completions.
    pub(super) completions: &'static str,
    /// The fields of a request that are passed on, with spaces between; `None` passes all.
    pub(super) fields: Option<&'static str>,
}

/// What most back ends are like.
const USUAL: Backend = Backend {
    name: "",
    secret_key: None,
    key_header: None,
    introduces: false,
    models: "/v1/models",
    completions: "/v1/completions",
    fields: None,
};

/// Every back end that the original knows.
pub static BACKENDS: [Backend; 15] = [
    Backend {
        name: "ooba",
        secret_key: Some("api_key_ooba"),
        ..USUAL
    },
    Backend {
        name: "mancer",
        secret_key: Some("api_key_mancer"),
        key_header: Some("X-API-KEY"),
        models: "/oai/v1/models",
        completions: "/oai/v1/completions",
        ..USUAL
    },
    Backend {
        name: "vllm",
        secret_key: Some("api_key_vllm"),
        fields: Some(VLLM),
        ..USUAL
    },
    Backend {
        name: "aphrodite",
        secret_key: Some("api_key_aphrodite"),
        key_header: Some("X-API-KEY"),
        ..USUAL
    },
    Backend {
        name: "tabby",
        secret_key: Some("api_key_tabby"),
        key_header: Some("x-api-key"),
        models: "/v1/model/list",
        ..USUAL
    },
    Backend {
        name: "koboldcpp",
        secret_key: Some("api_key_koboldcpp"),
        ..USUAL
    },
    Backend {
        name: "togetherai",
        secret_key: Some("api_key_togetherai"),
        models: "/api/models?&info",
        fields: Some(TOGETHER),
        ..USUAL
    },
    Backend {
        name: "llamacpp",
        secret_key: Some("api_key_llamacpp"),
        completions: "/completion",
        ..USUAL
    },
    Backend {
        name: "ollama",
        models: "/api/tags",
        completions: "/api/generate",
        ..USUAL
    },
    Backend {
        name: "infermaticai",
        secret_key: Some("api_key_infermaticai"),
        fields: Some(INFERMATIC),
        ..USUAL
    },
    Backend {
        name: "dreamgen",
        secret_key: Some("api_key_dreamgen"),
        models: "/api/openai/v1/models",
        completions: "/api/openai/v1/completions",
        ..USUAL
    },
    Backend {
        name: "openrouter",
        secret_key: Some("api_key_openrouter"),
        introduces: true,
        completions: "/v1/chat/completions",
        fields: Some(OPENROUTER),
        ..USUAL
    },
    Backend {
        name: "featherless",
        secret_key: Some("api_key_featherless"),
        introduces: true,
        fields: Some(VLLM),
        ..USUAL
    },
    Backend {
        name: "huggingface",
        secret_key: Some("api_key_huggingface"),
        models: "/info",
        ..USUAL
    },
    Backend {
        name: "generic",
        secret_key: Some("api_key_generic"),
        fields: Some(OPENAI),
        ..USUAL
    },
];

impl Backend {
    /// The back end that `api_type` of a body names; `None` where it names none, which the original takes for an
    /// address without paths.
    #[must_use]
    pub fn of(body: &Value) -> Option<&'static Self> {
        Self::named(body.get("api_type")?.as_str()?)
    }

    /// The back end of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        BACKENDS.iter().find(|backend| backend.name == name)
    }
}

/// The headers that say who asks: the key of the back end, then what the operator sets for the host (`requestOverrides`).
/// `server` is the address; one that cannot be parsed has no overrides.
pub(in crate::providers) fn identify(
    headers: &mut UpstreamHeaders,
    backend: Option<&Backend>,
    secret: &str,
    server: &str,
    config: &UpstreamConfig,
) {
    if let Some(backend) = backend {
        if backend.introduces {
            for (name, value) in INTRODUCTION {
                headers.set(name, value);
            }
        }
        if backend.secret_key.is_some() && !secret.is_empty() {
            if let Some(name) = backend.key_header {
                headers.set(name, secret);
            }
            headers.set("Authorization", format!("Bearer {secret}"));
        }
    }
    override_headers(headers, server, config);
}

/// Sets what `requestOverrides` says of the address's host; the first entry that names it counts.
pub(in crate::providers) fn override_headers(
    headers: &mut UpstreamHeaders,
    server: &str,
    config: &UpstreamConfig,
) {
    let Ok(url) = reqwest::Url::parse(server) else {
        return;
    };
    let Some(host) = url.host_str() else {
        return;
    };
    let host = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let entry = config.overrides.iter().find(|entry| entry.hosts.contains(&host));
    for (name, value) in entry.iter().flat_map(|entry| &entry.headers) {
        headers.set(name, value.expose());
    }
}

/// The address in a field: local names as numbers, since some systems resolve `localhost` to where nobody listens.
///
/// # Errors
/// [`RequestFault::MissingServer`] when it is no text.
pub(super) fn numeric_server(body: &Value) -> Result<String, RequestFault> {
    let server = body.get("api_server").and_then(Value::as_str);
    Ok(server
        .ok_or(RequestFault::MissingServer)?
        .replacen("localhost", "127.0.0.1", 1))
}

/// An address without one slash and then one `/v1` at its end.
pub(in crate::providers) fn trim_v1(server: &str) -> &str {
    let server = trim_slash(server);
    server.strip_suffix("/v1").unwrap_or(server)
}

/// An address without one slash at its end.
pub(super) fn trim_slash(server: &str) -> &str {
    server.strip_suffix('/').unwrap_or(server)
}

const OPENAI: &str = "model prompt stream temperature top_p frequency_penalty presence_penalty stop seed logit_bias \
    logprobs max_tokens n best_of";

const TOGETHER: &str = "model prompt max_tokens temperature top_p top_k repetition_penalty min_p presence_penalty \
    frequency_penalty stream stop";

const INFERMATIC: &str = "model prompt max_tokens temperature top_p top_k repetition_penalty stream stop presence_penalty \
    frequency_penalty min_p seed ignore_eos n best_of min_tokens spaces_between_special_tokens \
    skip_special_tokens logprobs";

const OPENROUTER: &str = "max_tokens temperature top_k top_p presence_penalty frequency_penalty repetition_penalty min_p \
    top_a seed logit_bias model stream prompt stop provider include_reasoning";

/// vLLM's own list, which Featherless takes as well.
const VLLM: &str = "model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed \
    stop stream suffix temperature top_p user use_beam_search top_k min_p repetition_penalty \
    length_penalty early_stopping stop_token_ids ignore_eos min_tokens skip_special_tokens \
    spaces_between_special_tokens truncate_prompt_tokens include_stop_str_in_output response_format \
    guided_json guided_regex guided_choice guided_grammar guided_decoding_backend \
    guided_whitespace_pattern";

/// Which options of a request Ollama takes.
pub(super) const OLLAMA_OPTIONS: &str = "num_predict num_ctx num_batch stop temperature repeat_penalty presence_penalty frequency_penalty \
    top_k top_p tfs_z typical_p seed repeat_last_n min_p";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{BACKENDS, Backend, identify, trim_v1};
    use crate::config::secret::Secret;
    use crate::config::upstream::{RequestOverride, UpstreamConfig};
    use crate::providers::upstream::UpstreamHeaders;

    fn headers(name: &str, secret: &str, config: &UpstreamConfig) -> Vec<(String, String)> {
        let mut headers = UpstreamHeaders::default();
        identify(
            &mut headers,
            Backend::named(name),
            secret,
            "http://a.example:5001/v1",
            config,
        );
        headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn every_back_end_has_a_name_of_its_own() {
        let names: BTreeSet<_> = BACKENDS.iter().map(|backend| backend.name).collect();
        assert_eq!(names.len(), BACKENDS.len());
        assert_eq!(
            Backend::named("tabby").map(|backend| backend.models),
            Some("/v1/model/list")
        );
        assert_eq!(Backend::named("toString"), None);
    }

    #[test]
    fn a_key_is_sent_as_the_back_end_wants_it() {
        let config = UpstreamConfig::default();
        let bearer = ("Authorization", "Bearer k");
        assert_eq!(headers("vllm", "k", &config), pairs(&[bearer]));
        assert_eq!(
            headers("mancer", "k", &config),
            pairs(&[("X-API-KEY", "k"), bearer])
        );
        assert_eq!(
            headers("tabby", "k", &config),
            pairs(&[("x-api-key", "k"), bearer])
        );
        assert_eq!(headers("tabby", "", &config), pairs(&[]));
        assert_eq!(headers("ollama", "k", &config), pairs(&[]));
        assert_eq!(headers("nonsense", "k", &config), pairs(&[]));
        assert_eq!(headers("openrouter", "", &config), pairs(&super::INTRODUCTION));
    }

    #[test]
    fn the_operators_headers_have_the_last_word() {
        let entry = |host: &str, value: &str| RequestOverride {
            hosts: vec![host.to_owned()],
            headers: vec![("Authorization".to_owned(), Secret::new(value.to_owned()))],
        };
        let overrides = vec![
            entry("a.example", "no"),
            entry("a.example:5001", "yes"),
            entry("a.example:5001", "no"),
        ];
        let config = UpstreamConfig {
            overrides,
            ..UpstreamConfig::default()
        };
        assert_eq!(headers("vllm", "k", &config), pairs(&[("Authorization", "yes")]));
    }

    #[test]
    fn addresses_lose_one_slash_and_one_version() {
        for (given, expected) in [
            ("http://a/v1/", "http://a"),
            ("http://a/v1", "http://a"),
            ("http://a//", "http://a/"),
            ("http://a/v1//", "http://a/v1/"),
            ("http://a/v1/v1", "http://a/v1"),
        ] {
            assert_eq!(trim_v1(given), expected);
        }
    }
}
