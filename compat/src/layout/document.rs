//! The families of documents.

use crate::names;

/// A family of documents, which is a folder of the user's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentKind {
    /// The four files of the root itself: `settings.json`, `stats.json`, `image-metadata.json`, `content.log`.
    Root,
    /// World info.
    Worlds,
    /// Groups.
    Groups,
    /// Presets of KoboldAI.
    KoboldAi,
    /// Presets of NovelAI.
    NovelAi,
    /// Presets of chat completion sources.
    OpenAi,
    /// Presets of text completion sources.
    TextGen,
    /// User interface themes.
    Themes,
    /// Positions of panels.
    MovingUi,
    /// Quick reply sets.
    QuickReplies,
    /// Instruct templates.
    Instruct,
    /// Context templates.
    Context,
    /// System prompts.
    Sysprompt,
    /// Reasoning templates.
    Reasoning,
}

const ALL: [DocumentKind; 14] = [
    DocumentKind::Root,
    DocumentKind::Worlds,
    DocumentKind::Groups,
    DocumentKind::KoboldAi,
    DocumentKind::NovelAi,
    DocumentKind::OpenAi,
    DocumentKind::TextGen,
    DocumentKind::Themes,
    DocumentKind::MovingUi,
    DocumentKind::QuickReplies,
    DocumentKind::Instruct,
    DocumentKind::Context,
    DocumentKind::Sysprompt,
    DocumentKind::Reasoning,
];

impl DocumentKind {
    /// Every family.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The folder below the user's root, spelled as on disk; empty for the root's own files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Worlds => "worlds",
            Self::Groups => "groups",
            Self::KoboldAi => "KoboldAI Settings",
            Self::NovelAi => "NovelAI Settings",
            Self::OpenAi => "OpenAI Settings",
            Self::TextGen => "TextGen Settings",
            Self::Themes => "themes",
            Self::MovingUi => "movingUI",
            Self::QuickReplies => "QuickReplies",
            Self::Instruct => "instruct",
            Self::Context => "context",
            Self::Sysprompt => "sysprompt",
            Self::Reasoning => "reasoning",
        }
    }

    /// The name by which the database knows the family: the folder, or `root`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            other => other.folder(),
        }
    }

    /// The inverse of [`as_str`](Self::as_str).
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The family and the file name of a path's segments: a known root file, or a `.json` (in any case) directly in
    /// one of the folders.
    pub(super) fn of<'a>(segments: &[&'a str]) -> Option<(Self, &'a str)> {
        match *segments {
            [name @ ("settings.json" | "stats.json" | "image-metadata.json" | "content.log")] => {
                Some((Self::Root, name))
            }
            [folder, name] if names::extension(name).eq_ignore_ascii_case(".json") => {
                let kind = ALL.into_iter().find(|kind| kind.folder() == folder)?;
                Some((kind, name))
            }
            _ => None,
        }
    }
}
