//! Azure's OpenAI service: a deployment's address, and no model in the request.

use reqwest::Url;
use serde_json::{Value, json};

use super::openai_like::{get, post_json};
use super::overlay::Overlay;
use super::response_format::{self, Style};
use super::{ChatCall, ChatFault, effort, js};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Fields copied when the body has them, in sending order.
const FIELDS: &str = "messages temperature frequency_penalty presence_penalty top_p max_tokens \
    max_completion_tokens stream logit_bias stop n logprobs seed tools tool_choice reasoning_effort";

const INCOMPLETE: &str = "Azure OpenAI configuration is incomplete. Please provide Base URL, Deployment Name, \
    API Version, and API Key in the connection settings.";

/// Where a deployment is, and the key to it.
pub(super) struct Deployment {
    base: String,
    name: String,
    version: String,
    key: String,
}

impl Deployment {
    /// Reads `azure_base_url`, `azure_deployment_name` and `azure_api_version`; `None` when one of them or the key is
    /// missing.
    pub(super) fn of(body: &Value, secret: Option<&str>) -> Option<Self> {
        let text = |field: &str| {
            let value = body.get(field).filter(|value| js::is_truthy(Some(value)))?;
            Some(js::to_text(Some(value)))
        };
        Some(Self {
            base: text("azure_base_url")?,
            name: text("azure_deployment_name")?,
            version: text("azure_api_version")?,
            key: secret.filter(|key| !key.is_empty())?.to_owned(),
        })
    }

    /// Where completions are; a path of the base does not count.
    fn completions(&self) -> Result<Url, ChatFault> {
        self.address(&format!("/openai/deployments/{}/chat/completions", self.name))
    }

    fn address(&self, path: &str) -> Result<Url, ChatFault> {
        let invalid = |_| ChatFault::InvalidBase {
            input: path.to_owned(),
            base: self.base.clone(),
        };
        let mut url = Url::parse(&self.base)
            .and_then(|base| base.join(path))
            .map_err(invalid)?;
        let others: Vec<_> = url
            .query_pairs()
            .into_owned()
            .filter(|(name, _)| name != "api-version")
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(others)
            .append_pair("api-version", &self.version);
        Ok(url)
    }

    fn headers(&self) -> UpstreamHeaders {
        let mut headers = UpstreamHeaders::default();
        headers.set("api-key", self.key.clone());
        headers
    }

    /// Asks for the models, which tells whether address, key and version are right.
    pub(super) fn models(&self) -> Result<Upstream, ChatFault> {
        let mut headers = self.headers();
        headers.set("Accept", "application/json");
        Ok(get(self.address("/openai/models")?, headers))
    }

    /// Asks the deployment for a few tokens, since its answer names its model.
    pub(super) fn probe(&self) -> Result<Upstream, ChatFault> {
        let mut headers = self.headers();
        headers.set("Accept", "application/json");
        let body = json!({
            "messages": [{ "role": "user", "content": "Say word Hi" }],
            "stream": false,
            "max_completion_tokens": 5,
        });
        let fields = body.as_object().cloned().unwrap_or_default();
        Ok(post_json(self.completions()?, &headers, fields))
    }
}

/// Builds the generation request.
///
/// # Errors
/// [`ChatFault::Incomplete`], or an address that does not parse.
pub(super) fn generate(mut body: Value, secret: Option<&str>) -> Result<ChatCall, ChatFault> {
    let deployment = Deployment::of(&body, secret).ok_or(ChatFault::Incomplete(INCOMPLETE))?;
    let url = deployment.completions()?;
    let mut fields = Overlay::default();
    for field in FIELDS.split_whitespace() {
        fields.set_some(field, body.get(field));
    }
    let format = response_format::of(&mut body, Style::Named)?;
    fields.set_some("response_format", format.as_ref());
    if let Some(count) = body
        .get("logprobs")
        .filter(|count| count.as_f64().is_some_and(|count| count > 0.0))
    {
        fields.set("top_logprobs", Some(count.clone()));
        fields.set("logprobs", Some(true.into()));
    }
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    fields.set(
        "reasoning_effort",
        reasoning_effort(model, body.get("reasoning_effort")),
    );
    Ok(ChatCall {
        upstream: post_json(url, &deployment.headers(), fields.into_map()),
        stream: js::is_truthy(body.get("stream")),
    })
}

/// The effort, for models that take one; some always have the same.
fn reasoning_effort(model: &str, requested: Option<&Value>) -> Option<Value> {
    let named = requested.and_then(Value::as_str).unwrap_or_default();
    let effort = effort::reasoning_effort(model, named)?;
    if effort == named {
        requested.cloned()
    } else {
        Some(effort.into())
    }
}
