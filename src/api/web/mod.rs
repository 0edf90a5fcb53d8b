//! What a browser asks for besides the API: pages, the frontend's files, old addresses.

pub mod cors_proxy;
pub mod legacy;
pub mod login;
pub mod oidc;
pub mod pages;
pub mod static_files;
pub mod user_data;
