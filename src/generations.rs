//! Answers that finish after their browser has gone are kept for a day among the chat's backups, where the operator
//! wants it so (`SQUARETABLE_KEEP_GENERATIONS`). Otherwise, as in the original, the provider is hung up on.

use bytes::Bytes;
use chrono::{Local, TimeDelta, Utc};
use serde_json::{Value, json};
use squaretable_compat::{dates, json};

use crate::app::App;
use crate::error::Result;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::providers::words::words;
use crate::store::chats::backups::{PREFIX, key_of};
use crate::store::chats::{self, kept};
use crate::tenant::Tenant;

/// How long an answer is kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(1);

/// Longest part of a name that says whose chat it was, in bytes; what comes after it fits a file name then.
const MAX_KEY: usize = 200;

/// Whose answer is kept, and of which chat.
#[derive(Debug)]
pub struct Keeping {
    tenant: Tenant,
    /// Who speaks.
    speaker: String,
    /// Character or group chat that the chat belongs to.
    owner: String,
    /// The chat's name, where one was saved at all.
    chat: Option<String>,
}

impl Keeping {
    /// What to do with the answer to `body`; `None` unless this user's answers are kept.
    ///
    /// Requests to providers do not say which chat they are for. The browser saves a chat before it asks for an answer,
    /// so it is the one that was saved last.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of(app: &App, tenant: &Tenant, body: &Value) -> Result<Option<Self>> {
        if !app.config().upstream.keep_generations.includes(tenant.handle()) {
            return Ok(None);
        }
        let mut tx = tenant.begin().await?;
        let newest = chats::newest(&mut tx).await?;
        tx.commit().await?;
        let chat = newest
            .as_ref()
            .map(|chat| chat.file_name.trim_end_matches(".jsonl").to_owned());
        let folder = newest
            .as_ref()
            .and_then(|chat| chat.folder.strip_prefix("chats/"));
        let named = body
            .get("char_name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        let owner = folder
            .or(chat.as_deref())
            .or(named)
            .unwrap_or("generation")
            .to_owned();
        Ok(Some(Self {
            tenant: tenant.clone(),
            speaker: named.map_or_else(|| owner.clone(), str::to_owned),
            owner,
            chat,
        }))
    }

    /// Stores an answer as a chat of one message; a failure is logged, as nobody is there to be told.
    async fn keep(self, answer: Bytes) {
        match self.store(&answer).await {
            Ok(name) => tracing::info!(name, "kept an answer that came after its browser had gone"),
            Err(error) => tracing::error!(%error, "an answer that came after its browser had gone is lost"),
        }
    }

    async fn store(&self, answer: &[u8]) -> Result<String> {
        let now = Utc::now();
        let mut key = key_of(&self.owner);
        key.truncate(MAX_KEY);
        let stem = format!("{PREFIX}{key}_{}_unseen", dates::timestamp(Local::now()));
        let mut tx = self.tenant.begin().await?;
        kept::remove_expired(&mut tx, now).await?;
        let name = kept::put(&mut tx, &stem, &self.file(&words(answer), now), now + KEPT_FOR).await?;
        tx.commit().await?;
        Ok(name)
    }

    /// A chat file of one message, which the frontend can show and restore. Further choices are its swipes, and the chat
    /// it belongs to is named as that of a branch is.
    fn file(&self, texts: &[String], now: chrono::DateTime<Utc>) -> Vec<u8> {
        let metadata = match &self.chat {
            Some(chat) => json!({ "main_chat": chat }),
            None => json!({}),
        };
        let header = json!({ "chat_metadata": metadata, "user_name": "unused", "character_name": "unused" });
        let mut message = json!({
            "name": self.speaker, "is_user": false, "is_system": false, "send_date": dates::iso(now),
            "mes": texts.first(), "extra": {},
        });
        if texts.len() > 1 {
            message["swipe_id"] = 0.into();
            message["swipes"] = texts.into();
        }
        [&json::to_vec(&header)[..], b"\n", &json::to_vec(&message)].concat()
    }
}

/// Sends a request for a generation; its answer is kept as `keeping` says.
///
/// # Errors
/// As for [`Relay::send`](crate::providers::relay::Relay::send).
pub async fn send(
    app: &App,
    keeping: Option<Keeping>,
    upstream: Upstream,
) -> std::result::Result<UpstreamReply, RelayError> {
    match keeping {
        Some(keeping) => {
            let keep = |answer| keeping.keep(answer);
            app.relay().send_and_keep(upstream, keep).await
        }
        None => app.relay().send(upstream).await,
    }
}
