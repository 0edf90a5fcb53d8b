//! Whose extensions: a user's own, or everybody's.

use crate::app::App;
use crate::error::Result;
use crate::store::{Tx, extensions};
use crate::tenant::{Shared, Tenant};

/// Where an extension is kept.
#[derive(Clone, Debug)]
pub(super) enum Shelf {
    /// Among the user's own.
    Own(Tenant),
    /// Among those that everybody has.
    Shared(Shared),
}

impl Shelf {
    pub(super) fn of(app: &App, tenant: &Tenant, shared: bool) -> Self {
        if shared {
            Self::Shared(tenant.shared(app))
        } else {
            Self::Own(tenant.clone())
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// A transaction that only reads.
    pub(super) async fn read(&self) -> Result<Tx> {
        match self {
            Self::Own(tenant) => tenant.begin_snapshot().await,
            Self::Shared(shared) => shared.read().await,
        }
    }

    /// A transaction that holds the extension's name.
    pub(super) async fn change(&self, name: &str) -> Result<Tx> {
        let mut tx = match self {
            Self::Own(tenant) => tenant.begin().await?,
            Self::Shared(shared) => shared.change().await?,
        };
        extensions::hold(&mut tx, name).await?;
        Ok(tx)
    }

    /// The extension's place as answers name it: the original's, without the folders above that are the server's own.
    pub(super) fn shown(&self, name: &str) -> String {
        match self {
            Self::Own(tenant) => format!("/{}/{}", tenant.handle(), extensions::folder(name)),
            Self::Shared(_) => format!("public/scripts/extensions/third-party/{name}"),
        }
    }
}
