//! docs/COMPATIBILITY.md says of each of the original's routes what we do with it, and says the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use squaretable::router;
use squaretable::routes::{self, Route};

const START: &str = "<!-- generated: coverage -->";
const END: &str = "<!-- /generated -->";

/// The page's table; `UPDATE_DOCS=1 cargo test coverage` rewrites it.
#[test]
fn the_compatibility_page_shows_the_state_of_every_route() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/COMPATIBILITY.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let (before, rest) = page.split_once(START).expect("the page has a start marker");
    let (_, after) = rest.split_once(END).expect("the page has an end marker");
    let expected = format!("{before}{START}\n{}{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("the page can be written");
        return;
    }
    assert!(
        page == expected,
        "docs/COMPATIBILITY.md is stale: run UPDATE_DOCS=1 cargo test coverage"
    );
}

#[test]
fn every_route_of_the_original_is_served_and_no_other() {
    let manifest: BTreeSet<Route> = routes::manifest().collect();
    let routes = router::routes();
    let unknown: Vec<_> = routes.served().difference(&manifest).collect();
    assert!(unknown.is_empty(), "not in the manifest: {unknown:?}");
    let missing: Vec<_> = manifest.difference(routes.served()).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    assert_eq!(manifest.len(), 341);
}

fn table() -> String {
    let routes = router::routes();
    let mut families: BTreeMap<String, Vec<(Route, bool)>> = BTreeMap::new();
    for route in routes::manifest() {
        let done = routes.served().contains(&route);
        families
            .entry(family(&route.path))
            .or_default()
            .push((route, done));
    }
    let total = families.values().map(Vec::len).sum::<usize>();
    let mut text = format!("\n{} of {total} routes are served.\n\n", routes.served().len());
    text.push_str("| Family | Routes |\n|---|---|\n");
    for (family, routes) in &families {
        let _ = writeln!(text, "| `{family}` | {} |", routes.len());
    }
    text.push_str("\n| Route | State |\n|---|---|\n");
    for (route, done) in families.values().flatten() {
        let state = if *done { "done" } else { "not served" };
        let _ = writeln!(text, "| `{} {}` | {state} |", route.method, route.path);
    }
    text.push('\n');
    text
}

/// `/api/chats` of `/api/chats/group/save`; `/` for the routes at the top.
fn family(path: &str) -> String {
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("api"), Some("backends"), Some(name)) => format!("/api/backends/{name}"),
        (Some("api"), Some(name), _) => format!("/api/{name}"),
        _ => "/".to_owned(),
    }
}
