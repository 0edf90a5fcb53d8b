//! `runs`: what earlier imports did.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use squaretable::store::Db;
use squaretable::store::imports::{self, Line, Run};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::is_safe;
use tokio::io::AsyncWriteExt;

use crate::args::RunsArgs;
use crate::exit::{Exit, Failure};
use crate::report::printable;
use crate::system;
use crate::target::Target;

/// Lines of a ledger read at a time.
pub const PAGE: i64 = 10_000;

/// Runs the verb.
///
/// # Errors
/// What kept it from finishing.
pub async fn run(args: &RunsArgs) -> Result<Exit, Failure> {
    let target = Target::open(&args.target, false, 3).await?;
    let shown = show(args, &target.db).await;
    target.close().await?;
    let text = shown.map_err(|error| Failure::new(Exit::Target, error))?;
    print!("{}", text.as_deref().unwrap_or_default());
    Ok(if text.is_some() { Exit::Done } else { Exit::Nothing })
}

async fn show(args: &RunsArgs, db: &Db) -> anyhow::Result<Option<String>> {
    let Some(run_id) = args.run else {
        let runs = imports::list(db).await?;
        let mut text = String::new();
        for run in &runs {
            let _ = if args.json {
                writeln!(text, "{}", facts(run))
            } else {
                writeln!(
                    text,
                    "{}  {:<11}  {}",
                    line(run),
                    state(run),
                    printable(&run.source)
                )
            };
        }
        return Ok((!runs.is_empty()).then_some(text));
    };
    let Some(run) = imports::find(db, run_id).await? else {
        return Ok(None);
    };
    let mut text = String::new();
    if args.json {
        let _ = writeln!(text, "{}", facts(&run));
    } else {
        let _ = writeln!(
            text,
            "{}  {:<11}  {}",
            line(&run),
            state(&run),
            printable(&run.source)
        );
        let _ = writeln!(text, "version {}, options {}", run.version, run.options);
    }
    for tenant in tenants(db, &run).await? {
        detail(args, &tenant, &run, &mut text).await?;
    }
    Ok(Some(text))
}

/// The tenants of a run's accounts, as far as they still exist.
///
/// # Errors
/// The database failed.
pub async fn tenants(db: &Db, run: &Run) -> anyhow::Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    for account in imports::accounts(db, run.run_id).await? {
        tenants.extend(system::tenant(db, &account.handle).await?);
    }
    Ok(tenants)
}

async fn detail(args: &RunsArgs, tenant: &Tenant, run: &Run, text: &mut String) -> anyhow::Result<()> {
    let mut tx = tenant.begin().await?;
    for (kind, outcome, files, bytes) in imports::counts(&mut tx, run.run_id).await? {
        let _ = if args.json {
            let handle = tenant.handle();
            let row = json!({ "account": handle, "kind": kind, "outcome": outcome, "files": files, "bytes": bytes });
            writeln!(text, "{row}")
        } else {
            let bytes = indicatif::HumanBytes(u64::try_from(bytes).unwrap_or(0));
            writeln!(
                text,
                "{}: {kind:<10} {outcome:<10} {files:>8}  {bytes}",
                tenant.handle()
            )
        };
    }
    let mut after = String::new();
    loop {
        let lines = imports::lines(&mut tx, run.run_id, &after, PAGE).await?;
        let Some(last) = lines.last() else { break };
        after.clone_from(&last.path);
        for line in &lines {
            if let Some(reason) = &line.reason {
                problem(args, line, reason, text);
            }
            if let Some(dir) = &args.rejects {
                write_rejected(tenant, line, dir).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

fn problem(args: &RunsArgs, line: &Line, reason: &str, text: &mut String) {
    let _ = if args.json {
        let row =
            json!({ "path": line.source_path, "kind": line.kind, "outcome": line.outcome, "reason": reason });
        writeln!(text, "{row}")
    } else {
        writeln!(
            text,
            "{:<9} {}: {reason}",
            line.outcome,
            printable(&line.source_path)
        )
    };
}

/// Writes a rejected file's bytes to `dir`, under its path in the source.
async fn write_rejected(tenant: &Tenant, line: &Line, dir: &Path) -> anyhow::Result<()> {
    let Some(blob) = line.rejected.filter(|_| is_safe(&line.source_path)) else {
        return Ok(());
    };
    let path = dir.join(&line.source_path);
    let parent = path.parent().unwrap_or(dir);
    let failed = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(parent).with_context(failed)?;
    let mut file = tokio::fs::File::create(&path).await.with_context(failed)?;
    let mut chunks = std::pin::pin!(tenant.stream(blob, 0, blob.size));
    while let Some(chunk) = chunks.try_next().await? {
        file.write_all(&chunk).await.with_context(failed)?;
    }
    file.flush().await.with_context(failed)
}

fn line(run: &Run) -> String {
    format!("{}  {}", run.run_id, run.started_at.format("%Y-%m-%d %H:%M:%SZ"))
}

fn state(run: &Run) -> &'static str {
    match (run.rolled_back_at, run.finished_at) {
        (Some(_), _) => "rolled back",
        (None, Some(_)) => "finished",
        (None, None) => "unfinished",
    }
}

fn facts(run: &Run) -> Value {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339());
    json!({
        "run": run.run_id.to_string(), "source": run.source, "version": run.version, "state": state(run),
        "options": serde_json::from_str::<Value>(&run.options).unwrap_or_default(),
        "started_at": time(Some(run.started_at)), "finished_at": time(run.finished_at),
        "rolled_back_at": time(run.rolled_back_at),
    })
}
