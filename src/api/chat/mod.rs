//! Chats of characters and groups, their backups, statistics.

pub mod backups;
pub mod chats;
pub mod group_chats;
pub mod lists;
pub mod stats;
pub mod transfer;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(chats::routes())
        .merge(backups::routes())
        .merge(group_chats::routes())
        .merge(lists::routes())
        .merge(stats::routes())
        .merge(transfer::routes())
}
