//! Language models: chat completions, tokenizers.

mod chat_completions;
mod tokenizers;
