//! An OpenID Connect provider on loopback: discovery, keys, codes and ID tokens, wrong ones on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use squaretable::config::oidc::OidcConfig;
use squaretable::config::secret::Secret;
use squaretable::oidc::CALLBACK;

/// Its client.
const CLIENT: &str = "squaretable";
const SECRET: &str = "hunter2";

/// What becomes of a token's head and claims before they are signed.
pub type Change = fn(&mut Value, &mut Value);

/// A key and its name.
struct Key {
    pair: EcdsaKeyPair,
    id: String,
}

/// What the provider holds a code for.
struct Grant {
    challenge: String,
    nonce: String,
    claims: Value,
}

struct Inner {
    url: String,
    keys: Mutex<Vec<Key>>,
    codes: Mutex<HashMap<String, Grant>>,
    /// How its tokens differ from good ones.
    spoil: Mutex<Option<Change>>,
    is_away: Mutex<bool>,
    /// Where the name that the server has for browsers leads.
    own_url: Mutex<Option<String>>,
}

/// A running provider; ends with the value.
pub struct Provider {
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    /// With one key and nobody logged in.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let inner = Arc::new(Inner {
            url,
            keys: Mutex::new(vec![key("first")]),
            codes: Mutex::default(),
            spoil: Mutex::default(),
            is_away: Mutex::default(),
            own_url: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(inner.clone());
        let task = tokio::spawn(async { axum::serve(listener, router).await.expect("it serves") });
        Self { inner, task }
    }

    /// How a server is told of it; browsers know that server by `own_url`.
    pub fn config(&self, own_url: &str) -> OidcConfig {
        OidcConfig {
            issuer: self.inner.url.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET.to_owned())),
            own_url: own_url.to_owned(),
            scopes: vec!["profile".to_owned()],
            handle_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: Vec::new(),
            admin_groups: Vec::new(),
            creates: true,
            links_by_handle: false,
            label: "Company login".to_owned(),
        }
    }

    /// A person logs in at the address that a server sent the browser to; the query that the browser comes back with.
    pub fn log_in(&self, address: &str, claims: Value) -> String {
        let address: reqwest::Url = address.parse().expect("an address");
        assert_eq!(address.origin().ascii_serialization(), self.inner.url);
        let asked = address.query_pairs().into_owned().collect();
        self.inner.grant(&asked, claims)
    }

    /// Sends browsers back to this address, whatever the server calls itself: no test can name its port beforehand.
    pub fn send_back_to(&self, url: &str) {
        *self.inner.own_url.lock().expect("unpoisoned") = Some(url.to_owned());
    }

    /// Changes head and claims of all tokens from now on, before they are signed.
    pub fn spoil(&self, change: Change) {
        *self.inner.spoil.lock().expect("unpoisoned") = Some(change);
    }

    /// Signs by another key from now on, called so, and tells of that one alone.
    pub fn change_key(&self, id: &str) {
        *self.inner.keys.lock().expect("unpoisoned") = vec![key(id)];
    }

    /// Answers nothing but errors from now on.
    pub fn go_away(&self) {
        *self.inner.is_away.lock().expect("unpoisoned") = true;
    }
}

impl Inner {
    /// The query that a browser comes back with, which came for this and is this person's now.
    fn grant(&self, asked: &HashMap<String, String>, claims: Value) -> String {
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
            ("scope", "openid profile"),
        ] {
            assert_eq!(asked[name], value, "{name}");
        }
        assert!(asked["redirect_uri"].ends_with(CALLBACK));
        let code = hex::encode(rand::random::<[u8; 8]>());
        let grant = Grant {
            challenge: asked["code_challenge"].clone(),
            nonce: asked["nonce"].clone(),
            claims,
        };
        self.codes.lock().expect("unpoisoned").insert(code.clone(), grant);
        format!("state={}&code={code}", asked["state"])
    }
}

fn key(id: &str) -> Key {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
    Key {
        pair: pair.expect("its own document"),
        id: id.to_owned(),
    }
}

async fn discovery(State(inner): State<Arc<Inner>>) -> Response {
    if *inner.is_away.lock().expect("unpoisoned") {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let url = &inner.url;
    answer(&json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// Whoever comes by a browser of its own is Anna, and goes back at once.
async fn authorize(
    State(inner): State<Arc<Inner>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let query = inner.grant(
        &asked,
        json!({ "sub": "4711", "preferred_username": "anna", "name": "Anna" }),
    );
    let url = inner.own_url.lock().expect("unpoisoned").clone();
    let url = url.expect("the test says where");
    Redirect::to(&format!("{url}{CALLBACK}?{query}")).into_response()
}

async fn keys(State(inner): State<Arc<Inner>>) -> Response {
    let keys = inner.keys.lock().expect("unpoisoned");
    let shown = keys.iter().map(|key| {
        let point = key.pair.public_key().as_ref();
        let half = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": key.id, "x": half(1..33), "y": half(33..65) })
    });
    answer(&json!({ "keys": shown.collect::<Vec<_>>() }))
}

fn answer(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// One answer for each code, to the client that holds the verifier.
async fn token(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    let form: reqwest::Url = format!("http://form.example/?{body}").parse().expect("a form");
    let form: HashMap<_, _> = form.query_pairs().into_owned().collect();
    let refused = |why: &str| (StatusCode::BAD_REQUEST, answer(&json!({ "error": why }))).into_response();
    let client = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers
        .get("authorization")
        .is_none_or(|value| value != client.as_str())
    {
        return refused("invalid_client");
    }
    let code = form.get("code").map(String::as_str).unwrap_or_default();
    let grant = inner.codes.lock().expect("unpoisoned").remove(code);
    let verifier = form
        .get("code_verifier")
        .map(String::as_bytes)
        .unwrap_or_default();
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    match grant.filter(|grant| grant.challenge == proof) {
        Some(grant) => {
            let token = signed(&inner, &grant);
            answer(&json!({ "access_token": "a", "token_type": "Bearer", "id_token": token }))
        }
        None => refused("invalid_grant"),
    }
}

fn signed(inner: &Inner, grant: &Grant) -> String {
    let keys = inner.keys.lock().expect("unpoisoned");
    let now = chrono::Utc::now().timestamp();
    let mut head = json!({ "alg": "ES256", "kid": keys[0].id });
    let mut claims =
        json!({ "iss": inner.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": grant.nonce });
    for (name, value) in grant.claims.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    if let Some(change) = *inner.spoil.lock().expect("unpoisoned") {
        change(&mut head, &mut claims);
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(&claims));
    if head["alg"] == "none" {
        return format!("{text}.");
    }
    let signature = keys[0]
        .pair
        .sign(&SystemRandom::new(), text.as_bytes())
        .expect("a signature");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
