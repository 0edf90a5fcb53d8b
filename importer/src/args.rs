//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::exit;

/// Moves SillyTavern data directories into Squaretable and out again.
#[derive(Debug, Parser)]
#[command(name = "squaretable-importer", version, after_help = exit::TABLE)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a SillyTavern 1.12-1.19 data root: every account, with everything in its folder
    #[command(after_help = exit::TABLE)]
    Import(ImportArgs),
    /// Write accounts back to a new data root that SillyTavern starts on
    #[command(after_help = exit::TABLE)]
    Export(ExportArgs),
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// SillyTavern's data folder, the one that holds `default-user`; it is only read
    #[arg(value_name = "DATA_ROOT")]
    pub root: PathBuf,
    /// Also replace what was edited in Squaretable after the source's version
    #[arg(long)]
    pub overwrite: bool,
    /// Where the data goes.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder to write; new or empty
    #[arg(value_name = "OUT_DIR")]
    pub out: PathBuf,
    /// Which accounts.
    #[command(flatten)]
    pub users: Users,
    /// Where the data comes from.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// The choice of accounts.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Users {
    /// Every account
    #[arg(long)]
    pub all_users: bool,
    /// One account; can be repeated
    #[arg(long, value_name = "HANDLE")]
    pub user: Vec<String>,
}

/// The database and its key, found as the server finds them.
#[derive(Args)]
pub struct TargetArgs {
    /// PostgreSQL to use instead of the embedded one
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Folder of the server's data: the embedded PostgreSQL, which may be running, and master.key
    #[arg(
        long,
        value_name = "DIR",
        env = "SQUARETABLE_DATA_DIR",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// Folder of initdb, pg_ctl and postgres for the embedded PostgreSQL
    #[arg(long, value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
    /// Print problems only
    #[arg(long, short)]
    pub quiet: bool,
}

impl std::fmt::Debug for TargetArgs {
    /// Without the URL, which may hold a password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TargetArgs")
            .field("data_dir", &self.data_dir)
            .field("postgres_bin", &self.postgres_bin)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}
