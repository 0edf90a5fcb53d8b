//! Who does something, as the audit log wants it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use crate::app::App;
use crate::error::Result;
use crate::middleware::client_ip;
use crate::middleware::token::Bearer;
use crate::stack;
use crate::store::audit::{self, Entry};
use crate::store::{Db, Tx};
use crate::tenant::CurrentUser;

/// What an act came to when it was done.
pub const DONE: &str = "done";

/// The other end of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Handle of the user; empty for nobody known.
    pub actor: String,
    /// Handle of the account whose data the request is about: another one where a service token acts in it.
    pub tenant: String,
    /// Where from, as the login page's limits count it.
    pub address: String,
    /// What the browser calls itself, or `token` and the name of a service token.
    pub agent: String,
}

impl Caller {
    /// The other end of a request with these extensions and headers.
    #[must_use]
    pub fn of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let tenant = extensions
            .get::<CurrentUser>()
            .map(|CurrentUser(user)| user.handle.clone());
        let tenant = tenant.unwrap_or_default();
        let (actor, agent) = match extensions.get::<Bearer>() {
            Some(bearer) => (bearer.owner.to_string(), format!("token {}", bearer.name)),
            None => {
                let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
                (tenant.clone(), agent.unwrap_or_default().to_owned())
            }
        };
        Self {
            actor,
            tenant,
            address: client_ip::describe(extensions, headers, stack::counted_by(app)),
            agent,
        }
    }

    /// The same, by another name.
    #[must_use]
    pub fn named(mut self, actor: &str) -> Self {
        actor.clone_into(&mut self.actor);
        self
    }

    /// An entry for something that was done. `tenant` is the handle of the account concerned, empty for the whole
    /// installation; `subject` is what it was done to, and never a secret's value.
    #[must_use]
    pub fn did(&self, act: &'static str, tenant: &str, subject: &str) -> Entry {
        Entry {
            tenant: tenant.to_owned(),
            actor: self.actor.clone(),
            act,
            subject: subject.to_owned(),
            address: self.address.clone(),
            agent: self.agent.clone(),
            outcome: DONE,
        }
    }

    /// As [`Caller::did`], for something that was tried.
    #[must_use]
    pub fn failed(&self, act: &'static str, tenant: &str, subject: &str, why: &'static str) -> Entry {
        Entry {
            outcome: why,
            ..self.did(act, tenant, subject)
        }
    }

    /// Notes in a user's transaction what the user did to the own data.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note(&self, tx: &mut Tx, act: &'static str, subject: &str) -> Result<()> {
        audit::add(tx, &self.did(act, &self.tenant, subject)).await
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> std::result::Result<Self, Infallible> {
        Ok(Self::of(app, &parts.extensions, &parts.headers))
    }
}

/// Removes entries that are older than `days`, a bounded number; 0 keeps all.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Db, days: u32) -> Result<()> {
    /// Statements of one run, of a thousand entries each.
    const MOST: usize = 100;
    if days == 0 {
        return Ok(());
    }
    for _ in 0..MOST {
        if audit::prune(db, days).await? == 0 {
            break;
        }
    }
    Ok(())
}
