//! Tokenizers in Hugging Face's `tokenizer.json`: claude, llama3, qwen2, command-r, command-a, nemo, deepseek.

use anyhow::Context;
use serde_json::Value;
use tokenizers::Tokenizer;

/// A loaded tokenizer; some twenty times as large as its file.
#[derive(Debug)]
pub struct HuggingFace(Box<Tokenizer>);

impl HuggingFace {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// The file is damaged, or asks for something that the library does not know.
    pub fn load(file: &[u8]) -> anyhow::Result<Self> {
        let mut json: Value = serde_json::from_slice(file)?;
        // compat: the original's version of the library (0.13) does not know this field.
        if let Some(model) = json.get_mut("model").and_then(Value::as_object_mut) {
            model.shift_remove("ignore_merges");
        }
        let tokenizer = serde_json::from_value(json).context("no tokenizer of Hugging Face's")?;
        Ok(Self(Box::new(tokenizer)))
    }

    /// The ids of a text, without those that only frame it; `None` where the library fails.
    #[must_use]
    pub fn encode(&self, text: &str) -> Option<Vec<u32>> {
        let encoding = self.0.encode_fast(text, false);
        let encoding = encoding
            .inspect_err(|error| tracing::warn!("a text cannot be encoded: {error}"))
            .ok()?;
        Some(encoding.get_ids().to_vec())
    }

    /// The text of ids; unknown ones have none, and what is no UTF-8 is U+FFFD.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        self.0.decode(ids, false).unwrap_or_default()
    }
}
