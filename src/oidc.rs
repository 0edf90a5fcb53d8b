//! An OpenID Connect provider: where browsers are sent to log in, and who came back from there. Authorization code with
//! PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636); what the provider signs is verified by the `openidconnect` crate.

use std::time::{Duration, Instant};

use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::config::oidc::OidcConfig;
use crate::config::upstream::{PrivateAddresses, UpstreamConfig};
use crate::providers::relay::Relay;
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::store::oidc;

/// Where the provider sends browsers back to, below this server's address.
pub const CALLBACK: &str = "/login/oidc/callback";

/// How long what the provider says of itself is believed, keys among it.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// How long after it was asked again for its keys: whoever makes up names of keys must not make this server ask each time.
const PAUSE: Duration = Duration::from_secs(60);

/// How long after it could not be asked nobody tries again: browsers wait for it one after the other.
const REST: Duration = Duration::from_secs(5);

/// How long one of its answers may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longest of its answers in bytes.
const LONGEST: u64 = 1 << 20;

/// Longest text taken from a claim, in characters.
const LONGEST_CLAIM: usize = 200;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why there is no login. What is wrong is for the log and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be asked.
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    /// What came back proves nothing.
    #[error("the login proves nothing: {0}")]
    Worthless(String),
}

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);

/// What a browser's session remembers while its user is at the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flow {
    /// Comes back with the browser: another browser's login is not finished in this one.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Proves to the provider that the code is ours (PKCE).
    pub verifier: String,
    /// When it began, in milliseconds since 1970.
    pub begun: i64,
}

/// Who logged in, by the provider's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person, which never changes.
    pub subject: String,
    /// What the person wants to be called here.
    pub handle: String,
    /// Display name; maybe empty.
    pub name: String,
    /// Groups that the person is in.
    pub groups: Vec<String>,
}

impl Identity {
    /// Who it is, whatever the person is called.
    #[must_use]
    pub fn key(&self) -> oidc::Identity<'_> {
        oidc::Identity {
            issuer: &self.issuer,
            subject: &self.subject,
        }
    }
}

/// The provider, as it is configured and as it was last found.
#[derive(Debug)]
pub struct Oidc {
    config: OidcConfig,
    relay: Relay,
    found: Mutex<Found>,
}

/// What the provider said of itself.
#[derive(Debug, Default)]
struct Found {
    last: Option<(Instant, CoreProviderMetadata)>,
    /// When it was asked before its time, for a key that was not among its own.
    asked_again: Option<Instant>,
    /// When it could not be asked.
    failed: Option<Instant>,
}

impl Oidc {
    /// Asks the provider for nothing yet. Its address is the operator's own choice and may be private.
    ///
    /// # Errors
    /// As for [`Relay::new`].
    pub fn new(config: OidcConfig, upstream: &UpstreamConfig) -> anyhow::Result<Self> {
        let relay = Relay::new(&UpstreamConfig {
            private_addresses: PrivateAddresses {
                enabled: false,
                ..upstream.private_addresses.clone()
            },
            ..upstream.clone()
        })?;
        Ok(Self {
            config,
            relay,
            found: Mutex::default(),
        })
    }

    /// What is configured.
    #[must_use]
    pub fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// Where to send a browser, and what to remember of it.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn begin(&self) -> Result<(Url, Flow), OidcError> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in &self.config.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let flow = Flow {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            begun: chrono::Utc::now().timestamp_millis(),
        };
        Ok((url, flow))
    }

    /// Who it is that came back with this code.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn finish(&self, code: String, flow: Flow) -> Result<Identity, OidcError> {
        let worthless = |error: &dyn std::fmt::Display| OidcError::Worthless(error.to_string());
        let client = self.client().await?;
        let http = sender(self.relay.clone());
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|error| OidcError::Away(error.to_string()))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier));
        let tokens = request
            .request_async(&http)
            .await
            .map_err(|error| worthless(&error))?;
        let token = tokens.id_token().ok_or_else(|| worthless(&"no ID token"))?;
        let nonce = Nonce::new(flow.nonce);
        match verify(&client, token, &nonce) {
            // The provider may have changed its keys since it was last asked for them.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                self.look_again().await;
                verify(&self.client().await?, token, &nonce).map_err(|error| worthless(&error))?;
            }
            result => result.map_err(|error| worthless(&error))?,
        }
        self.identity(token).ok_or_else(|| worthless(&"no subject"))
    }

    /// What a token says that was verified.
    fn identity(&self, token: &CoreIdToken) -> Option<Identity> {
        let token = token.to_string();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        let text = |claim: &str| {
            let text = claims.get(claim).and_then(Value::as_str).unwrap_or_default();
            text.replace('\0', "")
                .chars()
                .take(LONGEST_CLAIM)
                .collect::<String>()
        };
        let address = text("email");
        let names = [
            text(&self.config.handle_claim),
            address.split('@').next()?.to_owned(),
        ];
        let subject = claims.get("sub")?.as_str()?.to_owned();
        let handle = names.into_iter().find(|name| !name.is_empty());
        Some(Identity {
            issuer: self.config.issuer.clone(),
            handle: handle.unwrap_or_else(|| subject.clone()),
            subject,
            name: text("name"),
            groups: match claims.get(&self.config.groups_claim) {
                Some(Value::String(group)) => vec![group.clone()],
                Some(Value::Array(groups)) => groups
                    .iter()
                    .filter_map(|group| group.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            },
        })
    }

    /// Has the provider asked anew the next time, unless that was lately.
    async fn look_again(&self) {
        let mut found = self.found.lock().await;
        if found.asked_again.is_none_or(|at| at.elapsed() > PAUSE) {
            found.asked_again = Some(Instant::now());
            found.last = None;
        }
    }

    /// A client of the provider, as it was found lately.
    async fn client(&self) -> Result<Client, OidcError> {
        let away = |error: &dyn std::fmt::Display| OidcError::Away(error.to_string());
        let mut found = self.found.lock().await;
        let known = found.last.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        let metadata = match known {
            Some((_, metadata)) => metadata.clone(),
            None if found.failed.is_some_and(|at| at.elapsed() < REST) => {
                return Err(away(&"it could not be asked a moment ago"));
            }
            None => {
                let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|error| away(&error))?;
                let http = sender(self.relay.clone());
                let metadata = CoreProviderMetadata::discover_async(issuer, &http).await;
                found.failed = metadata.is_err().then(Instant::now);
                let metadata = metadata.map_err(|error| away(&error))?;
                found.last = Some((Instant::now(), metadata.clone()));
                metadata
            }
        };
        drop(found);
        let takes_basic = metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let secret = self.config.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().clone()));
        let own = format!("{}{CALLBACK}", self.config.own_url);
        let id = ClientId::new(self.config.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, secret);
        let client = client.set_redirect_uri(RedirectUrl::new(own).map_err(|error| away(&error))?);
        Ok(if takes_basic {
            client
        } else {
            client.set_auth_type(AuthType::RequestBody)
        })
    }
}

/// The crate's way to send requests. Nothing is borrowed, since the future has to be `Send` for every lifetime.
fn sender(relay: Relay) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Unanswered>> {
    move |request| Box::pin(call(relay.clone(), request))
}

/// Sends one of the crate's requests by the relay. A redirect is no answer: the request may hold the secret.
async fn call(relay: Relay, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
    let failed = |error: &dyn std::fmt::Display| Unanswered(error.to_string());
    let (parts, body) = request.into_parts();
    let url: Url = parts.uri.to_string().parse().map_err(|error| failed(&error))?;
    let mut headers = UpstreamHeaders::default();
    for (name, value) in &parts.headers {
        headers.set(name.as_str(), value.to_str().map_err(|error| failed(&error))?);
    }
    let upstream = Upstream {
        method: parts.method,
        url: url.clone(),
        headers,
        body: body.into(),
    };
    let answer = async {
        let reply = relay.send(upstream).await.map_err(|error| failed(&error))?;
        if *reply.url() != url {
            return Err(failed(&"it redirects"));
        }
        let mut response = Response::builder().status(reply.status());
        if let Some(kind) = reply.headers().get(CONTENT_TYPE) {
            response = response.header(CONTENT_TYPE, kind);
        }
        let body = reply
            .bytes_within(LONGEST)
            .await
            .map_err(|error| failed(&error))?;
        let body = body.ok_or_else(|| failed(&"too long an answer"))?;
        response.body(body.to_vec()).map_err(|error| failed(&error))
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.unwrap_or_else(|_| Err(failed(&"no answer in time")))
}

fn verify(client: &Client, token: &CoreIdToken, nonce: &Nonce) -> Result<(), ClaimsVerificationError> {
    token.claims(&client.id_token_verifier(), nonce).map(|_| ())
}
