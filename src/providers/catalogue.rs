//! Lists of models that the settings of embeddings and voices offer.

use axum::http::Method;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::json::to_vec;

use super::chat::hooks::workers_ai_account;
use super::chat::lists::named_by_id;
use super::exchange::{bearer, granted_or_told, internal_error, read, silent_error, without_body};
use super::relay::{RelayError, UpstreamReply};
use super::upstream::Upstream;
use crate::error::{Error, Result};
use crate::reply;

/// A provider's list.
#[derive(Debug)]
pub struct Catalogue {
    /// Its route.
    pub route: &'static str,
    /// The key of the user's secret.
    pub secret_key: &'static str,
    address: Address,
    /// The field of the answer that has it.
    list: &'static str,
    /// Whether an answer without a list has no models, or is a failure.
    tolerates_none: bool,
    /// How it fails when nothing or no JSON comes.
    fault: fn() -> Error,
}

#[derive(Debug, Clone, Copy)]
enum Address {
    At(&'static str),
    /// A field, its value that leads to the first address, and the address otherwise.
    Switch(&'static str, &'static str, &'static str, &'static str),
    /// The account of the body at Cloudflare.
    WorkersAi,
}

const EMBEDDING: Catalogue = Catalogue {
    route: "",
    secret_key: "",
    address: Address::At(""),
    list: "data",
    tolerates_none: false,
    fault: silent_error,
};

/// All of them.
pub static CATALOGUES: [Catalogue; 5] = [
    Catalogue {
        route: "/api/openai/electronhub/models",
        secret_key: "api_key_electronhub",
        address: Address::At("https://api.electronhub.ai/v1/models"),
        tolerates_none: true,
        fault: internal_error,
        ..EMBEDDING
    },
    Catalogue {
        route: "/api/openai/chutes/models/embedding",
        secret_key: "api_key_chutes",
        address: Address::At(
            "https://api.chutes.ai/chutes/?template=embedding&include_public=true&limit=999",
        ),
        list: "items",
        ..EMBEDDING
    },
    Catalogue {
        route: "/api/openai/nanogpt/models/embedding",
        secret_key: "api_key_nanogpt",
        address: Address::At("https://nano-gpt.com/api/v1/embedding-models"),
        ..EMBEDDING
    },
    Catalogue {
        route: "/api/openai/siliconflow/models/embedding",
        secret_key: "api_key_siliconflow",
        address: Address::Switch(
            "siliconflow_endpoint",
            "cn",
            "https://api.siliconflow.cn/v1/models?type=text&sub_type=embedding",
            "https://api.siliconflow.com/v1/models?type=text&sub_type=embedding",
        ),
        ..EMBEDDING
    },
    Catalogue {
        route: "/api/openai/workers-ai/models/embedding",
        secret_key: "api_key_workers_ai",
        address: Address::WorkersAi,
        list: "result",
        ..EMBEDDING
    },
];

impl Catalogue {
    /// `GET` of the list.
    ///
    /// # Errors
    /// 400 without an account, where one is needed.
    pub fn request(&self, body: &Value, key: &str) -> Result<Upstream> {
        let address = match self.address {
            Address::At(address) => address.to_owned(),
            Address::Switch(field, value, then, otherwise) => {
                let is_chosen = body.get(field).and_then(Value::as_str) == Some(value);
                if is_chosen { then } else { otherwise }.to_owned()
            }
            Address::WorkersAi => {
                let account = workers_ai_account(body).ok_or_else(Error::bad_request)?;
                format!(
                    "https://api.cloudflare.com/client/v4/accounts/{account}/ai/models/search?task=Text+Embeddings&per_page=100"
                )
            }
        };
        Ok(without_body(Method::GET, &address, bearer(key))?)
    }

    /// The list.
    ///
    /// # Errors
    /// 500, with the text that the provider refuses with.
    pub async fn answer(&self, outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
        let answer = read(granted_or_told(outcome, self.fault).await?).await;
        let mut answer = answer.map_err(|_| (self.fault)())?;
        let models = match answer.get_mut(self.list) {
            Some(Value::Array(models)) => std::mem::take(models),
            _ if self.tolerates_none => Vec::new(),
            _ => return Err(silent_error()),
        };
        let models = if matches!(self.address, Address::WorkersAi) {
            if models.iter().any(Value::is_null) {
                return Err(silent_error());
            }
            models.into_iter().map(named_by_id).collect()
        } else {
            models
        };
        Ok(reply::json_bytes(to_vec(&models.into())))
    }
}
