//! Programs: a service token instead of a cookie. Such a request needs no CSRF token, since no browser sends the header
//! by itself, and it never has a session.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::{App, DEFAULT_USER};
use crate::error::{Error, Result};
use crate::scopes::{Scope, Scopes};
use crate::store::accounts::User;
use crate::tokens::PREFIX;

/// The header that names a tenant, by its account's handle. It selects one for tokens of administrators with the scope
/// `admin`; for everybody else it must name the own one.
const TENANT: &str = "x-tenant-id";

/// Request extension: the request's token.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// What it may do.
    pub scopes: Arc<[Scope]>,
    /// Handle of its account, whichever tenant it acts in.
    pub owner: Arc<str>,
    /// What its owner calls it.
    pub name: Arc<str>,
}

/// Request extension: why the request is refused, once those who may connect at all were told apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(StatusCode, &'static str);

impl Refused {
    /// 403 for a header that names another tenant.
    pub(super) const OTHER_TENANT: Self = Self(StatusCode::FORBIDDEN, "X-Tenant-ID names another tenant.");
    const WORTHLESS: Self = Self(StatusCode::UNAUTHORIZED, "The service token is not valid.");

    pub(super) fn into_error(self) -> Error {
        Error::json_error(self.0.as_u16(), self.1)
    }
}

/// The service token that a request brings. Other kinds of `Authorization` are not ours to judge.
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(PREFIX)).then_some(token)
}

/// Whom a token stands for and what it may do.
///
/// The role of its account counts only with the scope `admin`; whoever acts in another tenant is no administrator there.
pub(super) async fn resolve(
    app: &App,
    headers: &HeaderMap,
    token: &str,
) -> Result<Result<(Arc<User>, Bearer), Refused>> {
    let Some(found) = app.accounts().tokens().find(token).await? else {
        return Ok(Err(Refused::WORTHLESS));
    };
    let mut user = found.user;
    if !app.config().accounts.enabled {
        // Everyone is the default user, and no other account is anyone's.
        if user.handle != DEFAULT_USER {
            return Ok(Err(Refused::WORTHLESS));
        }
        user = User::clone(&app.default_user());
    }
    if !user.enabled {
        return Ok(Err(Refused::WORTHLESS));
    }
    let bearer = Bearer {
        scopes: found.scopes.iter().filter_map(|name| Scope::of(name)).collect(),
        owner: user.handle.as_str().into(),
        name: found.name.into(),
    };
    user.admin &= bearer.scopes.contains(&Scope::Admin);
    if !names_only(headers, &user.handle) {
        let Some(other) = selected(headers).filter(|_| user.admin) else {
            return Ok(Err(Refused::OTHER_TENANT));
        };
        let Some(other) = app.accounts().find(other).await? else {
            return Ok(Err(Refused::OTHER_TENANT));
        };
        tracing::info!(
            by = user.handle,
            handle = other.handle,
            "a token acts in another tenant"
        );
        user = User {
            admin: false,
            ..other
        };
    }
    Ok(Ok((Arc::new(user), bearer)))
}

/// Whether a request names no tenant but this one.
pub(super) fn names_only(headers: &HeaderMap, handle: &str) -> bool {
    let mut named = headers.get_all(TENANT).iter();
    named.all(|name| name.as_bytes() == handle.as_bytes())
}

fn selected(headers: &HeaderMap) -> Option<&str> {
    let mut named = headers.get_all(TENANT).iter();
    let only = named.next().filter(|_| named.next().is_none());
    only?.to_str().ok()
}

/// Refuses (403) a token without the scope that the route needs. Whoever has no token passes.
pub async fn check(State(scopes): State<Arc<Scopes>>, request: Request, next: Next) -> Result<Response> {
    if let Some(bearer) = request.extensions().get::<Bearer>() {
        let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        match scopes.need(request.method(), pattern) {
            Some(scope) if bearer.scopes.contains(&scope) => {}
            Some(scope) => {
                let reason = format!("The service token lacks the scope \"{}\".", scope.name());
                return Err(Error::json_error(403, reason));
            }
            None => return Err(Error::json_error(403, "Service tokens may not do this.")),
        }
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_bearers_with_the_prefix_are_ours() {
        let token = |value| presented(&headers(&[("authorization", value)])).map(str::to_owned);
        assert_eq!(token("Bearer st_x").as_deref(), Some("st_x"));
        assert_eq!(token("bearer  st_x").as_deref(), Some("st_x"));
        for other in ["Bearer x", "Basic st_x", "st_x", "Bearer"] {
            assert_eq!(token(other), None, "{other}");
        }
    }

    #[test]
    fn a_tenant_named_twice_is_not_selected() {
        let twice = headers(&[(TENANT, "anna"), (TENANT, "bob")]);
        assert!(!names_only(&twice, "anna"));
        assert_eq!(selected(&twice), None);
        assert!(names_only(&HeaderMap::new(), "anna"));
        assert!(names_only(&headers(&[(TENANT, "anna")]), "anna"));
        assert_eq!(selected(&headers(&[(TENANT, "bob")])), Some("bob"));
    }
}
