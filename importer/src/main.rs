//! Importer.
fn main() {}
