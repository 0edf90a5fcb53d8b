use proptest::prelude::*;

use super::*;

fn place(path: &str) -> Place {
    Place::classify(path).unwrap()
}

fn document(kind: DocumentKind, name: &str) -> Place {
    Place::Document {
        kind,
        name: name.to_owned(),
    }
}

#[test]
fn documents() {
    assert_eq!(
        place("settings.json"),
        document(DocumentKind::Root, "settings.json")
    );
    assert_eq!(place("content.log"), document(DocumentKind::Root, "content.log"));
    assert_eq!(
        place("worlds/Eldoria.JSON"),
        document(DocumentKind::Worlds, "Eldoria.JSON")
    );
    assert_eq!(
        place("OpenAI Settings/Default.json"),
        document(DocumentKind::OpenAi, "Default.json")
    );
    for path in [
        "other.json",
        "worlds/a.txt",
        "worlds/sub/a.json",
        "Worlds/a.json",
        "worlds/.json",
        "sysprompt/.migrated",
        "user/workflows/x.json",
        "worlds",
    ] {
        assert_eq!(
            place(path),
            Place::File {
                path: path.to_owned()
            }
        );
    }
}

#[test]
fn cards_and_chats() {
    assert_eq!(
        place("characters/a.b.png"),
        Place::Character {
            avatar: "a.b.png".to_owned()
        }
    );
    assert_eq!(
        place("characters/A/joy.png"),
        Place::File {
            path: "characters/A/joy.png".to_owned()
        }
    );
    assert_eq!(
        place("chats/A/1.jsonl"),
        Place::Chat {
            folder: "A".to_owned(),
            file: "1.jsonl".to_owned()
        }
    );
    assert_eq!(
        place("chats/1.jsonl"),
        Place::RootChat {
            file: "1.jsonl".to_owned()
        }
    );
    assert_eq!(
        place("group chats/1.jsonl"),
        Place::GroupChat {
            file: "1.jsonl".to_owned()
        }
    );
    for path in [
        "chats/A/b/1.jsonl",
        "chats/A/1.JSONL",
        "chats/A/.jsonl",
        "group chats/a/1.jsonl",
        "characters/a.PNG",
    ] {
        assert_eq!(
            place(path),
            Place::File {
                path: path.to_owned()
            }
        );
    }
}

#[test]
fn secrets_and_derived() {
    assert_eq!(place("secrets.json"), Place::Secrets);
    assert_eq!(
        place("thumbnails/bg/a.jpg"),
        Place::Derived {
            path: "thumbnails/bg/a.jpg".to_owned()
        }
    );
}

#[test]
fn unsafe_paths_are_refused() {
    for path in [
        "",
        "/etc/passwd",
        "../a",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a\0b",
        "chats/../secrets.json",
    ] {
        assert_eq!(
            Place::classify(path),
            Err(UnsafePath(path.to_owned())),
            "{path:?}"
        );
    }
    assert!(is_safe("a..b/...") && is_safe("a\\b"));
}

#[test]
fn families_have_distinct_names_and_folders_that_exist() {
    for &kind in DocumentKind::all() {
        assert_eq!(DocumentKind::from_name(kind.as_str()), Some(kind));
        assert!(
            kind == DocumentKind::Root || USER_FOLDERS.contains(&kind.folder()),
            "{kind:?}"
        );
    }
    assert_eq!(DocumentKind::from_name(""), None);
}

#[test]
fn data_root() {
    assert_eq!(RootEntry::of("_storage"), RootEntry::Accounts);
    assert_eq!(RootEntry::of("_errors"), RootEntry::Overrides);
    assert_eq!(RootEntry::of("default-user"), RootEntry::UserOrUnknown);
}

#[test]
fn account_store() {
    let record = br#"{"key":"user:default-user","value":{"handle":"default-user","name":"User","created":1795371327706,"password":"","admin":true,"enabled":true,"salt":"","extra":1}}"#;
    let Ok(Stored::Account(account)) = storage_record(record) else {
        panic!("not an account")
    };
    assert_eq!(
        (account.handle.as_str(), account.created, account.admin),
        ("default-user", 1_795_371_327_706.0, true)
    );
    assert_eq!(
        storage_record(br#"{"key":"avatar:bob","value":"data:image/png;base64,AA=="}"#).unwrap(),
        Stored::Avatar {
            handle: "bob".to_owned(),
            url: "data:image/png;base64,AA==".to_owned()
        }
    );
    assert!(matches!(
        storage_record(br#"{"key":"x"}"#),
        Ok(Stored::Other { .. })
    ));
    assert!(storage_record(b"{}").is_err() && storage_record(br#"{"key":"user:a","value":5}"#).is_err());
    assert_eq!(
        storage_file_name("user:default-user"),
        "3a5bb37ab86ac047d8ef481ee2e7bd3683d694ff8502a7cfe6951af849015dcc"
    );
}

proptest! {
    #[test]
    fn every_safe_path_comes_back(path in "((worlds|chats|group chats|characters|thumbnails|a b|groups)/){0,2}[a-z]{1,3}(\\.(json|jsonl|png|log))?") {
        prop_assert_eq!(place(&path).path(), path);
    }

    #[test]
    fn any_text_is_refused_or_comes_back(path in ".{0,20}") {
        match Place::classify(&path) {
            Ok(found) => prop_assert_eq!(found.path(), path),
            Err(UnsafePath(refused)) => prop_assert_eq!(refused, path),
        }
    }
}
