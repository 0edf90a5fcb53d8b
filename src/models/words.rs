//! A model's tokenizer: texts to ids and back.

use anyhow::{Context, anyhow, ensure};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::files::Files;
use crate::tokenizers::LONGEST_TEXT;

/// Most tokens of one text that a network sees, whatever its files allow: the memory it takes grows with their square,
/// and is 200 MB for each of its larger tensors at this bound.
const MOST_TOKENS: usize = 2048;

/// A tokenizer of Hugging Face's with its settings.
#[derive(Debug)]
pub(super) struct Words {
    tokenizer: Box<Tokenizer>,
    longest: usize,
    cleans_up: bool,
}

impl Words {
    /// Reads `tokenizer.json` and `tokenizer_config.json`.
    pub(super) async fn load(files: &Files) -> anyhow::Result<Self> {
        let file = files.text("tokenizer.json").await?;
        let settings = files.json("tokenizer_config.json").await?;
        let parse = move || Tokenizer::from_bytes(file).map_err(|error| anyhow!("tokenizer.json: {error}"));
        let mut tokenizer = tokio::task::spawn_blocking(parse).await??;
        // compat: the file's own bounds don't count in the original, only those of the settings.
        let whole = tokenizer.with_truncation(None);
        whole.map_err(|error| anyhow!("{error}"))?.with_padding(None);
        let longest = settings.get("model_max_length").and_then(Value::as_f64);
        Ok(Self {
            tokenizer: Box::new(tokenizer),
            // Far below 2^53, so the cast is exact.
            longest: longest.map_or(MOST_TOKENS, |length| {
                length.clamp(1.0, MOST_TOKENS as f64) as usize
            }),
            cleans_up: settings
                .get("clean_up_tokenization_spaces")
                .and_then(Value::as_bool)
                != Some(false),
        })
    }

    /// The ids of a text with those that frame it.
    ///
    /// compat: a text that is too long is cut behind its last id, so that it loses the one that ends it.
    pub(super) fn ids(&self, text: &str) -> anyhow::Result<Vec<i32>> {
        ensure!(text.len() <= LONGEST_TEXT, "a text of {} bytes", text.len());
        let encoding = self.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|error| anyhow!("the text cannot be encoded: {error}"))?;
        let ids = encoding.get_ids().iter().take(self.longest);
        let ids: Result<Vec<i32>, _> = ids.map(|id| i32::try_from(*id)).collect();
        let ids = ids?;
        ensure!(!ids.is_empty(), "a text without any tokens");
        Ok(ids)
    }

    /// The id of a token.
    pub(super) fn id(&self, token: &str) -> anyhow::Result<u32> {
        let id = self.tokenizer.token_to_id(token);
        id.with_context(|| format!("the tokenizer knows no {token}"))
    }

    /// The text of ids without those that only frame it.
    pub(super) fn text(&self, ids: &[u32]) -> anyhow::Result<String> {
        let text = self.tokenizer.decode(ids, true);
        let text = text.map_err(|error| anyhow!("the ids cannot be decoded: {error}"))?;
        Ok(if self.cleans_up { clean_up(&text) } else { text })
    }
}

/// Takes back the spaces that stand before punctuation, and within English short forms.
fn clean_up(text: &str) -> String {
    const SPACED: [(&str, &str); 10] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    let join = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    SPACED.iter().fold(text.to_owned(), join)
}

#[cfg(test)]
mod tests {
    #[test]
    fn spaces_before_punctuation_are_taken_back() {
        assert_eq!(
            super::clean_up("it 's a fox , is n't it ? we 've won !"),
            "it's a fox, isn't it? we've won!"
        );
    }
}
