//! The house rules that no compiler knows.

use std::path::{Path, PathBuf};

/// Every Rust and JavaScript file of ours, with its text.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of this repository") {
            let path = entry.expect("an entry").path();
            let is_source = path
                .extension()
                .is_some_and(|extension| extension == "rs" || extension == "mjs");
            if path.is_dir() {
                open.push(path);
            } else if is_source {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path.strip_prefix(root).expect("below the root").to_owned(), text));
            }
        }
    }
    found
}

#[test]
fn no_file_has_more_than_400_lines() {
    let files = sources(&[
        "src",
        "compat/src",
        "importer/src",
        "importer/tests",
        "tests",
        "scripts",
    ]);
    assert!(files.len() > 150, "only {} files were found", files.len());
    let long: Vec<_> = files
        .iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(n, _)| *n > 400)
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

/// A statement outside the store would be one that the tenant's walls were not thought of for.
#[test]
fn all_sql_is_in_the_store() {
    let outside = |path: &Path| !path.starts_with("src/store") && !path.starts_with("src/embedded");
    let found: Vec<_> = sources(&["src"])
        .into_iter()
        .filter(|(path, text)| {
            outside(path) && (text.contains("sqlx::query") || text.contains("sqlx::raw_sql"))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "SQL outside src/store: {found:?}");
}

#[test]
fn every_handler_of_stored_data_goes_through_the_tenant() {
    let found: Vec<_> = sources(&["src/api"])
        .into_iter()
        .filter(|(_, text)| text.contains("app.db()"))
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "handlers that reach past the tenant: {found:?}");
}
