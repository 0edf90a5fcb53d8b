//! What decides the outcome of an import: what is taken, and what happens when something is in the way.

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeZone, Utc};
use clap::ValueEnum;
use globset::{GlobBuilder, GlobSet};
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::Kind;
use crate::scan::Found;

/// What happens where the account holds something else at a file's path. Default content that nobody touched always
/// gives way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Write nothing at all if the account holds anything that the source does not have.
    #[default]
    Fail,
    /// Keep what the account holds.
    Skip,
    /// Take the source's version.
    Overwrite,
    /// Take the source's version under a free name; a card takes its chats along.
    Rename,
    /// Take the version that was changed last.
    Newer,
}

/// What happens when a file cannot be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Go on to the end.
    #[default]
    Continue,
    /// End the run at the first.
    Stop,
    /// End the run after so many.
    After(usize),
}

impl OnError {
    /// Whether a run with so many rejected files ends.
    pub fn ends(self, rejected: usize) -> bool {
        match self {
            Self::Continue => false,
            Self::Stop => rejected >= 1,
            Self::After(limit) => rejected >= limit.max(1),
        }
    }
}

impl std::str::FromStr for OnError {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "continue" => Ok(Self::Continue),
            "stop" => Ok(Self::Stop),
            number => number
                .parse()
                .ok()
                .filter(|limit| *limit > 0)
                .map(Self::After)
                .ok_or_else(|| "expected stop, continue or a number from 1".to_owned()),
        }
    }
}

/// A kind of files, as `--only` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// Character cards.
    Cards,
    /// Chats of characters and groups.
    Chats,
    /// Settings, worlds, groups, presets, themes and other JSON documents.
    Documents,
    /// Pictures, extensions, backups and everything else.
    Files,
    /// API keys; `--with-secrets` is needed as well.
    Secrets,
}

impl Only {
    fn holds(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Cards, Kind::Card)
                | (Self::Chats, Kind::Chat)
                | (Self::Documents, Kind::Document)
                | (Self::Files, Kind::File)
                | (Self::Secrets, Kind::Secrets)
        )
    }
}

/// Which files of a source are taken. All conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Take API keys.
    pub with_secrets: bool,
    /// Only these kinds; empty means all.
    pub only: Vec<Only>,
    /// Only these characters: card, chats, sprites and pictures of the gallery. Names without `.png`; empty means all.
    pub characters: Vec<String>,
    /// Only files changed at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Paths to leave out.
    pub exclude: Exclude,
}

impl Filter {
    /// Why a file is left out; `None` when it is taken.
    pub fn leaves_out(&self, found: &Found) -> Option<&'static str> {
        let path = found.place.path();
        if found.is_sealed() && !self.with_secrets {
            return Some("API keys and the session secret are taken with --with-secrets only");
        }
        if !self.only.is_empty() && !self.only.iter().any(|only| only.holds(found.entry.kind)) {
            return Some("not among the kinds of --only");
        }
        if !self.characters.is_empty() && !self.characters.iter().any(|name| belongs_to(&path, name)) {
            return Some("not of a --character");
        }
        if self.since.is_some_and(|since| found.modified_at < since) {
            return Some("older than --since");
        }
        self.exclude.matches(&path).then_some("matches --exclude")
    }

    /// The conditions, for telling whether two runs take the same files.
    pub fn to_json(&self) -> Value {
        json!({
            "with_secrets": self.with_secrets, "only": self.only, "characters": self.characters,
            "since": self.since.map(|since| since.to_rfc3339()), "exclude": self.exclude.patterns,
        })
    }
}

/// Whether a path is the character's card, a chat of it, a sprite or a picture of its gallery.
fn belongs_to(path: &str, name: &str) -> bool {
    let name = name.strip_suffix(".png").unwrap_or(name);
    ["characters", "chats", "user/images"].iter().any(|folder| {
        let rest = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        rest.and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('/') || (*folder == "characters" && rest == ".png"))
    })
}

/// The patterns of `--exclude`.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Exclude {
    /// Patterns that name a file, or a folder with everything in it, by its path below the user's folder: `*` is
    /// anything within a segment, `**` across segments, `?` one character.
    ///
    /// # Errors
    /// A pattern makes no sense.
    pub fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSet::builder();
        for pattern in patterns {
            let pattern = pattern.trim_matches('/');
            for pattern in [pattern.to_owned(), format!("{pattern}/**")] {
                set.add(GlobBuilder::new(&pattern).literal_separator(true).build()?);
            }
        }
        Ok(Self {
            patterns: patterns.to_vec(),
            set: set.build()?,
        })
    }

    fn matches(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}

/// Reads `--since`: `2026-01-31`, `2026-01-31 18:00`, `2026-01-31T18:00:00Z` or any RFC 3339 time; without a zone the
/// machine's own is meant.
pub fn parse_since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let day = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
    ]
    .iter()
    .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    .or_else(day)
    .and_then(|local| Local.from_local_datetime(&local).earliest())
    .map(|at| at.to_utc())
    .ok_or_else(|| "expected a time such as 2026-01-31 or 2026-01-31T18:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_and_folders() {
        for (pattern, path, expected) in [
            ("backups", "backups/a.json", true),
            ("backups/", "backups/sub/a.json", true),
            ("backups", "backups2/a", false),
            ("*.png", "a.png", true),
            ("*.png", "characters/a.png", false),
            ("**/*.png", "characters/a.png", true),
            ("**/*.png", "a.png", true),
            ("**/.git", "extensions/x/.git/HEAD", true),
            ("user/*/x?.txt", "user/files/x1.txt", true),
            ("user/*/x?.txt", "user/files/x/.txt", false),
            ("é*", "éa/b", true),
        ] {
            let exclude = Exclude::new(&[pattern.to_owned()]).unwrap();
            assert_eq!(exclude.matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_character_is_its_card_chats_sprites_and_gallery() {
        for (path, expected) in [
            ("characters/Ann.png", true),
            ("characters/Ann/joy.png", true),
            ("chats/Ann/a.jsonl", true),
            ("user/images/Ann/a.png", true),
            ("characters/Anna.png", false),
            ("chats/Anna/a.jsonl", false),
            ("worlds/Ann.json", false),
        ] {
            assert_eq!(belongs_to(path, "Ann"), expected, "{path}");
            assert_eq!(belongs_to(path, "Ann.png"), expected, "{path}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let utc = parse_since("2026-01-31T18:00:00Z").unwrap();
        assert_eq!(utc.to_rfc3339(), "2026-01-31T18:00:00+00:00");
        assert!(parse_since("2026-01-31").is_ok());
        assert!(parse_since("2026-01-31 18:00").is_ok());
        assert!(parse_since("yesterday").is_err());
    }

    #[test]
    fn errors_end_a_run_when_asked() {
        assert!(!OnError::Continue.ends(1000));
        assert!(OnError::Stop.ends(1));
        assert!(!"3".parse::<OnError>().unwrap().ends(2));
        assert!("3".parse::<OnError>().unwrap().ends(3));
        assert!("0".parse::<OnError>().is_err());
    }
}
