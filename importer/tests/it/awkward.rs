//! A data root with everything that years leave behind: in, out, and started on.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::original::Original;
use crate::source::{Node, assert_same, tree};
use crate::target::{Target, folder, run};

/// Writes a small library with all oddities of `scripts/data/awkward.mjs`.
fn generate(dir: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/generate-data.mjs");
    let options = [
        "--cards",
        "6",
        "--chats",
        "8",
        "--messages",
        "6",
        "--big-chat",
        "0",
        "--many-chats",
        "0",
    ];
    let done = run(Command::new("node")
        .arg(script)
        .arg(dir)
        .args(options)
        .arg("--awkward"));
    done.expect(0);
}

/// Nothing is missing: not a damaged file, nor an empty folder, nor what belongs to no account.
#[tokio::test(flavor = "multi_thread")]
async fn an_awkward_root_comes_back_whole_and_the_original_starts_on_it() {
    let home = folder();
    let (source, out) = (home.path().join("source"), home.path().join("out"));
    generate(&source);
    let before = tree(&source);
    let files = before
        .values()
        .filter(|node| matches!(node, Node::File(..)))
        .count();
    let target = Target::start().await;
    // Damaged files are named, and taken.
    let total = target.import(&source).expect(5).row("total");
    assert_eq!(total, [files, files, 0, 0, 0, 0, 0]);
    run(target
        .command("verify")
        .arg(&source)
        .args(["--with-secrets", "--deep"]))
    .expect(0);
    run(target
        .command("diff")
        .arg(&source)
        .args(["--with-secrets", "--deep"]))
    .expect(0);
    target.export(&out).expect(0);
    let diff = run(Command::new("diff").arg("-r").arg(&source).arg(&out)).expect(0);
    assert_eq!(diff.out, "");
    assert_same(&before, &tree(&out));
    let again = target.import(&source).expect(5).row("total");
    assert_eq!(again, [files, 0, files, 0, 0, 0, 0]);
    assert_eq!(before, tree(&source), "the source was changed");
    target.stop().await;

    let copy = home.path().join("copy");
    let copied = Command::new("cp").arg("-a").arg(&source).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    let (left, right) = (answers(&copy).await, answers(&out).await);
    assert!(left.len() > 20, "too few answers: {}", left.len());
    for ((question, left), (_, right)) in left.iter().zip(&right) {
        assert_eq!(left, right, "{question}");
    }
}

/// What the original answers when it runs on a data root: all characters, and for each a list and a search of its chats.
async fn answers(root: &Path) -> Vec<(String, Value)> {
    let original = Original::start(root).await;
    let mut characters = original.post("/api/characters/all", &json!({})).await;
    let list = characters.as_array_mut().expect("a list");
    assert!(list.len() > 20, "too few characters: {}", list.len());
    let mut avatars = Vec::new();
    for character in list.iter_mut() {
        avatars.push(character["avatar"].as_str().expect("a name").to_owned());
        // The time at which the file was made on this disk, which nobody can bring along, what is made of it and of the
        // clock where a card does not say, and the time of a folder that lies among the chats.
        let text = character["json_data"].as_str().unwrap_or_default();
        let card = squaretable_compat::json::parse(text.as_bytes()).unwrap_or_default();
        let fields = character.as_object_mut().expect("a character");
        fields.remove("date_added").expect("a time");
        if fields["avatar"] == "Odd.png" {
            fields.remove("date_last_chat").expect("a time");
        }
        for field in ["create_date", "chat"] {
            if card.get(field).is_none() {
                fields.remove(field);
            }
        }
    }
    let mut questions = Vec::new();
    for avatar in avatars.iter().map(String::as_str).chain(["Odd.png", "gone.png"]) {
        for query in ["", "the"] {
            questions.push(json!({ "query": query, "avatar_url": avatar, "group_id": null }));
        }
    }
    let groups = original.post("/api/groups/all", &json!({})).await;
    for group in groups.as_array().expect("a list") {
        questions.push(json!({ "query": "", "avatar_url": null, "group_id": group["id"] }));
    }
    let mut answers = vec![("all characters".to_owned(), characters)];
    for question in questions {
        let found = original.post("/api/chats/search", &question).await;
        answers.push((question.to_string(), found));
    }
    answers
}
