//! `verify` and `diff`: the source's files beside what the database holds.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use squaretable::keys::MasterKey;
use squaretable::store::Tx;
use squaretable::tenant::Tenant;
use squaretable::user_folder::{Item, What};
use tokio::task::JoinSet;

use crate::args::VerifyArgs;
use crate::composed;
use crate::exit::{Exit, Failure};
use crate::import::interrupted;
use crate::output::Output;
use crate::progress::Progress;
use crate::read;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::scan::{self, Found, Scan, UserScan};
use crate::source::Source;
use crate::stored::Stored;
use crate::system;
use crate::target::Target;

/// Tasks that compare side by side.
const LANES: usize = 3;

/// What every task needs.
#[derive(Clone)]
struct Run {
    deep: bool,
    key: Option<MasterKey>,
    progress: Arc<Progress>,
    report: Arc<Mutex<Report>>,
}

/// Runs `verify`, or `diff` when `both_ways`, which also names what only the database holds.
///
/// # Errors
/// What kept it from finishing.
pub async fn run(args: &VerifyArgs, both_ways: bool) -> Result<Exit, Failure> {
    let filter = args.filter.filter()?;
    let output = Output::open(&args.output)?;
    let source = Source::open(&args.source).await?;
    let (found, report) = scan::look(&source, &filter, &output).await?;
    if !found.holds_account() {
        eprintln!("squaretable-importer: {} holds no account", source.shown());
        return Ok(Exit::Nothing);
    }
    let target = Target::open(&args.target, false, LANES as u32 + 2).await?;
    let verb = if both_ways { "diff" } else { "verify" };
    output.start(verb, source.shown(), None, false, found.files, found.bytes);
    let run = Run {
        deep: args.deep,
        key: target.key.clone(),
        progress: Arc::new(Progress::new(found.files, found.bytes, output)),
        report: Arc::new(Mutex::new(report)),
    };
    let compare = compare_all(&run, &target, found, both_ways);
    let ended = tokio::select! {
        compared = compare => compared.map_err(|error| Failure::new(Exit::Target, error)),
        interrupted = interrupted() => Err(interrupted),
    };
    run.progress.finish();
    target.close().await?;
    ended?;
    let report = run.report.lock().unwrap_or_else(PoisonError::into_inner);
    run.progress.output().summary(&report, "verified", None)?;
    Ok(report.exit())
}

async fn compare_all(run: &Run, target: &Target, found: Scan, both_ways: bool) -> anyhow::Result<()> {
    for user in found.users {
        let handle = user.account.handle.clone();
        let Some(tenant) = system::tenant(&target.db, &handle).await? else {
            for entry in user.entries() {
                run.settle(
                    entry,
                    Outcome::Mismatch("Squaretable has no such account".to_owned()),
                );
            }
            continue;
        };
        compare_account(run, &tenant, &user);
        compare_user(run, &tenant, user, both_ways).await?;
    }
    Ok(())
}

fn compare_account(run: &Run, tenant: &Tenant, user: &UserScan) {
    let differs = user.is_stated && !user.account.equals(tenant.user());
    let outcome = || match differs {
        true => Outcome::Mismatch("the account differs".to_owned()),
        false => Outcome::Moved,
    };
    for entry in &user.records {
        run.settle(entry, outcome());
    }
    // Its record is compared as a file, which the account may have left behind.
    if differs && user.records.is_empty() {
        let entry = Entry {
            path: user.account.handle.clone(),
            kind: Kind::Account,
            size: 0,
        };
        run.find(entry.kind);
        run.settle(&entry, outcome());
    }
}

async fn compare_user(run: &Run, tenant: &Tenant, user: UserScan, both_ways: bool) -> anyhow::Result<()> {
    let mut tx = tenant.begin().await?;
    let stored = Arc::new(Stored::read(&mut tx, tenant.handle()).await?);
    if both_ways {
        only_here(run, &user, &stored);
    }
    tx.commit().await?;
    let mut lanes: [Vec<Found>; LANES] = Default::default();
    for (index, found) in user.files.into_iter().enumerate() {
        lanes[index % LANES].push(found);
    }
    let mut tasks = JoinSet::new();
    for files in lanes {
        let (run, tenant, stored) = (run.clone(), tenant.clone(), stored.clone());
        tasks.spawn(async move {
            let mut tx = tenant.begin().await?;
            for found in files {
                let outcome = run.compare(&tenant, &mut tx, &found, &stored).await?;
                run.settle(&found.entry, outcome);
            }
            Ok::<_, anyhow::Error>(tx.commit().await?)
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Names what the account holds and the source does not; default content that nobody touched is left out.
fn only_here(run: &Run, user: &UserScan, stored: &Stored) {
    let known: HashSet<String> = user.files.iter().map(|found| found.place.path()).collect();
    let mut others: Vec<&Item> = stored
        .items()
        .filter(|item| !known.contains(&item.path) && !stored.is_default(&item.path))
        .collect();
    others.sort_by(|a, b| a.path.cmp(&b.path));
    for item in others {
        let entry = Entry {
            path: match system::outside(&item.path) {
                Some(path) if user.is_system() => path.to_owned(),
                _ => format!("{}/{}", user.account.handle, item.path),
            },
            kind: Kind::Other,
            size: item.size,
        };
        run.find(entry.kind);
        run.settle(&entry, Outcome::Mismatch("only in Squaretable".to_owned()));
    }
}

impl Run {
    async fn compare(
        &self,
        tenant: &Tenant,
        tx: &mut Tx,
        found: &Found,
        stored: &Stored,
    ) -> anyhow::Result<Outcome> {
        let Some(item) = stored.item(&found.place.path()) else {
            return Ok(Outcome::Mismatch("Squaretable does not have it".to_owned()));
        };
        // The real sizes of what is composed or sealed are not recorded.
        let sized = match &item.what {
            What::Card(card) => card.pristine,
            What::Secrets => false,
            _ => true,
        };
        if sized && item.size != found.entry.size {
            let reason = format!("{} bytes here, {} in the source", item.size, found.entry.size);
            return Ok(Outcome::Mismatch(reason));
        }
        if self.deep {
            let source = match hash_file(found).await? {
                Ok(hash) => hash,
                Err(reason) => return Ok(Outcome::Rejected(reason)),
            };
            match composed::hash(tenant, tx, item, self.key.as_ref()).await {
                Ok((hash, _)) if hash == source => {}
                Ok(_) => return Ok(Outcome::Mismatch("the bytes differ".to_owned())),
                Err(squaretable::user_folder::Fault::Store(error)) => return Err(error.into()),
                Err(fault) => return Ok(Outcome::Mismatch(fault.to_string())),
            }
        }
        if item.modified_at != found.modified_at {
            let reason = if self.deep {
                "same bytes, another time"
            } else {
                "another time"
            };
            return Ok(Outcome::Mismatch(reason.to_owned()));
        }
        Ok(Outcome::Moved)
    }

    fn find(&self, kind: Kind) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.find(kind);
    }

    fn settle(&self, entry: &Entry, outcome: Outcome) {
        self.progress.settle(entry, &outcome, None);
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, None);
    }
}

/// BLAKE3 of a file of the source, read on a thread of its own.
async fn hash_file(found: &Found) -> anyhow::Result<Result<[u8; 32], String>> {
    let disk = found.disk.clone();
    Ok(tokio::task::spawn_blocking(move || read::hash(&disk)).await?)
}
