//! The search of `/api/chats/search`.

use crate::json;

/// Text as search compares it: lower-case, with U+FFFD for what a database cannot hold (NUL, lone surrogates).
pub fn fold(text: &str) -> String {
    json::lossy(text).to_lowercase().replace('\0', "\u{FFFD}")
}

/// A search query: a chat matches when every fragment occurs in some message, or every one in the file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The folded words of the query; none of them means that every chat matches.
    pub fragments: Vec<String>,
}

impl Query {
    /// Splits a query at white space.
    pub fn new(query: &str) -> Self {
        let words = query
            .split(json::is_js_space)
            .map(fold)
            .filter(|word| !word.is_empty());
        Self {
            fragments: words.collect(),
        }
    }

    /// Whether every fragment occurs in at least one of `texts`: the [`LineFacts::search`](super::LineFacts::search)
    /// of all lines but the first.
    pub fn matches<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let mut missing: Vec<&str> = self.fragments.iter().map(String::as_str).collect();
        for text in texts {
            if missing.is_empty() {
                break;
            }
            missing.retain(|fragment| !text.contains(fragment));
        }
        missing.is_empty()
    }

    /// Whether every fragment occurs in `file_id`, the file's name without its extension.
    pub fn matches_name(&self, file_id: &str) -> bool {
        self.matches([fold(file_id).as_str()])
    }
}
