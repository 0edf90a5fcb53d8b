//! Indexes of vectors that the account has used since an earlier import brought them: rows then, and no files any more.

use std::io::Write;

use anyhow::Context as _;
use futures_util::TryStreamExt;
use squaretable::store::Tx;
use squaretable::store::blobs::{self, Blob};
use squaretable::store::vectors::{self, Index};
use squaretable_compat::vectors::FILE;

/// Keeps the file that an index stands for.
///
/// # Errors
/// The database failed, or there is no room for a temporary file.
pub async fn keep(tx: &mut Tx, index: &Index) -> anyhow::Result<Blob> {
    let mut file = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    {
        let mut pieces = std::pin::pin!(vectors::pieces(tx, index));
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece)?;
        }
    }
    file.flush()?;
    Ok(blobs::put_file(tx, file.path()).await?)
}

/// Removes the rows that the file of this name would stand beside; the file is turned into rows when it is first used.
///
/// # Errors
/// The database failed.
pub async fn make_way(tx: &mut Tx, folder: &str, name: &str) -> anyhow::Result<()> {
    if name == FILE && folder.starts_with(vectors::FOLDER) {
        vectors::remove(tx, folder).await?;
    }
    Ok(())
}
