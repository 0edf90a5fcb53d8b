//! Every integration test, in one binary: HTTP against a real PostgreSQL, the original beside us, a real browser.

mod api;
mod attacks;
mod browser;
mod canary;
mod coverage;
mod database;
mod harness;
mod oracle;
mod robustness;
mod structure;
mod tenancy;
