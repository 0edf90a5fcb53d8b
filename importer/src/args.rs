//! The command line.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

use crate::exit::{self, Exit, Failure};
use crate::ledger;
use crate::policy::{self, Exclude, Filter, OnConflict, OnError, Only};

/// Moves SillyTavern data directories into Squaretable and out again.
#[derive(Debug, Parser)]
#[command(name = "squaretable-importer", version, after_help = exit::TABLE)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// YAML file whose keys are flags without their dashes; the environment (SQUARETABLE_IMPORTER_ON_CONFLICT and so
    /// on) and the command line win over it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load SillyTavern's data: accounts, with everything in their folders
    #[command(after_help = exit::TABLE)]
    Import(ImportArgs),
    /// Look through SillyTavern's data without a database: what is there, what is odd about it
    #[command(after_help = exit::TABLE)]
    Inspect(InspectArgs),
    /// Compare SillyTavern's data with what was imported
    #[command(after_help = exit::TABLE)]
    Verify(VerifyArgs),
    /// Like verify, and name what only Squaretable has
    #[command(after_help = exit::TABLE)]
    Diff(VerifyArgs),
    /// Take back what an import wrote, as far as nobody changed it since
    #[command(after_help = exit::TABLE)]
    Rollback(RollbackArgs),
    /// List imports, or show one
    #[command(after_help = exit::TABLE)]
    Runs(RunsArgs),
    /// Write accounts back to a new data root that SillyTavern starts on
    #[command(after_help = exit::TABLE)]
    Export(ExportArgs),
    /// Print the completions of a shell, to be sourced from its start-up file
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l -`
    Man,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Where the data is.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What is taken.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What to do where the account holds something else; default content that nobody touched always gives way
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub on_conflict: OnConflict,
    /// What to do when a file cannot be taken: continue, stop, or end after so many
    #[arg(long, default_value = "continue", value_name = "stop|continue|N")]
    pub on_error: OnError,
    /// Do everything, and roll it back
    #[arg(long)]
    pub dry_run: bool,
    /// How many files are written at the same time
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Do not ask before anything is written (nobody is asked where there is no terminal)
    #[arg(long, short)]
    pub yes: bool,
    /// What is told, and where.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where the data goes.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Where the data is.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What would be taken.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What is told, and where.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `verify` and `diff`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where the data is.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What is compared.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Put every file together again and compare its bytes, rather than sizes and times
    #[arg(long)]
    pub deep: bool,
    /// What is told, and where.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What it is compared with.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The import, as its summary and `runs` name it
    #[arg(value_name = "RUN", value_parser = ledger::parse_run)]
    pub run: Uuid,
    /// What is told, and where.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where the data is.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Show this import: counts, and everything that was not simply taken
    #[arg(value_name = "RUN", value_parser = ledger::parse_run)]
    pub run: Option<Uuid>,
    /// Write the bytes of rejected files to this folder
    #[arg(long, value_name = "DIR", requires = "run")]
    pub rejects: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Where the data is.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// A source and which of its accounts are meant.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// SillyTavern's data folder (the one that holds `default-user`), one user's folder, a backup (.zip, .tar, .tar.gz)
    /// or the folder of a SillyTavern before 1.12; it is only read
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
    /// Every account of the source, which is the default
    #[arg(long, conflicts_with = "user")]
    pub all_users: bool,
    /// One account of the source, perhaps under another name here; can be repeated. HANDLE alone also names the account
    /// that a single user's folder or backup goes to
    #[arg(long, value_name = "[SOURCE=]HANDLE")]
    pub user: Vec<String>,
    /// Make the account that a single user's folder or backup goes to, if there is none
    #[arg(long)]
    pub create_tenant: bool,
}

/// Which files are taken.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Take API keys too; they are stored encrypted
    #[arg(long)]
    pub with_secrets: bool,
    /// Only these kinds of files
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,...")]
    pub only: Vec<Only>,
    /// Only this character: its card, chats, sprites and gallery; can be repeated
    #[arg(long, value_name = "NAME")]
    pub character: Vec<String>,
    /// Only files changed since, such as 2026-01-31 or 2026-01-31T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = policy::parse_since)]
    pub since: Option<DateTime<Utc>>,
    /// Leave out what matches, by its path below the user's folder (`*`, `**` and `?` as in a shell); can be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
}

impl FilterArgs {
    /// The filter that the arguments mean.
    ///
    /// # Errors
    /// [`Exit::Usage`](crate::exit::Exit::Usage) for a pattern that makes no sense.
    pub fn filter(&self) -> Result<Filter, Failure> {
        Ok(Filter {
            with_secrets: self.with_secrets,
            only: self.only.clone(),
            characters: self.character.clone(),
            since: self.since,
            exclude: Exclude::new(&self.exclude).map_err(|error| Failure::new(Exit::Usage, error))?,
        })
    }
}

/// What a run tells, and where.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print problems only
    #[arg(long, short)]
    pub quiet: bool,
    /// Print one JSON object a line instead of text: start, file, summary
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Write what became of every file; the name's ending decides the form
    #[arg(long, value_name = "FILE.json|csv")]
    pub report: Option<PathBuf>,
    /// Write a line for every file, as it happens
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
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
    /// Leave out API keys, which SillyTavern keeps in plain text
    #[arg(long)]
    pub without_secrets: bool,
    /// What is told, and where.
    #[command(flatten)]
    pub output: OutputArgs,
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
}

impl std::fmt::Debug for TargetArgs {
    /// Without the URL, which may hold a password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TargetArgs")
            .field("data_dir", &self.data_dir)
            .field("postgres_bin", &self.postgres_bin)
            .finish_non_exhaustive()
    }
}
