//! Text completions: from the browser's request body to outbound requests, and from their answers to the browser's.
//!
//! `/api/backends/text-completions`, `/api/backends/kobold`, `/api/horde` and `/api/novelai` are thin layers over this:
//! requests are built without I/O, and [`reply`] and its siblings shape what the relay brings back.

pub mod backend;
pub mod horde;
pub mod kobold;
pub mod novelai;
mod novelai_tokens;
pub mod ollama;
pub mod reply;
pub mod request;
pub mod tokens;
pub mod tools;

use serde_json::{Map, Value};

use super::js;

/// The fields of `body` under these names, in their order; absent ones are left out.
fn copied(body: &Value, names: &str) -> Map<String, Value> {
    let present = |name: &str| Some((name.to_owned(), body.get(name)?.clone()));
    names.split(' ').filter_map(present).collect()
}
