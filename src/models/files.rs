//! Files of models: those of the cache folder, and huggingface.co's where downloading is allowed.
//!
//! The folder is laid out as the original's (`_cache/<org>/<model>/<file>`), so that an existing one can be copied.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use reqwest::Url;
use rten::ThreadPool;
use serde_json::Value;
use squaretable_compat::json;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::session::Session;
use crate::config::secret::Secret;
use crate::providers::relay::{Relay, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Where models come from.
const HUB: &str = "https://huggingface.co";
/// Most bytes of a file that is no network.
const LONGEST_TEXT: u64 = 64 << 20;
/// Most bytes of a network: the largest of the originals' defaults has 600 MB.
const LONGEST_NETWORK: u64 = 2 << 30;
/// How long huggingface.co may say nothing: whoever wants the model waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest part of a model's id, in characters: huggingface.co's own bound.
const LONGEST_NAME: usize = 96;

/// The id of a model: `name` or `org/name`, of characters that name a file and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelId(String);

impl ModelId {
    /// Checks an id.
    ///
    /// # Errors
    /// It is none, or could lead to another place.
    pub fn new(id: &str) -> anyhow::Result<Self> {
        let is_name = |part: &str| {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            (1..=LONGEST_NAME).contains(&part.len()) && !part.starts_with('.') && part.chars().all(fits)
        };
        ensure!(
            id.split('/').count() <= 2 && id.split('/').all(is_name),
            "{id:?} is no id of a model"
        );
        Ok(Self(id.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where files of models are looked for.
#[derive(Debug)]
pub(super) struct Hub {
    folder: PathBuf,
    relay: Relay,
    token: Option<Secret<String>>,
    threads: OnceLock<Arc<ThreadPool>>,
}

/// The files of one model.
#[derive(Debug, Clone)]
pub(super) struct Files {
    hub: Arc<Hub>,
    id: ModelId,
    may_download: bool,
}

impl Hub {
    pub(super) fn new(folder: PathBuf, relay: Relay, token: Option<Secret<String>>) -> Self {
        Self {
            folder,
            relay,
            token,
            threads: OnceLock::new(),
        }
    }

    /// The threads that compute, as many as there are cores, for all models together.
    fn threads(&self) -> Arc<ThreadPool> {
        let start = || {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Arc::new(ThreadPool::with_num_threads(cores))
        };
        self.threads.get_or_init(start).clone()
    }

    /// The file at an address of huggingface.co's, on its way; `None` where there is none.
    async fn fetch(&self, id: &ModelId, name: &str) -> anyhow::Result<Option<UpstreamReply>> {
        let mut headers = UpstreamHeaders::default();
        if let Some(token) = &self.token {
            headers.set("Authorization", format!("Bearer {}", token.expose()));
        }
        let upstream = Upstream {
            method: Method::GET,
            url: Url::parse(&format!("{HUB}/{}/resolve/main/{name}", id.0))?,
            headers,
            body: Bytes::new(),
        };
        let reply = timeout(PATIENCE, self.relay.send(upstream)).await??;
        match reply.status() {
            StatusCode::OK => Ok(Some(reply)),
            StatusCode::NOT_FOUND => Ok(None),
            status => bail!("{name} of {}: huggingface.co answers {status}", id.0),
        }
    }
}

impl Files {
    pub(super) fn new(hub: Arc<Hub>, id: ModelId, may_download: bool) -> Self {
        Self {
            hub,
            id,
            may_download,
        }
    }

    /// Those of another model, which this one needs.
    pub(super) fn of(&self, id: &str) -> anyhow::Result<Self> {
        Ok(Self {
            id: ModelId::new(id)?,
            ..self.clone()
        })
    }

    /// A JSON file.
    pub(super) async fn json(&self, name: &str) -> anyhow::Result<Value> {
        let found = self.json_if_any(name).await?;
        found.with_context(|| self.missing(name))
    }

    /// A JSON file that not every model has.
    pub(super) async fn json_if_any(&self, name: &str) -> anyhow::Result<Option<Value>> {
        let Some(bytes) = self.bytes(name, LONGEST_TEXT).await? else {
            return Ok(None);
        };
        let parsed = json::parse(&bytes).with_context(|| format!("{name} of {} is no JSON", self.id.0));
        Ok(Some(parsed?))
    }

    /// A text.
    pub(super) async fn text(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let found = self.bytes(name, LONGEST_TEXT).await?;
        found.with_context(|| self.missing(name))
    }

    /// A network of the folder `onnx`, by its name without extension.
    pub(super) async fn network(&self, name: &str) -> anyhow::Result<Session> {
        let name = format!("onnx/{name}.onnx");
        let bytes = self.bytes(&name, LONGEST_NETWORK).await?;
        let bytes = bytes.with_context(|| self.missing(&name))?;
        let threads = self.hub.threads();
        let loaded = tokio::task::spawn_blocking(move || Session::load(bytes, threads)).await?;
        loaded.with_context(|| format!("{name} of {}", self.id.0))
    }

    fn missing(&self, name: &str) -> String {
        let reason = if self.may_download {
            "huggingface.co has none"
        } else {
            "it is not in the cache folder, and nothing is downloaded"
        };
        format!("{name} of {}: {reason}", self.id.0)
    }

    async fn bytes(&self, name: &str, limit: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.hub.folder.join(&self.id.0).join(name);
        if !tokio::fs::try_exists(&path).await? {
            if !self.may_download {
                return Ok(None);
            }
            let Some(reply) = self.hub.fetch(&self.id, name).await? else {
                return Ok(None);
            };
            tracing::info!("downloading {name} of {}", self.id.0);
            keep(reply, &path, limit).await?;
        }
        let length = tokio::fs::metadata(&path).await?.len();
        ensure!(length <= limit, "{name} of {} is too long", self.id.0);
        Ok(Some(tokio::fs::read(&path).await?))
    }
}

/// Writes a file, which is whole or not there.
async fn keep(mut reply: UpstreamReply, path: &Path, limit: u64) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?.to_path_buf();
    tokio::fs::create_dir_all(&folder).await?;
    let temporary = tokio::task::spawn_blocking(move || tempfile::NamedTempFile::new_in(folder)).await??;
    let mut file = tokio::fs::File::from_std(temporary.reopen()?);
    let mut length = 0;
    while let Some(piece) = timeout(PATIENCE, reply.chunk()).await?? {
        length += piece.len() as u64;
        ensure!(length <= limit, "{} is too long", path.display());
        file.write_all(&piece).await?;
    }
    file.sync_all().await?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ModelId;

    #[test]
    fn an_id_leads_nowhere_else() {
        for id in ["a", "Xenova/whisper-small", "a_b/C.d-e"] {
            assert_eq!(ModelId::new(id).unwrap().as_str(), id);
        }
        let long = "a".repeat(97);
        for id in [
            "", "/", "a/", "/a", "..", "a/..", ".a", "a/b/c", "a\\b", "a b", "a?b", "ä", &long,
        ] {
            assert!(ModelId::new(id).is_err(), "{id}");
        }
    }
}
