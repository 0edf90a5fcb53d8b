//! What every integration test stands on: one PostgreSQL for the run, one database and one server for each test.

mod client;
mod postgres;
mod server;

pub use client::{Answer, Client, file};
pub use server::{Options, Server, Target, oracle_target};
