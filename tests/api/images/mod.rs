//! Painters, where the original cannot be compared: browsers that go, jobs that fail.

mod local;
mod polling;
mod vendors;
