//! Services that are no language models.

mod translate;
