//! Vertex AI's doors: an API key, a service account, or a proxy.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::openai_like::{access, parse_url};
use super::{ChatFault, js};
use crate::providers::exchange::{is_host_label, is_path, is_step};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Where a service account gets its tokens.
const TOKEN_ADDRESS: &str = "https://oauth2.googleapis.com/token";
/// How long a token is asked for, in seconds.
const LIFETIME: i64 = 3600;
/// The secret of the API key.
pub const KEY_SECRET: &str = "api_key_vertexai";
/// The secret of the service account, which is its JSON file.
pub const ACCOUNT_SECRET: &str = "vertexai_service_account_json";

/// How a request wants to get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VertexMode {
    /// Through the body's `reverse_proxy`.
    Proxy,
    /// With the API key.
    Express,
    /// With a token of the service account.
    Full,
}

impl VertexMode {
    /// Reads `reverse_proxy` and `vertexai_auth_mode`.
    ///
    /// # Errors
    /// [`ChatFault::InvalidUrl`] of the proxy; [`ChatFault::Unauthenticated`] for a mode that is none.
    pub fn of(body: &Value) -> Result<Self, ChatFault> {
        if js::is_truthy(body.get("reverse_proxy")) {
            parse_url(&js::to_text(body.get("reverse_proxy")))?;
            return Ok(Self::Proxy);
        }
        let mode = body
            .get("vertexai_auth_mode")
            .filter(|mode| js::is_truthy(Some(mode)));
        match mode
            .map_or_else(|| "express".to_owned(), |mode| js::to_text(Some(mode)))
            .as_str()
        {
            "express" => Ok(Self::Express),
            "full" => Ok(Self::Full),
            other => Err(ChatFault::Unauthenticated(format!(
                "Unsupported Vertex AI authentication mode: {other}"
            ))),
        }
    }
}

/// What opens the door.
#[derive(Clone, PartialEq, Eq)]
pub enum VertexAccess {
    /// The body's proxy and its password.
    Proxy,
    /// The API key.
    Express(String),
    /// The service account's project, and a token.
    Full {
        /// `project_id` of the account.
        project: String,
        /// Sent as bearer.
        token: String,
    },
}

impl VertexAccess {
    /// The address of a model's method, and the headers beside the content type.
    ///
    /// # Errors
    /// For a region that would lead to another host, with the key.
    pub(in crate::providers) fn address(
        &self,
        body: &Value,
        model: &str,
        method: &str,
        stream: bool,
    ) -> Result<(String, UpstreamHeaders), ChatFault> {
        let mut headers = UpstreamHeaders::default();
        let endpoint = format!("publishers/google/models/{model}:{method}");
        let region = truthy_text(body, "vertexai_region").unwrap_or_else(|| "us-central1".to_owned());
        let host = match region.as_str() {
            "global" => "https://aiplatform.googleapis.com".to_owned(),
            region => format!("https://{region}-aiplatform.googleapis.com"),
        };
        let project = truthy_text(body, "vertexai_express_project_id");
        let is_plain = is_host_label(&region) && is_path(model) && project.as_deref().is_none_or(is_step);
        if *self != Self::Proxy && !is_plain {
            // compat: what makes no address at all fails as there.
            return Err(Url::parse(&host).map_or(ChatFault::Unsendable, |_| ChatFault::Misleading));
        }
        let query = if stream { "?alt=sse" } else { "" };
        let address = match self {
            Self::Express(key) => {
                let more = if stream { "&alt=sse" } else { "" };
                let place = match project {
                    // compat: with a project it is always the host without a region.
                    Some(project) => format!(
                        "https://aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/{endpoint}"
                    ),
                    None => format!("{host}/v1/{endpoint}"),
                };
                format!("{place}?key={key}{more}")
            }
            Self::Full { project, token } => {
                headers.set("Authorization", format!("Bearer {token}"));
                format!("{host}/v1/projects/{project}/locations/{region}/{endpoint}{query}")
            }
            Self::Proxy => {
                let (base, password) = access(body, None, "").unwrap_or_default();
                headers.set("Authorization", format!("Bearer {password}"));
                format!("{}/v1/{endpoint}{query}", base.strip_suffix('/').unwrap_or(&base))
            }
        };
        Ok((address, headers))
    }
}

fn truthy_text(body: &Value, field: &str) -> Option<String> {
    let value = body.get(field).filter(|value| js::is_truthy(Some(value)));
    value.map(|value| js::to_text(Some(value)))
}

/// The request that exchanges a signed statement of the account's for a token; `now` in seconds since 1970.
///
/// # Errors
/// Why the account cannot sign, for the user's eyes; nothing of the key is in it.
pub fn token_request(account: &str, now: i64) -> Result<Upstream, String> {
    let account = squaretable_compat::json::parse(account.as_bytes()).map_err(|error| error.to_string())?;
    let assertion = sign(&account, now)?;
    let mut form = Url::parse(TOKEN_ADDRESS).map_err(|error| error.to_string())?;
    let url = form.clone();
    form.query_pairs_mut()
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
        .append_pair("assertion", &assertion);
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/x-www-form-urlencoded");
    Ok(Upstream {
        method: axum::http::Method::POST,
        url,
        headers,
        body: form.query().unwrap_or_default().to_owned().into(),
    })
}

/// A JSON Web Token by RFC 7519, signed as RS256.
fn sign(account: &Value, now: i64) -> Result<String, String> {
    let mut claims = serde_json::Map::new();
    if let Some(issuer) = account.get("client_email") {
        claims.insert("iss".to_owned(), issuer.clone());
    }
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    for (key, value) in [
        ("scope", scope.into()),
        ("aud", TOKEN_ADDRESS.into()),
        ("iat", now.into()),
        ("exp", Value::from(now + LIFETIME)),
    ] {
        claims.insert(key.to_owned(), value);
    }
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(squaretable_compat::json::to_vec(value));
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let signed = format!("{}.{}", encode(&header), encode(&claims.into()));
    let key = read_key(
        account
            .get("private_key")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    )?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the private key cannot sign".to_owned())?;
    Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

fn read_key(pem: &str) -> Result<RsaKeyPair, String> {
    let unreadable = |_| "the private key cannot be read".to_owned();
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(unreadable)? {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("the private key is not an RSA key".to_owned()),
    }
    .map_err(|error| format!("the private key is refused: {error}"))
}

/// The token of an answer's text.
///
/// # Errors
/// What the answer says instead, for the user's eyes.
pub fn read_token(is_success: bool, text: &str) -> Result<String, String> {
    if !is_success {
        return Err(format!("Failed to get access token: {text}"));
    }
    let answer = squaretable_compat::json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(js::to_text(answer.get("access_token")))
}

/// The project of an account; `None` when it names none.
#[must_use]
pub fn project_of(account: &str) -> Option<String> {
    let account = squaretable_compat::json::parse(account.as_bytes()).ok()?;
    let project = account.get("project_id")?.as_str()?;
    (!project.is_empty()).then(|| project.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChatFault, VertexAccess, VertexMode, project_of, read_token, token_request};

    #[test]
    fn reads_the_mode() {
        assert_eq!(VertexMode::of(&json!({})), Ok(VertexMode::Express));
        assert_eq!(
            VertexMode::of(&json!({"vertexai_auth_mode": "full"})),
            Ok(VertexMode::Full)
        );
        let proxied = json!({"vertexai_auth_mode": "odd", "reverse_proxy": "http://h"});
        assert_eq!(VertexMode::of(&proxied), Ok(VertexMode::Proxy));
        assert!(matches!(
            VertexMode::of(&json!({"vertexai_auth_mode": "odd"})),
            Err(ChatFault::Unauthenticated(_))
        ));
        assert!(matches!(
            VertexMode::of(&json!({"reverse_proxy": "bad"})),
            Err(ChatFault::InvalidUrl(_))
        ));
    }

    #[test]
    fn addresses_differ_by_access() {
        let of = |access: VertexAccess, body| access.address(&body, "m", "do", true).unwrap().0;
        let express = || VertexAccess::Express("k".to_owned());
        assert_eq!(
            of(express(), json!({})),
            "https://us-central1-aiplatform.googleapis.com/v1/publishers/google/models/m:do?key=k&alt=sse"
        );
        assert_eq!(
            of(
                express(),
                json!({"vertexai_region": "eu", "vertexai_express_project_id": "p"})
            ),
            "https://aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/google/models/m:do?key=k&alt=sse"
        );
        let full = VertexAccess::Full {
            project: "p".to_owned(),
            token: "t".to_owned(),
        };
        assert_eq!(
            of(full, json!({"vertexai_region": "global"})),
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/m:do?alt=sse"
        );
        assert_eq!(
            of(VertexAccess::Proxy, json!({"reverse_proxy": "http://h"})),
            "http://h/v1/publishers/google/models/m:do?alt=sse"
        );
        for region in ["evil.example/", "a.b", "x@y", "x:1", "#"] {
            let body = json!({"vertexai_region": region});
            assert!(express().address(&body, "m", "do", true).is_err(), "{region}");
        }
    }

    #[test]
    fn an_account_that_cannot_sign_says_so_without_its_key() {
        for account in ["nope", "{}", r#"{"private_key":"hunter2"}"#] {
            let told = token_request(account, 0).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert_eq!(project_of(r#"{"project_id":"p"}"#).as_deref(), Some("p"));
        assert_eq!(project_of("{}"), None);
        assert_eq!(read_token(true, r#"{"access_token":"t"}"#).as_deref(), Ok("t"));
        assert_eq!(
            read_token(false, "no").unwrap_err(),
            "Failed to get access token: no"
        );
    }
}
