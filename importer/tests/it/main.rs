//! The importer as it is run: the built program, a real PostgreSQL, generated data roots.

mod archives;
mod awkward;
mod conflicts;
mod guide;
mod keys;
mod killed;
mod original;
mod refusals;
mod round_trip;
mod runs;
mod source;
mod target;
mod vectors;
