//! Services that turn texts into vectors as OpenAI does.

use serde_json::{Value, json};
use squaretable_compat::json::{js_trim, js_truthy};

use crate::providers::caption::openai::INTRODUCTION;
use crate::providers::exchange::{RequestFault, is_host_label, json_bearer, posting};
use crate::providers::js;
use crate::providers::upstream::Upstream;

/// How a service learns its model from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// As text, whatever it is.
    AsItIs,
    /// As text, the usual one for an empty text.
    UnlessEmpty,
    /// The usual one for everything that counts as nothing.
    UnlessFalsy,
    /// Always the usual one.
    Fixed,
}

/// One service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name as a source.
    pub name: &'static str,
    /// The key of the user's secret.
    pub secret_key: &'static str,
    /// The address without `/embeddings`; `{model}` in it is the model, `{account}` the account.
    address: &'static str,
    usual_model: &'static str,
    choice: Choice,
}

const fn service(
    name: &'static str,
    secret_key: &'static str,
    address: &'static str,
    usual_model: &'static str,
    choice: Choice,
) -> Service {
    Service {
        name,
        secret_key,
        address,
        usual_model,
        choice,
    }
}

const TOGETHER: &str = "https://api.together.xyz/v1";
const TOGETHER_MODEL: &str = "togethercomputer/m2-bert-80M-32k-retrieval";
const WORKERS: &str = "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1";
const OPENROUTER: &str = "https://openrouter.ai/api/v1";
const OPENROUTER_MODEL: &str = "openai/text-embedding-3-large";
const SMALL: &str = "text-embedding-3-small";
const CHUTES: &str = "https://{model}.chutes.ai/v1";
const CHUTES_MODEL: &str = "chutes-qwen-qwen3-embedding-8b";
const SILICON: &str = "https://api.siliconflow.com/v1";
const SILICON_CHINA: &str = "https://api.siliconflow.cn/v1";
const SILICON_MODEL: &str = "Qwen/Qwen3-Embedding-0.6B";

/// All of them.
#[rustfmt::skip]
pub const SERVICES: [Service; 9] = [
    service("togetherai", "api_key_togetherai", TOGETHER, TOGETHER_MODEL, Choice::AsItIs),
    service("mistral", "api_key_mistralai", "https://api.mistral.ai/v1", "mistral-embed", Choice::Fixed),
    service("openai", "api_key_openai", "https://api.openai.com/v1", "text-embedding-ada-002", Choice::AsItIs),
    service("electronhub", "api_key_electronhub", "https://api.electronhub.ai/v1", SMALL, Choice::UnlessFalsy),
    service("openrouter", "api_key_openrouter", OPENROUTER, OPENROUTER_MODEL, Choice::UnlessEmpty),
    service("chutes", "api_key_chutes", CHUTES, CHUTES_MODEL, Choice::UnlessFalsy),
    service("nanogpt", "api_key_nanogpt", "https://nano-gpt.com/api/v1", SMALL, Choice::UnlessFalsy),
    service("siliconflow", "api_key_siliconflow", SILICON, SILICON_MODEL, Choice::UnlessFalsy),
    service("workers_ai", "api_key_workers_ai", WORKERS, "@cf/baai/bge-m3", Choice::UnlessFalsy),
];

impl Service {
    /// The model that names the index.
    pub(super) fn model(&self, given: Option<&Value>) -> String {
        let text = match self.choice {
            Choice::AsItIs => return js::to_text(given),
            Choice::UnlessEmpty => js::to_text(given),
            Choice::UnlessFalsy => given
                .filter(|model| js_truthy(model))
                .map_or_else(String::new, |model| js::to_text(Some(model))),
            Choice::Fixed => String::new(),
        };
        if text.is_empty() {
            self.usual_model.to_owned()
        } else {
            text
        }
    }

    pub(super) fn request(
        &self,
        body: &Value,
        texts: &[Value],
        model: &str,
        key: &str,
    ) -> Result<Upstream, RequestFault> {
        let model = if model.is_empty() { self.usual_model } else { model };
        let mut headers = json_bearer(key);
        let mut request = json!({ "input": texts, "model": model });
        let address = match self.name {
            // A model's name is a part of the host, which must not become another one.
            "chutes" if !is_host_label(model) => return Err(RequestFault::InvalidUrl),
            "chutes" => {
                request["model"] = Value::Null;
                self.address.replace("{model}", model)
            }
            "siliconflow" if body.get("siliconflow_endpoint").and_then(Value::as_str) == Some("cn") => {
                SILICON_CHINA.to_owned()
            }
            "workers_ai" => {
                let account = js::text_or_empty(body.get("workers_ai_account_id"));
                let account = js_trim(&account);
                if account.is_empty() {
                    return Err(RequestFault::MissingServer);
                }
                self.address.replace("{account}", &js::path_step(account))
            }
            _ => self.address.to_owned(),
        };
        if self.name == "openrouter" {
            for (name, value) in INTRODUCTION {
                headers.set(*name, *value);
            }
        }
        posting(&format!("{address}/embeddings"), headers, &request)
    }
}

/// The vectors of `data` by their `index`; those without one come last. `None` where an entry is nothing at all.
pub(in crate::providers) fn sorted(data: &[Value]) -> Option<Vec<Value>> {
    if data.iter().any(Value::is_null) {
        return None;
    }
    let mut entries: Vec<(f64, &Value)> = data
        .iter()
        .map(|entry| (js::to_number(entry.get("index")), entry))
        .collect();
    entries.sort_by(|(one, _), (other, _)| {
        one.partial_cmp(other)
            .unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
    });
    let vector = |(_, entry): &(f64, &Value)| entry.get("embedding").cloned().unwrap_or_default();
    Some(entries.iter().map(vector).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SERVICES, sorted};
    use crate::providers::embed::Source;

    #[test]
    fn keys_go_to_no_other_host() {
        let chutes = SERVICES.iter().find(|service| service.name == "chutes").unwrap();
        for model in ["evil.example/", "a.b", "a@b", "$&", "evil.example#"] {
            assert!(chutes.request(&json!({}), &[], model, "k").is_err(), "{model}");
        }
        let workers = SERVICES
            .iter()
            .find(|service| service.name == "workers_ai")
            .unwrap();
        assert!(
            workers
                .request(&json!({ "workers_ai_account_id": "  " }), &[], "m", "k")
                .is_err()
        );
        let account = json!({ "workers_ai_account_id": " a/../b?c " });
        let request = workers.request(&account, &[], "m", "k").unwrap();
        assert_eq!(
            request.url.as_str(),
            "https://api.cloudflare.com/client/v4/accounts/a%2F..%2Fb%3Fc/ai/v1/embeddings"
        );
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let data = [
            json!({ "index": 1, "embedding": [1] }),
            json!({ "embedding": [9] }),
            json!({ "index": 0, "embedding": [0] }),
            json!({ "index": "2" }),
        ];
        assert_eq!(
            sorted(&data),
            Some(vec![json!([0]), json!([1]), Value::Null, json!([9])])
        );
        assert_eq!(sorted(&[Value::Null]), None);
        assert!(matches!(Source::named("openai"), Some(Source::OpenAi(_))));
    }
}
