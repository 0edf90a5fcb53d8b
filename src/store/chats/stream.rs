//! Saving a chat that memory need not hold: its lines come in batches.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use squaretable_compat::chat::Summing;

use super::save::{self, Cause, Known, Plan, Slot, Version};
use crate::error::{Error, Result};
use crate::store::{Tx, files};

/// A chat on its way in. Memory holds a batch, and of every line its hash and number: some 80 bytes.
pub struct Saving {
    slot: Slot,
    known: HashMap<[u8; 32], Known>,
    ids: Vec<i32>,
    next_message_id: i32,
    is_same: bool,
    bytes: u64,
    new_bytes: i64,
    sum: Summing,
    at: DateTime<Utc>,
}

impl std::fmt::Debug for Saving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saving")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Saving {
    /// Holds the chat `folder/file_name` for this transaction, creating it where there is none. What it holds changes
    /// with [`Saving::finish`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin(
        tx: &mut Tx,
        folder: &str,
        file_name: &str,
        modified_at: DateTime<Utc>,
    ) -> Result<Self> {
        let slot = save::lock(tx, folder, file_name, modified_at).await?;
        let known = if slot.head == 0 {
            files::create_folder(tx, folder).await?;
            HashMap::new()
        } else {
            save::known_lines(tx, slot.chat_id).await?
        };
        Ok(Self {
            next_message_id: slot.next_message_id,
            is_same: slot.head > 0,
            slot,
            known,
            ids: Vec::new(),
            bytes: 0,
            new_bytes: 0,
            sum: Summing::default(),
            at: modified_at,
        })
    }

    /// Takes the next lines, without their line feeds; `is_end` says that the last of them is the chat's last.
    ///
    /// # Errors
    /// The database failed; the transaction is of no use then.
    pub async fn add(&mut self, tx: &mut Tx, lines: &[&[u8]], is_end: bool) -> Result<()> {
        for (index, line) in lines.iter().enumerate() {
            let ended = !is_end || index + 1 < lines.len();
            self.sum.add(line, ended);
            self.bytes += line.len() as u64 + u64::from(ended);
        }
        let mut plan = Plan::new(lines, &mut self.known, self.next_message_id)?;
        self.ids.append(&mut plan.ids);
        self.next_message_id = plan.next_message_id;
        self.new_bytes += plan.new_bytes;
        self.is_same &= plan.new.is_empty();
        save::insert_lines(tx, self.slot.chat_id, &plan.new).await
    }

    /// Makes the lines the chat's content, as [`save`](save::save) does.
    ///
    /// # Errors
    /// The database failed; the transaction is of no use then.
    pub async fn finish(self, tx: &mut Tx, cause: Cause) -> Result<()> {
        let Self { slot, ids, .. } = self;
        save::set_live(tx, slot.chat_id, &ids, &self.known).await?;
        let is_same = self.is_same && ids == save::head_ids(tx, &slot).await?;
        let plan = Plan {
            ids,
            new: Vec::new(),
            next_message_id: self.next_message_id,
            new_bytes: self.new_bytes,
        };
        let version = Version {
            byte_size: i64::try_from(self.bytes).map_err(|e| Error::Internal(e.into()))?,
            summary: self.sum.finish().to_stored(),
            cause,
            at: self.at,
            backup: None,
        };
        save::finish(tx, &slot, &plan, &version, !is_same).await?;
        Ok(())
    }
}
