//! `/api/extensions`: what extensions there are, and fetching, updating, moving and removing them.
//!
//! An extension is a git repository, stored file by file with its `.git` in its owner's folder `extensions`. Git works
//! on copies in temporary folders without holding a transaction; what it changed is stored if the extension still is
//! what was copied.

mod branches;
mod checkout;
mod discover;
mod install;
mod remove;
mod shelf;
mod update;

use std::path::Path;

use axum::body::Body as HttpBody;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::TryStreamExt;
use squaretable_compat::names;

use crate::api::stored;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::git::GitError;
use crate::routes::Routes;
use crate::served::Source;
use crate::store::files;
use crate::tenant::Tenant;
use shelf::Shelf;

const MANIFEST: &str = "manifest.json";

/// Folder of extensions that did not come with the frontend, below its own.
const THIRD_PARTY: &str = "third-party";

/// How often an extension is worked on anew because somebody else changed it meanwhile.
const ATTEMPTS: usize = 3;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/api/extensions/discover", discover::discover)
        .post("/api/extensions/install", install::install)
        .post("/api/extensions/update", update::update)
        .post("/api/extensions/version", update::version)
        .post("/api/extensions/branches", branches::branches)
        .post("/api/extensions/switch", branches::switch)
        .post("/api/extensions/move", remove::move_between)
        .post("/api/extensions/delete", remove::delete)
}

/// Answers a file of an extension that everybody has; `None` where there is none of this name. `folder` begins with
/// `extensions`.
///
/// # Errors
/// 404 for folders and hidden files, as for a user's own; the database failed.
pub async fn serve_shared(
    app: &App,
    tenant: &Tenant,
    headers: &HeaderMap,
    (folder, name): (&str, &str),
    is_folder: bool,
) -> Result<Option<Response>> {
    let shared = tenant.shared(app);
    let mut tx = shared.read().await?;
    let path = format!("{folder}/{name}");
    let Some(file) = files::get(&mut tx, folder, name).await? else {
        return match files::folder_exists(&mut tx, &path).await? {
            true if is_folder => Err(Error::Page(axum::http::StatusCode::NOT_FOUND)),
            true => Err(Error::NotFoundPage),
            false => Ok(None),
        };
    };
    // A repository's own files may hold the password of its address; the original shows them to everybody.
    if path.contains("/.") {
        return Err(Error::Page(axum::http::StatusCode::NOT_FOUND));
    }
    let ranged = Source::Ranged(Box::new(move |range| {
        let chunks = shared.stream(file.blob, range.start, range.end);
        HttpBody::from_stream(chunks.inspect_err(|error| tracing::error!(%error, "a stored file broke off")))
    }));
    Ok(Some(
        stored::respond(headers, name, file.blob.size, file.modified_at, ranged).await,
    ))
}

/// The folder in which the frontend's installation holds extensions for everybody.
fn installed(app: &App) -> std::path::PathBuf {
    app.frontend().public().join("scripts/extensions")
}

/// Whether the frontend's installation holds an extension of this name, which nobody can change from here.
async fn is_installed(app: &App, name: &str) -> bool {
    let path = installed(app).join(THIRD_PARTY).join(Path::new(name));
    tokio::fs::try_exists(path).await.unwrap_or(false)
}

/// 404 while extensions are switched off.
fn require_enabled(app: &App) -> Result<()> {
    if app.config().content.extensions.enabled {
        Ok(())
    } else {
        Err(Error::not_found())
    }
}

/// How the original answers when anything goes wrong.
fn failed() -> Error {
    Error::text(
        500,
        "Internal Server Error. Check the server logs for more details.",
    )
}

/// A fault of a stored extension, for the log.
fn broken(reason: impl std::fmt::Display) -> Error {
    Error::Shown(Box::new(failed()), anyhow::anyhow!("{reason}"))
}

/// The extension a request is about.
struct Wanted {
    name: String,
    shelf: Shelf,
}

impl Wanted {
    /// `extensionName` and `global` of a body; `verb` says what only administrators may do to extensions for everybody.
    fn of(app: &App, tenant: &Tenant, body: &Body, verb: Option<&str>) -> Result<Self> {
        const INVALID: &str = "Bad Request: A valid extensionName is required in the request body.";
        let name = name_of(body).ok_or(Error::text(400, INVALID))?;
        if body.truthy("global")
            && let Some(verb) = verb
        {
            require_admin(tenant, &format!("{verb} global extensions"))?;
        }
        let shelf = Shelf::of(app, tenant, body.truthy("global"));
        Ok(Self { name, shelf })
    }

    /// 404 that names the extension; 403 where it exists and is the installation's.
    async fn missing(&self, app: &App) -> Error {
        if self.shelf.is_shared() && is_installed(app, &self.name).await {
            return Error::text(
                403,
                "Forbidden: This extension is part of the server's installation and can only be changed there.",
            );
        }
        Error::text(
            404,
            format!("Directory does not exist at {}", self.shelf.shown(&self.name)),
        )
    }
}

/// The sanitised `extensionName`, which is never empty, so that no folder but an extension's own is ever meant.
fn name_of(body: &Body) -> Option<String> {
    let name = names::sanitize(body.str("extensionName")?);
    (!name.is_empty()).then_some(name)
}

fn require_admin(tenant: &Tenant, what: &str) -> Result<()> {
    if tenant.user().admin {
        Ok(())
    } else {
        Err(Error::text(403, format!("Forbidden: No permission to {what}.")))
    }
}

impl From<GitError> for Error {
    /// Reasons that the user can do something about are told; the others are the log's.
    fn from(error: GitError) -> Self {
        let shown = match &error {
            GitError::Missing => Self::text(
                500,
                "Internal Server Error. Extensions need the program git, which is not installed on the server.",
            ),
            GitError::TooLarge(_) | GitError::TooMany(_) => Self::text(
                413,
                format!("Content Too Large: The extension takes {error}, which is the limit here."),
            ),
            GitError::TimedOut(_) => Self::text(
                504,
                format!("Gateway Timeout: Fetching the extension took {error}, which is the limit here."),
            ),
            GitError::Busy => Self::text(
                503,
                "Service Unavailable: Too many extensions are being fetched. Try again later.",
            ),
            _ => failed(),
        };
        Self::Shown(Box::new(shown), error.into())
    }
}
