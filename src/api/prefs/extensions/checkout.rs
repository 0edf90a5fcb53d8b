//! A stored extension in a temporary folder, and back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;

use super::broken;
use super::shelf::Shelf;
use crate::app::App;
use crate::error::Result;
use crate::git::{Remote, Workspace, is_kept, safe_config};
use crate::store::files::{self, StoredFile};
use crate::store::{Tx, blobs, extensions};

/// Parts of an extension, as far as a command needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What its branches point to, and where it came from.
    Refs,
    /// Its history.
    Objects,
    /// Its files.
    Files,
}

/// A file of the extension as it was when work began.
struct Entry {
    file: StoredFile,
    /// Its path below the extension, with `/`.
    path: String,
    /// `None`: not for git.
    part: Option<Part>,
    is_laid: bool,
}

/// An extension that git works on.
pub(super) struct Checkout {
    shelf: Shelf,
    name: String,
    entries: Vec<Entry>,
    workspace: Workspace,
    /// The configuration as it was laid out, which is not the stored one.
    config: String,
}

impl Checkout {
    /// Takes note of a stored extension; `None` where there is none.
    pub(super) async fn open(app: &App, shelf: &Shelf, name: &str) -> Result<Option<Self>> {
        let mut tx = shelf.read().await?;
        if !extensions::exists(&mut tx, name).await? {
            return Ok(None);
        }
        let stored = extensions::list(&mut tx, name).await?;
        tx.commit().await?;
        let entries = stored
            .into_iter()
            .map(|file| Entry::of(name, file))
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(Self {
            workspace: app.git().workspace().await?,
            shelf: shelf.clone(),
            name: name.to_owned(),
            entries,
            config: String::new(),
        }))
    }

    /// An empty folder for an extension that does not exist yet.
    pub(super) async fn new(app: &App, shelf: &Shelf, name: &str) -> Result<Self> {
        Ok(Self {
            workspace: app.git().workspace().await?,
            shelf: shelf.clone(),
            name: name.to_owned(),
            entries: Vec::new(),
            config: String::new(),
        })
    }

    /// The folder and the commands.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Whether it has a repository of its own.
    pub(super) fn is_repository(&self) -> bool {
        self.entries.iter().any(|entry| entry.path == ".git/HEAD")
    }

    /// Lays out these parts, as far as they are not there already.
    pub(super) async fn lay(&mut self, parts: &[Part]) -> Result<()> {
        let wanted = |entry: &Entry| entry.part.is_some_and(|part| parts.contains(&part));
        let (bytes, count) = self
            .entries
            .iter()
            .filter(|entry| wanted(entry))
            .fold((0, 0), |(bytes, count), entry| {
                (bytes + entry.file.blob.size, count + 1)
            });
        self.workspace.check(bytes, count)?;
        let root = self.workspace.repository();
        for folder in [".git/refs/heads", ".git/objects"] {
            tokio::fs::create_dir_all(root.join(folder)).await?;
        }
        let mut tx = self.shelf.read().await?;
        for entry in self.entries.iter_mut().filter(|entry| !entry.is_laid) {
            if !wanted(entry) {
                continue;
            }
            let path = root.join(&entry.path);
            if entry.path == ".git/config" {
                let stored = blobs::read(&mut tx, &entry.file.blob).await?;
                let listed = self.workspace.list_config(&stored).await?;
                self.config = safe_config(&listed)?;
                tokio::fs::write(&path, &self.config).await?;
            } else {
                write(&mut tx, entry, &path).await?;
            }
            entry.is_laid = true;
        }
        tx.commit().await
    }

    /// The address that the repository came from.
    pub(super) async fn remote_url(&self) -> Result<String> {
        let url = self
            .workspace
            .git(&["config", "--get", "remote.origin.url"])
            .await?;
        Ok(url.trim_end_matches('\n').to_owned())
    }

    /// Lets git reach an address from now on.
    pub(super) async fn connect(&mut self, app: &App, address: &str) -> Result<()> {
        let remote = self.workspace.within(Remote::reach(app, address)).await?;
        self.workspace.connect(remote);
        Ok(())
    }

    /// Stores what has changed, in one transaction. False, and nothing is stored, when the extension is no longer what
    /// it was.
    pub(super) async fn save(self) -> Result<bool> {
        let root = self.workspace.repository();
        let found = tokio::task::spawn_blocking(move || harvest(&root))
            .await
            .map_err(anyhow::Error::from)??;
        let mut tx = self.shelf.change(&self.name).await?;
        let current = extensions::list(&mut tx, &self.name).await?;
        let is_same = if self.entries.is_empty() && current.is_empty() {
            !extensions::exists(&mut tx, &self.name).await?
        } else {
            current.len() == self.entries.len()
                && current
                    .iter()
                    .zip(&self.entries)
                    .all(|(now, then)| now.is_same(&then.file))
        };
        if !is_same {
            return Ok(false);
        }
        let mut gone: HashMap<&str, &Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.is_laid)
            .map(|entry| (entry.path.as_str(), entry))
            .collect();
        for leaf in &found {
            let before = gone.remove(leaf.path.as_str());
            let is_unchanged = match before {
                Some(entry) if entry.path == ".git/config" => {
                    *blake3::hash(self.config.as_bytes()).as_bytes() == leaf.hash
                }
                Some(entry) => *entry.file.blob.hash() == leaf.hash,
                None => false,
            };
            if !is_unchanged {
                let (folder, name) = self.place(&leaf.path);
                let blob = blobs::put_file(&mut tx, &self.workspace.repository().join(&leaf.path)).await?;
                files::put(&mut tx, &folder, name, &blob).await?;
            }
        }
        for entry in gone.values() {
            files::delete(&mut tx, &entry.file.folder, &entry.file.name).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Folder and name of a path below the extension.
    fn place<'a>(&self, path: &'a str) -> (String, &'a str) {
        let folder = extensions::folder(&self.name);
        match path.rsplit_once('/') {
            Some((below, name)) => (format!("{folder}/{below}"), name),
            None => (folder, path),
        }
    }
}

impl Entry {
    fn of(extension: &str, file: StoredFile) -> Result<Self> {
        let whole = format!("{}/{}", file.folder, file.name);
        let path = whole
            .strip_prefix(&extensions::folder(extension))
            .and_then(|path| path.strip_prefix('/'))
            .unwrap_or_default()
            .to_owned();
        let is_odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains('\0');
        if path.split('/').any(is_odd) {
            return Err(broken(format!("{whole} cannot be a file on disk")));
        }
        let part = match path.strip_prefix(".git/") {
            None if path == ".git" => None,
            None => Some(Part::Files),
            Some(inner) if !is_kept(inner) => None,
            Some(inner) if inner.starts_with("objects/") => Some(Part::Objects),
            Some(_) => Some(Part::Refs),
        };
        Ok(Self {
            file,
            path,
            part,
            is_laid: false,
        })
    }
}

/// Writes a stored file, a piece at a time.
async fn write(tx: &mut Tx, entry: &Entry, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let mut out = tokio::fs::File::create(path).await?;
    let blob = &entry.file.blob;
    let mut at = 0;
    while at < blob.size {
        let piece = blobs::chunk(tx, blob, at, blob.size).await?;
        out.write_all(&piece).await?;
        at += piece.len() as u64;
    }
    out.flush().await?;
    Ok(())
}

/// A file that git left.
struct Leaf {
    /// Its path below the repository, with `/`.
    path: String,
    /// BLAKE3 of its content.
    hash: [u8; 32],
}

/// The files of a repository that are worth keeping.
fn harvest(root: &Path) -> Result<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let below = folder.join(entry.file_name());
            let path = below
                .to_str()
                .ok_or_else(|| broken("the repository has a file name that is no text"))?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(below);
            } else if kind.is_file() && path.strip_prefix(".git/").is_none_or(is_kept) {
                let mut hasher = blake3::Hasher::new();
                std::io::copy(&mut std::fs::File::open(entry.path())?, &mut hasher)?;
                leaves.push(Leaf {
                    path: path.to_owned(),
                    hash: *hasher.finalize().as_bytes(),
                });
            }
        }
    }
    Ok(leaves)
}
