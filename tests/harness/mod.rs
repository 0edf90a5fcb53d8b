//! What every integration test stands on: one PostgreSQL for the run, one database and one server for each test.

mod authority;
mod client;
mod decoders;
mod git;
mod log;
pub mod models;
pub mod onnx;
mod postgres;
pub mod provider;
mod redis;
mod server;
mod sites;
mod speech;
mod world;
mod writers;

pub use client::{Answer, Client, file};
pub use git::{Commit, GitHost};
pub use log::Log;
pub use provider::Provider;
pub use redis::Redis;
pub use server::{Options, Server, Target, frontend, oracle_target};
pub use sites::{Reply, Request, Sites};
pub use world::World;
