//! The lines of a chat's head, in the forms that routes answer them.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt, stream};
use sqlx::Row;

use super::{Chat, Tx};
use crate::error::Result;

/// A line of a head revision.
#[derive(Debug, Clone)]
pub struct Line {
    /// The line's bytes, without line feed.
    pub body: Vec<u8>,
    /// Whether `chats/get` shows it.
    pub kept: bool,
}

/// Bytes of a piece of a file, but for its last line.
const PIECE: usize = 1 << 20;

const LINES: &str = "SELECT m.body, m.kept FROM revisions r
     CROSS JOIN unnest(r.message_ids) WITH ORDINALITY AS line(message_id, place)
     JOIN messages m ON m.tenant_id = r.tenant_id AND m.chat_id = r.chat_id AND m.message_id = line.message_id
     WHERE r.tenant_id = $1 AND r.chat_id = $2 AND r.revision = $3 ORDER BY line.place";

/// Shows `visit` every line of the chat's head, in order: its bytes, and whether `chats/get` shows it.
async fn each_line(tx: &mut Tx, chat: &Chat, mut visit: impl FnMut(&[u8], bool)) -> Result<()> {
    let id = tx.id();
    let mut rows = sqlx::query(LINES)
        .bind(id)
        .bind(chat.chat_id)
        .bind(chat.head)
        .fetch(tx.conn());
    while let Some(row) = rows.try_next().await? {
        visit(row.try_get(0)?, row.try_get(1)?);
    }
    Ok(())
}

/// The lines of the chat's head, in order.
///
/// # Errors
/// The database failed.
pub async fn lines(tx: &mut Tx, chat: &Chat) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    each_line(tx, chat, |body, kept| {
        let body = body.to_vec();
        lines.push(Line { body, kept });
    })
    .await?;
    Ok(lines)
}

/// The chat as the JSON array that `chats/get` answers: every line that parses to something truthy. Bytes are
/// concatenated, never parsed.
///
/// # Errors
/// The database failed.
pub async fn json_array(tx: &mut Tx, chat: &Chat) -> Result<Vec<u8>> {
    let mut array = Vec::with_capacity(usize::try_from(chat.byte_size).unwrap_or(0) + 2);
    array.push(b'[');
    each_line(tx, chat, |body, kept| {
        if kept {
            if array.len() > 1 {
                array.push(b',');
            }
            array.extend_from_slice(body);
        }
    })
    .await?;
    array.push(b']');
    Ok(array)
}

/// The chat as the bytes of its JSONL file.
///
/// # Errors
/// The database failed.
pub async fn file(tx: &mut Tx, chat: &Chat) -> Result<Vec<u8>> {
    let mut file = Vec::with_capacity(usize::try_from(chat.byte_size).unwrap_or(0));
    let mut first = true;
    each_line(tx, chat, |body, _| {
        if !first {
            file.push(b'\n');
        }
        first = false;
        file.extend_from_slice(body);
    })
    .await?;
    Ok(file)
}

/// The bytes of the chat's JSONL file in pieces of whole lines, for chats that memory need not hold.
pub fn pieces<'a>(tx: &'a mut Tx, chat: &Chat) -> impl Stream<Item = Result<Bytes>> + Send + use<'a> {
    pieces_of(tx, chat.chat_id, chat.head)
}

/// The file of any revision, in pieces of whole lines.
pub(super) fn pieces_of(
    tx: &mut Tx,
    chat_id: i64,
    revision: i32,
) -> impl Stream<Item = Result<Bytes>> + Send + '_ {
    let rows = sqlx::query(LINES)
        .bind(tx.id())
        .bind(chat_id)
        .bind(revision)
        .fetch(tx.conn());
    // Every line but the first brings the line feed before it.
    stream::try_unfold(Some((rows, true)), async |state| {
        let Some((mut rows, mut is_first)) = state else {
            return Ok(None);
        };
        let mut piece = BytesMut::new();
        while piece.len() < PIECE {
            let Some(row) = rows.try_next().await? else {
                return Ok((!piece.is_empty()).then(|| (piece.freeze(), None)));
            };
            if !is_first {
                piece.extend_from_slice(b"\n");
            }
            is_first = false;
            piece.extend_from_slice(row.try_get(0)?);
        }
        Ok(Some((piece.freeze(), Some((rows, is_first)))))
    })
}

/// The first line of the chat's head, which holds its `integrity`; `None` for an empty chat.
///
/// # Errors
/// The database failed.
pub async fn first_line(tx: &mut Tx, chat: &Chat) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT m.body FROM revisions r
               JOIN messages m ON m.tenant_id = r.tenant_id AND m.chat_id = r.chat_id
                              AND m.message_id = r.message_ids[1]
               WHERE r.tenant_id = $1 AND r.chat_id = $2 AND r.revision = $3";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(chat.chat_id)
        .bind(chat.head)
        .fetch_optional(tx.conn())
        .await?)
}
