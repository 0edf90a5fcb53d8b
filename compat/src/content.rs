//! Default content: which shipped files a new or updated user gets, and which were given before.

use std::collections::HashSet;

use serde::Deserialize;

use crate::{json, names};

/// Whose content an item is, and so which `content.log` remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A user's own: log in the user's root.
    User,
    /// The server's: log in the data root.
    Global,
}

/// An entry of `default/content/index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// File or folder, relative to the index.
    pub filename: String,
    /// The kind as the index names it, known or not.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Item {
    /// Where items of this kind belong: the scope, and the folder relative to the user's root (or to the data root for
    /// global ones), empty for the root itself. `None` for an unknown kind.
    pub fn target_folder(&self) -> Option<(Scope, &'static str)> {
        let folder = match self.kind.as_str() {
            "settings" => "",
            "character" | "sprites" => "characters",
            "background" => "backgrounds",
            "world" => "worlds",
            "avatar" => "User Avatars",
            "theme" => "themes",
            "workflow" => "user/workflows",
            "kobold_preset" => "KoboldAI Settings",
            "openai_preset" => "OpenAI Settings",
            "novel_preset" => "NovelAI Settings",
            "textgen_preset" => "TextGen Settings",
            "instruct" => "instruct",
            "context" => "context",
            "moving_ui" => "movingUI",
            "quick_replies" => "QuickReplies",
            "sysprompt" => "sysprompt",
            "reasoning" => "reasoning",
            "error_page" => return Some((Scope::Global, "_errors")),
            "stylesheet" => return Some((Scope::Global, "_css")),
            _ => return None,
        };
        Some((Scope::User, folder))
    }

    /// The path an item is copied to, relative as in [`target_folder`](Self::target_folder): its last segment in the
    /// folder of its kind.
    pub fn target(&self) -> Option<(Scope, String)> {
        let (scope, folder) = self.target_folder()?;
        let name = names::file_name(&self.filename);
        Some((
            scope,
            if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            },
        ))
    }

    /// Whether the item is a preset that `/api/presets/restore` can bring back.
    pub fn is_preset(&self) -> bool {
        self.kind.ends_with("_preset")
            || matches!(
                self.kind.as_str(),
                "instruct" | "context" | "sysprompt" | "reasoning"
            )
    }
}

/// Reads a content index; anything but an array is no items.
///
/// # Errors
/// Broken JSON, or an entry without `filename` and `type`.
pub fn parse_index(bytes: &[u8]) -> Result<Vec<Item>, json::Error> {
    match json::parse(bytes)? {
        serde_json::Value::Array(items) => items
            .into_iter()
            .map(|item| Ok(serde_json::from_value(item)?))
            .collect(),
        _ => Ok(Vec::new()),
    }
}

/// What is to be done to seed one user (or the server) with content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Files or folders to copy, in order: source relative to the index, target relative to the root.
    pub copies: Vec<(String, String)>,
    /// Text of `content.log` afterwards; to be written even when nothing is copied.
    pub log: String,
}

/// Plans the seeding of `scope` from the items of an index.
///
/// `log` is the text of `content.log`, `None` without one. Items of a kind in `forced` are looked at although the log
/// names them (and are logged again). `has_source` tells whether an item's file exists, `has_target` whether the path
/// it would be copied to does; an existing target is logged, not replaced.
pub fn plan(
    items: &[Item],
    scope: Scope,
    log: Option<&str>,
    forced: &[&str],
    has_source: impl Fn(&str) -> bool,
    has_target: impl Fn(&str) -> bool,
) -> Plan {
    // An empty log is one empty line, which stays.
    let mut logged: Vec<&str> = log.map(|log| log.split('\n').collect()).unwrap_or_default();
    let mut known: HashSet<&str> = logged.iter().copied().collect();
    let mut copies: Vec<(String, String)> = Vec::new();
    for item in items {
        let Some((_, target)) = item.target().filter(|(of, _)| *of == scope) else {
            continue;
        };
        let done = known.contains(item.filename.as_str()) && !forced.contains(&item.kind.as_str());
        if done || !has_source(&item.filename) {
            continue;
        }
        logged.push(&item.filename);
        known.insert(&item.filename);
        if !has_target(&target) && !copies.iter().any(|(_, planned)| *planned == target) {
            copies.push((item.filename.clone(), target));
        }
    }
    Plan {
        copies,
        log: logged.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[u8] = br#"[{"filename":"settings.json","type":"settings"},{"filename":"presets/context/Gemma 4.json","type":"context"},
        {"filename":"Seraphina","type":"sprites"},{"filename":"user.css","type":"stylesheet"},{"filename":"x","type":"new"},
        {"filename":"other/Gemma 4.json","type":"context","note":1}]"#;

    fn items() -> Vec<Item> {
        parse_index(INDEX).unwrap()
    }

    fn plan_user(log: Option<&str>, forced: &[&str], present: &[&str]) -> Plan {
        plan(
            &items(),
            Scope::User,
            log,
            forced,
            |_| true,
            |path| present.contains(&path),
        )
    }

    #[test]
    fn a_new_user_gets_everything_once() {
        let plan = plan_user(None, &[], &[]);
        let pair = |source: &str, target: &str| (source.to_owned(), target.to_owned());
        assert_eq!(
            plan.copies,
            [
                pair("settings.json", "settings.json"),
                pair("presets/context/Gemma 4.json", "context/Gemma 4.json"),
                pair("Seraphina", "characters/Seraphina"),
            ]
        );
        assert_eq!(
            plan.log,
            "settings.json\npresets/context/Gemma 4.json\nSeraphina\nother/Gemma 4.json"
        );
    }

    #[test]
    fn what_is_logged_or_present_is_not_copied() {
        let plan = plan_user(Some("settings.json\ngone"), &[], &["characters/Seraphina"]);
        assert_eq!(plan.copies.len(), 1);
        assert_eq!(
            plan.log,
            "settings.json\ngone\npresets/context/Gemma 4.json\nSeraphina\nother/Gemma 4.json"
        );
        let plan = plan_user(Some(&plan.log), &[], &[]);
        assert_eq!(plan.copies, []);
    }

    #[test]
    fn forced_kinds_ignore_the_log() {
        let log = "settings.json\npresets/context/Gemma 4.json\nSeraphina\nother/Gemma 4.json";
        let plan = plan_user(Some(log), &["settings"], &[]);
        assert_eq!(
            plan.copies,
            [("settings.json".to_owned(), "settings.json".to_owned())]
        );
        assert_eq!(plan.log, format!("{log}\nsettings.json"));
    }

    #[test]
    fn global_scope_missing_sources_and_empty_logs() {
        let plan_global = |log, present| plan(&items(), Scope::Global, log, &[], |_| present, |_| false);
        let planned = plan_global(Some(""), true);
        assert_eq!(
            planned.copies,
            [("user.css".to_owned(), "_css/user.css".to_owned())]
        );
        assert_eq!(planned.log, "\nuser.css");
        assert_eq!(
            plan_global(None, false),
            Plan {
                copies: Vec::new(),
                log: String::new()
            }
        );
    }

    #[test]
    fn presets() {
        let presets: Vec<bool> = items().iter().map(Item::is_preset).collect();
        assert_eq!(presets, [false, true, false, false, false, true]);
        assert_eq!(parse_index(b"{}").unwrap(), []);
        assert!(parse_index(b"[{}]").is_err());
    }
}
