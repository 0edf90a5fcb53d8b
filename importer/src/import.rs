//! `import`: scan, open the database, load account by account, report.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::args::ImportArgs;
use crate::exit::{Exit, Failure};
use crate::load::{self, Run};
use crate::progress::Progress;
use crate::report::Report;
use crate::scan::{Scan, scan};
use crate::target::Target;

/// Runs the verb.
///
/// # Errors
/// What kept it from finishing; the report of what was done by then is printed all the same.
pub async fn run(args: &ImportArgs) -> Result<Exit, Failure> {
    let (found, report) = look(args).await?;
    if found.users.is_empty() {
        eprintln!("squaretable-importer: {} holds no account", args.root.display());
        eprint!("{}", report.problems());
        return Ok(Exit::Nothing);
    }
    let target = Target::open(&args.target, true).await?;
    let progress = Arc::new(Progress::new(found.files, found.bytes, args.target.quiet));
    let report = Arc::new(Mutex::new(report));
    let run = Run {
        db: target.db.clone(),
        key: target.key.clone(),
        overwrite: args.overwrite,
        progress: progress.clone(),
        report: report.clone(),
    };
    let ended = tokio::select! {
        loaded = load_all(&run, found) => loaded.map_err(|error| Failure::new(Exit::Target, error)),
        interrupted = interrupted() => Err(interrupted),
    };
    progress.finish();
    target.close().await?;
    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
    eprint!("{}", report.problems());
    if !args.target.quiet {
        print!("{}", report.summary("imported"));
    }
    if ended.is_err() {
        eprintln!(
            "squaretable-importer: not finished; what was imported stays, and running again goes on from there"
        );
    }
    ended.map(|()| report.exit())
}

async fn look(args: &ImportArgs) -> Result<(Scan, Report), Failure> {
    let root = args.root.clone();
    let walk = move || {
        let mut report = Report::default();
        scan(&root, &mut report).map(|found| (found, report))
    };
    let scanned = tokio::task::spawn_blocking(walk)
        .await
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    scanned.map_err(|error| Failure::new(Exit::Source, error))
}

async fn load_all(run: &Run, found: Scan) -> anyhow::Result<()> {
    for user in found.users {
        load::user(run, user).await?;
    }
    Ok(())
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
