//! Paths out of the folders that are served: nothing outside is sent, and nothing tells whether it exists.

use super::tally::{STATIC, Tally};
use super::wire;
use crate::harness::Server;

/// How a folder up can be spelled.
const UP: [&str; 13] = [
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "..;",
    "...",
    "..%00",
    "%00..",
    "..%20",
    "%c0%ae%c0%ae",
    "%u002e%u002e",
];

/// What can stand between folders.
const BETWEEN: [&str; 6] = ["/", "/./", "%2f", "%5c", "\\", "%252f"];

/// Places that serve files; how deep they are below the folder with `package.json`.
const PLACES: [(&str, usize); 13] = [
    ("/", 1),
    ("/css/", 2),
    ("/scripts/extensions/", 3),
    ("/characters/", 2),
    ("/backgrounds/", 2),
    ("/User%20Avatars/", 2),
    ("/assets/", 2),
    ("/user/images/", 3),
    ("/user/files/", 3),
    ("/scripts/extensions/third-party/", 4),
    ("/thumbnail?type=bg&file=", 2),
    ("/api/sprites/get?name=", 2),
    ("/callback/", 1),
];

/// A file that exists outside, the word in its name, one that makes the name of none, and what is in the file.
const OUTSIDE: [(&str, &str, &str, &str); 2] = [
    ("package.json", "package", "packige", "\"sillytavern\""),
    ("etc/passwd", "passwd", "pisswd", "root:"),
];

#[tokio::test]
async fn no_path_leads_out_of_a_folder_or_tells_what_is_there() {
    let server = Server::start().await;
    // With accounts off everybody is somebody, so that the private folders are in reach, too.
    let inside = wire::get(&server.url, "/scripts/../script.js", &["Host: localhost"]).await;
    assert_eq!(inside.status, 200, "a path that stays inside: {}", inside.head);
    let mut tally = Tally::new("static_paths");
    for (place, depth) in PLACES {
        for (up, between) in UP.iter().flat_map(|up| BETWEEN.map(|between| (*up, between))) {
            for (file, there, missing, content) in OUTSIDE {
                let steps = if file == "package.json" { depth } else { 16 };
                let way = format!("{up}{between}").repeat(steps);
                let target = format!("{place}{way}{}", file.replace('/', between));
                let other = target.replace(there, missing);
                let ask = async |target: &str| wire::get(&server.url, target, &["Host: localhost"]).await;
                let (found, control) = tokio::join!(ask(&target), ask(&other));
                // The path is part of some answers, such as where a callback leads.
                let same = found.body.replace(there, "") == control.body.replace(missing, "");
                let refused = same && found.status == control.status && !found.body.contains(content);
                let seen = format!("{}\n{}", found.head, found.body);
                tally.note(STATIC, target, refused, seen);
            }
        }
    }
    tally.finish(2000);
}
