//! Changing parts of cards: edit-attribute, merge-attributes.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::card::{FieldError, is_defined, merge_update, set_field, validate};
use squaretable_compat::{json as text, names};

use super::write::check_name;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{Tx, characters};
use crate::tenant::Tenant;

/// These routes.
pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/api/characters/edit-attribute", edit_attribute)
        .post("/api/characters/merge-attributes", merge_attributes)
}

/// `POST /api/characters/edit-attribute`: one field, at the top level and in `data`.
async fn edit_attribute(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    check_name(&body)?;
    let field = body.string("field");
    if field == "json_data" {
        return Err(Error::text(400, "Error: cannot edit json_data field."));
    }
    let avatar = body.str("avatar_url").ok_or(Error::status(500))?;
    let mut tx = tenant.begin().await?;
    let character = characters::get_for_update(&mut tx, avatar)
        .await?
        .ok_or(Error::status(500))?;
    let card = character.text().and_then(|card| text::parse(&card).ok());
    let mut card = card.ok_or(Error::status(500))?;
    set_field(&mut card, &field, body.0.get("value")).map_err(|error| match error {
        FieldError::Unknown => Error::text(400, "Error: invalid field."),
        _ => Error::status(500),
    })?;
    characters::set_card(&mut tx, &character, &text::to_vec(&card)).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// How an update of one card ended.
enum Merged {
    Done,
    Skipped,
    Invalid(String),
    Missing,
}

/// `POST /api/characters/merge-attributes`: one card, or with `avatars` many.
async fn merge_attributes(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar")?;
    if body.get("avatars").is_array() {
        return merge_many(&tenant, &body).await;
    }
    let failed = |error: String| {
        Error::json(
            500,
            json!({ "message": "Unexpected error while saving character.", "error": error }),
        )
    };
    let avatar = body
        .str("avatar")
        .ok_or_else(|| failed("Error: no avatar was given".to_owned()))?;
    let mut tx = tenant.begin().await?;
    match merge_one(&mut tx, avatar, &body.0, None).await? {
        Merged::Done | Merged::Skipped => {}
        Merged::Missing => {
            return Err(failed(format!(
                "Error: ENOENT: no such file or directory, open '{avatar}'"
            )));
        }
        Merged::Invalid(error) => {
            let message = format!("Validation failed for {avatar}");
            return Err(Error::json(400, json!({ "message": message, "error": error })));
        }
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// The bulk form: each card on its own, the outcome of each in the answer.
async fn merge_many(tenant: &Tenant, body: &Body) -> Result<Response> {
    let refuse = |message: String| Error::json(400, json!({ "message": message }));
    if !body.get("data").is_object() {
        return Err(refuse("No valid update data provided.".to_owned()));
    }
    let mut avatars = Vec::new();
    for avatar in body.get("avatars").as_array().into_iter().flatten() {
        let valid = avatar
            .as_str()
            .filter(|name| is_png(name) && !names::contains_separator(name));
        let invalid = || refuse(format!("Invalid avatar filename: {}", text::js_string(avatar)));
        avatars.push(valid.ok_or_else(invalid)?.to_owned());
    }
    if avatars.is_empty() {
        let mut tx = tenant.begin().await?;
        avatars = characters::avatars(&mut tx).await?;
        avatars.retain(|avatar| is_png(avatar));
    }
    let path = body.get("filter").get("path").and_then(Value::as_str);
    let (mut updated, mut skipped, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for avatar in avatars {
        let mut tx = tenant.begin().await?;
        match merge_one(&mut tx, &avatar, body.get("data"), path).await? {
            Merged::Done => {
                tx.commit().await?;
                updated.push(avatar);
            }
            Merged::Skipped => skipped.push(avatar),
            Merged::Missing | Merged::Invalid(_) => failed.push(avatar),
        }
    }
    Ok(reply::json(
        &json!({ "updated": updated, "skipped": skipped, "failed": failed }),
    ))
}

async fn merge_one(tx: &mut Tx, avatar: &str, update: &Value, path: Option<&str>) -> Result<Merged> {
    let Some(character) = characters::get_for_update(tx, avatar).await? else {
        return Ok(Merged::Missing);
    };
    let Some(mut card) = character.text().and_then(|card| text::parse(&card).ok()) else {
        return Ok(Merged::Invalid("Invalid character file".to_owned()));
    };
    if path.is_some_and(|path| !is_defined(&card, path)) {
        return Ok(Merged::Skipped);
    }
    merge_update(&mut card, update);
    if let Err(error) = validate(&card) {
        return Ok(Merged::Invalid(error));
    }
    characters::set_card(tx, &character, &text::to_vec(&card)).await?;
    Ok(Merged::Done)
}

fn is_png(name: &str) -> bool {
    names::extension(name).eq_ignore_ascii_case(".png")
}
