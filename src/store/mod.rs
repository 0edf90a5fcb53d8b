//! All SQL. One file per family, same stem as in `api/`.
//!
//! Functions take a [`Tx`], which only [`Tenant::begin`](crate::tenant::Tenant::begin) makes: a transaction that
//! already carries its tenant. Every statement names `tenant_id` itself (the first wall); the policies of
//! `migrations/` stand behind it (the second).

pub mod accounts;
pub mod audit;
pub mod blobs;
pub mod characters;
pub mod chats;
pub mod codes;
pub mod db;
pub mod documents;
pub mod extensions;
pub mod files;
pub mod image_metadata;
pub mod imports;
pub mod maid;
pub mod oidc;
pub mod policy;
pub mod quotas;
pub mod secrets;
pub mod sessions;
pub mod tenants;
pub mod thumbnails;
pub mod tokens;
pub mod vectors;

pub use db::{Db, TenantId, Tx};
