//! What a new tenant starts with: the installed frontend's default content.
//!
//! `content.log` says what a tenant was given once, so that what it deleted does not come back and what a newer
//! frontend adds arrives. File contents are shared by all tenants (`store/blobs.rs`).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::Utc;
use squaretable_compat::content::{self, Item, Scope};
use squaretable_compat::layout::{DocumentKind, Place, USER_FOLDERS};
use squaretable_compat::{names, png};

use crate::error::{Error, Result};
use crate::keys::MasterKey;
use crate::store::characters::NewCharacter;
use crate::store::{Tx, blobs, characters, documents, files, secrets};
use crate::tenant::Tenant;

const LOG: &str = "content.log";

/// The default content of an installation.
#[derive(Debug, Clone)]
pub struct DefaultContent {
    root: PathBuf,
    items: Vec<Item>,
}

impl DefaultContent {
    /// Reads the index in `root` (`default/content`).
    ///
    /// # Errors
    /// There is no readable index.
    pub fn load(root: &Path) -> anyhow::Result<Self> {
        let index = root.join("index.json");
        let bytes = std::fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        let items = content::parse_index(&bytes).with_context(|| format!("in {}", index.display()))?;
        Ok(Self {
            root: root.to_path_buf(),
            items,
        })
    }

    /// The shipped file that a preset of this name came from.
    #[must_use]
    pub fn default_preset(&self, kind: DocumentKind, name: &str) -> Option<PathBuf> {
        let item = self.items.iter().find(|item| {
            item.is_preset()
                && item
                    .target_folder()
                    .is_some_and(|(_, folder)| folder == kind.folder())
                && names::base_name(names::file_name(&item.filename)) == name
        })?;
        Some(self.root.join(&item.filename))
    }

    /// The shipped file of a kind and name: an `error_page` such as `url-not-found.html`, the `stylesheet` `user.css`.
    #[must_use]
    pub fn of_kind(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let item = self
            .items
            .iter()
            .find(|item| item.kind == kind && item.filename.ends_with(name))?;
        Some(self.root.join(&item.filename))
    }

    /// The shipped files of a kind, such as `sysprompt`.
    pub fn documents_of(&self, kind: &str) -> impl Iterator<Item = PathBuf> {
        let items = self.items.iter().filter(move |item| item.kind == kind);
        items.map(|item| self.root.join(&item.filename))
    }

    /// Gives a tenant its folders and whatever its `content.log` does not name yet.
    ///
    /// # Errors
    /// The database failed, or a shipped file cannot be read; nothing is stored then.
    pub async fn seed(&self, tenant: &Tenant, keys: &MasterKey) -> Result<()> {
        let mut tx = tenant.begin().await?;
        self.give(&mut tx, keys, &[]).await?;
        tx.commit().await
    }

    /// [`seed`](Self::seed) within a transaction; kinds in `forced` come back although the log names them.
    ///
    /// # Errors
    /// The database failed, or a shipped file cannot be read.
    pub async fn give(&self, tx: &mut Tx, keys: &MasterKey, forced: &[&str]) -> Result<()> {
        let log = documents::get_for_update(tx, DocumentKind::Root, LOG).await?;
        let log = log.map(|log| String::from_utf8_lossy(&log.body).into_owned());
        let missing = self.plan(log.as_deref(), forced, &HashSet::new());
        if log.as_deref() == Some(&missing.log) {
            return Ok(());
        }
        create_folders(tx).await?;
        let present = present(tx).await?;
        let plan = self.plan(log.as_deref(), forced, &present);
        for (source, target) in &plan.copies {
            self.copy(tx, &self.root.join(source), target, keys).await?;
        }
        documents::put(tx, DocumentKind::Root, LOG, plan.log.as_bytes()).await
    }

    fn plan(&self, log: Option<&str>, forced: &[&str], present: &HashSet<String>) -> content::Plan {
        let has_source = |source: &str| self.root.join(source).exists();
        content::plan(&self.items, Scope::User, log, forced, has_source, |target| {
            present.contains(target)
        })
    }

    /// Copies a file, or everything in a folder, to the place that `target` is.
    async fn copy(&self, tx: &mut Tx, source: &Path, target: &str, keys: &MasterKey) -> Result<()> {
        let mut open = vec![(source.to_path_buf(), target.to_owned())];
        while let Some((source, target)) = open.pop() {
            if !source.is_dir() {
                copy_file(tx, &source, &target, keys).await?;
                continue;
            }
            let mut entries = tokio::fs::read_dir(&source).await?;
            while let Some(entry) = entries.next_entry().await? {
                open.push((
                    entry.path(),
                    format!("{target}/{}", entry.file_name().to_string_lossy()),
                ));
            }
        }
        Ok(())
    }
}

/// Makes the folders that every user has.
///
/// # Errors
/// The database failed.
pub async fn create_folders(tx: &mut Tx) -> Result<()> {
    for folder in USER_FOLDERS {
        files::create_folder(tx, folder).await?;
    }
    Ok(())
}

async fn copy_file(tx: &mut Tx, source: &Path, target: &str, keys: &MasterKey) -> Result<()> {
    let place = Place::classify(target).map_err(|e| Error::Internal(e.into()))?;
    let bytes = tokio::fs::read(source).await?;
    match &place {
        Place::Document { kind, name } => documents::put(tx, *kind, name, &bytes).await?,
        Place::Character { avatar } => {
            let image = blobs::put(tx, &bytes).await?;
            let card = png::read_card(&bytes).ok();
            let now = Utc::now();
            let card = card.as_deref();
            let new = NewCharacter {
                avatar,
                image: &image,
                pristine: true,
                card,
                modified_at: now,
                changed_at: now,
            };
            characters::insert(tx, &new).await?;
        }
        Place::Secrets => secrets::put(tx, keys, &bytes).await?,
        Place::Derived { path } | Place::File { path } => {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let blob = blobs::put(tx, &bytes).await?;
            files::put(tx, folder, name, &blob).await?;
        }
        Place::Chat { .. } | Place::RootChat { .. } | Place::GroupChat { .. } => {
            return Err(Error::Internal(anyhow::anyhow!(
                "the default content holds a chat: {target}"
            )));
        }
    }
    Ok(())
}

/// Paths of everything the tenant has that default content could collide with, folders of sprites included.
async fn present(tx: &mut Tx) -> Result<HashSet<String>> {
    let mut paths = HashSet::new();
    for (kind, document) in documents::list_kinds(tx, DocumentKind::all()).await? {
        let kind = DocumentKind::from_name(&kind).unwrap_or(DocumentKind::Root);
        paths.insert(
            Place::Document {
                kind,
                name: document.name,
            }
            .path(),
        );
    }
    paths.extend(
        characters::avatars(tx)
            .await?
            .iter()
            .map(|avatar| format!("characters/{avatar}")),
    );
    for file in files::list_recursive(tx, "").await? {
        paths.insert(format!("{}/{}", file.folder, file.name));
        paths.insert(file.folder);
    }
    Ok(paths)
}
