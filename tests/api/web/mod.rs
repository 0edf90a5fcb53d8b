//! What a browser asks for besides the API, and what every route has in common.

mod base;
mod cors_proxy;
mod frontend;
mod user_data;
