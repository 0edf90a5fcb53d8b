//! `inspect`: what a source holds and what is odd about it, without a database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use squaretable_compat::layout::{DocumentKind, Place};

use crate::args::InspectArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Progress;
use crate::read;
use crate::report::{Outcome, Report};
use crate::scan::{self, Found, UserScan};
use crate::source::Source;
use crate::system;

/// How many times as long as this run an import takes, for the estimate: `scripts/bench-import.mjs` measures both on one
/// root (32 on two cores, for 3.7 GB in 10,000 cards and 20,000 chats). Where the disk is slow to read, it is less.
const IMPORT_TO_READ: u32 = 32;

/// Runs the verb.
///
/// # Errors
/// The source cannot be read.
pub async fn run(args: &InspectArgs) -> Result<Exit, Failure> {
    let filter = args.filter.filter()?;
    let output = Output::open(&args.output)?;
    let source = Source::open(&args.source).await?;
    let (found, report) = scan::look(&source, &filter, &output).await?;
    output.start("inspect", source.shown(), None, false, found.files, found.bytes);
    let shows = !output.is_json() && !args.output.quiet;
    if !found.holds_account() {
        eprintln!("squaretable-importer: {} holds no account", source.shown());
    }
    let plan = found.plan();
    let progress = Arc::new(Progress::new(found.files, found.bytes, output));
    let report = Arc::new(Mutex::new(report));
    let begun = Instant::now();
    let (looked, at) = (progress.clone(), report.clone());
    let look = move || {
        for user in &found.users {
            look_into(user, &looked, &at);
        }
        (
            found.holds_account(),
            found.users.iter().flat_map(oddities).collect::<Vec<_>>(),
        )
    };
    let (any, oddities) = tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    progress.finish();
    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
    if shows {
        print!("{plan}");
        for oddity in &oddities {
            println!("odd: {oddity}");
        }
        let estimate = begun.elapsed() * IMPORT_TO_READ;
        println!("an import would take about {}", rounded(estimate));
    }
    if let Some(warning) = source.seems_in_use() {
        eprintln!("squaretable-importer: warning: {warning}");
    }
    progress.output().summary(&report, "readable", None)?;
    Ok(if any { report.exit() } else { Exit::Nothing })
}

/// Reads every file, so that what is damaged or unreadable is known before an import.
fn look_into(user: &UserScan, progress: &Progress, report: &Mutex<Report>) {
    let settle = |entry, outcome: Outcome, flag: Option<String>| {
        progress.settle(entry, &outcome, flag.as_deref());
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, flag);
    };
    for entry in &user.records {
        settle(entry, Outcome::Moved, None);
    }
    for found in &user.files {
        match read::read(found, None) {
            Ok(content) => settle(&found.entry, Outcome::Moved, content.flag),
            Err(reason) => settle(&found.entry, Outcome::Rejected(reason), None),
        }
    }
}

/// What is odd about a user's folder, though all of it can be taken.
fn oddities(user: &UserScan) -> Vec<String> {
    if user.is_system() {
        return strangers(user);
    }
    let handle = &user.account.handle;
    let mut cards = BTreeSet::new();
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    let mut spellings: HashMap<String, Vec<String>> = HashMap::new();
    let mut odd = Vec::new();
    for found in &user.files {
        let path = found.place.path();
        match &found.place {
            Place::Character { avatar } => {
                cards.insert(avatar.strip_suffix(".png").unwrap_or(avatar));
            }
            Place::Chat { folder, .. } => *owners.entry(folder).or_default() += 1,
            _ => {}
        }
        if found.entry.size == 0 && !matches!(&found.place, Place::File { .. }) {
            odd.push(format!("{handle}/{path} is empty"));
        }
        spellings.entry(folded(&path)).or_default().push(path);
    }
    for (folder, chats) in owners {
        if !cards.contains(folder) {
            odd.push(format!("{handle}/chats/{folder} has {chats} chats but no card"));
        }
    }
    for paths in spellings.into_values().filter(|paths| paths.len() > 1) {
        odd.push(format!(
            "{handle} has names that differ by case or accents' form only: {}",
            paths.join(", ")
        ));
    }
    odd.extend(
        user.files
            .iter()
            .flat_map(|found| dangling(handle, found, &cards)),
    );
    odd.sort();
    odd
}

/// Folders of the data root that no account names.
fn strangers(user: &UserScan) -> Vec<String> {
    let tops = user.folders.iter().filter_map(|folder| system::outside(folder));
    tops.filter(|top| !top.contains('/') && !matches!(*top, "_css" | "_errors" | "_storage"))
        .map(|top| format!("{top} is a folder of the data root that no account names"))
        .collect()
}

/// Members of a group that have no card.
fn dangling(handle: &str, found: &Found, cards: &BTreeSet<&str>) -> Vec<String> {
    let Place::Document {
        kind: DocumentKind::Groups,
        name,
    } = &found.place
    else {
        return Vec::new();
    };
    let group: Value = std::fs::read(&found.disk)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let members = group
        .get("members")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    members
        .filter_map(Value::as_str)
        .filter(|member| !cards.contains(member.strip_suffix(".png").unwrap_or(member)))
        .map(|member| format!("{handle}/groups/{name} has the member {member:?}, which has no card"))
        .collect()
}

/// A path as a file system without case and with one form of accents would see it.
fn folded(path: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    path.nfc().collect::<String>().to_lowercase()
}

fn rounded(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => "a few seconds".to_owned(),
        seconds @ 10..=99 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
