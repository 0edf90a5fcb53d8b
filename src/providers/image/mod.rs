//! Pictures: requests to those who paint them, and their answers.

pub mod a1111;
pub mod comfy;
pub mod comfy_runpod;
pub mod drawthings;
pub mod forms;
pub mod horde;
pub mod novelai;
pub mod sdcpp;
mod server;
pub mod tasks;
mod vendor;
pub mod vendors;
pub mod video;
pub mod zai;
