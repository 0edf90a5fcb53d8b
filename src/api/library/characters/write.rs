//! Making and changing cards: create, edit, edit-avatar, rename.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use chrono::Local;
use serde::Deserialize;
use serde_json::{Value, json};
use squaretable_compat::card::Form;
use squaretable_compat::card::{internal_names, renamed};
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json as text, names, png};

use super::{insert_free, move_chats};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::{Body, Upload, UploadedFile};
use crate::middleware::cache_buster::picture_changed;
use crate::pictures::{self, Crop};
use crate::reply;
use crate::routes::Routes;
use crate::store::blobs::{self, Blob};
use crate::store::characters::{self, NewCharacter};
use crate::store::{Tx, documents, files};
use crate::tenant::Tenant;

/// These routes.
pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/api/characters/create", create)
        .post("/api/characters/edit", edit)
        .post("/api/characters/edit-avatar", edit_avatar)
        .post("/api/characters/rename", rename)
}

/// `?crop=` of the routes that take a picture: URL-encoded JSON.
#[derive(Deserialize)]
struct Cropping {
    crop: Option<String>,
}

impl Cropping {
    fn crop(&self) -> Option<Crop> {
        self.crop.as_deref().and_then(Crop::from_query)
    }
}

/// `POST /api/characters/create`: answers the new card's file name, as `text/html`.
async fn create(
    State(app): State<App>,
    tenant: Tenant,
    Query(crop): Query<Cropping>,
    upload: Upload,
) -> Result<Response> {
    let mut fields = upload.fields;
    fields.guard("file_name")?;
    let name = names::sanitize(fields.str("ch_name").ok_or(Error::status(500))?);
    if let Some(fields) = fields.0.as_object_mut() {
        fields.insert("ch_name".to_owned(), name.clone().into());
    }
    // compat: what is no text cannot be part of a path.
    if fields.truthy("file_name") && fields.str("file_name").is_none() {
        return Err(Error::status(500));
    }
    let image = match &upload.file {
        Some(file) => picture(file, crop.crop()).await?,
        None => default_picture(&app).await?,
    };
    let mut tx = tenant.begin().await?;
    let form = Form::from_map(&fields.object());
    let world = world_of(&mut tx, &form).await?;
    let world = world.as_ref().map(|(name, world)| (name.as_str(), world));
    let card = text::to_vec(&form.created(world, Local::now()));
    let image = blobs::put(&mut tx, &image).await?;
    let internal = match fields.text("file_name") {
        // compat: a given file name is taken as it is, and replaces the card that has it.
        Some(given) => {
            let given = text::lossy(given);
            let avatar = format!("{given}.png");
            characters::put(&mut tx, &NewCharacter::now(&avatar, &image, &card)).await?;
            given.into_owned()
        }
        None => insert_free(&mut tx, internal_names(&name), &image, &card).await?,
    };
    // A name of dots would lead out of the folder of chats. No chat is stored under it (`api/chat/chats.rs`).
    if !matches!(internal.as_str(), "." | "..") {
        files::create_folder(&mut tx, &format!("chats/{internal}")).await?;
    }
    tx.commit().await?;
    let file = format!("{internal}.png");
    Ok(match file.contains(['<', '>']) {
        // A name that is code is no page.
        true => reply::bytes(StatusCode::OK, reply::TEXT, file.into()),
        false => reply::html_text(file),
    })
}

/// `POST /api/characters/edit`: the form replaces the card; with a file, the picture too.
async fn edit(
    State(app): State<App>,
    tenant: Tenant,
    Query(crop): Query<Cropping>,
    upload: Upload,
) -> Result<Response> {
    let fields = &upload.fields;
    fields.guard("avatar_url")?;
    check_name(fields)?;
    // compat: the original throws without one, and takes the process down.
    let avatar = fields.str("avatar_url").ok_or(Error::bad_request())?;
    // compat: with a picture, it first deletes the thumbnail, which of such a name is the folder of them.
    if upload.file.is_some() && names::sanitize(avatar).is_empty() {
        return Err(Error::status(500));
    }
    let picture = match &upload.file {
        Some(file) => Some(picture(file, crop.crop()).await?),
        None => None,
    };
    let has_picture = picture.is_some();
    let mut tx = tenant.begin().await?;
    let current = characters::get_for_update(&mut tx, avatar).await?;
    let form = Form::from_map(&fields.object());
    let world = world_of(&mut tx, &form).await?;
    let world = world.as_ref().map(|(name, world)| (name.as_str(), world));
    let card = text::to_vec(&form.edited(world, Local::now()));
    let image = match (picture, &current) {
        (Some(picture), _) => blobs::put(&mut tx, &picture).await?,
        (None, Some(current)) => current.image,
        // compat: editing a card that is not there makes it.
        (None, None) => put_default_picture(&mut tx, &app).await?,
    };
    // compat: whatever was named, a card is a PNG.
    let target = format!("{}.png", names::strip_png(&text::lossy(avatar)));
    characters::put(&mut tx, &NewCharacter::now(&target, &image, &card)).await?;
    tx.commit().await?;
    let mut response = reply::status(StatusCode::OK);
    if has_picture {
        picture_changed(&mut response);
    }
    Ok(response)
}

/// `POST /api/characters/edit-avatar`: another picture, the same card text.
async fn edit_avatar(tenant: Tenant, Query(crop): Query<Cropping>, upload: Upload) -> Result<Response> {
    let fields = &upload.fields;
    fields.guard("avatar_url")?;
    let file = upload
        .file
        .as_ref()
        .ok_or_else(|| Error::text(400, "Error: no file uploaded"))?;
    if !fields.truthy("avatar_url") {
        return Err(Error::text(400, "Error: no avatar_url in request body"));
    }
    // compat: the last two name folders, which exist and cannot be read.
    let avatar = fields
        .str("avatar_url")
        .filter(|name| !matches!(*name, "." | ".."));
    let avatar = avatar.ok_or(Error::status(500))?;
    let picture = picture(file, crop.crop()).await?;
    let mut tx = tenant.begin().await?;
    let current = characters::get_for_update(&mut tx, avatar).await?;
    let current = current.ok_or_else(|| Error::text(400, "Error: character file does not exist"))?;
    let card = current
        .text()
        .ok_or_else(|| Error::text(400, "Error: failed to read character data"))?;
    let image = blobs::put(&mut tx, &picture).await?;
    characters::put(&mut tx, &NewCharacter::now(avatar, &image, &card)).await?;
    tx.commit().await?;
    let mut response = reply::status(StatusCode::OK);
    picture_changed(&mut response);
    Ok(response)
}

/// `POST /api/characters/rename`: a new file name from the new name; the chats move along when their folder is free.
async fn rename(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    if !body.truthy("avatar_url") || !body.truthy("new_name") {
        return Err(Error::bad_request());
    }
    let (Some(avatar), Some(name)) = (body.str("avatar_url"), body.str("new_name")) else {
        return Err(Error::bad_request());
    };
    let name = names::sanitize(name);
    let mut tx = tenant.begin().await?;
    let current = characters::get_for_update(&mut tx, avatar)
        .await?
        .ok_or(Error::status(500))?;
    let card = current
        .text()
        .and_then(|card| text::parse(&card).ok())
        .ok_or(Error::status(500))?;
    let card = text::to_vec(&renamed(card, &name, Local::now()));
    let internal = insert_free(&mut tx, internal_names(&name), &current.image, &card).await?;
    let new_avatar = format!("{internal}.png");
    move_chats(&mut tx, names::base_name(avatar), &new_avatar).await?;
    characters::delete(&mut tx, avatar).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "avatar": new_avatar })))
}

/// Refuses the names that the original refuses when a card is edited.
pub(super) fn check_name(fields: &Body) -> Result<()> {
    match fields.0.get("ch_name").and_then(Value::as_str) {
        Some("" | ".") => Err(Error::text(400, "Error: invalid name.")),
        None if fields.0.get("ch_name").is_none() => Err(Error::text(400, "Error: invalid name.")),
        _ => Ok(()),
    }
}

/// The world that the form links, when it exists and can be read.
async fn world_of(tx: &mut Tx, form: &Form) -> Result<Option<(String, Value)>> {
    let Some(name) = form.world_name() else {
        return Ok(None);
    };
    let file = names::sanitize(&format!("{name}.json"));
    let world = documents::get(tx, DocumentKind::Worlds, &file).await?;
    Ok(world.and_then(|world| Some((name, text::parse(&world.body).ok()?))))
}

/// An uploaded picture as the PNG that carries a card.
async fn picture(file: &UploadedFile, crop: Option<Crop>) -> Result<Vec<u8>> {
    let png = as_avatar(file.read().await?, crop).await?;
    png.ok_or(Error::bad_request())
}

/// A picture as the PNG that carries a card; `None` when it cannot be read as one.
///
/// A PNG that needs no cropping is taken as it is (its pixels and its other chunks, nothing is re-encoded).
///
/// compat: so is one that cannot be cropped: animated, damaged, or where the rectangle does not meet it.
pub(super) async fn as_avatar(bytes: Bytes, crop: Option<Crop>) -> Result<Option<Vec<u8>>> {
    let is_png = png::dimensions(&bytes).is_some() && png::strip_card(&bytes).is_ok();
    if is_png && crop.is_none() {
        return Ok(Some(bytes.to_vec()));
    }
    let upload = bytes.clone();
    let png = pictures::off_thread(move || pictures::avatar_png(&upload, crop)).await?;
    Ok(png.ok().or_else(|| is_png.then(|| bytes.to_vec())))
}

/// The picture of a card that came without one.
pub(super) async fn default_picture(app: &App) -> Result<Vec<u8>> {
    Ok(tokio::fs::read(app.frontend().public().join("img/ai4.png")).await?)
}

/// Stores the default picture.
pub(super) async fn put_default_picture(tx: &mut Tx, app: &App) -> Result<Blob> {
    let picture = default_picture(app).await?;
    blobs::put(tx, &picture).await
}
