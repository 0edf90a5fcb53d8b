//! Which tokenizer a model's name leads to.

/// A byte-pair encoding of OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `gpt2`.
    Gpt2,
    /// `r50k_base`.
    R50kBase,
    /// `p50k_base`.
    P50kBase,
    /// `p50k_edit`.
    P50kEdit,
    /// `cl100k_base`.
    Cl100kBase,
    /// `o200k_base`.
    O200kBase,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// One of OpenAI's encodings.
    OpenAi(Encoding),
    /// A SentencePiece or Hugging Face family, by the name of its routes.
    Family(&'static str),
    /// A name the original passes to the wrong library, whose failure it answers with the empty result.
    Failing,
}

/// The text-completion models of the original with their encodings, by exact name.
pub const LEGACY_COMPLETION_MODELS: [(&str, Encoding); 25] = [
    ("gpt-3.5-turbo-instruct", Encoding::Cl100kBase),
    ("gpt-3.5-turbo-instruct-0914", Encoding::Cl100kBase),
    ("text-davinci-003", Encoding::P50kBase),
    ("text-davinci-002", Encoding::P50kBase),
    ("text-davinci-001", Encoding::R50kBase),
    ("text-curie-001", Encoding::R50kBase),
    ("text-babbage-001", Encoding::R50kBase),
    ("text-ada-001", Encoding::R50kBase),
    ("code-davinci-002", Encoding::P50kBase),
    ("code-davinci-001", Encoding::P50kBase),
    ("code-cushman-002", Encoding::P50kBase),
    ("code-cushman-001", Encoding::P50kBase),
    ("text-davinci-edit-001", Encoding::P50kEdit),
    ("code-davinci-edit-001", Encoding::P50kEdit),
    ("text-embedding-ada-002", Encoding::Cl100kBase),
    ("text-similarity-davinci-001", Encoding::R50kBase),
    ("text-similarity-curie-001", Encoding::R50kBase),
    ("text-similarity-babbage-001", Encoding::R50kBase),
    ("text-similarity-ada-001", Encoding::R50kBase),
    ("text-search-davinci-doc-001", Encoding::R50kBase),
    ("text-search-curie-doc-001", Encoding::R50kBase),
    ("text-search-babbage-doc-001", Encoding::R50kBase),
    ("text-search-ada-doc-001", Encoding::R50kBase),
    ("code-search-babbage-code-001", Encoding::R50kBase),
    ("code-search-ada-code-001", Encoding::R50kBase),
];

/// OpenAI's newer models: a part of the name and its encoding, first match wins.
const OPENAI_PARTS: [(&str, Encoding); 13] = [
    ("o1-preview", Encoding::O200kBase),
    ("o1-mini", Encoding::O200kBase),
    ("o3-mini", Encoding::O200kBase),
    ("gpt-5", Encoding::O200kBase),
    ("gpt-6-astra", Encoding::O200kBase),
    ("o3", Encoding::O200kBase),
    ("o4-mini", Encoding::O200kBase),
    ("gpt-4o", Encoding::O200kBase),
    ("chatgpt-4o-latest", Encoding::O200kBase),
    ("gpt-4.1", Encoding::O200kBase),
    ("gpt-4.5", Encoding::O200kBase),
    ("gpt-4", Encoding::Cl100kBase),
    ("gpt-3.5-turbo", Encoding::Cl100kBase),
];

/// Parts of names for counting and biasing, after OpenAI's; first match wins.
const COUNT_PARTS: [(&str, &str); 15] = [
    ("claude", "claude"),
    ("llama3", "llama3"),
    ("llama-3", "llama3"),
    ("llama", "llama"),
    ("mistral", "mistral"),
    ("yi", "yi"),
    ("deepseek", "deepseek"),
    ("gemma", "gemma"),
    ("gemini", "gemma"),
    ("learnlm", "gemma"),
    ("jamba", "jamba"),
    ("qwen2", "qwen2"),
    ("command-r", "command-r"),
    ("command-a", "command-a"),
    ("nemo", "nemo"),
];

/// Parts of names for encoding and decoding, before OpenAI's; first match wins.
const ENCODE_PARTS: [(&str, &str); 14] = [
    ("llama3", "llama3"),
    ("llama-3", "llama3"),
    ("llama", "llama"),
    ("mistral", "mistral"),
    ("yi", "yi"),
    ("claude", "claude"),
    ("gemma", "gemma"),
    ("gemini", "gemma"),
    ("jamba", "jamba"),
    ("qwen2", "qwen2"),
    ("command-r", "command-r"),
    ("command-a", "command-a"),
    ("nemo", "nemo"),
    ("deepseek", "deepseek"),
];

/// Families with routes of their own, `/api/tokenizers/{name}/{encode,decode}`.
pub(crate) const FAMILIES: [&str; 14] = [
    "llama",
    "nerdstash",
    "nerdstash_v2",
    "mistral",
    "yi",
    "gemma",
    "jamba",
    "claude",
    "llama3",
    "qwen2",
    "command-r",
    "command-a",
    "nemo",
    "deepseek",
];

impl Tokenizer {
    /// For `POST /api/tokenizers/openai/count` and `POST /api/backends/chat-completions/bias`; `model` is the query
    /// parameter, empty when absent.
    #[must_use]
    pub fn for_count(model: &str) -> Self {
        if let Some(encoding) = openai_encoding(model) {
            return Self::OpenAi(encoding);
        }
        match first_match(&COUNT_PARTS, model) {
            Some(family) => Self::Family(family),
            None => Self::OpenAi(Encoding::Cl100kBase),
        }
    }

    /// For `POST /api/tokenizers/openai/{encode,decode}`, which look for families first.
    ///
    /// compat: so "gpt-4o-yi" counts with `o200k_base` but encodes with yi, and "learnlm" counts with gemma but
    /// encodes to the empty result.
    #[must_use]
    pub fn for_encode(model: &str) -> Self {
        match first_match(&ENCODE_PARTS, model) {
            Some(family) => Self::Family(family),
            None => match Self::for_count(model) {
                Self::Family(_) | Self::Failing => Self::Failing,
                known => known,
            },
        }
    }

    /// For `POST /api/tokenizers/{name}/{encode,decode}`; `None` is no such route.
    #[must_use]
    pub fn for_family(name: &str) -> Option<Self> {
        if name == "gpt2" {
            return Some(Self::OpenAi(Encoding::Gpt2));
        }
        FAMILIES
            .iter()
            .find(|family| **family == name)
            .map(|family| Self::Family(family))
    }
}

fn openai_encoding(model: &str) -> Option<Encoding> {
    if model == "o1" {
        return Some(Encoding::O200kBase);
    }
    let newer = OPENAI_PARTS.iter().find(|(part, _)| model.contains(part));
    let legacy = || LEGACY_COMPLETION_MODELS.iter().find(|(name, _)| *name == model);
    newer.or_else(legacy).map(|(_, encoding)| *encoding)
}

fn first_match(parts: &[(&str, &'static str)], model: &str) -> Option<&'static str> {
    parts
        .iter()
        .find(|(part, _)| model.contains(part))
        .map(|(_, family)| *family)
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Tokenizer};

    #[test]
    fn the_two_lists_disagree_where_the_original_does() {
        assert_eq!(
            Tokenizer::for_count("gpt-4o-yi"),
            Tokenizer::OpenAi(Encoding::O200kBase)
        );
        assert_eq!(Tokenizer::for_encode("gpt-4o-yi"), Tokenizer::Family("yi"));
        assert_eq!(Tokenizer::for_count("learnlm-1"), Tokenizer::Family("gemma"));
        assert_eq!(Tokenizer::for_encode("learnlm-1"), Tokenizer::Failing);
    }

    #[test]
    fn routes_by_first_match() {
        for (model, encoding) in [
            ("o1", Encoding::O200kBase),
            ("o1-pro", Encoding::Cl100kBase),
            ("gpt-4.1-mini", Encoding::O200kBase),
            ("gpt-4-turbo", Encoding::Cl100kBase),
            ("gpt-3.5-turbo-instruct", Encoding::Cl100kBase),
            ("text-davinci-003", Encoding::P50kBase),
            ("code-davinci-edit-001", Encoding::P50kEdit),
            ("text-ada-001", Encoding::R50kBase),
            ("text-davinci-003x", Encoding::Cl100kBase),
            ("", Encoding::Cl100kBase),
        ] {
            assert_eq!(
                Tokenizer::for_count(model),
                Tokenizer::OpenAi(encoding),
                "{model}"
            );
            assert_eq!(
                Tokenizer::for_encode(model),
                Tokenizer::OpenAi(encoding),
                "{model}"
            );
        }
        for (model, family) in [
            ("claude-3-opus", "claude"),
            ("meta-llama-3-8b", "llama3"),
            ("codellama", "llama"),
            ("gemini-2.5-pro", "gemma"),
            ("mistral-nemo", "mistral"),
            ("nemotron", "nemo"),
        ] {
            assert_eq!(Tokenizer::for_count(model), Tokenizer::Family(family), "{model}");
            assert_eq!(Tokenizer::for_encode(model), Tokenizer::Family(family), "{model}");
        }
    }

    #[test]
    fn families_have_routes() {
        assert_eq!(
            Tokenizer::for_family("gpt2"),
            Some(Tokenizer::OpenAi(Encoding::Gpt2))
        );
        assert_eq!(
            Tokenizer::for_family("nerdstash_v2"),
            Some(Tokenizer::Family("nerdstash_v2"))
        );
        assert_eq!(Tokenizer::for_family("openai"), None);
    }
}
