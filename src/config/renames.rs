//! Keys that SillyTavern renamed in 1.13; the old names keep working, with a warning.

use serde_yaml_ng::{Mapping, Value};

use super::source::{Source, env_name, lookup};
use super::values::{scalar_text, truthy};

/// What happens to the value of a renamed key.
#[derive(Clone, Copy)]
enum Change {
    Keep,
    Negate,
    PngOrJpg,
    Megabytes,
    Drop,
}

/// (old key, new key, change), in the order in which they are applied.
const RENAMES: &[(&str, &str, Change)] = &[
    ("disableThumbnails", "thumbnails.enabled", Change::Negate),
    ("thumbnailsQuality", "thumbnails.quality", Change::Keep),
    ("avatarThumbnailsPng", "thumbnails.format", Change::PngOrJpg),
    ("disableChatBackup", "backups.chat.enabled", Change::Negate),
    ("numberOfBackups", "backups.common.numberOfBackups", Change::Keep),
    (
        "maxTotalChatBackups",
        "backups.chat.maxTotalBackups",
        Change::Keep,
    ),
    (
        "chatBackupThrottleInterval",
        "backups.chat.throttleInterval",
        Change::Keep,
    ),
    ("enableExtensions", "extensions.enabled", Change::Keep),
    (
        "enableExtensionsAutoUpdate",
        "extensions.autoUpdate",
        Change::Keep,
    ),
    (
        "extras.disableAutoDownload",
        "extensions.models.autoDownload",
        Change::Negate,
    ),
    (
        "extras.classificationModel",
        "extensions.models.classification",
        Change::Keep,
    ),
    (
        "extras.captioningModel",
        "extensions.models.captioning",
        Change::Keep,
    ),
    (
        "extras.embeddingModel",
        "extensions.models.embedding",
        Change::Keep,
    ),
    (
        "extras.speechToTextModel",
        "extensions.models.speechToText",
        Change::Keep,
    ),
    (
        "extras.textToSpeechModel",
        "extensions.models.textToSpeech",
        Change::Keep,
    ),
    ("minLogLevel", "logging.minLogLevel", Change::Keep),
    (
        "cardsCacheCapacity",
        "performance.memoryCacheCapacity",
        Change::Megabytes,
    ),
    ("cookieSecret", "cookieSecret", Change::Drop),
    ("autorun", "browserLaunch.enabled", Change::Keep),
    ("autorunHostname", "browserLaunch.hostname", Change::Keep),
    ("autorunPortOverride", "browserLaunch.port", Change::Keep),
    ("avoidLocalhost", "browserLaunch.avoidLocalhost", Change::Keep),
    (
        "extras.promptExpansionModel",
        "extras.promptExpansionModel",
        Change::Drop,
    ),
    ("autheliaAuth", "sso.autheliaAuth", Change::Keep),
    ("authentikAuth", "sso.authentikAuth", Change::Keep),
];

/// Moves every renamed key of the file and the environment to its new name.
pub(super) fn apply(source: &mut Source) {
    for &(old, new, change) in RENAMES {
        rename_variable(source, old, new, change);
        let Some(value) = remove(&mut source.root, old) else {
            continue;
        };
        if let Some(value) = changed(value, change) {
            insert(&mut source.root, new, value);
            source.warn(format!(
                "{old}: is now called {new}; it is read under its old name"
            ));
        } else {
            source.warn(format!("{old}: was removed from SillyTavern and has no effect"));
        }
    }
}

/// compat: an empty old variable does not count, and a new one that is not empty wins over it.
fn rename_variable(source: &mut Source, old: &str, new: &str, change: Change) {
    let (old, new) = (env_name(old), env_name(new));
    let Some(text) = source.variable(&old) else { return };
    if matches!(change, Change::Drop) {
        source.env.remove(&old);
        source.warn(format!("{old}: was removed from SillyTavern and has no effect"));
        return;
    }
    if source.variable(&new).is_some() {
        return;
    }
    source.env.remove(&old);
    if let Some(text) = changed(Value::String(text), change)
        .as_ref()
        .and_then(scalar_text)
    {
        source.warn(format!(
            "{old}: is now called {new}; it is read under its old name"
        ));
        source.env.insert(new, text);
    }
}

fn changed(value: Value, change: Change) -> Option<Value> {
    match change {
        Change::Keep => Some(value),
        Change::Negate => Some(Value::Bool(!truthy(&value))),
        Change::PngOrJpg => Some(Value::from(if truthy(&value) { "png" } else { "jpg" })),
        Change::Megabytes => Some(Value::from(format!(
            "{}mb",
            scalar_text(&value).unwrap_or_default()
        ))),
        Change::Drop => None,
    }
}

/// Takes the value at a dotted path out of the document, and the section with it once that is empty.
fn remove(root: &mut Value, key: &str) -> Option<Value> {
    lookup(root, key)?;
    let mapping = root.as_mapping_mut()?;
    let Some((section, rest)) = key.split_once('.') else {
        return mapping.remove(key);
    };
    let child = mapping.get_mut(section)?;
    let value = remove(child, rest);
    if child.as_mapping().is_some_and(Mapping::is_empty) {
        mapping.remove(section);
    }
    value
}

/// Sets the value at a dotted path, creating sections and replacing anything that is none.
fn insert(root: &mut Value, key: &str, value: Value) {
    if !root.is_mapping() {
        *root = Value::Mapping(Mapping::new());
    }
    let Some(mapping) = root.as_mapping_mut() else {
        return;
    };
    match key.split_once('.') {
        None => {
            mapping.insert(Value::from(key), value);
        }
        Some((section, rest)) => {
            let child = mapping.entry(Value::from(section)).or_insert(Value::Null);
            insert(child, rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{Environment, Source};
    use super::apply;

    #[test]
    fn old_keys_of_the_file_move_and_win_over_new_ones() {
        let yaml = "disableThumbnails: true\navatarThumbnailsPng: true\nthumbnails: { enabled: true, quality: 50 }\n\
                    extras: { disableAutoDownload: true, promptExpansionModel: x }\ncardsCacheCapacity: 12\n";
        let mut source = Source::from_yaml(yaml, &"f", Environment::new());
        apply(&mut source);
        assert!(!source.flag("thumbnails.enabled", true));
        assert_eq!(source.text("thumbnails.format", ""), "png");
        assert_eq!(source.whole("thumbnails.quality", 0), 50);
        assert!(!source.flag("extensions.models.autoDownload", true));
        assert_eq!(source.text("performance.memoryCacheCapacity", ""), "12mb");
        assert!(!source.is_set("extras"), "an emptied section is gone");
        assert_eq!(source.warnings.len(), 5);
        assert!(source.faults.is_empty());
    }

    #[test]
    fn old_variables_move_unless_the_new_one_is_set() {
        let env = [
            ("SILLYTAVERN_DISABLETHUMBNAILS", "TRUE"),
            ("SILLYTAVERN_MINLOGLEVEL", "2"),
            ("SILLYTAVERN_LOGGING_MINLOGLEVEL", "1"),
            ("SILLYTAVERN_COOKIESECRET", "s3cret"),
        ];
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut source = Source::from_yaml("", &"f", env);
        apply(&mut source);
        assert!(!source.flag("thumbnails.enabled", true));
        assert_eq!(source.whole("logging.minLogLevel", 0), 1);
        assert!(!source.is_set("cookieSecret"));
        assert!(
            source
                .warnings
                .iter()
                .all(|warning| !warning.to_string().contains("s3cret"))
        );
    }
}
