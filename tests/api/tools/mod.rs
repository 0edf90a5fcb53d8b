//! Services that are no language models.

mod captions;
mod speech;
mod translate;
