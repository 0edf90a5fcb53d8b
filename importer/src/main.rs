//! `squaretable-importer`: moves a SillyTavern data root into Squaretable's PostgreSQL, and out again.
//!
//! `scan` walks the source and tells what each path is; `read` reads files on threads of their own, ahead of `load`,
//! which writes them through the server's own `store`; `export` goes the other way. Every file that `scan` finds ends
//! in exactly one column of the [`report`].

mod accounts;
mod args;
mod batch;
mod composed;
mod defaults;
mod exit;
mod export;
mod import;
mod inspect;
mod ledger;
mod lines;
mod load;
mod output;
mod plan;
mod policy;
mod progress;
mod read;
mod report;
mod rollback;
mod runs;
mod scan;
mod source;
mod stored;
mod system;
mod target;
mod unpack;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match defaults::expand(&Cli::command(), std::env::args_os().collect(), |name| {
        std::env::var(name).ok()
    }) {
        Ok(arguments) => Cli::parse_from(arguments),
        Err(error) => return fail(&Failure::new(Exit::Usage, error)),
    };
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::new(Exit::Failed, error)),
    };
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Import(args) => import::run(args).await,
            Command::Inspect(args) => inspect::run(args).await,
            Command::Verify(args) => verify::run(args, false).await,
            Command::Diff(args) => verify::run(args, true).await,
            Command::Rollback(args) => rollback::run(args).await,
            Command::Runs(args) => runs::run(args).await,
            Command::Export(args) => export::run(args).await,
            Command::Completions { shell } => {
                let name = env!("CARGO_BIN_NAME");
                clap_complete::generate(*shell, &mut Cli::command(), name, &mut std::io::stdout());
                Ok(Exit::Done)
            }
            Command::Man => manual(),
        }
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => fail(&failure),
    }
}

/// Prints the manual page: the program's, then each verb's.
fn manual() -> Result<Exit, Failure> {
    let command = Cli::command();
    let mut out = std::io::stdout();
    let pages = std::iter::once(command.clone()).chain(command.get_subcommands().cloned());
    for page in pages {
        clap_mangen::Man::new(page)
            .render(&mut out)
            .map_err(|error| Failure::new(Exit::Failed, error))?;
    }
    Ok(Exit::Done)
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
