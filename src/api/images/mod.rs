//! Pictures and films: `/api/sd`, and what services of texts paint besides.

pub mod comfy;
pub mod vendors;
pub mod webui;
pub mod workflows;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(comfy::routes())
        .merge(vendors::routes())
        .merge(webui::routes())
        .merge(workflows::routes())
}
