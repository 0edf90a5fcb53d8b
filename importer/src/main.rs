//! `squaretable-importer`: moves a SillyTavern data root into Squaretable's PostgreSQL, and out again.
//!
//! `scan` walks the source and tells what each path is; `read` reads files on threads of their own, ahead of `load`,
//! which writes them through the server's own `store`; `export` goes the other way. Every file that `scan` finds ends
//! in exactly one column of the [`report`].

mod accounts;
mod args;
mod exit;
mod export;
mod import;
mod load;
mod progress;
mod read;
mod report;
mod scan;
mod stored;
mod target;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::new(Exit::Failed, error)),
    };
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Import(args) => import::run(args).await,
            Command::Export(args) => export::run(args).await,
        }
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("squaretable-importer: {:#}", failure.error);
    failure.exit.into()
}

/// Warnings to stderr, unless `RUST_LOG` asks for more or less.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
