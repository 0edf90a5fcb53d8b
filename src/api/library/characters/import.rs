//! `POST /api/characters/import`: cards of other programs and other installs.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use chrono::Local;
use serde_json::{Value, json};
use squaretable_compat::card::import::{Imported, Sprites, from_json, from_png, from_yaml};
use squaretable_compat::card::internal_names;
use squaretable_compat::{json as text, names, png};

use super::insert_free;
use super::write::put_default_picture;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Upload;
use crate::reply;
use crate::routes::Routes;
use crate::store::characters::{self, NewCharacter};
use crate::store::{Tx, blobs, files};
use crate::tenant::Tenant;

/// These routes.
pub(super) fn routes() -> Routes {
    Routes::new().post("/api/characters/import", import)
}

/// `POST /api/characters/import`
///
/// compat: what cannot be read is 200 `{"error": true}`, what is recognised as nothing 400.
async fn import(State(app): State<App>, tenant: Tenant, upload: Upload) -> Result<Response> {
    let file = upload.file.as_ref().ok_or(Error::bad_request())?;
    let bytes = file.read().await?;
    let format = upload.fields.str("file_type").unwrap_or_default();
    let unreadable = || reply::json(&json!({ "error": true }));
    let (imported, picture) = match format {
        "png" => (read_png(&bytes).map(Some), Some(bytes)),
        "json" => (read_json(&bytes), None),
        "yaml" | "yml" => (read_yaml(&bytes).map(Some), None),
        "charx" | "byaf" => {
            let message = format!("Squaretable does not import {format} files yet.");
            return Err(Error::json_error(501, message));
        }
        _ => return Ok(unreadable()),
    };
    let imported = match imported {
        Ok(imported) => imported.ok_or(Error::bad_request())?,
        Err(reason) => {
            tracing::debug!(%reason, format, "a card could not be imported");
            return Ok(unreadable());
        }
    };
    let preserved = upload.fields.text("preserved_name").map(names::base_name);
    let mut tx = tenant.begin().await?;
    let name = store(&mut tx, &app, &imported, picture, preserved).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "file_name": name })))
}

/// Stores the card, its picture and its sprites; answers its internal name.
async fn store(
    tx: &mut Tx,
    app: &App,
    imported: &Imported,
    picture: Option<Bytes>,
    preserved: Option<&str>,
) -> Result<String> {
    let image = match picture {
        Some(picture) => blobs::put(tx, &picture).await?,
        None => put_default_picture(tx, app).await?,
    };
    let card = text::to_vec(&imported.card);
    if let Some(sprites) = &imported.sprites {
        store_sprites(tx, sprites).await?;
    }
    match preserved {
        Some(name) => {
            let avatar = format!("{name}.png");
            characters::put(tx, &NewCharacter::now(&avatar, &image, &card)).await?;
            Ok(name.to_owned())
        }
        None if imported.name.is_empty() => Err(Error::bad_request()),
        None => insert_free(tx, internal_names(&imported.name), &image, &card).await,
    }
}

/// Puts the pictures that a card brought along into its sprites folder, except where one of that name was before.
async fn store_sprites(tx: &mut Tx, sprites: &Sprites) -> Result<()> {
    let folder = format!("characters/{}", sprites.folder);
    let there = files::list(tx, &folder).await?;
    files::create_folder(tx, &folder).await?;
    for sprite in &sprites.images {
        if !there
            .iter()
            .any(|file| names::base_name(&file.name) == sprite.label)
        {
            let blob = blobs::put(tx, &sprite.bytes).await?;
            files::put(tx, &folder, &sprite.file_name, &blob).await?;
        }
    }
    Ok(())
}

fn read_png(bytes: &[u8]) -> anyhow::Result<Imported> {
    let card = png::read_card(bytes)?;
    Ok(from_png(text::parse(&card)?, Local::now())?)
}

fn read_json(bytes: &[u8]) -> anyhow::Result<Option<Imported>> {
    Ok(from_json(text::parse(bytes)?, Local::now())?)
}

fn read_yaml(bytes: &[u8]) -> anyhow::Result<Imported> {
    let content: Value = serde_yaml_ng::from_slice(bytes)?;
    Ok(from_yaml(&content, Local::now())?)
}
