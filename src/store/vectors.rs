//! Vector indexes. Each stands for a file `index.json` of the original; one that an import brought is a file until it is
//! first used ([`bring_in`]).

mod nearest;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt, stream};
use squaretable_compat::vectors::{self as format, FILE, Fault, HEAD, Item, Packed, TAIL, Width, pack};

pub use self::nearest::{Hit, descending, nearest};
use super::blobs::Blob;
use super::{Tx, blobs, files};
use crate::error::Result;

/// Folder of all indexes below a user's root.
pub const FOLDER: &str = "vectors";

/// Where the file of an index goes that cannot be read.
const ASIDE: &str = "index.json.corrupt";

/// Bytes of items in one statement, and of a piece of a file.
const PIECE: usize = 4 << 20;

/// The longest that parsing one file may keep a request waiting before that is worth a line in the log.
const SLOW: Duration = Duration::from_secs(5);

/// One index.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Index {
    /// Folder below the user's root.
    pub folder: String,
    index_id: i64,
    items: i64,
    byte_size: i64,
    /// The original's birthtime.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

impl Index {
    /// Bytes of the file that it stands for.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        let commas = (self.items - 1).max(0);
        let frame = HEAD.len() + TAIL.len();
        u64::try_from(self.byte_size + commas).unwrap_or(0) + frame as u64
    }
}

/// Whether an import brought an index that nobody has used yet.
///
/// # Errors
/// The database failed.
pub async fn is_waiting(tx: &mut Tx, folder: &str) -> Result<bool> {
    Ok(files::get(tx, folder, FILE).await?.is_some())
}

/// Turns the file of an index into rows; nothing happens where there is none. The file takes the place of what the index
/// held: only an import can have put it there. One that is no JSON is set aside, as the original begins anew then.
///
/// # Errors
/// The database failed, or the file is an index of another application; nothing changes then.
pub async fn bring_in(tx: &mut Tx, folder: &str) -> Result<()> {
    tx.hold(folder).await?;
    let Some(file) = files::get(tx, folder, FILE).await? else {
        return Ok(());
    };
    match read(tx, &file.blob).await? {
        Ok(items) => {
            remove(tx, folder).await?;
            let index_id = create(tx, folder, file.created_at).await?;
            add_items(tx, index_id, 0, &items).await?;
            touch(tx, folder, file.modified_at).await?;
        }
        Err(Fault::Corrupt) => {
            tracing::warn!(folder, "the index of vectors is no JSON and was set aside");
            files::put_at(tx, folder, ASIDE, &file.blob, file.modified_at).await?;
        }
        Err(fault) => return Err(anyhow::anyhow!("{folder}/{FILE}: {fault}").into()),
    }
    files::delete(tx, folder, FILE).await?;
    Ok(())
}

async fn read(tx: &mut Tx, blob: &Blob) -> Result<Result<Vec<Item>, Fault>> {
    let bytes = blobs::read(tx, blob).await?;
    let began = std::time::Instant::now();
    let parsed = tokio::task::spawn_blocking(move || format::parse(&bytes)).await;
    if began.elapsed() > SLOW {
        tracing::info!(bytes = blob.size, "an index of vectors took long to read");
    }
    Ok(parsed.map_err(anyhow::Error::from)?)
}

/// Adds items at the end of an index, which is made where there is none.
///
/// # Errors
/// The database failed.
pub async fn insert(tx: &mut Tx, folder: &str, items: &[Item]) -> Result<()> {
    let index_id = create(tx, folder, Utc::now()).await?;
    let sql = "SELECT next_seq FROM vector_indexes WHERE tenant_id = $1 AND index_id = $2";
    let first: i64 = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(index_id)
        .fetch_one(tx.conn())
        .await?;
    add_items(tx, index_id, first, items).await
}

/// The index's key, its row held until the transaction ends.
async fn create(tx: &mut Tx, folder: &str, at: DateTime<Utc>) -> Result<i64> {
    let sql =
        "INSERT INTO vector_indexes (tenant_id, folder, next_seq, items, byte_size, created_at, modified_at)
               VALUES ($1, $2, 0, 0, 0, $3, $3)
               ON CONFLICT (tenant_id, folder) DO UPDATE SET modified_at = EXCLUDED.modified_at
               RETURNING index_id";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(at)
        .fetch_one(tx.conn())
        .await?)
}

async fn touch(tx: &mut Tx, folder: &str, at: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE vector_indexes SET modified_at = $3 WHERE tenant_id = $1 AND folder = $2";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The columns of some items.
#[derive(Default)]
struct Columns {
    seqs: Vec<i64>,
    ids: Vec<Vec<u8>>,
    metadata: Vec<Vec<u8>>,
    hashes: Vec<Option<f64>>,
    norms: Vec<f64>,
    widths: Vec<i16>,
    vectors: Vec<Vec<u8>>,
    sizes: Vec<i64>,
    bytes: usize,
}

impl Columns {
    fn push(&mut self, seq: i64, item: &Item) {
        let (width, vector) = pack(&item.vector);
        let size = item.to_json().len();
        self.bytes += item.metadata.len() + vector.len();
        self.seqs.push(seq);
        self.ids.push(item.id.clone());
        self.metadata.push(item.metadata.clone());
        self.hashes.push(item.hash);
        self.norms.push(item.norm);
        self.widths.push(if width == Width::Single { 4 } else { 8 });
        self.vectors.push(vector);
        self.sizes.push(i64::try_from(size).unwrap_or(i64::MAX));
    }
}

async fn add_items(tx: &mut Tx, index_id: i64, first: i64, items: &[Item]) -> Result<()> {
    let mut columns = Columns::default();
    for (seq, item) in (first..).zip(items) {
        columns.push(seq, item);
        if columns.bytes >= PIECE {
            add_columns(tx, index_id, std::mem::take(&mut columns)).await?;
            // Packing is work for a processor; others get their turn in between.
            tokio::task::yield_now().await;
        }
    }
    add_columns(tx, index_id, columns).await
}

async fn add_columns(tx: &mut Tx, index_id: i64, columns: Columns) -> Result<()> {
    let sql = "WITH added AS (
                   INSERT INTO vector_items
                       (tenant_id, index_id, seq, id, metadata, hash, norm, width, vector, byte_size)
                   SELECT $1, $2, * FROM unnest($3::bigint[], $4::bytea[], $5::bytea[], $6::float8[], $7::float8[],
                                                $8::smallint[], $9::bytea[], $10::bigint[])
                   RETURNING seq, byte_size)
               UPDATE vector_indexes
               SET next_seq = greatest(next_seq, (SELECT coalesce(max(seq) + 1, 0) FROM added)),
                   items = items + (SELECT count(*) FROM added),
                   byte_size = byte_size + (SELECT coalesce(sum(byte_size), 0) FROM added)
               WHERE tenant_id = $1 AND index_id = $2";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(index_id)
        .bind(columns.seqs)
        .bind(columns.ids)
        .bind(columns.metadata)
        .bind(columns.hashes)
        .bind(columns.norms)
        .bind(columns.widths)
        .bind(columns.vectors)
        .bind(columns.sizes)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// `hash` of every item's metadata in their order: the number, or the metadata where it is none.
///
/// # Errors
/// The database failed.
pub async fn hashes(tx: &mut Tx, folder: &str) -> Result<Vec<Result<f64, Vec<u8>>>> {
    let sql = "SELECT hash, CASE WHEN hash IS NULL THEN metadata ELSE '' END
               FROM vector_items JOIN vector_indexes USING (tenant_id, index_id)
               WHERE tenant_id = $1 AND folder = $2 ORDER BY seq";
    let rows: Vec<(Option<f64>, Vec<u8>)> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(hash, metadata)| hash.ok_or(metadata))
        .collect())
}

/// Removes the items whose `hash` is one of these numbers.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, folder: &str, hashes: &[f64]) -> Result<()> {
    let sql = "SELECT index_id FROM vector_indexes WHERE tenant_id = $1 AND folder = $2 FOR UPDATE";
    let index_id: Option<i64> = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_optional(tx.conn())
        .await?;
    let Some(index_id) = index_id else {
        return Ok(());
    };
    let sql = "WITH gone AS (
                   DELETE FROM vector_items WHERE tenant_id = $1 AND index_id = $2 AND hash = ANY($3)
                   RETURNING byte_size)
               UPDATE vector_indexes
               SET items = items - (SELECT count(*) FROM gone),
                   byte_size = byte_size - (SELECT coalesce(sum(byte_size), 0) FROM gone),
                   modified_at = $4
               WHERE tenant_id = $1 AND index_id = $2";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(index_id)
        .bind(hashes)
        .bind(Utc::now())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes one index, but not a file that waits.
///
/// # Errors
/// The database failed.
pub async fn remove(tx: &mut Tx, folder: &str) -> Result<()> {
    let sql = "DELETE FROM vector_indexes WHERE tenant_id = $1 AND folder = $2";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes these folders of indexes with everything in them and below, whatever it is.
///
/// # Errors
/// The database failed.
pub async fn purge(tx: &mut Tx, folders: &[String]) -> Result<()> {
    for sql in [
        "DELETE FROM vector_indexes WHERE tenant_id = $1 AND EXISTS (SELECT FROM unnest($2::text[]) AS top
             WHERE folder = top OR (folder >= top || '/' AND folder < top || '0'))",
        "DELETE FROM files WHERE tenant_id = $1 AND EXISTS (SELECT FROM unnest($2::text[]) AS top
             WHERE folder = top OR (folder >= top || '/' AND folder < top || '0'))",
        "DELETE FROM folders WHERE tenant_id = $1 AND EXISTS (SELECT FROM unnest($2::text[]) AS top
             WHERE path = top OR (path >= top || '/' AND path < top || '0'))",
    ] {
        sqlx::query(sql)
            .bind(tx.id())
            .bind(folders)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// All indexes but those that wait as files.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx) -> Result<Vec<Index>> {
    let sql = "SELECT folder, index_id, items, byte_size, created_at, modified_at FROM vector_indexes v
               WHERE tenant_id = $1 AND NOT EXISTS (SELECT FROM files f
                     WHERE f.tenant_id = $1 AND f.folder = v.folder AND f.name = $2)
               ORDER BY folder";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(FILE)
        .fetch_all(tx.conn())
        .await?)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Vec<u8>,
    metadata: Vec<u8>,
    hash: Option<f64>,
    norm: f64,
    width: i16,
    vector: Vec<u8>,
}

impl Row {
    fn into_item(self) -> Item {
        let width = Width::of(self.width);
        let bytes = &self.vector;
        Item {
            vector: Packed { width, bytes }.unpack(),
            id: self.id,
            metadata: self.metadata,
            hash: self.hash,
            norm: self.norm,
        }
    }
}

/// The file that an index stands for, in pieces.
pub fn pieces<'a>(tx: &'a mut Tx, index: &Index) -> impl Stream<Item = Result<Bytes>> + Send + use<'a> {
    let sql = "SELECT id, metadata, hash, norm, width, vector FROM vector_items
               WHERE tenant_id = $1 AND index_id = $2 ORDER BY seq";
    let rows = sqlx::query_as::<_, Row>(sql)
        .bind(tx.id())
        .bind(index.index_id)
        .fetch(tx.conn());
    stream::try_unfold(Some((rows, true)), async |state| {
        let Some((mut rows, mut is_first)) = state else {
            return Ok(None);
        };
        let mut piece = BytesMut::new();
        if is_first {
            piece.extend_from_slice(HEAD);
        }
        while piece.len() < PIECE {
            let Some(row) = rows.try_next().await? else {
                piece.extend_from_slice(TAIL);
                return Ok(Some((piece.freeze(), None)));
            };
            if !is_first {
                piece.extend_from_slice(b",");
            }
            is_first = false;
            piece.extend_from_slice(&row.into_item().to_json());
        }
        Ok(Some((piece.freeze(), Some((rows, is_first)))))
    })
}
