//! Settings, secrets, presets, themes, quick replies, moving UI.

mod extension_limits;
mod extension_owners;
mod extensions;
mod moving_ui;
mod presets;
mod quick_replies;
mod secrets;
mod settings;
mod themes;
