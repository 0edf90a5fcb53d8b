//! Who is asking: the session's handle becomes the account whose tenant the request may see.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::error::{Error, Result};
use crate::middleware::session::Session;
use crate::store::accounts::User;
use crate::tenant::CurrentUser;

/// Resolves the user of a request into its extensions; anonymous requests get none.
///
/// With accounts off everyone is the default user. With accounts on, a session that was made before the account's
/// password changed, or of an account that is disabled, is worth nothing.
pub async fn resolve(State(app): State<App>, mut req: Request, next: Next) -> Result<Response> {
    if !app.config().accounts.enabled {
        req.extensions_mut().insert(CurrentUser(app.default_user()));
        return Ok(next.run(req).await);
    }
    let session = req
        .extensions()
        .get::<Session>()
        .cloned()
        .ok_or(Error::forbidden())?;
    if let Some(handle) = session.handle()
        && let Some(user) = app.account(&handle).await?
        && user.enabled
    {
        match session.version() {
            Some(version) if version != version_of(&user) => {
                session.destroy();
                return Err(Error::forbidden());
            }
            Some(_) => {}
            None => session.set("version", version_of(&user)),
        }
        req.extensions_mut().insert(CurrentUser(user));
    }
    Ok(next.run(req).await)
}

/// Refuses (403) whoever [`resolve`] left anonymous.
pub async fn require(req: Request, next: Next) -> Result<Response> {
    if req.extensions().get::<CurrentUser>().is_none() {
        return Err(Error::forbidden());
    }
    Ok(next.run(req).await)
}

/// Changes whenever the account's password does.
fn version_of(user: &User) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("squaretable 2026 session version");
    for part in [&user.handle, &user.password, &user.salt] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
