//! `/api/assets`: music, sounds and models that extensions use, in `assets/<category>`.

mod download;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::{json as text, names};

use super::user_files::names_in;
use crate::error::{Error, Result};
use crate::extract::{Body, QueryFields, js_text};
use crate::reply;
use crate::routes::Routes;
use crate::store::files::StoredFile;
use crate::store::{Tx, files};
use crate::tenant::Tenant;

/// The assets' folder below the user's root.
const ASSETS: &str = "assets";

/// Folders in it, which every user has after the first listing.
const CATEGORIES: [&str; 7] = ["bgm", "ambient", "blip", "live2d", "vrm", "character", "temp"];

/// Keeps a folder in version control; no asset.
const PLACEHOLDER: &str = ".placeholder";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/assets/get", get)
        .post("/api/assets/download", download::download)
        .post("/api/assets/delete", delete)
        .post("/api/assets/character", character)
}

/// `POST /api/assets/get`: paths by category.
///
/// compat: the paths of models start with a slash, all others do not.
async fn get(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    make_categories(&mut tx).await?;
    let mut found = Map::new();
    for folder in files::list_folders(&mut tx, ASSETS).await? {
        let path = format!("{ASSETS}/{folder}");
        let listed = match folder.as_str() {
            "temp" => continue,
            "live2d" => {
                json!(below(&mut tx, &path, is_model).await?)
            }
            "vrm" => {
                let is_asset = |path: &str| !path.ends_with(PLACEHOLDER);
                let models = below(&mut tx, &format!("{path}/model"), is_asset).await?;
                let animations = below(&mut tx, &format!("{path}/animation"), is_asset).await?;
                json!({ "model": models, "animation": animations })
            }
            _ => {
                let names = names_in(&mut tx, &path).await?;
                let names = names.iter().filter(|name| *name != PLACEHOLDER);
                json!(names.map(|name| format!("{path}/{name}")).collect::<Vec<_>>())
            }
        };
        found.insert(folder, listed);
    }
    tx.commit().await?;
    Ok(reply::json_bytes(text::to_vec(&Value::Object(found))))
}

/// Makes the folders of all categories.
///
/// compat: a file that has the name of one has to go.
async fn make_categories(tx: &mut Tx) -> Result<()> {
    let there = files::list_folders(tx, ASSETS).await?;
    for category in CATEGORIES {
        if !there.iter().any(|folder| folder == category) {
            files::delete(tx, ASSETS, category).await?;
            files::create_folder(tx, &format!("{ASSETS}/{category}")).await?;
        }
    }
    Ok(())
}

/// The paths of the files wanted in and below a folder, a slash before them, each folder in its place among the files.
async fn below(tx: &mut Tx, folder: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let found = files::list_recursive(tx, folder).await?;
    let path = |file: StoredFile| format!("/{}/{}", file.folder, file.name);
    let mut paths: Vec<String> = found.into_iter().map(path).collect();
    paths.retain(|path| is_wanted(path));
    paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    Ok(paths)
}

/// Whether a path is that of a Live2D model.
///
/// compat: the word may be in any of its folders.
fn is_model(path: &str) -> bool {
    path.contains("model") && path.ends_with(".json")
}

/// `POST /api/assets/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let category = category_of(body.get("category")).ok_or(Error::bad_request())?;
    let name = file_name(&body)?;
    let folder = format!("{ASSETS}/{category}");
    let mut tx = tenant.begin().await?;
    if !files::delete(&mut tx, &folder, name).await? {
        // compat: a folder exists, but is not a file that could be deleted.
        return Err(
            match files::folder_exists(&mut tx, &format!("{folder}/{name}")).await? {
                true => Error::status(500),
                false => Error::bad_request(),
            },
        );
    }
    files::create_folder(&mut tx, &folder).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// The category that a value names.
///
/// compat: compared as JavaScript compares with `==`, so a list of one name is that name.
fn category_of(value: &Value) -> Option<&'static str> {
    let name = js_text(value)?;
    CATEGORIES.into_iter().find(|category| *category == name)
}

/// The field `filename`, checked.
///
/// compat: what is no text is looked at as text first, and then a 500.
fn file_name(body: &Body) -> Result<&str> {
    let refused = |message| Error::text(400, message);
    match body.0.get("filename") {
        Some(Value::String(name)) => names::asset_name(name).map_err(refused).map(|()| name.as_str()),
        None => Err(Error::status(500)),
        Some(other) => {
            let name = js_text(other).ok_or(Error::status(500))?;
            let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            let is_named = !name.is_empty() && name.chars().all(is_word);
            let refusal = names::asset_name(&name).err().filter(|_| !is_named);
            Err(refusal.map_or(Error::status(500), refused))
        }
    }
}

/// `POST /api/assets/character?name=&category=`: addresses of what a character has of its own, in
/// `characters/<name>/<category>`.
///
/// compat: Live2D models are paths without a leading slash, and those directly in the folder are not found.
async fn character(tenant: Tenant, QueryFields(query): QueryFields) -> Result<Response> {
    let name = query.0.get("name").ok_or(Error::bad_request())?;
    let name = names::sanitize(&js_text(name).ok_or(Error::bad_request())?);
    let category = category_of(query.get("category")).ok_or(Error::bad_request())?;
    let folder = match name.as_str() {
        "" => format!("characters/{category}"),
        name => format!("characters/{name}/{category}"),
    };
    let mut tx = tenant.begin().await?;
    let mut found = Vec::new();
    if category == "live2d" {
        for model in files::list_folders(&mut tx, &folder).await? {
            let path = format!("{folder}/{model}");
            let names = names_in(&mut tx, &path).await?;
            let names = names.iter().filter(|name| is_model(name));
            found.extend(names.map(|name| format!("{path}/{name}")));
        }
    } else {
        let names = names_in(&mut tx, &folder).await?;
        let names = names.iter().filter(|name| *name != PLACEHOLDER);
        found.extend(names.map(|file| format!("/characters/{name}/{category}/{file}")));
    }
    Ok(reply::json(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_compared_loosely() {
        assert_eq!(category_of(&json!("bgm")), Some("bgm"));
        assert_eq!(category_of(&json!([["vrm"]])), Some("vrm"));
        for other in [
            json!(null),
            json!("BGM"),
            json!(5),
            json!(["bgm", "bgm"]),
            json!({}),
            json!({ "toString": 1 }),
        ] {
            assert_eq!(category_of(&other), None, "{other}");
        }
    }

    #[test]
    fn names_that_are_no_text_are_told_from_bad_names() {
        let of = |value: Value| file_name(&Body(json!({ "filename": value }))).map(str::to_owned);
        assert_eq!(of(json!("a-b_1.mp3")).unwrap(), "a-b_1.mp3");
        for bad in [json!("a b"), json!(""), json!([]), json!({}), json!(["a", "b"])] {
            assert!(
                matches!(of(bad.clone()), Err(Error::Text(StatusCode::BAD_REQUEST, _))),
                "{bad}"
            );
        }
        for fault in [
            json!(5),
            json!(null),
            json!(true),
            json!(["a"]),
            json!({ "toString": 1 }),
        ] {
            assert!(
                matches!(
                    of(fault.clone()),
                    Err(Error::Status(StatusCode::INTERNAL_SERVER_ERROR))
                ),
                "{fault}"
            );
        }
    }
}
