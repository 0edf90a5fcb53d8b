//! Cards and lorebooks from other sites: which site an address or an id means, what is asked of it, and what its
//! answers hold.
//!
//! [`Source::from_url`] and [`Source::from_id`] decide without any network; [`Source::download`] does the rest through
//! a [`Web`].

mod address;
mod chub;
mod files;
mod link;
mod perchance;
mod pygmalion;
mod web;

use axum::http::StatusCode;
use bytes::Bytes;
use squaretable_compat::{json, png};

use super::relay::RelayError;
use crate::pictures::Undecodable;

pub use web::{MAX_DOWNLOAD, Web};

/// Something to import, named by the ids of its site. Ids are as the user gave them: every address made of one begins
/// with a host that is fixed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// pygmalion.chat: a character's UUID.
    Pygmalion(String),
    /// janitorai.com, through jannyai.com: a character's UUID.
    Janny(String),
    /// aicharactercards.com: `author/card`.
    Aicc(String),
    /// chub.ai: `creator/project`.
    ChubCharacter(String),
    /// chub.ai: `lorebooks/creator/project`.
    ChubLorebook(String),
    /// realm.risuai.net: a character's hexadecimal id.
    Risu(String),
    /// perchance.org: the name of an uploaded file.
    Perchance(String),
    /// A file on a host that the configuration allows: its address.
    File(String),
}

/// A download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The file: a PNG or JSON card, a lorebook, or whatever else the source sent.
    pub bytes: Bytes,
    /// Its name. Only a Perchance character's can hold characters that file systems refuse.
    pub name: String,
    /// Its content type, one character a byte; `None` when the source stated none.
    pub media_type: Option<String>,
}

/// Why there is nothing to import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The address is no source's, or the source has nothing there.
    #[error("there is nothing to import at this address")]
    NotFound,
    /// The address or the id is of a kind that names nothing.
    #[error("{0}")]
    Malformed(&'static str),
    /// The source answered with another status than success.
    #[error("the source answered {0}")]
    Refused(StatusCode),
    /// The source's answer is not what it should be.
    #[error("the source's answer is of an unknown form: {0}")]
    Unexpected(&'static str),
    /// More than [`MAX_DOWNLOAD`].
    #[error("The file is larger than {} MiB.", MAX_DOWNLOAD >> 20)]
    TooLarge,
    /// No answer, or not all of it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The answer is no JSON.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// The answer is not compressed as it should be, or the default picture cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The picture takes no card.
    #[error(transparent)]
    Card(#[from] png::Error),
    /// The picture cannot be converted.
    #[error(transparent)]
    Picture(#[from] Undecodable),
    /// The conversion broke off.
    #[error(transparent)]
    Broken(#[from] crate::error::Error),
}

impl Source {
    /// `character` or `lorebook`: the `X-Custom-Content-Type` of what an address led to.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ChubLorebook(_) => "lorebook",
            _ => "character",
        }
    }

    /// Fetches it. Dropping the future drops the connection.
    ///
    /// # Errors
    /// Any of [`ImportError`] but `Malformed`.
    pub async fn download(&self, web: &Web) -> Result<Content, ImportError> {
        match self {
            Self::Pygmalion(id) => pygmalion::character(web, id).await,
            Self::Janny(id) => files::janny(web, id).await,
            Self::Aicc(id) => files::aicc(web, id).await,
            Self::ChubCharacter(id) => chub::character(web, id).await,
            Self::ChubLorebook(id) => chub::lorebook(web, id).await,
            Self::Risu(id) => files::risu(web, id).await,
            Self::Perchance(slug) => perchance::character(web, slug).await,
            Self::File(address) => files::file(web, address).await,
        }
    }
}
