//! The importer as it is run: the built program, a real PostgreSQL, generated data roots.

mod refusals;
mod round_trip;
mod source;
mod target;
