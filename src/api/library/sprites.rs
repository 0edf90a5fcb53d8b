//! `/api/sprites`: pictures of a character's moods, in `characters/<name>[/<part>]`.

mod archive;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::names;

use super::user_files::names_in;
use crate::api::stored::Original;
use crate::error::{Error, Result};
use crate::extract::{Body, QueryFields, Upload, js_text};
use crate::mime;
use crate::reply;
use crate::routes::Routes;
use crate::store::blobs::{self, Blob};
use crate::store::{Tx, files};
use crate::tenant::Tenant;

/// The folder of all sprites, and of the cards.
const CHARACTERS: &str = "characters";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/api/sprites/get", get)
        .post("/api/sprites/delete", delete)
        .post("/api/sprites/upload-zip", archive::upload_zip)
        .post("/api/sprites/upload", upload)
}

/// Where a character's sprites are.
struct Place {
    character: String,
    part: Option<String>,
}

/// What stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The folder.
    Folder,
    /// Nothing.
    Missing,
    /// A file: a card, for example.
    File,
    /// Nothing, and no folder can be made: the folder above is a file.
    BelowFile,
}

impl Place {
    /// Of a name, or of `<name>/<part>`; `None` when nothing is left of either.
    ///
    /// compat: what follows a second slash is not looked at.
    fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('/').map(names::sanitize);
        let (character, part) = (parts.next()?, parts.next());
        let is_nothing = character.is_empty() || part.as_ref().is_some_and(String::is_empty);
        (!is_nothing).then_some(Self { character, part })
    }

    fn folder(&self) -> String {
        match &self.part {
            Some(part) => format!("{CHARACTERS}/{}/{part}", self.character),
            None => format!("{CHARACTERS}/{}", self.character),
        }
    }

    async fn state(&self, tx: &mut Tx) -> Result<State> {
        let is_file = Original::find(tx, CHARACTERS, &self.character).await?.is_some();
        if is_file {
            return Ok(match self.part {
                Some(_) => State::BelowFile,
                None => State::File,
            });
        }
        if let Some(part) = &self.part {
            let parent = format!("{CHARACTERS}/{}", self.character);
            if files::get(tx, &parent, part).await?.is_some() {
                return Ok(State::File);
            }
        }
        Ok(match files::folder_exists(tx, &self.folder()).await? {
            true => State::Folder,
            false => State::Missing,
        })
    }

    /// Makes the folder; answers its path.
    async fn open(&self, tx: &mut Tx) -> Result<String> {
        match self.state(tx).await? {
            State::File => Err(Error::not_found()),
            State::BelowFile => Err(Error::status(500)),
            State::Folder | State::Missing => {
                let folder = self.folder();
                files::create_folder(tx, &folder).await?;
                Ok(folder)
            }
        }
    }
}

/// `GET /api/sprites/get?name=`: labels and addresses of the pictures, by the bytes of their names.
///
/// compat: the name stands in the addresses as it was sent.
async fn get(tenant: Tenant, QueryFields(query): QueryFields) -> Result<Response> {
    let name = query.string("name");
    let mut sprites = Vec::new();
    if let Some(place) = Place::of(&name) {
        for file in files::list(&mut tenant.begin().await?, &place.folder()).await? {
            if mime::is_image(&file.name) {
                let stamp = file.modified_at.format("%Y%m%d%H%M%S");
                let path = format!("/{CHARACTERS}/{name}/{}?t={stamp}", file.name);
                sprites.push(json!({ "label": label(&file.name), "path": path }));
            }
        }
    }
    Ok(reply::json(&sprites))
}

/// The mood that a picture shows: `joy` for `joy.png`, `Joy-1.png` and `joy.expressive.png`.
///
/// compat: a backslash ends it, too, and a name with a line or paragraph separator is taken whole.
fn label(file_name: &str) -> String {
    let stem = names::base_name(file_name).to_lowercase();
    if stem.contains(['\u{2028}', '\u{2029}']) {
        return stem;
    }
    let mut rest = stem.char_indices().skip(1);
    match rest.find(|(_, c)| matches!(c, '-' | '\\' | '.')) {
        Some((end, _)) => stem[..end].to_owned(),
        None => stem,
    }
}

/// `POST /api/sprites/delete`: every file of the sprite's base name.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name_of(&body, js_text)?;
    let sprite = sprite_of(&body);
    if !squaretable_compat::json::js_truthy(sprite) || name.is_empty() {
        return Err(Error::bad_request());
    }
    let place = Place::of(&name).ok_or(Error::not_found())?;
    let mut tx = tenant.begin().await?;
    if place.state(&mut tx).await? != State::Folder {
        return Err(Error::not_found());
    }
    if let Value::String(stem) = sprite {
        remove(&mut tx, &place.folder(), stem).await?;
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/sprites/upload`: bytes unchanged, in the place of every file of that base name.
///
/// compat: a `spriteName` that is a list names the file, and replaces nothing but a file of that very name.
async fn upload(tenant: Tenant, upload: Upload) -> Result<Response> {
    let fields = &upload.fields;
    let name = name_of(fields, form_text)?;
    let file = upload.file.as_ref().ok_or(Error::bad_request())?;
    if !fields.truthy("label") || name.is_empty() {
        return Err(Error::bad_request());
    }
    let place = Place::of(&name).ok_or(Error::bad_request())?;
    let sprite = sprite_of(fields);
    let stem = form_text(sprite).ok_or(Error::status(500))?;
    let file_name = names::sanitize(&(stem + names::extension(&file.original_name)));
    let mut tx = tenant.begin().await?;
    let folder = place.open(&mut tx).await?;
    if let Value::String(stem) = sprite {
        remove(&mut tx, &folder, stem).await?;
    }
    let blob = blobs::put_file(&mut tx, file.path()).await?;
    put(&mut tx, &folder, &file_name, &blob).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true })))
}

/// The character's name, as `text` reads it; `undefined` where it is absent. 400 for what has no text.
fn name_of(fields: &Body, text: fn(&Value) -> Option<String>) -> Result<String> {
    match fields.0.get("name") {
        None => Ok("undefined".to_owned()),
        Some(name) => text(name).ok_or(Error::bad_request()),
    }
}

fn sprite_of(fields: &Body) -> &Value {
    if fields.truthy("spriteName") {
        fields.get("spriteName")
    } else {
        fields.get("label")
    }
}

/// The text of a form's field; `None` for `a[b]`, which has none.
fn form_text(value: &Value) -> Option<String> {
    match value {
        Value::Object(_) => None,
        Value::Array(items) if items.iter().any(|item| form_text(item).is_none()) => None,
        value => js_text(value),
    }
}

/// Removes every file of a base name. A folder of that name is a 500, and nothing is removed.
async fn remove(tx: &mut Tx, folder: &str, stem: &str) -> Result<()> {
    for name in names_in(tx, folder).await? {
        if names::base_name(&name) == stem && !files::delete(tx, folder, &name).await? {
            return Err(Error::status(500));
        }
    }
    Ok(())
}

/// Stores a sprite. A name of which nothing is left, and that of a folder, is a 500.
async fn put(tx: &mut Tx, folder: &str, name: &str, blob: &Blob) -> Result<()> {
    if name.is_empty() || files::folder_exists(tx, &format!("{folder}/{name}")).await? {
        return Err(Error::status(500));
    }
    files::put(tx, folder, name, blob).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_end_at_the_first_dash_or_dot() {
        let cases = [
            ("joy.png", "joy"),
            ("Joy-1.png", "joy"),
            ("joy.expressive.png", "joy"),
            ("-joy.png", "-joy"),
            ("..joy.png", "."),
            (".png", ".png"),
            ("png", "png"),
            ("ÉTÉ-1.png", "été"),
            ("a\u{2028}b-1.png", "a\u{2028}b-1"),
        ];
        for (name, expected) in cases {
            assert_eq!(label(name), expected, "{name}");
        }
    }

    #[test]
    fn places_are_folders_of_characters() {
        let folder = |name: &str| Place::of(name).map(|place| place.folder());
        assert_eq!(folder("Ada").as_deref(), Some("characters/Ada"));
        assert_eq!(folder("Ada/live2d").as_deref(), Some("characters/Ada/live2d"));
        assert_eq!(folder("Ada/b/c").as_deref(), Some("characters/Ada/b"));
        assert_eq!(folder("A:d?a").as_deref(), Some("characters/Ada"));
        for nothing in ["", "..", "../x", "Ada/", "Ada/..", "/Ada", "con"] {
            assert_eq!(folder(nothing), None, "{nothing}");
        }
    }
}
