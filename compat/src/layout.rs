//! The data folder on disk: which path holds what, and back.

mod account;
mod document;

use std::fmt;

use crate::names;

pub use self::account::{Account, Stored, storage_file_name, storage_record};
pub use self::document::DocumentKind;

/// Folders of a user's root, all of them created with the user; spelling and case matter.
pub const USER_FOLDERS: [&str; 30] = [
    "thumbnails",
    "thumbnails/bg",
    "thumbnails/avatar",
    "thumbnails/persona",
    "worlds",
    "user",
    "User Avatars",
    "user/images",
    "groups",
    "group chats",
    "chats",
    "characters",
    "backgrounds",
    "NovelAI Settings",
    "KoboldAI Settings",
    "OpenAI Settings",
    "TextGen Settings",
    "themes",
    "movingUI",
    "extensions",
    "instruct",
    "context",
    "QuickReplies",
    "assets",
    "user/workflows",
    "user/files",
    "vectors",
    "backups",
    "sysprompt",
    "reasoning",
];

/// The secrets file in a user's root.
const SECRETS: &str = "secrets.json";

/// What a path below a user's root is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A document: settings, a world, a group, a preset …; `name` is the file's name with its extension.
    Document {
        /// The family, which tells the folder.
        kind: DocumentKind,
        /// File name.
        name: String,
    },
    /// A card: a `.png` directly in `characters`.
    Character {
        /// File name.
        avatar: String,
    },
    /// A chat of a character.
    Chat {
        /// The character's folder in `chats`.
        folder: String,
        /// File name.
        file: String,
    },
    /// A chat directly in `chats`.
    RootChat {
        /// File name.
        file: String,
    },
    /// A chat of a group.
    GroupChat {
        /// File name.
        file: String,
    },
    /// `secrets.json`.
    Secrets,
    /// Made from other files and disposable: everything in `thumbnails`.
    Derived {
        /// Path below the user's root.
        path: String,
    },
    /// Any other file, known to the original or not.
    File {
        /// Path below the user's root.
        path: String,
    },
}

/// A path that leaves its root, or names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a path below a user folder: {0:?}")]
pub struct UnsafePath(pub String);

impl Place {
    /// Tells what the file at `path` is; `path` is relative to the user's root with `/` between segments.
    ///
    /// # Errors
    /// [`UnsafePath`] for absolute paths, for empty, `.` and `..` segments, and for NUL.
    pub fn classify(path: &str) -> Result<Self, UnsafePath> {
        if !is_safe(path) {
            return Err(UnsafePath(path.to_owned()));
        }
        let segments: Vec<&str> = path.split('/').collect();
        let is_chat = |file: &str| names::extension(file) == ".jsonl";
        Ok(match segments[..] {
            [SECRETS] => Self::Secrets,
            ["thumbnails", _, ..] => Self::Derived {
                path: path.to_owned(),
            },
            ["characters", avatar] if avatar.ends_with(".png") => Self::Character {
                avatar: avatar.to_owned(),
            },
            ["chats", file] if is_chat(file) => Self::RootChat {
                file: file.to_owned(),
            },
            ["chats", folder, file] if is_chat(file) => Self::Chat {
                folder: folder.to_owned(),
                file: file.to_owned(),
            },
            ["group chats", file] if is_chat(file) => Self::GroupChat {
                file: file.to_owned(),
            },
            _ => match DocumentKind::of(&segments) {
                Some((kind, name)) => Self::Document {
                    kind,
                    name: name.to_owned(),
                },
                None => Self::File {
                    path: path.to_owned(),
                },
            },
        })
    }

    /// The path below the user's root, the inverse of [`classify`](Self::classify).
    pub fn path(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document {
                kind: DocumentKind::Root,
                name,
            } => f.write_str(name),
            Self::Document { kind, name } => write!(f, "{}/{name}", kind.folder()),
            Self::Character { avatar } => write!(f, "characters/{avatar}"),
            Self::Chat { folder, file } => write!(f, "chats/{folder}/{file}"),
            Self::RootChat { file } => write!(f, "chats/{file}"),
            Self::GroupChat { file } => write!(f, "group chats/{file}"),
            Self::Secrets => f.write_str(SECRETS),
            Self::Derived { path } | Self::File { path } => f.write_str(path),
        }
    }
}

/// Whether a relative path stays below its root: no empty, `.` or `..` segment, no NUL.
pub fn is_safe(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// What an entry directly in the data root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootEntry {
    /// `_storage`: the accounts.
    Accounts,
    /// `cookie-secret.txt`: signs sessions.
    CookieSecret,
    /// `content.log`: global default content given so far.
    ContentLog,
    /// `_css`, `_errors`: the operator's own pages and styles.
    Overrides,
    /// `access.log`, `heartbeat.json`: records of one machine.
    Records,
    /// `_uploads`, `_cache`, `_webpack`: disposable.
    Disposable,
    /// A user's folder if there is an account of that handle, otherwise nothing the original knows.
    UserOrUnknown,
}

impl RootEntry {
    /// Tells what the entry `name` of the data root is.
    pub fn of(name: &str) -> Self {
        match name {
            "_storage" => Self::Accounts,
            "cookie-secret.txt" => Self::CookieSecret,
            "content.log" => Self::ContentLog,
            "_css" | "_errors" => Self::Overrides,
            "access.log" | "heartbeat.json" => Self::Records,
            "_uploads" | "_cache" | "_webpack" => Self::Disposable,
            _ => Self::UserOrUnknown,
        }
    }
}

#[cfg(test)]
mod tests;
