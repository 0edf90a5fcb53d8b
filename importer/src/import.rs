//! `import`: find the source, look through it, ask, open the database, load account by account, report.

use std::io::{BufRead, IsTerminal, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use serde_json::json;
use squaretable::store::{Db, accounts, imports};
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::args::ImportArgs;
use crate::exit::{Exit, Failure};
use crate::load::{self, Run, Stopped};
use crate::output::Output;
use crate::policy::{Filter, OnConflict};
use crate::progress::Progress;
use crate::scan::{self, Scan};
use crate::source::{Layout, Source};
use crate::target::Target;

/// Connections beside those of the lanes: one that keeps other imports out, one for the runs.
const EXTRA_CONNECTIONS: u32 = 2;

/// Runs the verb.
///
/// # Errors
/// What kept it from finishing; the report of what was done by then is printed all the same.
pub async fn run(args: &ImportArgs) -> Result<Exit, Failure> {
    let filter = args.filter.filter()?;
    let output = Output::open(&args.output)?;
    let source = Source::open(&args.source).await?;
    let (found, report) = scan::look(&source, &filter, &output).await?;
    if !found.holds_account() {
        eprintln!("squaretable-importer: {} holds no account", source.shown());
        eprint!("{}", report.problems());
        return Ok(Exit::Nothing);
    }
    if let Some(warning) = source.seems_in_use() {
        eprintln!("squaretable-importer: warning: {warning}");
    }
    if !args.yes && !confirmed(&found, &output)? {
        return Ok(Exit::Nothing);
    }
    let connections = u32::from(args.jobs) + 1 + EXTRA_CONNECTIONS;
    let target = Target::open(&args.target, true, connections).await?;
    let (run_id, resumed) = match begin(&target.db, args, &source, &filter, &found).await {
        Ok(begun) => begun,
        Err(error) => {
            target.close().await?;
            return Err(stopped(error));
        }
    };
    output.start(
        "import",
        source.shown(),
        Some(run_id),
        resumed,
        found.files,
        found.bytes,
    );
    let run = Run {
        db: target.db.clone(),
        key: target.key.clone(),
        run_id,
        on_conflict: args.on_conflict,
        on_error: args.on_error,
        dry_run: args.dry_run,
        jobs: usize::from(args.jobs),
        progress: Arc::new(Progress::new(found.files, found.bytes, output)),
        report: Arc::new(Mutex::new(report)),
    };
    let mut ended = finish(&run, found).await;
    run.progress.finish();
    if run.dry_run {
        let removed = accounts::delete_scratch(&run.db, &run_id.to_string()).await;
        ended = ended.and(removed.map_err(|error| Failure::new(Exit::Target, error)));
    }
    target.close().await?;
    summary(&run, args, ended)
}

/// Loads everything, and notes that the run is done.
async fn finish(run: &Run, found: Scan) -> Result<(), Failure> {
    let load = async {
        load_all(run, found).await?;
        if !run.dry_run {
            imports::finish(&run.db, run.run_id).await?;
        }
        Ok(())
    };
    tokio::select! {
        loaded = load => loaded.map_err(stopped),
        interrupted = interrupted() => Err(interrupted),
    }
}

/// The run to go on with, or a new one. Says whether it goes on.
async fn begin(
    db: &Db,
    args: &ImportArgs,
    source: &Source,
    filter: &Filter,
    found: &Scan,
) -> anyhow::Result<(Uuid, bool)> {
    let options =
        json!({ "on_conflict": args.on_conflict, "users": args.source.user, "filter": filter.to_json() })
            .to_string();
    let unfinished = imports::unfinished(db, source.shown(), &options).await?;
    if let Some(run) = unfinished.filter(|_| !args.dry_run) {
        return Ok((run.run_id, true));
    }
    if *source.layout() != Layout::DataRoot && !source.may_create_tenant() {
        load::require_accounts(db, &found.users).await?;
    }
    if args.on_conflict == OnConflict::Fail {
        load::refuse_conflicts(db, &found.users).await?;
    }
    if args.dry_run {
        return Ok((Uuid::new_v4(), false));
    }
    let run = imports::Run {
        run_id: Uuid::new_v4(),
        source: source.shown().to_owned(),
        options,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Utc::now(),
        finished_at: None,
        rolled_back_at: None,
    };
    imports::begin(db, &run).await?;
    Ok((run.run_id, false))
}

/// Says what would be read, and asks whether to go on; where there is no terminal, nobody is asked.
fn confirmed(found: &Scan, output: &Output) -> Result<bool, Failure> {
    if output.is_json() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    eprint!("{}Go on? [y/N] ", found.plan());
    let ask = || {
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, std::io::Error>(matches!(answer.trim(), "y" | "Y" | "yes"))
    };
    ask().map_err(|error| Failure::new(Exit::Failed, error))
}

async fn load_all(run: &Run, found: Scan) -> anyhow::Result<()> {
    for user in found.users {
        load::user(run, user).await?;
    }
    Ok(())
}

fn stopped(error: anyhow::Error) -> Failure {
    let exit = match error.downcast_ref() {
        Some(Stopped::Conflict { .. } | Stopped::Account(_) | Stopped::Busy(_)) => Exit::Conflict,
        Some(Stopped::Errors(_)) => Exit::Rejects,
        Some(Stopped::NoAccount(_)) => Exit::Usage,
        None => Exit::Target,
    };
    Failure::new(exit, error)
}

fn summary(run: &Run, args: &ImportArgs, ended: Result<(), Failure>) -> Result<Exit, Failure> {
    let report = run.report.lock().unwrap_or_else(PoisonError::into_inner);
    let output = run.progress.output();
    let verb = if args.dry_run { "would" } else { "imported" };
    output.summary(&report, verb, Some(run.run_id))?;
    if ended.is_err() && !args.dry_run {
        eprintln!(
            "squaretable-importer: not finished; what was imported stays, and the same command goes on from there"
        );
    }
    ended.map(|()| report.exit())
}

/// Waits for SIGINT or SIGTERM. What is not committed by then is rolled back.
pub async fn interrupted() -> Failure {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (mut interrupt, mut terminate) = match signals {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => return Failure::new(Exit::Failed, error),
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Failure::new(Exit::Interrupted, anyhow::anyhow!("interrupted"))
}
