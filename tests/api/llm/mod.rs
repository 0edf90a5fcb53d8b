//! Language models: chat completions, tokenizers.

mod chat_completions;
mod chat_vertex;
mod tokenizers;
