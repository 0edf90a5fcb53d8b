//! A user's own files: `/characters/*`, `/backgrounds/*`, `/User Avatars/*`, `/assets/*`, `/user/images/*`,
//! `/user/files/*`, `/scripts/extensions/third-party/*`.

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use percent_encoding::percent_decode_str;

use crate::api::prefs::extensions;
use crate::api::stored::{Original, contained};
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::files;
use crate::tenant::Tenant;

/// Folder of a user's own extensions; those of everybody stand behind them.
const EXTENSIONS: &str = "extensions";

/// URL prefix to the folder below the user's root. Prefixes are matched in any case, what follows as it is.
const FOLDERS: [(&str, &str); 7] = [
    ("/backgrounds", "backgrounds"),
    ("/characters", "characters"),
    ("/user avatars", "User Avatars"),
    ("/assets", "assets"),
    ("/user/images", "user/images"),
    ("/user/files", "user/files"),
    ("/scripts/extensions/third-party", EXTENSIONS),
];

/// What a path below one of the prefixes asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    folder: &'static str,
    /// Decoded once, as the router of the original hands it on.
    rest: String,
}

/// Whether the path is one of these routes. `None` for any other path, and for a prefix without a slash behind it.
#[must_use]
pub fn wanted(uri: &Uri) -> Option<Wanted> {
    let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
    FOLDERS.iter().find_map(|(prefix, folder)| {
        let head = path.get(..prefix.len())?;
        let rest = path.get(prefix.len()..)?.strip_prefix('/')?;
        head.eq_ignore_ascii_case(prefix).then(|| Wanted {
            folder,
            rest: rest.to_owned(),
        })
    })
}

/// `ANY /<prefix>/*`: the file, for any method.
///
/// compat: the original decodes the rest a second time, so a name that holds a literal `%` fails with 500.
pub async fn serve(app: &App, tenant: &Tenant, headers: &HeaderMap, wanted: Wanted) -> Result<Response> {
    let Wanted { folder, rest } = wanted;
    if folder == EXTENSIONS && !app.config().content.extensions.enabled {
        return Err(Error::not_found());
    }
    let path = decode(&rest)?;
    let Some((folder, name)) = locate(folder, &path)? else {
        return Err(missing_page());
    };
    let mut tx = tenant.begin().await?;
    let is_folder = path.ends_with('/');
    match Original::find(&mut tx, &folder, &name).await? {
        // compat: a file that begins with a dot is hidden, in other words than one that does not exist.
        Some(_) if name.starts_with('.') => Err(missing_page()),
        // An extension's pages are as much the user's choice as its scripts.
        Some(file) if folder == EXTENSIONS || folder.starts_with("extensions/") => {
            file.serve(tenant, headers, &name).await
        }
        Some(file) => file.serve(tenant, headers, &name).await.map(contained),
        None if files::folder_exists(&mut tx, &format!("{folder}/{name}")).await? => Err(if is_folder {
            missing_page()
        } else {
            Error::NotFoundPage
        }),
        None if folder == EXTENSIONS || folder.starts_with("extensions/") => {
            // A connection for each: the first one must not wait for the second.
            drop(tx);
            let place = (folder.as_str(), name.as_str());
            let shared = extensions::serve_shared(app, tenant, headers, place, is_folder).await?;
            shared.ok_or(Error::not_found())
        }
        None => Err(Error::not_found()),
    }
}

/// compat: how the original's file sender says that there is nothing it would send.
fn missing_page() -> Error {
    Error::Page(StatusCode::NOT_FOUND)
}

fn decode(rest: &str) -> Result<String> {
    let broken = rest.match_indices('%').any(|(at, _)| {
        let hex = rest.as_bytes().get(at + 1..at + 3);
        !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    match percent_decode_str(rest).decode_utf8() {
        Ok(path) if !broken && !rest.is_empty() => Ok(path.into_owned()),
        _ => Err(Error::status(500)),
    }
}

/// Folder and name of a path below `root`, which it cannot leave; `None` for `root` itself.
fn locate(root: &str, path: &str) -> Result<Option<(String, String)>> {
    if path.contains('\0') {
        return Err(Error::not_found());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(Error::forbidden())?;
            }
            part => parts.push(part),
        }
    }
    let Some(name) = parts.pop() else { return Ok(None) };
    let folder = std::iter::once(root).chain(parts).collect::<Vec<_>>().join("/");
    Ok(Some((folder, name.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_match_in_any_case_and_files_as_they_are() {
        let of = |path: &str| wanted(&path.parse().unwrap());
        assert_eq!(
            of("/Characters/A%20b.png"),
            Some(Wanted {
                folder: "characters",
                rest: "A b.png".into()
            })
        );
        assert_eq!(
            of("/User%20Avatars/x"),
            Some(Wanted {
                folder: "User Avatars",
                rest: "x".into()
            })
        );
        assert_eq!(of("/characters"), None);
        assert_eq!(of("/charactersx/y"), None);
    }

    #[test]
    fn no_path_leaves_its_folder() {
        let found = Some(("characters".to_owned(), "b.png".to_owned()));
        assert_eq!(locate("characters", "a/../b.png").unwrap(), found);
        assert_eq!(locate("characters", "/").unwrap(), None);
        assert!(matches!(
            locate("characters", "../settings.json"),
            Err(Error::Status(StatusCode::FORBIDDEN))
        ));
        assert!(matches!(
            locate("characters", "a/../../x"),
            Err(Error::Status(StatusCode::FORBIDDEN))
        ));
        assert!(decode("%zz").is_err());
    }
}
