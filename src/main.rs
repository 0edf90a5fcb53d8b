//! The `squaretable` executable.

use std::process::ExitCode;

use clap::Parser;
use squaretable::config::log::{LogConfig, LogFormat};
use squaretable::config::{Cli, Command, Config};
use squaretable::{rotation, serve};

/// The configuration cannot be used.
const EXIT_CONFIG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (config, warnings) = match Config::load(&cli) {
        Ok(loaded) => loaded,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    start_log(&config.log);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match cli.command.unwrap_or(Command::Serve) {
        Command::CheckConfig => ExitCode::SUCCESS,
        Command::Serve => run(serve::run(config)),
        Command::RotateKeys { fresh } => run(rotation::run(config, fresh)),
    }
}

fn run(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(work))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("squaretable: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to stderr; stdout is for the line that says that the server answers.
fn start_log(config: &LogConfig) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
