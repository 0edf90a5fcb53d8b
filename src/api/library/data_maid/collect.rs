//! What could be deleted, heading by heading.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json as text, names};

use super::references;
use crate::api::chat::chats::GROUP_CHATS;
use crate::api::library::user_files::below_root;
use crate::error::Result;
use crate::snapshots::{self, SETTINGS};
use crate::store::chats::backups;
use crate::store::documents::{self, Document};
use crate::store::files::StoredFile;
use crate::store::maid::{self, Category, Finding};
use crate::store::{Tx, characters, files};
use crate::tenant::Tenant;
use crate::user_folder::join;

/// The gallery below the user's root; one level of folders in it counts.
const IMAGES: &str = "user/images";

/// The attachments below the user's root.
const FILES: &str = "user/files";

/// The folder of cards below the user's root.
const CHARACTERS: &str = "characters";

/// The findings of some headings, in the original's order within each.
///
/// # Errors
/// The database failed.
pub async fn collect(tx: &mut Tx, tenant: &Tenant, wanted: &[Category]) -> Result<Vec<Finding>> {
    let mut found = Findings {
        handle: tenant.handle(),
        list: Vec::new(),
    };
    let any_of = |these: &[Category]| these.iter().any(|category| wanted.contains(category));
    if any_of(&[Category::Images, Category::Files]) {
        media(tx, &mut found).await?;
    }
    if any_of(&[Category::Chats, Category::GroupChats]) {
        talks(tx, &mut found).await?;
    }
    if wanted.iter().any(|category| category.thumbnails().is_some()) {
        thumbnails(tx, &mut found).await?;
    }
    if any_of(&[Category::ChatBackups, Category::SettingsBackups]) {
        copies(tx, tenant, &mut found).await?;
    }
    found.list.retain(|finding| wanted.contains(&finding.category));
    Ok(found.list)
}

struct Findings<'a> {
    handle: &'a str,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, category: Category, folder: &str, name: &str, size: i64, modified_at: DateTime<Utc>) {
        let path = format!("{}/{folder}/{name}", self.handle);
        self.list.push(Finding {
            id: hex::encode(Sha256::digest(path.as_bytes())),
            category,
            folder: folder.to_owned(),
            name: name.to_owned(),
            size,
            modified_at,
        });
    }

    fn add_file(&mut self, category: Category, file: &StoredFile) {
        let size = i64::try_from(file.blob.size).unwrap_or(i64::MAX);
        self.add(category, &file.folder, &file.name, size, file.modified_at);
    }
}

/// Pictures and attachments that nothing refers to. They are listed first, so that one which comes with its reference
/// at this moment is not taken for a loose one.
///
/// compat: a reference to either keeps either; in the original one to a picture does not keep an attachment.
async fn media(tx: &mut Tx, found: &mut Findings<'_>) -> Result<()> {
    let mut images = files::list_recursive(tx, IMAGES).await?;
    images.retain(|file| file.folder.split('/').count() <= 3);
    images.sort_by(|a, b| place(a).cmp(&place(b)));
    let attachments = files::list(tx, FILES).await?;
    let all = images.iter().chain(&attachments);
    let mut loose: HashSet<String> = all.map(|file| join(&file.folder, &file.name)).collect();
    if loose.is_empty() {
        return Ok(());
    }
    let mut keep = |reference: &str| {
        if let Some(path) = below_root(&text::lossy(reference)) {
            loose.remove(&path);
        }
    };
    maid::each_line_with(tx, &references::WORDS, |line| {
        references::of_line(line, &mut keep);
    })
    .await?;
    for group in groups(tx).await? {
        references::of_group(&group, &mut keep);
    }
    let settings = documents::get(tx, DocumentKind::Root, SETTINGS).await?;
    if let Some(settings) = settings.as_ref().filter(|settings| settings.valid) {
        references::of_settings(&String::from_utf8_lossy(&settings.body), &mut keep);
    }
    // Settings that cannot be read do not say which attachments they refer to; the original takes that for none.
    let can_tell = settings.is_none_or(|settings| settings.valid);
    let is_loose = |file: &&StoredFile| loose.contains(&join(&file.folder, &file.name));
    for file in images.iter().filter(is_loose) {
        found.add_file(Category::Images, file);
    }
    for file in attachments.iter().filter(is_loose).filter(|_| can_tell) {
        found.add_file(Category::Files, file);
    }
    Ok(())
}

/// The original's order: the entries of the gallery by name, files and folders alike.
fn place(file: &StoredFile) -> (&str, &str) {
    match file
        .folder
        .strip_prefix(IMAGES)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        Some(folder) => (folder, &file.name),
        None => (&file.name, ""),
    }
}

/// The group documents.
async fn groups(tx: &mut Tx) -> Result<Vec<Document>> {
    let mut groups = documents::list(tx, DocumentKind::Groups).await?;
    groups.retain(|group| names::extension(&group.name) == ".json");
    Ok(groups)
}

/// Chats without a character, and group chats without a group.
async fn talks(tx: &mut Tx, found: &mut Findings<'_>) -> Result<()> {
    let mut chats = maid::chat_files(tx).await?;
    chats.retain(|chat| names::extension(&chat.file_name) == ".jsonl");
    let mut cards = characters::avatars(tx).await?;
    let others = files::list(tx, CHARACTERS).await?;
    cards.extend(others.into_iter().map(|file| file.name));
    cards.retain(|card| names::extension(card) == ".png");
    let owned: HashSet<_> = cards.iter().map(|card| characters::chat_folder(card)).collect();
    let groups = groups(tx).await?;
    let listed: HashSet<String> = groups.iter().flat_map(|group| chats_of(&group.body)).collect();
    // A group that cannot be read does not say which chats are its own; the original takes that for none.
    let can_tell = groups.iter().all(|group| group.valid);
    for chat in chats {
        let is_of_group = chat.folder == GROUP_CHATS;
        let category = if is_of_group {
            let is_listed = listed.contains(names::base_name(&chat.file_name));
            (can_tell && !is_listed).then_some(Category::GroupChats)
        } else {
            let is_loose = chat.folder.starts_with("chats/") && !owned.contains(&chat.folder);
            is_loose.then_some(Category::Chats)
        };
        if let Some(category) = category {
            found.add(
                category,
                &chat.folder,
                &chat.file_name,
                chat.byte_size,
                chat.modified_at,
            );
        }
    }
    Ok(())
}

/// The ids of a group's chats.
///
/// compat: also those that are no text; the original does not find such a chat in its list.
fn chats_of(group: &[u8]) -> Vec<String> {
    let group = text::parse(group).unwrap_or_default();
    let listed = group.get("chats").and_then(Value::as_array).into_iter().flatten();
    let shown = group.get("chat_id").filter(|id| text::js_truthy(id));
    listed
        .chain(shown)
        .map(|id| text::lossy(&text::js_string(id)).into_owned())
        .collect()
}

async fn thumbnails(tx: &mut Tx, found: &mut Findings<'_>) -> Result<()> {
    for thumbnail in maid::loose_thumbnails(tx).await? {
        let category = Category::ALL
            .into_iter()
            .find(|it| it.thumbnails() == Some(&thumbnail.kind));
        if let Some(category) = category {
            let folder = format!("thumbnails/{}", thumbnail.kind);
            found.add(
                category,
                &folder,
                &thumbnail.name,
                thumbnail.size,
                thumbnail.created_at,
            );
        }
    }
    Ok(())
}

/// All backups of chats, taken here or imported, and of settings.
async fn copies(tx: &mut Tx, tenant: &Tenant, found: &mut Findings<'_>) -> Result<()> {
    let start = found.list.len();
    for file in files::list(tx, backups::FOLDER).await? {
        if file.name.starts_with(backups::PREFIX) {
            found.add_file(Category::ChatBackups, &file);
        } else if file.name.starts_with(&snapshots::prefix(tenant)) {
            found.add_file(Category::SettingsBackups, &file);
        }
    }
    for backup in backups::list(tx).await? {
        let (name, size, at) = (&backup.name, backup.byte_size, backup.taken_at);
        found.add(Category::ChatBackups, backups::FOLDER, name, size, at);
    }
    found.list[start..].sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}
