//! `Routes`: an axum router that remembers what it serves.
//!
//! The original's 341 routes are data (`routes.txt`, method and Express path). A family registers its own, and
//! `tests/coverage.rs` holds what is served against the list.

use std::collections::BTreeSet;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use crate::app::App;

/// Method and path of every route of SillyTavern 1.19.0, one a line.
const MANIFEST: &str = include_str!("routes.txt");

/// A route of the original.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `/api/chats/save`, in Express' notation.
    pub path: String,
    /// `GET` or `POST`.
    pub method: String,
}

/// The routes of the original, in the manifest's order.
pub fn manifest() -> impl Iterator<Item = Route> {
    MANIFEST.lines().filter_map(|line| {
        let (method, path) = line.split_once(' ')?;
        Some(Route {
            path: path.to_owned(),
            method: method.to_owned(),
        })
    })
}

/// A family's routes, or several families' merged.
#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    served: BTreeSet<Route>,
}

impl Routes {
    /// Without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `POST path`; `path` is written as in the manifest.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "reads like axum's own registration")]
    pub fn post<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(&Method::POST, MethodFilter::POST, path, &handler)
    }

    /// Serves `GET path` (and `HEAD`); `path` is written as in the manifest.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "reads like axum's own registration")]
    pub fn get<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(&Method::GET, MethodFilter::GET, path, &handler)
    }

    fn on<H, T>(mut self, method: &Method, filter: MethodFilter, path: &str, handler: &H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        for pattern in patterns(path) {
            self.router = self.router.route(&pattern, on(filter, handler.clone()));
        }
        self.served.insert(Route {
            path: path.to_owned(),
            method: method.to_string(),
        });
        self
    }

    /// Adds another family's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.served.extend(other.served);
        self
    }

    /// The routes that families registered.
    #[must_use]
    pub fn served(&self) -> &BTreeSet<Route> {
        &self.served
    }

    /// The router alone.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}

/// axum's patterns for an Express path. Paths are matched in lower case without a trailing slash, as
/// `middleware/case.rs` leaves them; an optional parameter makes two patterns.
pub(crate) fn patterns(path: &str) -> Vec<String> {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let (path, optional) = match path.strip_suffix('?') {
        Some(path) => (path.to_owned(), true),
        None => (path, false),
    };
    let Some((before, parameter)) = path.split_once("/:") else {
        return vec![if path.is_empty() { "/".to_owned() } else { path }];
    };
    let mut patterns = vec![format!("{before}/{{{parameter}}}")];
    if optional {
        patterns.push(before.to_owned());
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_holds_every_route_of_the_original() {
        assert_eq!(manifest().count(), 341);
        assert_eq!(manifest().collect::<BTreeSet<_>>().len(), 341);
    }

    #[test]
    fn express_paths_become_patterns() {
        assert_eq!(patterns("/"), ["/"]);
        assert_eq!(patterns("/thumbnail/"), ["/thumbnail"]);
        assert_eq!(patterns("/api/content/importURL"), ["/api/content/importurl"]);
        assert_eq!(
            patterns("/api/images/list/:folder?"),
            ["/api/images/list/{folder}", "/api/images/list"]
        );
    }
}
