//! Answers that hold a database connection for as long as a browser takes to receive them. Each kind may take a quarter
//! of the connections, so that slow browsers never leave the others without one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// How long a list waits for the lists before it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The limits of one process.
#[derive(Clone, Debug)]
pub struct LongReads {
    backups: Arc<Semaphore>,
    lists: Arc<Semaphore>,
}

/// A place among the long reads; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl LongReads {
    /// For a pool of so many connections.
    #[must_use]
    pub fn new(connections: u32) -> Self {
        let each = || Arc::new(Semaphore::new((connections as usize / 4).max(1)));
        Self {
            backups: each(),
            lists: each(),
        }
    }

    /// A place for a backup of a user's data.
    ///
    /// # Errors
    /// 503 when there is none: somebody who waits for a download can ask again.
    pub fn backup(&self) -> Result<Place> {
        let permit = self.backups.clone().try_acquire_owned();
        permit
            .map(|permit| Place { _permit: permit })
            .map_err(|_| busy("Too many backups are being made. Try again later."))
    }

    /// A place for a list that is too long for memory, in the order of asking.
    ///
    /// # Errors
    /// 503 when there is none for half a minute.
    pub async fn list(&self) -> Result<Place> {
        let permit = tokio::time::timeout(PATIENCE, self.lists.clone().acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            _ => Err(busy("Too many long lists are being sent. Try again later.")),
        }
    }
}

fn busy(reason: &str) -> Error {
    Error::json(503, json!({ "error": reason }))
}
