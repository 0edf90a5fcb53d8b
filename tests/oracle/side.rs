//! One of the two servers that a scenario compares, with its session and captured values.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::compare;
use super::dsl::{Call, get};
use super::http::{self, Answer, Wire};
use super::normalise::Vars;

/// A browser's session with a server.
#[derive(Default)]
struct Browser {
    name: String,
    cookies: Vec<(String, String)>,
    token: String,
}

/// One server with its sessions.
pub struct Side {
    pub base_url: String,
    browser: Browser,
    others: Vec<Browser>,
    pub vars: Vars,
    pub last: Answer,
}

impl Side {
    pub async fn connect(base_url: &str) -> Side {
        let mut side = Side {
            base_url: base_url.into(),
            browser: Browser::default(),
            others: Vec::new(),
            vars: Vec::new(),
            last: Answer::default(),
        };
        side.fetch_token().await;
        side
    }

    async fn fetch_token(&mut self) {
        self.send(&get("/csrf-token")).await;
        let token =
            compare::tree(&self.last.text()).and_then(|value| value["token"].as_str().map(str::to_owned));
        self.browser.token = token.unwrap_or_default();
    }

    /// Goes on as the browser of this name, a new one where there is none; the first one has no name.
    pub async fn switch(&mut self, name: &str) {
        let known = self.others.iter().position(|browser| browser.name == name);
        let is_new = known.is_none() && self.browser.name != name;
        let next = match known {
            Some(index) => self.others.swap_remove(index),
            None if is_new => Browser {
                name: name.into(),
                ..Browser::default()
            },
            None => return,
        };
        self.others.push(std::mem::replace(&mut self.browser, next));
        if is_new {
            self.fetch_token().await;
        }
    }

    /// Replaces `{{name}}`; inside a JSON body the value is escaped.
    fn fill(&self, text: &str, json: bool) -> String {
        self.fill_with(text, |value| {
            let quoted = Value::String(value.to_owned()).to_string();
            if json {
                quoted[1..quoted.len() - 1].to_owned()
            } else {
                value.to_owned()
            }
        })
    }

    /// Replaces `{{name}}` in a path, as `encodeURIComponent` would write it.
    fn fill_path(&self, path: &str) -> String {
        self.fill_with(path, |value| {
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
        })
    }

    fn fill_with(&self, text: &str, spelled: impl Fn(&str) -> String) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.vars {
            text = text.replace(&format!("{{{{{name}}}}}"), &spelled(value));
        }
        text
    }

    pub async fn send(&mut self, call: &Call) {
        let mut wire = Wire::new(&call.method, &self.fill_path(&call.path));
        wire.headers = call
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), self.fill(value, false)))
            .collect();
        let json = call
            .headers
            .iter()
            .any(|(_, value)| value.starts_with("application/json"));
        wire.body = call.body.as_ref().map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("{{") => self.fill(text, json).into_bytes(),
            _ => bytes.clone(),
        });
        if !call.no_csrf && !matches!(call.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            wire.headers
                .push(("X-CSRF-Token".into(), self.browser.token.clone()));
        }
        if !call.no_cookie && !self.browser.cookies.is_empty() {
            let pairs: Vec<String> = self
                .browser
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            wire.headers.push(("Cookie".into(), pairs.join("; ")));
        }
        self.last = match http::send(&self.base_url, &wire).await {
            Ok(answer) => answer,
            Err(error) => Answer {
                reason: format!("no answer: {error}"),
                ..Answer::default()
            },
        };
        if !call.no_cookie {
            self.keep_cookies();
        }
        if self.last.status == 200 && call.path == "/api/users/login" && !call.no_cookie {
            // As the page that the browser goes on to does.
            let answer = std::mem::take(&mut self.last);
            Box::pin(self.fetch_token()).await;
            self.last = answer;
        }
    }

    fn keep_cookies(&mut self) {
        for (_, header) in self.last.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, value)) = header.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            self.browser.cookies.retain(|(known, _)| known != name);
            self.browser.cookies.push((name.into(), value.into()));
        }
    }
}
