//! Settings, secrets, presets, themes, quick replies, moving UI.

pub mod extensions;
pub mod moving_ui;
pub mod presets;
pub mod quick_replies;
pub mod secrets;
pub mod settings;
pub mod themes;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(extensions::routes())
        .merge(settings::routes())
        .merge(secrets::routes())
        .merge(presets::routes())
        .merge(themes::routes())
        .merge(quick_replies::routes())
        .merge(moving_ui::routes())
}
