//! `verify` and `diff`: the source's files beside what the database holds.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use squaretable::keys::MasterKey;
use squaretable::store::{Tx, accounts as users};
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
    let (found, report) = scan::look(&source, &filter).await?;
    if found.users.is_empty() {
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
        let Some(known) = users::find(&target.db, &user.account.handle).await? else {
            let missing = "Squaretable has no such account";
            let records = user.records.iter().map(|(entry, _)| entry);
            for entry in records.chain(user.files.iter().map(|found| &found.entry)) {
                run.settle(entry, Outcome::Mismatch(missing.to_owned()));
            }
            continue;
        };
        for (entry, _) in &user.records {
            run.settle(
                entry,
                if user.account.equals(&known) {
                    Outcome::Moved
                } else {
                    Outcome::Mismatch("the account differs".to_owned())
                },
            );
        }
        let (tenant, _) = Tenant::open(&target.db, &user.account.as_new()).await?;
        compare_user(run, &tenant, user, both_ways).await?;
    }
    Ok(())
}

async fn compare_user(run: &Run, tenant: &Tenant, user: UserScan, both_ways: bool) -> anyhow::Result<()> {
    let mut tx = tenant.begin().await?;
    let items = Arc::new(composed::items(&mut tx).await?);
    if both_ways {
        only_here(run, &mut tx, &user, &items).await?;
    }
    tx.commit().await?;
    let mut lanes: [Vec<Found>; LANES] = Default::default();
    for (index, found) in user.files.into_iter().enumerate() {
        lanes[index % LANES].push(found);
    }
    let mut tasks = JoinSet::new();
    for files in lanes {
        let (run, tenant, items) = (run.clone(), tenant.clone(), items.clone());
        tasks.spawn(async move {
            let mut tx = tenant.begin().await?;
            for found in files {
                let outcome = run.compare(&tenant, &mut tx, &found, &items).await?;
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
async fn only_here(
    run: &Run,
    tx: &mut Tx,
    user: &UserScan,
    items: &HashMap<String, Item>,
) -> anyhow::Result<()> {
    let stored = Stored::read(tx).await?;
    let known: HashSet<String> = user.files.iter().map(|found| found.place.path()).collect();
    let mut others: Vec<&Item> = items
        .values()
        .filter(|item| !known.contains(&item.path) && !stored.is_default(&item.path))
        .collect();
    others.sort_by(|a, b| a.path.cmp(&b.path));
    for item in others {
        let entry = Entry {
            path: format!("{}/{}", user.account.handle, item.path),
            kind: Kind::Other,
            size: item.size,
        };
        run.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(Kind::Other);
        run.settle(&entry, Outcome::Mismatch("only in Squaretable".to_owned()));
    }
    Ok(())
}

impl Run {
    async fn compare(
        &self,
        tenant: &Tenant,
        tx: &mut Tx,
        found: &Found,
        items: &HashMap<String, Item>,
    ) -> anyhow::Result<Outcome> {
        let Some(item) = items.get(&found.place.path()) else {
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

    fn settle(&self, entry: &Entry, outcome: Outcome) {
        self.progress.settle(entry, &outcome, None);
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, None);
    }
}

/// BLAKE3 of a file of the source, read on a thread of its own.
async fn hash_file(found: &Found) -> anyhow::Result<Result<[u8; 32], String>> {
    let disk = found.disk.clone();
    let hash = move || {
        let mut hasher = blake3::Hasher::new();
        read::stable(&disk, |file| hasher.update_reader(file).map(|_| ()))?;
        Ok(*hasher.finalize().as_bytes())
    };
    Ok(tokio::task::spawn_blocking(hash).await?)
}
