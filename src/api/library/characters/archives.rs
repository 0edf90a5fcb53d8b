//! Cards that come as archives (CharX, BYAF): the card and everything in its luggage, stored together or not at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{Local, TimeDelta, Utc};
use serde_json::Value;
use squaretable_compat::card::byaf::{self, Byaf, chat_file_name};
use squaretable_compat::card::charx::{self, Asset, Charx};
use squaretable_compat::card::import::{Imported, from_charx};
use squaretable_compat::names;
use squaretable_compat::zip::{Limits, ZipError};

use super::import::{store_card, unreadable};
use super::write::{as_avatar, default_picture};
use crate::app::App;
use crate::error::{Error, Result};
use crate::pictures::off_thread;
use crate::store::blobs::{self, Blob};
use crate::store::chats::{self, Cause};
use crate::store::{Tx, files};
use crate::tenant::Tenant;

/// Longest file name in bytes.
const MAX_NAME: usize = 255;

/// Imports a CharX file; answers the card's internal name.
///
/// compat: sprites and backgrounds go to the folder of the card's name, which cards of one name share.
pub(super) async fn import_charx(
    app: &App,
    tenant: &Tenant,
    file: Bytes,
    preserved: Option<&str>,
) -> Result<String> {
    let read = off_thread(move || charx::read(&file, Limits::default())).await?;
    let mut charx = read.map_err(|error| match error {
        charx::Error::Zip(error) => refused(error),
        error => unreadable(error),
    })?;
    let imported = from_charx(std::mem::take(&mut charx.card), Local::now()).map_err(unreadable)?;
    let icon = charx.icon.and_then(|icon| charx.pictures.get(icon));
    let icon = avatar(app, icon.cloned()).await?;
    let mut tx = tenant.begin().await?;
    let image = blobs::put(&mut tx, &icon).await?;
    let name = store_card(&mut tx, &imported, &image, preserved).await?;
    if !charx.assets.is_empty() {
        // Without a name of its own the card would have the folder of all cards.
        let folder = Some(imported.name).filter(|name| !name.is_empty());
        let folder = folder.unwrap_or_else(|| names::sanitize(&name));
        if folder.is_empty() {
            return Err(Error::bad_request());
        }
        store_assets(&mut tx, &charx, &folder).await?;
    }
    tx.commit().await?;
    Ok(name)
}

/// Stores the pictures of a CharX card in the order that the card names them.
async fn store_assets(tx: &mut Tx, charx: &Charx, character: &str) -> Result<()> {
    let mut stored: HashMap<usize, Blob> = HashMap::new();
    let mut folders: HashMap<String, Folder> = HashMap::new();
    for asset in &charx.assets {
        let blob = match stored.get(&asset.picture) {
            Some(blob) => *blob,
            None => {
                let picture = charx.pictures.get(asset.picture).map_or(&[][..], Vec::as_slice);
                let blob = blobs::put(tx, picture).await?;
                stored.insert(asset.picture, blob);
                blob
            }
        };
        let path = asset.place.folder(character);
        if !folders.contains_key(&path) {
            folders.insert(path.clone(), Folder::open(tx, &path).await?);
        }
        if let Some(folder) = folders.get_mut(&path) {
            folder.put(tx, asset, &blob).await?;
        }
    }
    Ok(())
}

/// A folder that pictures of a CharX card go to, and what lies in it by base name.
struct Folder {
    path: String,
    files: HashMap<String, Vec<String>>,
}

impl Folder {
    async fn open(tx: &mut Tx, path: &str) -> Result<Self> {
        files::create_folder(tx, path).await?;
        let mut known: HashMap<String, Vec<String>> = HashMap::new();
        for file in files::list(tx, path).await? {
            let base = names::base_name(&file.name).to_owned();
            known.entry(base).or_default().push(file.name);
        }
        Ok(Self {
            path: path.to_owned(),
            files: known,
        })
    }

    async fn put(&mut self, tx: &mut Tx, asset: &Asset, blob: &Blob) -> Result<()> {
        let same = self.files.entry(asset.base_name.clone()).or_default();
        if asset.place.replaces_base_name() {
            for name in same.drain(..).filter(|name| *name != asset.file_name) {
                files::delete(tx, &self.path, &name).await?;
            }
        }
        files::put(tx, &self.path, &asset.file_name, blob).await?;
        same.push(asset.file_name.clone());
        Ok(())
    }
}

/// Imports a BYAF file; answers the card's internal name. `user` is the name that the user goes by in the chats.
///
/// compat: a card that replaces another brings neither chats nor further pictures.
pub(super) async fn import_byaf(
    app: &App,
    tenant: &Tenant,
    file: Bytes,
    user: Option<Value>,
    preserved: Option<&str>,
) -> Result<String> {
    let now = Local::now();
    let read = off_thread(move || byaf::read(&file, Limits::default(), now)).await?;
    let mut byaf = read.map_err(invalid)?;
    let icon = avatar(
        app,
        byaf.images
            .first_mut()
            .map(|image| std::mem::take(&mut image.bytes)),
    )
    .await?;
    let mut imported = Imported {
        card: byaf.card.clone(),
        name: String::new(),
        sprites: None,
    };
    let mut tx = tenant.begin().await?;
    let image = blobs::put(&mut tx, &icon).await?;
    if preserved.is_some() {
        let name = store_card(&mut tx, &imported, &image, preserved).await?;
        tx.commit().await?;
        return Ok(name);
    }
    imported.name = byaf.internal_name().map_err(invalid)?;
    let chats = chat_names(&byaf)?;
    if let (Some(chat), Value::Object(card)) = (chats.first(), &mut imported.card) {
        card.insert("chat".to_owned(), names::base_name(chat).into());
    }
    let name = store_card(&mut tx, &imported, &image, None).await?;
    let backgrounds = store_backgrounds(&mut tx, &byaf, &name).await?;
    store_icons(&mut tx, &byaf, &name).await?;
    store_chats(&mut tx, byaf, chats, &name, user, backgrounds).await?;
    tx.commit().await?;
    Ok(name)
}

/// A file name for each scenario's chat.
///
/// compat: chats of the same title within one millisecond overwrite each other in the original; here each is kept.
fn chat_names(byaf: &Byaf) -> Result<Vec<String>> {
    let mut at = Local::now();
    let mut taken = HashSet::new();
    let mut chats = Vec::new();
    for scenario in &byaf.scenarios {
        let title = byaf.chat_title(scenario).map_err(invalid)?;
        let mut name = chat_file_name(&title, at);
        while !taken.insert(name.clone()) {
            at += TimeDelta::milliseconds(1);
            name = chat_file_name(&title, at);
        }
        chats.push(name);
    }
    Ok(chats)
}

/// Stores the pictures behind the chats in the character's gallery; answers their URLs.
async fn store_backgrounds(tx: &mut Tx, byaf: &Byaf, name: &str) -> Result<Vec<String>> {
    let folder = format!("user/images/{name}");
    let mut urls = Vec::new();
    if byaf.backgrounds.is_empty() {
        return Ok(urls);
    }
    let mut taken = names_in(tx, &folder).await?;
    for background in &byaf.backgrounds {
        let extension = background.extension().map_err(invalid)?;
        let file = free_name(&mut taken, &format!("{name}_bg"), &extension)?;
        let blob = blobs::put(tx, &background.bytes).await?;
        files::put(tx, &folder, &file, &blob).await?;
        urls.push(format!("/{folder}/{file}"));
    }
    Ok(urls)
}

/// Stores the further pictures of the character where its sprites are.
async fn store_icons(tx: &mut Tx, byaf: &Byaf, name: &str) -> Result<()> {
    let Some(icons) = byaf.images.get(1..).filter(|icons| !icons.is_empty()) else {
        return Ok(());
    };
    // Without a name of its own the character would have the folder of all cards.
    let own = Some(byaf.folder().map_err(invalid)?).filter(|own| !own.is_empty());
    let folder = format!("characters/{}", own.as_deref().unwrap_or(name));
    let mut taken = names_in(tx, &folder).await?;
    for icon in icons {
        let (label, extension) = icon.base_name().map_err(invalid)?;
        let file = free_name(&mut taken, &label, &extension)?;
        let blob = blobs::put(tx, &icon.bytes).await?;
        files::put(tx, &folder, &file, &blob).await?;
    }
    Ok(())
}

async fn store_chats(
    tx: &mut Tx,
    byaf: Byaf,
    chats: Vec<String>,
    name: &str,
    user: Option<Value>,
    backgrounds: Vec<String>,
) -> Result<()> {
    let folder = format!("chats/{name}");
    let (byaf, user, backgrounds) = (Arc::new(byaf), Arc::new(user), Arc::new(backgrounds));
    for (at, chat) in chats.into_iter().enumerate() {
        let (byaf, user, backgrounds) = (byaf.clone(), user.clone(), backgrounds.clone());
        let lines = off_thread(move || {
            let Some(scenario) = byaf.scenarios.get(at) else {
                return Ok(Vec::new());
            };
            let background = byaf
                .background_of(scenario)
                .and_then(|index| backgrounds.get(index));
            let background = background.map(String::as_str);
            byaf.chat_lines(scenario, user.as_ref().as_ref(), background, Utc::now())
        });
        let lines = lines.await?.map_err(invalid)?;
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        chats::save(tx, &folder, &chat, &lines, Cause::Import).await?;
    }
    Ok(())
}

/// Makes the folder, and says which names are taken in it.
async fn names_in(tx: &mut Tx, folder: &str) -> Result<HashSet<String>> {
    files::create_folder(tx, folder).await?;
    let files = files::list(tx, folder).await?;
    Ok(files.into_iter().map(|file| file.name).collect())
}

/// Takes the first free name of `base (1)`, `base (2)`, ... with an extension.
fn free_name(taken: &mut HashSet<String>, base: &str, extension: &str) -> Result<String> {
    let free = names::unique_name(base, |name| taken.contains(&format!("{name}{extension}")));
    let name = free.map(|name| format!("{name}{extension}"));
    let name = name.filter(|name| name.len() <= MAX_NAME && !name.contains('\0'));
    let name = name.ok_or_else(|| unreadable("a picture cannot have its name"))?;
    taken.insert(name.clone());
    Ok(name)
}

/// The picture of a card from an archive; the default one where there is none that can be read.
async fn avatar(app: &App, picture: Option<Vec<u8>>) -> Result<Vec<u8>> {
    if let Some(picture) = picture
        && let Some(picture) = as_avatar(picture.into(), None).await?
    {
        return Ok(picture);
    }
    default_picture(app).await
}

fn invalid(error: byaf::Error) -> Error {
    match error {
        byaf::Error::Zip(error) => refused(error),
        error => unreadable(error),
    }
}

/// What is too large is told from what cannot be read.
fn refused(error: ZipError) -> Error {
    if error.is_limit() {
        Error::json_error(413, error.to_string())
    } else {
        unreadable(error)
    }
}
