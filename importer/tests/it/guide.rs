//! docs/MIGRATING.md, followed to the letter.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::source::{Root, assert_same, card_v2, tree};
use crate::target::{folder, program, run};

/// The `sh` blocks of the guide, in order.
fn blocks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MIGRATING.md");
    let text = fs::read_to_string(path).expect("the guide");
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line) {
            (None, "```sh") => open = Some(String::new()),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// Every command of the guide does what the guide says, on a home folder with a SillyTavern in it.
#[test]
fn the_guide_can_be_followed() {
    let mut root = Root::with_default_user();
    root.add("default-user/characters/Ann.png", card_v2("Ann"));
    root.add("default-user/chats/Ann/a.jsonl", "{\"mes\":1}\n{\"mes\":2}");
    root.add("default-user/settings.json", "{}");
    root.add("default-user/secrets.json", "{}");
    let home = folder();
    let data = home.path().join("SillyTavern/data");
    fs::create_dir_all(home.path().join("SillyTavern")).expect("our own folder");
    let copied = Command::new("cp").arg("-a").arg(root.path()).arg(&data).status();
    assert!(copied.expect("cp runs").success());
    let before = tree(&data);
    let binary = program();
    let binary = Path::new(binary.get_program())
        .parent()
        .expect("a folder")
        .to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let blocks = blocks();
    assert!(blocks.len() >= 5, "the guide's blocks were not found");
    let mut id = String::new();
    for block in &blocks {
        for line in block.lines() {
            let mut shell = Command::new("bash");
            shell.env_clear();
            shell
                .env("HOME", home.path())
                .env("PATH", &path)
                .env("SQUARETABLE_DATA_DIR", home.path().join("data"))
                .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
                .args(["-euc", &line.replace("RUN", &id)]);
            let done = run(&mut shell);
            if line.ends_with(" runs") {
                id = done.out.split(' ').next().unwrap_or_default().to_owned();
            }
            // Taking back the last import, which fetched nothing, leaves everything as it is.
            assert_eq!(done.code, Some(0), "{line}\n{}\n{}", done.out, done.err);
        }
    }
    assert_same(&before, &tree(&data));
    assert_same(&before, &tree(&home.path().join("out")));
}
