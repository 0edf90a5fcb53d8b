//! What a browser asks for besides the API, and what every route has in common.

mod base;
mod frontend;
mod user_data;
