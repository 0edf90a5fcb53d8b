//! Content-addressed bytes, shared by all tenants. Nothing outside `store/` can name a blob: a tenant's own row leads
//! to it.

use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use sqlx::PgConnection;
use tokio::io::AsyncReadExt;

use super::{Db, TenantId, Tx};
use crate::error::{Error, Result};

/// Chunk size in bytes; `migrations/0002_files.sql` states why.
pub(in crate::store) const CHUNK: usize = 1 << 20;

/// A handle on stored bytes, obtained from a tenant's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    pub(in crate::store) hash: [u8; 32],
    /// Length in bytes.
    pub size: u64,
}

impl Blob {
    /// From a row's columns.
    pub(in crate::store) fn from_row(hash: &[u8], size: i64) -> Result<Self> {
        let hash = hash
            .try_into()
            .map_err(|_| anyhow::anyhow!("a blob hash is not 32 bytes long"))?;
        Ok(Self {
            hash,
            size: u64::try_from(size).unwrap_or(0),
        })
    }

    /// BLAKE3 of the content, for callers that compare contents without reading them.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

/// Stores bytes held in memory; a content that is already there costs one look-up.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, bytes: &[u8]) -> Result<Blob> {
    put_conn(tx.conn(), bytes).await
}

pub(in crate::store) async fn put_conn(conn: &mut PgConnection, bytes: &[u8]) -> Result<Blob> {
    let hash = *blake3::hash(bytes).as_bytes();
    let blob = Blob {
        hash,
        size: bytes.len() as u64,
    };
    if claim(conn, &blob).await? {
        for (seq, chunk) in (0_i32..).zip(bytes.chunks(CHUNK)) {
            insert_chunk(conn, &hash, seq, chunk).await?;
        }
    }
    Ok(blob)
}

/// Stores a file from disk in bounded memory: read once to hash it, once more only if its content is new.
///
/// # Errors
/// The file cannot be read or changed meanwhile, or the database failed.
pub async fn put_file(tx: &mut Tx, path: &Path) -> Result<Blob> {
    let (hash, size) = hash_file(path).await?;
    let blob = Blob { hash, size };
    if claim(tx.conn(), &blob).await? {
        let mut file = tokio::fs::File::open(path).await?;
        let (mut hasher, mut seq) = (blake3::Hasher::new(), 0);
        let mut buffer = Vec::with_capacity(CHUNK);
        while read_chunk(&mut file, &mut buffer).await? {
            hasher.update(&buffer);
            insert_chunk(tx.conn(), &hash, seq, &buffer).await?;
            seq += 1;
        }
        if *hasher.finalize().as_bytes() != hash {
            return Err(Error::Internal(anyhow::anyhow!(
                "{} changed while it was read",
                path.display()
            )));
        }
    }
    Ok(blob)
}

/// The whole content, in memory.
///
/// # Errors
/// The database failed, or the content is not complete.
pub async fn read(tx: &mut Tx, blob: &Blob) -> Result<Bytes> {
    let sql = "SELECT bytes FROM blob_chunks WHERE hash = $1 ORDER BY seq";
    let mut chunks: Vec<Vec<u8>> = sqlx::query_scalar(sql)
        .bind(&blob.hash[..])
        .fetch_all(tx.conn())
        .await?;
    let bytes = if chunks.len() == 1 {
        chunks.swap_remove(0)
    } else {
        chunks.concat()
    };
    if bytes.len() as u64 != blob.size {
        return Err(Error::Internal(anyhow::anyhow!(
            "a blob holds {} of {} bytes",
            bytes.len(),
            blob.size
        )));
    }
    Ok(bytes.into())
}

/// The bytes `start..end` of the content, chunk by chunk, outliving the caller's transaction: each chunk is read in a
/// short transaction of its own, since content never changes.
pub fn stream(
    db: Db,
    tenant: TenantId,
    blob: Blob,
    start: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    stream::try_unfold((db, start), move |(db, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let mut tx = db.begin(tenant).await?;
        let bytes = chunk(&mut tx, &blob, at, end).await?;
        tx.commit().await?;
        let next = at + bytes.len() as u64;
        Ok(Some((bytes, (db, next))))
    })
}

/// The content from byte `at` to the end of the chunk that it lies in, or to `end` if that comes first: a piece of
/// at most 1 MiB.
///
/// # Errors
/// The database failed, or the content is not complete.
pub async fn chunk(tx: &mut Tx, blob: &Blob, at: u64, end: u64) -> Result<Bytes> {
    let chunk = CHUNK as u64;
    let (seq, offset) = (at / chunk, at % chunk);
    let length = (chunk - offset).min(end - at);
    let sql = "SELECT substring(bytes FROM $3 FOR $4) FROM blob_chunks WHERE hash = $1 AND seq = $2";
    let bytes: Vec<u8> = sqlx::query_scalar(sql)
        .bind(&blob.hash[..])
        .bind(to_i32(seq)?)
        .bind(to_i32(offset + 1)?)
        .bind(to_i32(length)?)
        .fetch_one(tx.conn())
        .await?;
    if bytes.len() as u64 != length {
        return Err(Error::Internal(anyhow::anyhow!(
            "a blob chunk is shorter than recorded"
        )));
    }
    Ok(bytes.into())
}

/// Registers a content; true when it is new and its chunks must follow. A concurrent writer of the same content waits
/// here until the first has committed.
async fn claim(conn: &mut PgConnection, blob: &Blob) -> Result<bool> {
    let sql = "INSERT INTO blobs (hash, size) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let done = sqlx::query(sql)
        .bind(&blob.hash[..])
        .bind(to_i64(blob.size)?)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn insert_chunk(conn: &mut PgConnection, hash: &[u8; 32], seq: i32, bytes: &[u8]) -> Result<()> {
    let sql = "INSERT INTO blob_chunks (hash, seq, bytes) VALUES ($1, $2, $3)";
    sqlx::query(sql)
        .bind(&hash[..])
        .bind(seq)
        .bind(bytes)
        .execute(conn)
        .await?;
    Ok(())
}

async fn hash_file(path: &Path) -> Result<([u8; 32], u64)> {
    let mut file = tokio::fs::File::open(path).await?;
    let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
    let mut buffer = Vec::with_capacity(CHUNK);
    while read_chunk(&mut file, &mut buffer).await? {
        hasher.update(&buffer);
        size += buffer.len() as u64;
    }
    Ok((*hasher.finalize().as_bytes(), size))
}

/// Fills `buffer` with up to one chunk; false at the end of the file.
async fn read_chunk(file: &mut tokio::fs::File, buffer: &mut Vec<u8>) -> Result<bool> {
    buffer.clear();
    file.take(CHUNK as u64).read_to_end(buffer).await?;
    Ok(!buffer.is_empty())
}

fn to_i64(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(|e| Error::Internal(e.into()))
}

fn to_i32(n: u64) -> Result<i32> {
    i32::try_from(n).map_err(|e| Error::Internal(e.into()))
}
