//! `/api/vector`: who turns texts into vectors, how they are asked, and where their answers hold the vectors.

pub mod google;
mod local;
pub(super) mod openai;

use serde_json::{Value, json};
use squaretable_compat::json::js_truthy;

use self::openai::{SERVICES, Service};
use super::exchange::{RequestFault, granted, json_bearer, posting, read, silent_error};
use super::js;
use super::relay::{RelayError, UpstreamReply};
use super::upstream::Upstream;
use crate::config::upstream::UpstreamConfig;
use crate::error::{Error, Result};

/// Texts in one request.
pub const BATCH: usize = 10;

/// The names of all sources, by which their indexes lie in folders.
pub const NAMES: [&str; 20] = [
    "transformers",
    "mistral",
    "openai",
    "extras",
    "palm",
    "togetherai",
    "nomicai",
    "cohere",
    "ollama",
    "llamacpp",
    "vllm",
    "webllm",
    "koboldcpp",
    "vertexai",
    "electronhub",
    "openrouter",
    "chutes",
    "nanogpt",
    "siliconflow",
    "workers_ai",
];

const NOMIC: &str = "https://api-atlas.nomic.ai/v1/embedding/text";
const NOMIC_MODEL: &str = "nomic-embed-text-v1.5";
const COHERE: &str = "https://api.cohere.ai/v2/embed";

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A service that speaks as OpenAI does.
    OpenAi(&'static Service),
    /// AI Studio, and Vertex AI if `vertex`: the form of the question; whose door it is, the body's `api` says.
    Google {
        /// Vertex AI's form.
        vertex: bool,
    },
    /// Cohere.
    Cohere,
    /// Nomic.
    Nomic,
    /// llama.cpp, at an address of the user's.
    LlamaCpp,
    /// vLLM, likewise.
    Vllm,
    /// Ollama, likewise.
    Ollama,
    /// SillyTavern's Extras, likewise.
    Extras,
    /// Nobody: the browser has asked, and brings the vectors along.
    Browser,
    /// A model that this server runs itself.
    Transformers,
}

/// What is asked of a [`Source`].
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The body of the request to `/api/vector`.
    pub body: &'a Value,
    /// The texts, at most [`BATCH`] of them; whatever the browser sent for texts.
    pub texts: &'a [Value],
    /// Whether the text is what is looked for, rather than what is stored: there is one, then.
    pub is_query: bool,
    /// The user's key.
    pub key: &'a str,
}

impl Source {
    /// The source of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "palm" => Self::Google { vertex: false },
            "vertexai" => Self::Google { vertex: true },
            "cohere" => Self::Cohere,
            "nomicai" => Self::Nomic,
            "llamacpp" => Self::LlamaCpp,
            "vllm" => Self::Vllm,
            "ollama" => Self::Ollama,
            "extras" => Self::Extras,
            "webllm" | "koboldcpp" => Self::Browser,
            "transformers" => Self::Transformers,
            name => Self::OpenAi(SERVICES.iter().find(|service| service.name == name)?),
        })
    }

    /// The model, by which indexes are kept apart; `""` where the source has but one. `own` is the one on this server.
    #[must_use]
    pub fn model(self, body: &Value, own: &str) -> String {
        let given = body.get("model");
        match self {
            Self::OpenAi(service) => service.model(given),
            Self::Google { .. } => match given.filter(|model| js_truthy(model)) {
                Some(model) => js::to_text(Some(model)),
                None => "text-embedding-005".to_owned(),
            },
            Self::Nomic => NOMIC_MODEL.to_owned(),
            Self::LlamaCpp | Self::Extras => String::new(),
            Self::Transformers => own.to_owned(),
            Self::Cohere | Self::Vllm | Self::Ollama | Self::Browser => js::to_text(given),
        }
    }

    /// The key of the user's secret, and whether there is nothing to ask without it.
    #[must_use]
    pub fn secret_key(self) -> Option<(&'static str, bool)> {
        match self {
            Self::OpenAi(service) => Some((service.secret_key, true)),
            Self::Cohere => Some(("api_key_cohere", true)),
            Self::Nomic => Some(("api_key_nomicai", true)),
            Self::LlamaCpp => Some(("api_key_llamacpp", false)),
            Self::Vllm => Some(("api_key_vllm", false)),
            _ => None,
        }
    }

    /// The request for one batch. [`google::request`] makes Google's.
    ///
    /// # Errors
    /// [`RequestFault::InvalidUrl`] for an address that is none, also where a model would lead to another host, and for a
    /// source that is not asked like this.
    pub fn request(self, asked: Question<'_>, config: &UpstreamConfig) -> Result<Upstream, RequestFault> {
        let Question { body, texts, key, .. } = asked;
        let model = self.model(body, "");
        match self {
            Self::OpenAi(service) => service.request(body, texts, &model, key),
            Self::Cohere => {
                let kind = if asked.is_query {
                    "search_query"
                } else {
                    "search_document"
                };
                let request = json!({
                    "texts": texts, "model": model, "embedding_types": ["float"], "input_type": kind, "truncate": "END",
                });
                posting(COHERE, json_bearer(key), &request)
            }
            Self::Nomic => {
                let request = json!({ "texts": texts, "model": model });
                posting(NOMIC, json_bearer(key), &request)
            }
            Self::LlamaCpp => local::openai_like("llamacpp", body, &json!({ "input": texts }), key, config),
            Self::Vllm => {
                let request = json!({ "input": texts, "model": model });
                local::openai_like("vllm", body, &request, key, config)
            }
            Self::Ollama => local::ollama(body, texts, &model, config),
            Self::Extras => local::extras(asked),
            Self::Google { .. } | Self::Browser | Self::Transformers => Err(RequestFault::InvalidUrl),
        }
    }

    /// The vectors of an answer, unexamined, in the order of the texts.
    ///
    /// # Errors
    /// 500: nothing came, the source refused, or its answer is of another shape.
    pub async fn answered(
        self,
        is_query: bool,
        outcome: Result<UpstreamReply, RelayError>,
    ) -> Result<Vec<Value>> {
        let answer = granted(outcome, silent_error)?;
        let answer = read(answer).await.map_err(|_| silent_error())?;
        self.vectors(is_query, &answer).ok_or_else(silent_error)
    }

    fn vectors(self, is_query: bool, answer: &Value) -> Option<Vec<Value>> {
        let list = |pointer: &str| answer.pointer(pointer).and_then(Value::as_array);
        match self {
            Self::OpenAi(_) | Self::LlamaCpp | Self::Vllm => openai::sorted(list("/data")?),
            Self::Nomic | Self::Ollama => list("/embeddings").cloned(),
            Self::Cohere => list("/embeddings/float").cloned(),
            Self::Google { vertex: false } => members(list("/embeddings")?, |entry| entry.get("values")),
            Self::Google { vertex: true } => {
                let values = |entry: &Value| Some(entry.get("embeddings")?.get("values")?.clone());
                list("/predictions")?.iter().map(values).collect()
            }
            // compat: for one text Extras answers with its vector alone.
            Self::Extras if is_query => Some(vec![answer.get("embedding")?.clone()]),
            Self::Extras => list("/embedding").cloned(),
            Self::Browser | Self::Transformers => None,
        }
    }
}

/// A member of each entry, `null` where it is missing; `None` where an entry is nothing at all.
fn members(entries: &[Value], member: impl Fn(&Value) -> Option<&Value>) -> Option<Vec<Value>> {
    let of = |entry: &Value| (!entry.is_null()).then(|| member(entry).cloned().unwrap_or_default());
    entries.iter().map(of).collect()
}

/// The vectors that the browser has brought for some texts, in the body's `embeddings`.
#[must_use]
pub fn brought(body: &Value, texts: &[Value]) -> Vec<Value> {
    let of = |text: &Value| body.get("embeddings")?.get(js::to_text(Some(text))).cloned();
    texts.iter().map(|text| of(text).unwrap_or_default()).collect()
}

/// A vector's numbers.
///
/// compat: the original stores whatever it gets, and cannot look for anything beside what is no vector.
///
/// # Errors
/// 500 for anything but a list of finite numbers.
pub fn numbers(vector: Option<&Value>) -> Result<Vec<f64>> {
    let finite = |number: &Value| number.as_f64().filter(|number| number.is_finite());
    let numbers = vector
        .and_then(Value::as_array)
        .and_then(|vector| vector.iter().map(finite).collect());
    numbers.ok_or_else(|| Error::status(500))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{NAMES, Source, brought, numbers};

    #[test]
    fn every_name_has_a_source() {
        for name in NAMES {
            assert!(Source::named(name).is_some(), "{name}");
        }
        assert_eq!(Source::named("undefined"), None);
    }

    #[test]
    fn models_are_named_as_their_folders() {
        let model = |name: &str, body: Value| Source::named(name).unwrap().model(&body, "own");
        assert_eq!(model("openai", json!({})), "undefined");
        assert_eq!(
            model("openrouter", json!({ "model": "" })),
            "openai/text-embedding-3-large"
        );
        assert_eq!(model("openrouter", json!({})), "undefined");
        assert_eq!(model("electronhub", json!({})), "text-embedding-3-small");
        assert_eq!(model("palm", json!({ "model": "m" })), "m");
        assert_eq!(model("mistral", json!({ "model": "m" })), "mistral-embed");
        assert_eq!(model("extras", json!({ "model": "m" })), "");
    }

    #[test]
    fn only_lists_of_numbers_are_vectors() {
        assert_eq!(numbers(Some(&json!([1, 0.5]))).unwrap(), [1.0, 0.5]);
        for other in [
            json!(null),
            json!("x"),
            json!([1, null]),
            json!(["1"]),
            json!({ "0": 1 }),
        ] {
            assert!(numbers(Some(&other)).is_err(), "{other}");
        }
        assert!(numbers(None).is_err());
        let body = json!({ "embeddings": { "a": [1] } });
        assert_eq!(
            brought(&body, &[json!("a"), json!("b")]),
            [json!([1]), Value::Null]
        );
    }
}
