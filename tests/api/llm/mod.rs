//! Language models: chat and text completions, tokenizers.

mod chat_completions;
mod chat_vertex;
mod generations;
mod horde;
mod provider;
mod text_completions;
mod tokenizers;
