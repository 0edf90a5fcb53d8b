//! What the database holds, put together again as files and hashed: what `verify`, `diff` and `rollback` compare.

use futures_util::{Stream, TryStreamExt};
use squaretable::keys::MasterKey;
use squaretable::store::{Tx, chats, vectors};
use squaretable::tenant::Tenant;
use squaretable::user_folder::{Content, Fault, Item};

/// BLAKE3 of a file's bytes, and how many there are.
pub type Hash = ([u8; 32], u64);

/// Composes a file and hashes it, in bounded memory where it may be large. Never answers with a recorded hash: the
/// bytes themselves are read.
///
/// # Errors
/// See [`Fault`].
pub async fn hash(tenant: &Tenant, tx: &mut Tx, item: &Item, key: Option<&MasterKey>) -> Result<Hash, Fault> {
    match item.read(tx, key).await? {
        Content::Bytes(bytes) => Ok((*blake3::hash(&bytes).as_bytes(), bytes.len() as u64)),
        Content::Stored(blob) => sum(tenant.stream(blob, 0, blob.size)).await,
        Content::Chat(chat) => sum(chats::pieces(tx, &chat)).await,
        Content::Vectors(index) => sum(vectors::pieces(tx, &index)).await,
    }
}

async fn sum(
    pieces: impl Stream<Item = squaretable::error::Result<impl AsRef<[u8]>>>,
) -> Result<Hash, Fault> {
    let mut hasher = blake3::Hasher::new();
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(piece.as_ref());
    }
    Ok((*hasher.finalize().as_bytes(), hasher.count()))
}
