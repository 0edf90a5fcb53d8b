//! What the hosts of a [`World`](super::World) answer.

use std::sync::{Arc, Mutex};

/// A request that reached the world.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: String,
    /// The whole address, as sent: `https://host/path?query`.
    pub url: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body without its transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.iter();
        lines
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a host answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    /// Less than announced, then the end of the connection.
    Cut(Vec<u8>),
    /// Chunks, each flushed.
    Pieces(Vec<Vec<u8>>),
    /// No answer at all: the connection is closed.
    HangUp,
}

impl Reply {
    /// A status line such as `404 Not Found`, without headers or body.
    pub fn status(status: &str) -> Self {
        Self {
            status: status.to_owned(),
            headers: Vec::new(),
            body: Body::Whole(Vec::new()),
        }
    }

    /// 200 with bytes; an empty content type sends none.
    pub fn bytes(media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let reply = Self::status("200 OK").body(bytes);
        match media_type {
            "" => reply,
            _ => reply.header("Content-Type", media_type),
        }
    }

    /// 200 with JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::bytes("application/json", value.to_string())
    }

    /// 302 to an address.
    pub fn redirect(address: &str) -> Self {
        Self::status("302 Found").header("Location", address)
    }

    /// 200 with a body in chunks, as streams come.
    pub fn stream(media_type: &str, pieces: &[&[u8]]) -> Self {
        let mut reply = Self::bytes(media_type, "");
        reply.body = Body::Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
        reply
    }

    /// No answer: the connection is closed.
    pub fn hang_up() -> Self {
        let mut reply = Self::status("");
        reply.body = Body::HangUp;
        reply
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(bytes.into());
        self
    }

    /// Replaces the status line.
    pub fn with_status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// Breaks off: the body ends before its announced length.
    pub fn cut(mut self) -> Self {
        if let Body::Whole(bytes) = self.body {
            self.body = Body::Cut(bytes);
        }
        self
    }
}

type Act = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// What the hosts answer; clones share one table. A request that nothing fits is answered 404.
#[derive(Clone, Default)]
pub struct Sites(Arc<Mutex<Vec<(Place, Act)>>>);

#[derive(PartialEq)]
enum Place {
    /// A method and a whole address.
    Page(String, String),
    /// Everything below a scheme and host, such as `https://host/`.
    Host(String),
}

impl Sites {
    /// One address: its answer from now on.
    pub fn on(&self, method: &str, url: &str, reply: Reply) -> &Self {
        self.put(
            Place::Page(method.to_owned(), url.to_owned()),
            Arc::new(move |_| reply.clone()),
        )
    }

    /// Everything below an address such as `https://host/` that [`on`](Self::on) says nothing about.
    pub fn below(&self, start: &str, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> &Self {
        self.put(Place::Host(start.to_owned()), Arc::new(answer))
    }

    fn put(&self, place: Place, act: Act) -> &Self {
        let mut table = self.0.lock().expect("no holder panics");
        table.retain(|(known, _)| *known != place);
        table.push((place, act));
        drop(table);
        self
    }

    pub(super) fn reply(&self, request: &Request) -> Reply {
        let table = self.0.lock().expect("no holder panics");
        let page = table.iter().find(|(place, _)| {
            matches!(place, Place::Page(method, url) if *method == request.method && *url == request.url)
        });
        let below = || {
            table
                .iter()
                .find(|(place, _)| matches!(place, Place::Host(start) if request.url.starts_with(start)))
        };
        let act = page.or_else(below).map(|(_, act)| act.clone());
        // The answer may be made by code that changes the table.
        drop(table);
        act.map_or_else(|| Reply::status("404 Not Found"), |act| act(request))
    }
}
