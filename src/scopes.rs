//! What a service token must be allowed for each route: data (`scopes.txt`: scope, method and Express path), since nearly
//! all of the original's routes are POST, whatever they do. A route that the list does not have refuses every token.
//!
//! `read` shows what is stored and computes; `write` stores, changes and deletes; `generate` sends requests to providers;
//! `admin` is about accounts, stored API keys and whole backups; `person` is for no token: passwords, logins, sessions
//! and tokens themselves.

use std::collections::HashMap;

use axum::http::Method;

use crate::routes::{Route, patterns};

const LIST: &str = include_str!("scopes.txt");

/// What a token may do. None includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read.
    Read,
    /// Store, change, delete.
    Write,
    /// Send requests to providers.
    Generate,
    /// Accounts, stored API keys, whole backups. An account's role counts as well.
    Admin,
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A token with this scope, or a person.
    Scope(Scope),
    /// A person.
    Person,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Generate, Self::Admin];

    /// Its name in requests and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Generate => "generate",
            Self::Admin => "admin",
        }
    }

    /// The scope with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Every route of the list and what it needs.
pub fn list() -> impl Iterator<Item = (Route, Need)> {
    LIST.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let need = match words.next()? {
            "person" => Need::Person,
            name => Need::Scope(Scope::of(name)?),
        };
        let method = words.next()?.to_owned();
        let path = words.next()?.to_owned();
        Some((Route { path, method }, need))
    })
}

/// The list, by the router's pattern.
#[derive(Debug)]
pub struct Scopes(HashMap<(String, String), Need>);

impl Default for Scopes {
    fn default() -> Self {
        let mut needs = HashMap::new();
        for (Route { path, method }, need) in list() {
            for pattern in patterns(&path) {
                needs.insert((method.clone(), pattern), need);
            }
        }
        Self(needs)
    }
}

impl Scopes {
    /// What a request needs; `pattern` is the route that matched, `None` for a user's own file. `None` for no token.
    #[must_use]
    pub fn need(&self, method: &Method, pattern: Option<&str>) -> Option<Scope> {
        let Some(pattern) = pattern else {
            return Some(Scope::Read);
        };
        if pattern.starts_with("/proxy/") {
            return Some(Scope::Generate);
        }
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match self.0.get(&(method.to_string(), pattern.to_owned()))? {
            Need::Scope(scope) => Some(*scope),
            Need::Person => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{router, routes};

    #[test]
    fn every_route_is_classified_once() {
        let listed: Vec<Route> = list().map(|(route, _)| route).collect();
        assert_eq!(listed.len(), LIST.lines().count(), "a line that says nothing");
        let unique: BTreeSet<Route> = listed.iter().cloned().collect();
        assert_eq!(unique.len(), listed.len(), "a route stands twice");
        let mut all: BTreeSet<Route> = routes::manifest().collect();
        all.extend(router::own().served().iter().cloned());
        let missing: Vec<_> = all.difference(&unique).collect();
        let stale: Vec<_> = unique.difference(&all).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "missing: {missing:?}, stale: {stale:?}"
        );
    }

    #[test]
    fn patterns_are_found_by_method_and_the_unknown_is_refused() {
        let scopes = Scopes::default();
        let need = |method: Method, pattern: &str| scopes.need(&method, Some(pattern));
        assert_eq!(need(Method::POST, "/api/chats/get"), Some(Scope::Read));
        assert_eq!(need(Method::POST, "/api/chats/save"), Some(Scope::Write));
        assert_eq!(need(Method::HEAD, "/version"), Some(Scope::Read));
        assert_eq!(need(Method::POST, "/api/content/importurl"), Some(Scope::Write));
        assert_eq!(need(Method::POST, "/api/images/list/{folder}"), Some(Scope::Read));
        assert_eq!(need(Method::POST, "/api/users/promote"), Some(Scope::Admin));
        assert_eq!(need(Method::POST, "/api/users/change-password"), None);
        assert_eq!(need(Method::POST, "/api/squaretable/tokens/create"), None);
        assert_eq!(need(Method::DELETE, "/api/chats/get"), None);
        assert_eq!(need(Method::POST, "/api/new"), None);
        assert_eq!(scopes.need(&Method::GET, None), Some(Scope::Read));
    }
}
