//! A place for one loaded model.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::files::ModelId;

/// Holds the model that a task used last.
#[derive(Debug)]
pub(super) struct Slot<T>(Arc<Mutex<Option<Held<T>>>>);

#[derive(Debug)]
struct Held<T> {
    id: ModelId,
    model: Arc<T>,
    used: Instant,
}

impl<T: Send + Sync + 'static> Slot<T> {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// The model of this id, which `load` makes where another one or none is held. Whoever else wants one waits, and
    /// loading goes on when nobody does any more.
    pub(super) async fn get(
        &self,
        id: &ModelId,
        load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<Arc<T>> {
        let (slot, id) = (Arc::clone(&self.0), id.clone());
        let task = tokio::spawn(async move {
            let mut held = slot.lock().await;
            if let Some(held) = held.as_mut().filter(|held| held.id == id) {
                held.used = Instant::now();
                return Ok(held.model.clone());
            }
            // Before the next one is there: both may not fit.
            *held = None;
            let model = Arc::new(load.await?);
            *held = Some(Held {
                id,
                model: model.clone(),
                used: Instant::now(),
            });
            Ok(model)
        });
        task.await?
    }

    /// Gives up a model that nobody has asked for in so long a time.
    pub(super) fn unload(&self, idle: Duration) {
        // One that is being loaded is not idle.
        if let Ok(mut held) = self.0.try_lock() {
            held.take_if(|held| held.used.elapsed() >= idle);
        }
    }

    /// Whether a model is held or being loaded.
    pub(super) fn is_loaded(&self) -> bool {
        self.0.try_lock().map_or(true, |held| held.is_some())
    }
}
