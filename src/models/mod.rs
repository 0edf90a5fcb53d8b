//! Models that run inside the server: classification, embeddings, captions, speech to text and text to speech.
//!
//! A task has one model at a time, which is loaded when it is first wanted and given up when it is idle. Texts, pictures
//! and recordings are worked on one at a time, by as many threads as there are cores, apart from those that serve requests.

pub mod captioning;
pub mod classification;
pub mod embedding;
pub mod files;
mod generation;
mod languages;
mod mel;
mod pixels;
pub mod recognition;
mod resample;
mod resize;
mod session;
mod slot;
pub mod synthesis;
mod wave;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Semaphore;

use self::captioning::Captioner;
use self::classification::{Classifier, Scored};
use self::embedding::Embedder;
use self::files::{Files, Hub, ModelId};
use self::recognition::Recognizer;
use self::slot::Slot;
use self::synthesis::Synthesizer;
use crate::config::models::ModelsConfig;
use crate::providers::relay::Relay;
use crate::store::TenantId;

/// How long a model stays loaded that nobody asks for.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How often that is looked after.
const ROUND: Duration = Duration::from_secs(60);
/// Most results of classification that are kept.
const MOST_RESULTS: u64 = 10_000;

/// Which model a request wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The configuration's.
    #[default]
    Configured,
    /// One that the request names, and whether it may be downloaded: whoever may is allowed to fill the disk.
    Named {
        /// Its id.
        id: String,
        /// Whether it is fetched where it is not in the cache folder and the configuration allows downloads.
        may_download: bool,
    },
}

/// All of them, loaded or not.
#[derive(Debug)]
pub struct Models(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ModelsConfig,
    hub: Arc<Hub>,
    turns: Arc<Semaphore>,
    classifier: Slot<Classifier>,
    /// By tenant, so that nobody learns from the time it takes what others asked for.
    results: Cache<(TenantId, blake3::Hash), Arc<Vec<Scored>>>,
    embedder: Slot<Embedder>,
    captioner: Slot<Captioner>,
    recognizer: Slot<Recognizer>,
    synthesizer: Slot<Synthesizer>,
}

impl Models {
    /// Files are in `cache`, and fetched by `relay`. Must be called in a runtime, where idle models are looked after.
    #[must_use]
    pub fn new(config: ModelsConfig, cache: PathBuf, relay: Relay) -> Self {
        let hub = Hub::new(cache, relay, config.token.clone());
        let inner = Arc::new(Inner {
            config,
            hub: Arc::new(hub),
            turns: Arc::new(Semaphore::new(1)),
            classifier: Slot::new(),
            results: Cache::new(MOST_RESULTS),
            embedder: Slot::new(),
            captioner: Slot::new(),
            recognizer: Slot::new(),
            synthesizer: Slot::new(),
        });
        let watched = Arc::downgrade(&inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(ROUND).await;
                let Some(inner) = watched.upgrade() else { return };
                inner.unload(IDLE);
            }
        });
        Self(inner)
    }

    /// Gives up the models that nobody has asked for in so long a time. What is at work with one keeps it until it is done.
    pub fn unload(&self, idle: Duration) {
        self.0.unload(idle);
    }

    /// How many models are loaded or being loaded.
    #[must_use]
    pub fn loaded(&self) -> usize {
        let inner = &self.0;
        let slots = [
            inner.classifier.is_loaded(),
            inner.embedder.is_loaded(),
            inner.captioner.is_loaded(),
            inner.recognizer.is_loaded(),
            inner.synthesizer.is_loaded(),
        ];
        slots.into_iter().filter(|loaded| *loaded).count()
    }

    /// The id and the files of the model that is wanted.
    fn files(&self, wanted: Wanted, configured: &str) -> anyhow::Result<(ModelId, Files)> {
        let downloads = self.0.config.auto_download;
        let (id, may_download) = match wanted {
            Wanted::Configured => (ModelId::new(configured)?, downloads),
            Wanted::Named { id, may_download } => {
                let is_configured = id == configured;
                (ModelId::new(&id)?, downloads && (may_download || is_configured))
            }
        };
        let files = Files::new(self.0.hub.clone(), id.clone(), may_download);
        Ok((id, files))
    }

    /// Does what computes, when nothing else does.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let turn = Arc::clone(&self.0.turns).acquire_owned().await?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself, which goes on when the request that asked for it is gone.
            let _turn = turn;
            work()
        });
        done.await?
    }
}

impl Inner {
    fn unload(&self, idle: Duration) {
        self.classifier.unload(idle);
        self.embedder.unload(idle);
        self.captioner.unload(idle);
        self.recognizer.unload(idle);
        self.synthesizer.unload(idle);
    }
}
