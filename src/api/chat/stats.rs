//! `/api/stats`: numbers on chats, in `stats.json`.
//!
//! The original holds them in memory and writes them now and then; here the document is the only copy.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use chrono::Utc;
use serde_json::Value;
use squaretable_compat::json as text;
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::stats::{self, CharacterStats};

use crate::error::Result;
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{Tx, blobs, characters, chats, documents, files};
use crate::tenant::Tenant;

const STATS: &str = "stats.json";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/stats/get", get)
        .post("/api/stats/recreate", recreate)
        .post("/api/stats/update", update)
}

/// `POST /api/stats/get`
///
/// compat: numbers that are missing or unreadable are made from the chats, which the original does when it starts.
async fn get(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let stored = documents::get(&mut tx, DocumentKind::Root, STATS)
        .await?
        .filter(|document| document.valid);
    if let Some(document) = stored {
        return Ok(reply::json_bytes(text::minify(&document.body).into_owned()));
    }
    let made = rebuild(&mut tx).await?;
    tx.commit().await?;
    Ok(reply::json_bytes(made))
}

/// `POST /api/stats/recreate`: counts all chats again.
async fn recreate(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    rebuild(&mut tx).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/stats/update`: the body replaces everything, and gets the time.
async fn update(tenant: Tenant, mut body: Body) -> Result<Response> {
    if let Value::Object(stats) = &mut body.0 {
        stats.insert("timestamp".to_owned(), Utc::now().timestamp_millis().into());
    }
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, DocumentKind::Root, STATS, &text::to_vec(&body.0)).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// Counts all chats of all characters and stores the numbers.
async fn rebuild(tx: &mut Tx) -> Result<Bytes> {
    let mut counted = Vec::new();
    for avatar in characters::avatars(tx).await? {
        let stats = count(tx, &characters::chat_folder(&avatar)).await?;
        counted.push((avatar, stats));
    }
    let numbers = counted.iter().map(|(avatar, stats)| (avatar.as_str(), stats));
    let document = text::to_vec(&stats::document(numbers, Utc::now()));
    documents::put(tx, DocumentKind::Root, STATS, &document).await?;
    Ok(document.into())
}

/// The numbers of one character: every file in its chat folder counts, chat or not.
async fn count(tx: &mut Tx, folder: &str) -> Result<CharacterStats> {
    let mut stats = CharacterStats::default();
    for chat in chats::list(tx, folder).await? {
        let lines = chats::lines(tx, &chat)
            .await?
            .into_iter()
            .map(|line| line.body)
            .collect();
        let size = u64::try_from(chat.byte_size).map_err(anyhow::Error::from)?;
        stats = add(stats, lines, size, chat.modified_at).await?;
    }
    for file in files::list(tx, folder).await? {
        let bytes = blobs::read(tx, &file.blob).await?;
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        stats = add(stats, lines, file.blob.size, file.modified_at).await?;
    }
    Ok(stats)
}

/// Adds a chat, away from the threads that serve requests: each line is parsed and hashed.
async fn add(
    mut stats: CharacterStats,
    lines: Vec<Vec<u8>>,
    size: u64,
    modified: chrono::DateTime<Utc>,
) -> Result<CharacterStats> {
    let counted = tokio::task::spawn_blocking(move || {
        stats.add_chat(lines.iter().map(Vec::as_slice), size, modified);
        stats
    });
    Ok(counted.await.map_err(anyhow::Error::from)?)
}
