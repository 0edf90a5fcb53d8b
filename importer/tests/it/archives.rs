//! Archives and old installs as sources.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::source::{Node, Root, card_v2, tree};
use crate::target::{Target, folder, run};

fn root() -> Root {
    let mut root = Root::with_default_user();
    root.add("default-user/characters/Ann.png", card_v2("Ann"));
    root.add("default-user/chats/Ann/a.jsonl", "{\"mes\":1}\n{\"mes\":2}");
    root.add("default-user/settings.json", "{}");
    root.add("default-user/own/empty.bin", "");
    root
}

/// Path and bytes of every file.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let files = tree(path).into_iter().filter_map(|(path, node)| match node {
        Node::File(bytes, _) => Some((path.to_string_lossy().into_owned(), bytes)),
        _ => None,
    });
    files.collect()
}

fn exported(target: &Target) -> Vec<(String, Vec<u8>)> {
    let out = folder();
    target.export(out.path()).expect(0);
    files(&out.path().join("default-user"))
}

/// A user's backup goes to the account that its name tells; links, and names that lead out, stay outside.
#[tokio::test(flavor = "multi_thread")]
async fn a_users_backup_is_a_source() {
    let root = root();
    let dir = folder();
    let path = dir.path().join("default-user-20260131-180000.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).expect("our own file"));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in files(&root.path().join("default-user")) {
        zip.start_file(name, options).expect("an entry");
        zip.write_all(&bytes).expect("an entry");
    }
    zip.start_file("../outside.txt", options).expect("an entry");
    zip.add_symlink("worlds/link.json", "/etc/hostname", options)
        .expect("an entry");
    zip.finish().expect("an archive");
    let target = Target::start().await;
    let done = run(target.command("import").arg(&path)).expect(5);
    assert!(done.problem("../outside.txt").contains("leads out"));
    assert!(done.problem("worlds/link.json").contains("a link"));
    assert!(!dir.path().join("outside.txt").exists());
    assert_eq!(exported(&target), files(&root.path().join("default-user")));
    fs::write(dir.path().join("broken.zip"), b"PK\x03\x04 no archive").expect("our own file");
    run(target.command("import").arg(dir.path().join("broken.zip"))).expect(3);
    target.stop().await;
}

/// A data folder as .tar.gz, with a folder around it: times come along.
#[tokio::test(flavor = "multi_thread")]
async fn a_tar_of_a_data_folder_is_a_source() {
    let root = root();
    let dir = folder();
    let path = dir.path().join("data.tar.gz");
    let packed = std::process::Command::new("tar")
        .args(["--format=posix", "--transform", "s,^\\.,data,", "-czf"])
        .arg(&path)
        .arg("-C")
        .arg(root.path())
        .arg(".")
        .status();
    assert!(packed.expect("tar runs").success());
    let target = Target::start().await;
    run(target.command("import").arg(&path)).expect(0);
    run(target.command("verify").arg(root.path()).arg("--deep")).expect(0);
    target.stop().await;
}

/// A SillyTavern before 1.12 keeps its data among its own files.
#[tokio::test(flavor = "multi_thread")]
async fn an_install_before_1_12_is_a_source() {
    let mut old = Root::new();
    let card = card_v2("Ann");
    for (path, bytes) in [
        ("server.js", &b"program"[..]),
        ("public/index.html", b"program"),
        ("public/characters/Ann.png", &card),
        ("public/chats/Ann/a.jsonl", b"{\"mes\":1}"),
        ("public/scripts/extensions/third-party/x/manifest.json", b"{}"),
        ("public/settings.json", b"{}"),
        ("thumbnails/bg/x.jpg", b"made again"),
        ("secrets.json", b"{\"api_key_openai\":\"k\"}"),
    ] {
        old.add(path, bytes);
    }
    let target = Target::start().await;
    run(target.command("import").arg(old.path()).arg("--with-secrets")).expect(0);
    let names: Vec<String> = exported(&target).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "characters/Ann.png",
        "chats/Ann/a.jsonl",
        "extensions/x/manifest.json",
        "secrets.json",
        "settings.json",
    ];
    assert_eq!(names, expected);
    target.stop().await;
}
