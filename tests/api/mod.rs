//! One file per family, as in `src/api`.

pub mod cards;
