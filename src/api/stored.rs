//! A user's files as they are served: stored files, and the PNG files that cards are.

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use crate::error::Result;
use crate::mime;
use crate::served::{self, Cache, FileMeta, Source};
use crate::store::Tx;
use crate::store::blobs::{self, Blob};
use crate::store::characters::{self, Character};
use crate::store::files::{self, StoredFile};
use crate::tenant::Tenant;

/// Folder of the cards below the user's root.
const CHARACTERS: &str = "characters";

/// A file that exists.
#[derive(Debug, Clone)]
pub enum Original {
    /// A file.
    File(StoredFile),
    /// A card.
    Card(Box<Character>),
}

impl Original {
    /// The file of this name in a folder below the user's root, or `None` where there is none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(tx: &mut Tx, folder: &str, name: &str) -> Result<Option<Self>> {
        if folder == CHARACTERS
            && let Some(character) = characters::get(tx, name).await?
        {
            return Ok(Some(Self::Card(Box::new(character))));
        }
        Ok(files::get(tx, folder, name).await?.map(Self::File))
    }

    /// The stored content that holds the pixels. A card's is not always its whole file.
    #[must_use]
    pub fn pixels(&self) -> &Blob {
        match self {
            Self::File(file) => &file.blob,
            Self::Card(card) => &card.image,
        }
    }

    /// The original's mtime.
    #[must_use]
    pub fn modified_at(&self) -> DateTime<Utc> {
        match self {
            Self::File(file) => file.modified_at,
            Self::Card(card) => card.modified_at,
        }
    }

    /// The original's birthtime.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        match self {
            Self::File(file) => file.created_at,
            Self::Card(card) => card.changed_at,
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(&self, tx: &mut Tx) -> Result<Bytes> {
        match self {
            Self::File(file) => blobs::read(tx, &file.blob).await,
            Self::Card(card) => characters::file(tx, card).await,
        }
    }

    /// Answers a request for the file under the name that its content type follows from.
    ///
    /// # Errors
    /// The database failed.
    pub async fn serve(self, tenant: &Tenant, headers: &HeaderMap, name: &str) -> Result<Response> {
        let modified = self.modified_at();
        if let Self::Card(card) = &self
            && !card.pristine
        {
            let bytes = characters::file(&mut tenant.begin().await?, card).await?;
            return Ok(respond(headers, name, bytes.len() as u64, modified, Source::Bytes(bytes)).await);
        }
        let (blob, tenant) = (*self.pixels(), tenant.clone());
        let ranged = Source::Ranged(Box::new(move |range| {
            let chunks = tenant.stream(blob, range.start, range.end);
            Body::from_stream(chunks.inspect_err(|error| tracing::error!(%error, "a stored file broke off")))
        }));
        Ok(respond(headers, name, blob.size, modified, ranged).await)
    }
}

/// Keeps a user's page, drawing or document from acting in this origin when a browser is sent to it: it has none of its
/// own then, and runs nothing. Pictures in pages and files that scripts fetch are not affected.
///
/// compat: the original sends such files as if they were its own.
#[must_use]
pub fn contained(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let is_active = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(mime::is_active);
    if is_active {
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert_with(|| HeaderValue::from_static("sandbox"));
    }
    response
}

/// Answers a request for a file or the thumbnail of one.
pub async fn respond(
    headers: &HeaderMap,
    name: &str,
    size: u64,
    modified: DateTime<Utc>,
    source: Source,
) -> Response {
    let content_type = mime::content_type(name);
    let meta = FileMeta {
        size,
        modified,
        content_type: &content_type,
        cache: Cache::NoImagesInFirefox,
    };
    served::serve(headers, &meta, source).await
}
