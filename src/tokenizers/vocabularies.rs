//! The tokenizers that are files: read from the installed frontend or fetched once, then shared by everyone.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use axum::http::Method;
use bytes::Bytes;
use reqwest::Url;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::Loaded;
use super::hugging_face::HuggingFace;
use super::routing::{FAMILIES, Tokenizer};
use super::sentencepiece::SentencePiece;
use crate::providers::relay::Relay;
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Where the families live that the installation lacks.
const ORIGIN: &str = "https://github.com/SillyTavern/SillyTavern-Tokenizers/raw/main/";
/// Those families.
const FETCHED: [&str; 5] = ["command-r", "command-a", "qwen2", "nemo", "deepseek"];
/// The family that stands in for one that cannot be fetched.
const FALLBACK: &str = "llama3";
/// Families that are `tokenizer.json`; the others are SentencePiece models.
const SHIPPED_JSON: [&str; 2] = ["claude", "llama3"];
/// Most bytes of a fetched file, packed or not: the largest is about 20 MB.
const LIMIT: u64 = 256 << 20;

/// One place for each family, filled on first use and never emptied.
#[derive(Debug)]
pub struct Vocabularies {
    shipped: PathBuf,
    cache: PathBuf,
    relay: Option<Relay>,
    families: HashMap<&'static str, OnceCell<Loaded>>,
    turns: Arc<Semaphore>,
}

impl Vocabularies {
    /// Reads from the folder `shipped`, keeps fetched files in `cache`, and fetches by `relay` if there is one.
    #[must_use]
    pub fn new(shipped: PathBuf, cache: PathBuf, relay: Option<Relay>) -> Self {
        let families = FAMILIES.iter().map(|family| (*family, OnceCell::new()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shipped,
            cache,
            relay,
            families: families.collect(),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Waits until fewer texts are being encoded than there are cores, which bounds the memory that it takes; whoever
    /// encodes keeps the turn until it is done, even when nobody waits for the answer any more.
    pub async fn turn(&self) -> anyhow::Result<OwnedSemaphorePermit> {
        Ok(Arc::clone(&self.turns).acquire_owned().await?)
    }

    /// The tokenizer, which is loaded if nobody asked for it before; one that cannot be loaded is logged, and tried
    /// again the next time.
    pub async fn get(&self, tokenizer: Tokenizer) -> Loaded {
        let family = match tokenizer {
            Tokenizer::OpenAi(encoding) => return Loaded::OpenAi(encoding),
            Tokenizer::Failing => return Loaded::Failing,
            Tokenizer::Family(family) => family,
        };
        match self.family(family).await {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!("the tokenizer {family} cannot be loaded: {error:#}");
                if is_json(family) {
                    Loaded::Failing
                } else {
                    Loaded::Guessing
                }
            }
        }
    }

    async fn family(&self, family: &'static str) -> anyhow::Result<Loaded> {
        if !FETCHED.contains(&family) {
            return self.shipped(family).await;
        }
        let place = self.families.get(family).context("no such family")?;
        let loaded = place.get_or_try_init(|| async {
            match self.fetched(family).await {
                Ok(path) => parse(path).await,
                Err(error) => {
                    tracing::warn!("{FALLBACK} stands in for the tokenizer {family}: {error:#}");
                    self.shipped(FALLBACK).await
                }
            }
        });
        loaded.await.cloned()
    }

    async fn shipped(&self, family: &'static str) -> anyhow::Result<Loaded> {
        let place = self.families.get(family).context("no such family")?;
        let extension = if is_json(family) { "json" } else { "model" };
        let path = self.shipped.join(format!("{family}.{extension}"));
        place.get_or_try_init(|| parse(path)).await.cloned()
    }

    /// The file of a family in the cache, where it is put if need be.
    async fn fetched(&self, family: &str) -> anyhow::Result<PathBuf> {
        let path = self.cache.join(format!("{family}.json"));
        if tokio::fs::try_exists(&path).await? {
            return Ok(path);
        }
        let packed = self.cache.join(format!("{family}.json.gz"));
        if tokio::fs::try_exists(&packed).await? {
            // Somebody put it there by hand.
            keep(tokio::fs::read(&packed).await?.into(), path.clone()).await?;
            tokio::fs::remove_file(&packed).await?;
            return Ok(path);
        }
        let relay = self
            .relay
            .as_ref()
            .context("downloading is disabled, and it is not cached")?;
        let upstream = Upstream {
            method: Method::GET,
            url: Url::parse(&format!("{ORIGIN}{family}.json.gz"))?,
            headers: UpstreamHeaders::default(),
            body: Bytes::new(),
        };
        let reply = relay.send(upstream).await?;
        ensure!(reply.is_success(), "it was answered with {}", reply.status());
        let bytes = reply.bytes_within(LIMIT).await?.context("the file is too long")?;
        keep(bytes, path.clone()).await?;
        Ok(path)
    }
}

fn is_json(family: &str) -> bool {
    SHIPPED_JSON.contains(&family) || FETCHED.contains(&family)
}

async fn parse(path: PathBuf) -> anyhow::Result<Loaded> {
    tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(if path.extension().is_some_and(|extension| extension == "json") {
            Loaded::HuggingFace(Arc::new(HuggingFace::load(&bytes)?))
        } else {
            Loaded::SentencePiece(Arc::new(SentencePiece::load(&bytes)?))
        })
    })
    .await?
}

/// Unpacks gzip into a file, which is whole or not there.
async fn keep(packed: Bytes, path: PathBuf) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut unpacked = flate2::read::MultiGzDecoder::new(&packed[..]).take(LIMIT + 1);
        let length = std::io::copy(&mut unpacked, &mut file)?;
        ensure!(length <= LIMIT, "the file is too long");
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    })
    .await?
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use futures_util::FutureExt;

    use super::Vocabularies;

    #[test]
    fn a_turn_is_over_when_its_holder_is_done() {
        let vocabularies = Vocabularies::new(PathBuf::new(), PathBuf::new(), None);
        let take = || vocabularies.turn().now_or_never();
        let mut taken = Vec::new();
        while let Some(turn) = take() {
            taken.push(turn.unwrap());
        }
        assert_eq!(taken.len(), std::thread::available_parallelism().unwrap().get());
        taken.pop();
        assert!(take().is_some());
    }
}
