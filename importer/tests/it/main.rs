//! The importer as it is run: the built program, a real PostgreSQL, generated data roots.

mod archives;
mod conflicts;
mod guide;
mod refusals;
mod round_trip;
mod runs;
mod source;
mod target;
