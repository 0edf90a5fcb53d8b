//! A browser's side: cookies and CSRF token kept, answers read whole.

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A session with one server.
pub struct Client {
    http: reqwest::Client,
    url: String,
    cookies: String,
    token: String,
    headers: HeaderMap,
}

/// A file for [`Client::upload`].
pub struct File {
    name: String,
    bytes: Vec<u8>,
}

/// A file with a name.
pub fn file(name: &str, bytes: impl Into<Vec<u8>>) -> File {
    File {
        name: name.to_owned(),
        bytes: bytes.into(),
    }
}

/// A response, read whole.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: bytes::Bytes,
}

impl Answer {
    /// The body as JSON; panics, showing it, when it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Panics, showing the body, unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Client {
    /// A new session, with its CSRF token.
    pub async fn new(url: &str) -> Self {
        Self::with_cookies(url, String::new()).await
    }

    /// A session that brings cookies along, and a CSRF token.
    pub async fn with_cookies(url: &str, cookies: String) -> Self {
        let mut client = Self::cookies_only(url, cookies);
        let answer = client.get("/csrf-token").await.expect(200);
        client.keep_cookies(&answer);
        client.token = answer.json()["token"].as_str().expect("a token").to_owned();
        client
    }

    /// A session that brings cookies along and asks for nothing.
    pub fn cookies_only(url: &str, cookies: String) -> Self {
        // A test that has no server of ours in its process has no other.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            http,
            url: url.to_owned(),
            cookies,
            token: String::new(),
            headers: HeaderMap::new(),
        }
    }

    /// A program: no cookie, and these headers on every request.
    pub fn program(url: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, HeaderValue::from_str(value).expect("a header's value"));
        }
        let mut program = Self::cookies_only(url, String::new());
        program.headers = all;
        program
    }

    /// The same session, cookies and token, with another server.
    pub fn elsewhere(&self, url: &str) -> Self {
        let mut client = Self::cookies_only(url, self.cookies.clone());
        client.token.clone_from(&self.token);
        client
    }

    /// Takes an answer's cookies, if it has any, in the place of all others.
    pub fn keep_cookies(&mut self, answer: &Answer) {
        let set = answer.headers.get_all("set-cookie").iter();
        let pairs: Vec<_> = set
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .collect();
        if !pairs.is_empty() {
            self.cookies = pairs.join("; ");
        }
    }

    /// The `Cookie` header that it sends.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    /// Asks to be logged in; a success makes the session one of this user, with a token of its own.
    pub async fn log_in(&mut self, handle: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "handle": handle, "password": password });
        let answer = self.post("/api/users/login", body).await;
        self.keep_cookies(&answer);
        if answer.status == StatusCode::OK {
            let token = self.get("/csrf-token").await.expect(200);
            self.keep_cookies(&token);
            self.token = token.json()["token"].as_str().expect("a token").to_owned();
        }
        answer
    }

    /// The `X-CSRF-Token` header that it sends.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same session that sends another token.
    pub fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: impl serde::Serialize) -> Answer {
        let body = serde_json::to_vec(&body).expect("a JSON body");
        self.post_raw(path, "application/json", body).await
    }

    /// `POST path` with these bytes.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(
            self.request(Method::POST, path)
                .header("content-type", content_type)
                .body(body),
        )
        .await
    }

    /// `POST path` as a form with a file in the field `avatar`.
    pub async fn upload(&self, path: &str, file: File, fields: &[(&str, &str)]) -> Answer {
        let boundary = "----squaretable-test-boundary";
        let mut body = Vec::new();
        for (name, value) in fields {
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            file.name
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file.bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        self.post_raw(path, &format!("multipart/form-data; boundary={boundary}"), body)
            .await
    }

    /// A request with this session's cookies and token, to add to.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut headers = self.headers.clone();
        if !self.cookies.is_empty() {
            headers.insert(
                "cookie",
                HeaderValue::from_str(&self.cookies).expect("cookies are ASCII"),
            );
        }
        if !self.token.is_empty() {
            headers.insert(
                "x-csrf-token",
                HeaderValue::from_str(&self.token).expect("a token is ASCII"),
            );
        }
        self.http
            .request(method, format!("{}{path}", self.url))
            .headers(headers)
    }

    /// A `POST path` with a JSON body, to add to or to send.
    pub fn posting(&self, path: &str, body: &impl serde::Serialize) -> reqwest::RequestBuilder {
        let body = serde_json::to_vec(body).expect("a JSON body");
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body)
    }

    /// Sends a request made by [`Client::request`].
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            body: response.bytes().await.expect("the answer is complete"),
        }
    }
}
