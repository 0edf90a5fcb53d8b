//! `POST /api/characters/import`: cards of other programs and other installs.

use std::fmt::Display;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use chrono::Local;
use serde_json::{Value, json};
use squaretable_compat::card::import::{Imported, Sprites, from_json, from_png, from_yaml};
use squaretable_compat::card::internal_names;
use squaretable_compat::{json as text, names, png};

use super::write::put_default_picture;
use super::{archives, insert_free};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Upload;
use crate::reply;
use crate::routes::Routes;
use crate::store::blobs::{self, Blob};
use crate::store::characters::{self, NewCharacter};
use crate::store::{Tx, files};
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
    let preserved = upload.fields.text("preserved_name").map(names::base_name);
    let preserved = preserved.filter(|name| !name.is_empty());
    let format = upload.fields.str("file_type").unwrap_or_default();
    let name = match format {
        "charx" => archives::import_charx(&app, &tenant, bytes, preserved).await?,
        "byaf" => {
            let user = upload.fields.0.get("user_name").cloned();
            archives::import_byaf(&app, &tenant, bytes, user, preserved).await?
        }
        "png" => {
            let imported = read_png(&bytes).map_err(unreadable)?;
            store(&app, &tenant, &imported, Some(bytes), preserved).await?
        }
        "json" => {
            let imported = read_json(&bytes).map_err(unreadable)?;
            let imported = imported.ok_or(Error::bad_request())?;
            store(&app, &tenant, &imported, None, preserved).await?
        }
        "yaml" | "yml" => {
            let imported = read_yaml(&bytes).map_err(unreadable)?;
            store(&app, &tenant, &imported, None, preserved).await?
        }
        _ => return Err(unreadable("an unknown format")),
    };
    Ok(reply::json(&json!({ "file_name": name })))
}

/// The answer to a file that cannot be imported.
pub(super) fn unreadable(reason: impl Display) -> Error {
    tracing::debug!(%reason, "a card could not be imported");
    Error::json(200, json!({ "error": true }))
}

/// Stores the card, its picture and its sprites; answers its internal name.
async fn store(
    app: &App,
    tenant: &Tenant,
    imported: &Imported,
    picture: Option<Bytes>,
    preserved: Option<&str>,
) -> Result<String> {
    let mut tx = tenant.begin().await?;
    let image = match picture {
        Some(picture) => blobs::put(&mut tx, &picture).await?,
        None => put_default_picture(&mut tx, app).await?,
    };
    if let Some(sprites) = &imported.sprites {
        store_sprites(&mut tx, sprites).await?;
    }
    let name = store_card(&mut tx, imported, &image, preserved).await?;
    tx.commit().await?;
    Ok(name)
}

/// Stores the card under its own name, or as the one that it replaces; answers its internal name.
pub(super) async fn store_card(
    tx: &mut Tx,
    imported: &Imported,
    image: &Blob,
    preserved: Option<&str>,
) -> Result<String> {
    let card = text::to_vec(&imported.card);
    match preserved {
        Some(name) => {
            let avatar = format!("{name}.png");
            characters::put(tx, &NewCharacter::now(&avatar, image, &card)).await?;
            Ok(name.to_owned())
        }
        None if imported.name.is_empty() => Err(Error::bad_request()),
        None => insert_free(tx, internal_names(&imported.name), image, &card).await,
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
    let text = String::from_utf8_lossy(bytes);
    let content: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text)?;
    Ok(from_yaml(&yaml_to_json(content), Local::now())?)
}

/// YAML as the JSON that JavaScript would make of it; tags are dropped.
fn yaml_to_json(value: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            // What JSON has no number for is `null` there.
            (None, None) => number.as_f64().map_or(Value::Null, Value::from),
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(yaml_to_json).collect(),
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| match yaml_to_json(key) {
                Value::Null => (String::new(), yaml_to_json(value)),
                key => (text::js_string(&key), yaml_to_json(value)),
            })
            .collect(),
        Yaml::Tagged(tagged) => yaml_to_json(tagged.value),
    }
}
