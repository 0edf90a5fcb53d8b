//! What the database holds, put together again as files and hashed: what `verify`, `diff` and `rollback` compare.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use squaretable::keys::MasterKey;
use squaretable::store::Tx;
use squaretable::tenant::Tenant;
use squaretable::user_folder::{self, Content, Fault, Item};

/// BLAKE3 of a file's bytes, and how many there are.
pub type Hash = ([u8; 32], u64);

/// All files of the transaction's tenant, by path.
///
/// # Errors
/// The database failed.
pub async fn items(tx: &mut Tx) -> anyhow::Result<HashMap<String, Item>> {
    let items = user_folder::items(tx).await?;
    Ok(items.into_iter().map(|item| (item.path.clone(), item)).collect())
}

/// Composes a file and hashes it, in bounded memory where it is stored as it is. Never answers with a recorded hash:
/// the bytes themselves are read.
///
/// # Errors
/// See [`Fault`].
pub async fn hash(tenant: &Tenant, tx: &mut Tx, item: &Item, key: Option<&MasterKey>) -> Result<Hash, Fault> {
    match item.read(tx, key).await? {
        Content::Bytes(bytes) => Ok((*blake3::hash(&bytes).as_bytes(), bytes.len() as u64)),
        Content::Stored(blob) => {
            let mut hasher = blake3::Hasher::new();
            let mut chunks = std::pin::pin!(tenant.stream(blob, 0, blob.size));
            while let Some(chunk) = chunks.try_next().await? {
                hasher.update(&chunk);
            }
            Ok((*hasher.finalize().as_bytes(), hasher.count()))
        }
    }
}
