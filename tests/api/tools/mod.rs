//! Services that are no language models.

mod captions;
mod local_models;
mod speech;
mod translate;
mod vector;
