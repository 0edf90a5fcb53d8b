//! What the original changes in a user's old data when it starts, done when an account is first seen: system prompts
//! leave instruct templates, chat metadata leaves groups, flat secrets become lists.

use serde_json::Value;
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::secrets::Secrets;
use squaretable_compat::{chat, json, names, upgrades};
use uuid::Uuid;

use crate::content::DefaultContent;
use crate::error::Result;
use crate::keys::MasterKey;
use crate::store::chats::Cause;
use crate::store::{Tx, blobs, chats, documents, files, secrets};
use crate::tenant::Tenant;

/// Says that the system prompts were moved; the original's own mark, so that neither does it twice.
const MARK: (&str, &str) = ("sysprompt", ".migrated");
const INSTRUCT_BACKUPS: &str = "backups/_sysprompt";
const GROUP_BACKUPS: &str = "backups/_group_metadata_update";
const GROUP_CHATS: &str = "group chats";

/// What marks a group of an older version; as JSON writers spell it.
const GROUP_METADATA: [&str; 2] = ["\"chat_metadata\"", "\"past_metadata\""];

/// Brings a tenant's data up to date; nothing to do costs three look-ups that send next to nothing.
///
/// # Errors
/// The database failed; nothing is changed then.
pub async fn run(tenant: &Tenant, keys: &MasterKey, content: &DefaultContent) -> Result<()> {
    let mut tx = tenant.begin().await?;
    move_system_prompts(&mut tx, content).await?;
    move_group_metadata(&mut tx).await?;
    list_secrets(&mut tx, keys).await?;
    tx.commit().await
}

async fn move_system_prompts(tx: &mut Tx, content: &DefaultContent) -> Result<()> {
    let (folder, mark) = MARK;
    if files::get(tx, folder, mark).await?.is_some() {
        return Ok(());
    }
    let present = documents::names(tx, DocumentKind::Sysprompt).await?;
    let mut templates = Vec::new();
    for template in documents::list(tx, DocumentKind::Instruct).await? {
        if present.contains(&template.name) || names::extension(&template.name) != ".json" {
            continue;
        }
        if let Some(changed) = upgrades::instruct(&template.body) {
            keep(tx, INSTRUCT_BACKUPS, &changed.backup, &template.body).await?;
            documents::put(tx, DocumentKind::Instruct, &template.name, &changed.body).await?;
            templates.push(changed);
        }
    }
    let defaults: Vec<Value> = content
        .documents_of("sysprompt")
        .filter_map(|path| {
            json::parse(&std::fs::read(path).ok()?)
                .ok()?
                .get("content")
                .cloned()
        })
        .collect();
    for (name, body) in upgrades::sysprompts(&templates, &defaults) {
        documents::put(tx, DocumentKind::Sysprompt, &name, &body).await?;
    }
    let empty = blobs::put(tx, b"").await?;
    files::put(tx, folder, mark, &empty).await
}

async fn move_group_metadata(tx: &mut Tx) -> Result<()> {
    for group in documents::list_mentioning(tx, DocumentKind::Groups, &GROUP_METADATA).await? {
        if names::extension(&group.name) != ".json" {
            continue;
        }
        let Some(changed) = upgrades::group(&group.body) else {
            continue;
        };
        keep(tx, GROUP_BACKUPS, &group.name, &group.body).await?;
        for (file_name, header) in &changed.chats {
            add_header(tx, file_name, header).await?;
        }
        documents::put(tx, DocumentKind::Groups, &group.name, &changed.body).await?;
    }
    Ok(())
}

/// Puts a first line before a group chat that has none. The other lines stay as they are, where the original drops
/// those that are not JSON.
async fn add_header(tx: &mut Tx, file_name: &str, header: &[u8]) -> Result<()> {
    let Some(found) = chats::find_for_update(tx, GROUP_CHATS, file_name).await? else {
        return Ok(());
    };
    let file = chats::file(tx, &found).await?;
    let lines = chat::split(&file);
    if upgrades::has_metadata(&lines) {
        return Ok(());
    }
    keep(tx, GROUP_BACKUPS, file_name, &file).await?;
    let lines: Vec<&[u8]> = std::iter::once(header).chain(lines).collect();
    chats::save(tx, GROUP_CHATS, file_name, &lines, Cause::Upgrade).await
}

/// Unlike the original, which leaves a copy of all keys in plain text among the backups: every key is in the list.
async fn list_secrets(tx: &mut Tx, keys: &MasterKey) -> Result<()> {
    if secrets::modified_at(tx).await?.is_none() {
        return Ok(());
    }
    // Secrets that cannot be read are the business of the request that needs them, not of the start.
    let Ok(Some(body)) = secrets::get_for_update(tx, keys).await else {
        return Ok(());
    };
    let Ok(flat) = Secrets::parse(&body) else {
        return Ok(());
    };
    match flat.migrate(|| Uuid::new_v4().to_string()) {
        Some(listed) => secrets::put(tx, keys, &listed.to_vec()).await,
        None => Ok(()),
    }
}

async fn keep(tx: &mut Tx, folder: &str, name: &str, body: &[u8]) -> Result<()> {
    let blob = blobs::put(tx, body).await?;
    files::put(tx, folder, name, &blob).await
}
