//! The doors of Google's API for everything but chats, which put a key elsewhere.

use serde_json::Value;

use super::chat::vertex::VertexAccess;
use super::exchange::{RequestFault, is_host_label, is_path, is_step, json_headers};
use super::js;
use super::upstream::UpstreamHeaders;

/// The key of the user's secret for AI Studio.
pub const STUDIO_KEY: &str = "api_key_makersuite";

const STUDIO: &str = "https://generativelanguage.googleapis.com";

/// What opens the door.
pub enum Access {
    /// AI Studio, with the user's key.
    Studio(String),
    /// Vertex AI.
    Vertex(VertexAccess),
}

impl Access {
    /// Whether it is Vertex AI that the body's `api` names.
    #[must_use]
    pub fn wants_vertex(body: &Value) -> bool {
        body.get("api").and_then(Value::as_str) == Some("vertexai")
    }

    /// Whether it is Vertex AI.
    pub(super) fn is_vertex(&self) -> bool {
        matches!(self, Self::Vertex(_))
    }

    /// The address of a model's method, and the headers of a `POST` of JSON to it. `version` is AI Studio's.
    ///
    /// # Errors
    /// [`RequestFault::Misleading`] for a model, project or region that leads elsewhere.
    pub(super) fn address(
        &self,
        body: &Value,
        model: &str,
        method: &str,
        version: &str,
    ) -> Result<(String, UpstreamHeaders), RequestFault> {
        let given = |field: &str| body.get(field).filter(|value| js::is_truthy(Some(value)));
        let mut headers = json_headers();
        let region = given("vertexai_region").map(|region| js::to_text(Some(region)));
        let region = region.unwrap_or_else(|| "us-central1".to_owned());
        let project = given("vertexai_express_project_id").map(|project| js::to_text(Some(project)));
        let is_place = is_host_label(&region) && project.as_deref().is_none_or(is_step);
        if !is_path(model) || (self.is_vertex() && !is_place) {
            return Err(RequestFault::Misleading);
        }
        Ok(match self {
            Self::Studio(key) => {
                let proxy = given("reverse_proxy").map(|proxy| js::to_text(Some(proxy)));
                let key = match &proxy {
                    Some(_) => js::to_text(body.get("proxy_password")),
                    None => key.clone(),
                };
                headers.set("x-goog-api-key", key);
                let base = proxy.as_deref().unwrap_or(STUDIO);
                let base = base.strip_suffix('/').unwrap_or(base);
                (format!("{base}/{version}/models/{model}:{method}"), headers)
            }
            Self::Vertex(VertexAccess::Express(key)) => {
                headers.set("x-goog-api-key", key.as_str());
                let host = match region.as_str() {
                    "global" => "https://aiplatform.googleapis.com".to_owned(),
                    region => format!("https://{region}-aiplatform.googleapis.com"),
                };
                let place = project.map_or_else(String::new, |project| {
                    format!("projects/{project}/locations/{region}/")
                });
                let address = format!("{host}/v1/{place}publishers/google/models/{model}:{method}");
                (address, headers)
            }
            Self::Vertex(access) => {
                let (address, more) = access
                    .address(body, model, method, false)
                    .map_err(|_| RequestFault::Misleading)?;
                more.iter().for_each(|(name, value)| headers.set(name, value));
                (address, headers)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Access, VertexAccess};

    #[test]
    fn the_key_is_in_a_header() {
        let of = |access: Access, body| {
            let (address, headers) = access.address(&body, "m", "do", "v9").unwrap();
            let key = headers.iter().find(|(name, _)| *name == "x-goog-api-key");
            (address, key.map(|(_, key)| key.to_owned()))
        };
        let studio = || Access::Studio("k".to_owned());
        let key = |key: &str| Some(key.to_owned());
        assert_eq!(
            of(studio(), json!({})),
            (
                "https://generativelanguage.googleapis.com/v9/models/m:do".to_owned(),
                key("k")
            )
        );
        assert_eq!(
            of(
                studio(),
                json!({ "reverse_proxy": "http://h/x/", "proxy_password": "p" })
            ),
            ("http://h/x/v9/models/m:do".to_owned(), key("p"))
        );
        let express = Access::Vertex(VertexAccess::Express("k".to_owned()));
        let body = json!({ "vertexai_region": "eu", "vertexai_express_project_id": "p" });
        let address =
            "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/google/models/m:do";
        assert_eq!(of(express, body), (address.to_owned(), key("k")));
        let away = Access::Vertex(VertexAccess::Express("k".to_owned()));
        let body = json!({ "vertexai_region": "evil.example/" });
        assert!(away.address(&body, "m", "do", "v9").is_err());
    }
}
