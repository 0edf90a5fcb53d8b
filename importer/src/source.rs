//! Where the data comes from: a data root, one user's folder, an archive of either, or an install before 1.12.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::args::SourceArgs;
use crate::exit::{Exit, Failure};
use crate::report::Entry;
use crate::unpack::{self, Unpacked};

/// A file changed so lately says that SillyTavern may be running.
const LATELY: Duration = Duration::from_secs(60);

/// What a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// The folder that holds `_storage` and the users' folders.
    DataRoot,
    /// The folder of one user, which goes to the account `handle`.
    User {
        /// The account here.
        handle: String,
    },
    /// The folder of a SillyTavern before 1.12, whose data lies among its own files.
    Before112,
}

/// What a SillyTavern before 1.12 keeps where, and where 1.12 moves it when it first starts: path in the install, path
/// in the folder of `default-user`.
pub const MOVED: [(&str, &str); 23] = [
    ("public/assets", "assets"),
    ("public/backgrounds", "backgrounds"),
    ("public/characters", "characters"),
    ("public/chats", "chats"),
    ("public/context", "context"),
    ("public/group chats", "group chats"),
    ("public/groups", "groups"),
    ("public/instruct", "instruct"),
    ("public/KoboldAI Settings", "KoboldAI Settings"),
    ("public/movingUI", "movingUI"),
    ("public/NovelAI Settings", "NovelAI Settings"),
    ("public/OpenAI Settings", "OpenAI Settings"),
    ("public/QuickReplies", "QuickReplies"),
    ("public/TextGen Settings", "TextGen Settings"),
    ("public/themes", "themes"),
    ("public/user", "user"),
    ("public/User Avatars", "User Avatars"),
    ("public/worlds", "worlds"),
    ("public/scripts/extensions/third-party", "extensions"),
    ("vectors", "vectors"),
    ("secrets.json", "secrets.json"),
    ("public/settings.json", "settings.json"),
    ("public/stats.json", "stats.json"),
];

/// Pages and styles of the operator's, which lay among the program's own files before they got a place in the data root:
/// path in the install, path in the data root.
pub const OVERRIDES: [(&str, &str); 5] = [
    (
        "public/error/forbidden-by-whitelist.html",
        "_errors/forbidden-by-whitelist.html",
    ),
    (
        "public/error/host-not-allowed.html",
        "_errors/host-not-allowed.html",
    ),
    ("public/error/unauthorized.html", "_errors/unauthorized.html"),
    ("public/error/url-not-found.html", "_errors/url-not-found.html"),
    ("public/css/user.css", "_css/user.css"),
];

/// A source, opened for reading.
#[derive(Debug)]
pub struct Source {
    shown: String,
    dir: PathBuf,
    layout: Layout,
    /// Which accounts of a data root are taken, and their names here; empty means all.
    users: Vec<(String, String)>,
    create_tenant: bool,
    unpacked: Option<Unpacked>,
}

impl Source {
    /// Finds out what the source is.
    ///
    /// # Errors
    /// [`Exit::Source`] when it cannot be read, [`Exit::Usage`] when the accounts do not fit it.
    pub async fn open(args: &SourceArgs) -> Result<Arc<Self>, Failure> {
        let shown = args
            .source
            .canonicalize()
            .with_context(|| format!("cannot read {}", args.source.display()))
            .map_err(unreadable)?;
        let mut dir = shown.clone();
        let mut unpacked = None;
        if !shown.is_dir() {
            let path = shown.clone();
            let archive = tokio::task::spawn_blocking(move || unpack::unpack(&path))
                .await
                .map_err(|error| Failure::new(Exit::Failed, error))?
                .map_err(unreadable)?;
            dir = archive.top();
            unpacked = Some(archive);
        }
        let users = args.user.iter().map(|text| match text.split_once('=') {
            Some((source, here)) => (source.to_owned(), here.to_owned()),
            None => (text.clone(), text.clone()),
        });
        let users: Vec<(String, String)> = users.collect();
        let (dir, mut layout) = layout(dir, &shown);
        if let Layout::User { handle } = &mut layout {
            match &users[..] {
                [] => {}
                [(_, here)] => handle.clone_from(here),
                _ => {
                    let error =
                        anyhow::anyhow!("{} is the data of one user: name one account", shown.display());
                    return Err(Failure::new(Exit::Usage, error));
                }
            }
        }
        Ok(Arc::new(Self {
            shown: shown.to_string_lossy().into_owned(),
            dir,
            layout,
            users,
            create_tenant: args.create_tenant,
            unpacked,
        }))
    }

    /// Entries of an archive that were not unpacked, and why.
    pub fn rejected(&self) -> &[(Entry, String)] {
        self.unpacked.as_ref().map_or(&[], |unpacked| &unpacked.rejected)
    }

    /// Its path, for people and for the runs.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The folder to read.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the folder is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Which accounts of a data root are taken, and their names here; empty means all.
    pub fn users(&self) -> &[(String, String)] {
        &self.users
    }

    /// Whether an account that neither side knows may be made.
    pub fn may_create_tenant(&self) -> bool {
        self.create_tenant
    }

    /// Why SillyTavern seems to be running on the source, if it does.
    pub fn seems_in_use(&self) -> Option<String> {
        let fresh = [
            "heartbeat.json",
            "access.log",
            "default-user/settings.json",
            "settings.json",
        ];
        let lately = fresh.iter().find(|name| {
            let modified = std::fs::metadata(self.dir.join(name)).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < LATELY))
        })?;
        Some(format!(
            "{lately} was changed less than a minute ago: if SillyTavern still runs on the source, stop it"
        ))
    }
}

fn unreadable(error: anyhow::Error) -> Failure {
    Failure::new(Exit::Source, error)
}

/// What a folder is, and the folder in it that holds the data. `shown` is the path that was given, which names the
/// account of a single user's data.
fn layout(dir: PathBuf, shown: &Path) -> (PathBuf, Layout) {
    if dir.join("characters").is_dir() && dir.join("settings.json").is_file() {
        let handle = handle_of(shown);
        return (dir, Layout::User { handle });
    }
    if dir.join("public/characters").is_dir() {
        return (dir, Layout::Before112);
    }
    // An install, rather than its data folder.
    let data = dir.join("data");
    if dir.join("package.json").is_file() && data.is_dir() {
        return (data, Layout::DataRoot);
    }
    (dir, Layout::DataRoot)
}

/// The account that a folder or a backup is named after: SillyTavern names backups `<handle>-YYYYMMDD-HHMMSS.zip`.
fn handle_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        return name.into_owned();
    }
    let stem = ["zip", "tar.gz", "tgz", "tar"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending)?.strip_suffix('.'))
        .unwrap_or(&name);
    let parts: Vec<&str> = stem.rsplitn(3, '-').collect();
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    match &parts[..] {
        [time, day, handle] if is_number(time, 6) && is_number(day, 8) => (*handle).to_owned(),
        _ => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_names_its_account() {
        for (name, handle) in [
            ("/x/ann-20260131-180000.zip", "ann"),
            ("/x/ann-lee-20260131-180000.zip", "ann-lee"),
            ("/x/ann.tar.gz", "ann"),
            ("/x/ann-2026.zip", "ann-2026"),
            ("/x/backup", "backup"),
        ] {
            assert_eq!(handle_of(Path::new(name)), handle);
        }
    }
}
