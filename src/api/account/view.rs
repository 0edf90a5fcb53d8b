//! Accounts as the frontend shows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json, names};

use crate::api::library::thumbnail::Kind;
use crate::app::App;
use crate::error::Result;
use crate::mime;
use crate::snapshots::SETTINGS;
use crate::store::accounts::User;
use crate::store::{blobs, documents, files};

/// The picture of who has none.
const NO_AVATAR: &str = "/img/default-user.png";

/// An entry of `/api/users/list`.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    handle: String,
    name: String,
    created: i64,
    avatar: String,
    password: bool,
}

/// The reply of `/api/users/me`.
#[derive(Debug, Serialize)]
pub(super) struct Me {
    handle: String,
    name: String,
    avatar: String,
    admin: bool,
    password: bool,
    created: i64,
}

/// An entry of `/api/users/get`.
#[derive(Debug, Serialize)]
pub(super) struct Full {
    handle: String,
    name: String,
    avatar: String,
    admin: bool,
    enabled: bool,
    created: i64,
    password: bool,
}

impl Listed {
    pub(super) async fn of(app: &App, user: User) -> Result<Self> {
        Ok(Self {
            avatar: avatar(app, &user).await?,
            created: user.created_at.timestamp_millis(),
            password: !user.password.is_empty(),
            handle: user.handle,
            name: user.name,
        })
    }
}

impl Me {
    pub(super) async fn of(app: &App, user: User) -> Result<Self> {
        Ok(Self {
            avatar: avatar(app, &user).await?,
            created: user.created_at.timestamp_millis(),
            password: !user.password.is_empty(),
            admin: user.admin,
            handle: user.handle,
            name: user.name,
        })
    }
}

impl Full {
    pub(super) async fn of(app: &App, user: User) -> Result<Self> {
        Ok(Self {
            avatar: avatar(app, &user).await?,
            created: user.created_at.timestamp_millis(),
            password: !user.password.is_empty(),
            admin: user.admin,
            enabled: user.enabled,
            handle: user.handle,
            name: user.name,
        })
    }
}

/// The account's own picture, else the one of its default persona as a data URL, else the frontend's.
async fn avatar(app: &App, user: &User) -> Result<String> {
    if !user.avatar.is_empty() {
        return Ok(user.avatar.clone());
    }
    let mut tx = app.accounts().tenant(user.clone()).begin().await?;
    let settings = documents::get(&mut tx, DocumentKind::Root, SETTINGS).await?;
    let Some(name) = settings.and_then(|settings| persona(&settings.body)) else {
        return Ok(NO_AVATAR.to_owned());
    };
    let name = names::sanitize(&name);
    let Some(file) = files::get(&mut tx, Kind::Persona.folder(), &name).await? else {
        return Ok(NO_AVATAR.to_owned());
    };
    let bytes = blobs::read(&mut tx, &file.blob).await?;
    // compat: a name that tells no type makes the type `false`.
    let kind = mime::media_type(&name).unwrap_or("false");
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

/// File name of the persona that the settings name.
fn persona(settings: &[u8]) -> Option<String> {
    let settings = json::parse(settings).ok()?;
    let default = settings
        .get("power_user")
        .and_then(|user| user.get("default_persona"));
    let chosen = [default, settings.get("user_avatar")];
    let chosen = chosen.into_iter().flatten().find(|name| json::js_truthy(name))?;
    match chosen {
        Value::String(name) => Some(name.clone()),
        _ => None,
    }
}
