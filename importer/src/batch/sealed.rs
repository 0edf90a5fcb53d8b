//! Files that hold keys: sealed under the master key, or not stored at all.

use squaretable::store::imports::{Previous, PreviousContent};
use squaretable::store::{blobs, secrets};

use super::Batch;
use crate::ledger::{self, Note};
use crate::policy::OnConflict;
use crate::report::Outcome;
use crate::scan::Found;

const NO_KEY: &str =
    "there is no master key: set SQUARETABLE_MASTER_KEY to the server's, or name its --data-dir";

impl Batch {
    /// Deals with a file that holds keys.
    pub(super) async fn store_sealed(
        &mut self,
        found: &Found,
        bytes: &[u8],
        flag: Option<String>,
    ) -> anyhow::Result<()> {
        let Some(key) = self.run.key.clone() else {
            return self.reject(found, NO_KEY.to_owned()).await;
        };
        let path = found.place.path();
        let policy = self.run.on_conflict;
        let tx = self.tx().await?;
        let sealed = secrets::sealed(tx, &path).await?;
        let gives_way = |at| match policy {
            OnConflict::Overwrite => true,
            OnConflict::Newer | OnConflict::Fail => at <= found.modified_at,
            OnConflict::Skip | OnConflict::Rename => false,
        };
        let outcome = match &sealed {
            None => Outcome::Moved,
            Some((_, at)) => match secrets::get_file(tx, &key, &path).await {
                Ok(stored) if stored.as_deref() == Some(bytes) => Outcome::Unchanged,
                Ok(_) if gives_way(*at) => Outcome::Moved,
                Ok(_) if policy == OnConflict::Fail => {
                    Outcome::Refused("Squaretable holds other API keys".to_owned())
                }
                Ok(_) => Outcome::Skipped("Squaretable holds other API keys, which were kept".to_owned()),
                // Sealing under a second key would lock the tenant's server out.
                Err(error) => Outcome::Rejected(format!("the stored secrets cannot be read: {error}")),
            },
        };
        if outcome != Outcome::Moved {
            self.settle(found, outcome, flag, &Note::default());
            return Ok(());
        }
        let previous = match sealed {
            Some((sealed, modified_at)) => Some(Previous {
                content: PreviousContent::Bytes(blobs::put(tx, &ledger::pack(&sealed)).await?),
                modified_at,
            }),
            None => None,
        };
        secrets::put_file_at(tx, &key, &path, bytes, found.modified_at).await?;
        self.written(found, flag, *blake3::hash(bytes).as_bytes(), previous);
        Ok(())
    }
}
