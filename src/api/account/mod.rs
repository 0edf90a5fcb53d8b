//! Accounts and what belongs to them as a whole.

pub mod users;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().merge(users::routes())
}
