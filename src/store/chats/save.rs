//! The write path: only lines that a chat never held are stored, and one revision.

use std::collections::HashMap;

use chrono::{DateTime, Local, Utc};
use sqlx::Row;
use squaretable_compat::chat;

use super::backups::{self, Policy};
use crate::error::{Error, Result};
use crate::store::{Tx, files};

/// Bytes of new lines sent in one statement, so that a save of any size needs bounded memory in PostgreSQL.
const BATCH_BYTES: usize = 8 << 20;

/// Why a revision exists.
#[derive(Debug, Clone, Copy)]
pub enum Cause {
    /// The frontend saved.
    Save,
    /// A file was imported.
    Import,
    /// An earlier version was put back.
    Restore,
    /// Its old form was brought up to date (`upgrades.rs`).
    Upgrade,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Import => "import",
            Self::Restore => "restore",
            Self::Upgrade => "upgrade",
        }
    }
}

/// Makes `lines` the chat's content as a new revision, creating the chat where there is none. Only lines that the chat
/// never held are written.
///
/// # Errors
/// The database failed; nothing changed then.
pub async fn save(tx: &mut Tx, folder: &str, file_name: &str, lines: &[&[u8]], cause: Cause) -> Result<()> {
    save_at(tx, folder, file_name, lines, cause, Utc::now()).await
}

/// [`save`] with a modification time of its own, as imports need it.
///
/// # Errors
/// The database failed; nothing changed then.
pub async fn save_at(
    tx: &mut Tx,
    folder: &str,
    file_name: &str,
    lines: &[&[u8]],
    cause: Cause,
    modified_at: DateTime<Utc>,
) -> Result<()> {
    let version = Version::of(lines, cause, modified_at, None)?;
    write(tx, folder, file_name, lines, &version).await
}

/// [`save`] by the frontend, which takes a backup unless there is one of late: see [`backups`].
///
/// # Errors
/// The database failed; nothing changed then.
pub async fn save_and_back_up(
    tx: &mut Tx,
    folder: &str,
    file_name: &str,
    lines: &[&[u8]],
    policy: &Policy,
) -> Result<()> {
    let version = Version::of(lines, Cause::Save, Utc::now(), Some(policy))?;
    write(tx, folder, file_name, lines, &version).await
}

/// What a chat's row tells of a version.
pub(super) struct Version<'a> {
    pub(super) byte_size: i64,
    pub(super) summary: Vec<u8>,
    pub(super) cause: Cause,
    pub(super) at: DateTime<Utc>,
    pub(super) backup: Option<&'a Policy>,
}

impl<'a> Version<'a> {
    fn of(lines: &[&[u8]], cause: Cause, at: DateTime<Utc>, backup: Option<&'a Policy>) -> Result<Self> {
        Ok(Self {
            byte_size: file_size(lines)?,
            summary: chat::Summary::of(lines).to_stored(),
            cause,
            at,
            backup,
        })
    }
}

async fn write(
    tx: &mut Tx,
    folder: &str,
    file_name: &str,
    lines: &[&[u8]],
    version: &Version<'_>,
) -> Result<()> {
    let slot = lock(tx, folder, file_name, version.at).await?;
    // A chat that never held a line is not asked for its lines: imports make thousands of those.
    let mut known = if slot.head == 0 {
        // A character whose chats were all deleted still has its folder, and lists nothing rather than failing.
        files::create_folder(tx, folder).await?;
        HashMap::new()
    } else {
        known_lines(tx, slot.chat_id).await?
    };
    let plan = Plan::new(lines, &mut known, slot.next_message_id)?;
    insert_lines(tx, slot.chat_id, &plan.new).await?;
    set_live(tx, slot.chat_id, &plan.ids, &known).await?;
    // Saving what is already there makes no version, but it does make the chat the most recent one.
    let is_same = plan.new.is_empty() && slot.head > 0 && plan.ids == head_ids(tx, &slot).await?;
    let held = finish(tx, &slot, &plan, version, !is_same).await?;
    if let (Some(held), Some(policy)) = (held, version.backup) {
        if held.of_key >= i64::from(policy.keep) {
            backups::thin(tx, Some(&policy.key), policy.keep).await?;
        }
        if let Some(keep) = policy.keep_total.filter(|keep| held.in_all >= i64::from(*keep)) {
            backups::thin(tx, None, keep).await?;
        }
    }
    Ok(())
}

/// The revision (unless the chat holds just that), the chat's row and the backup in one statement.
///
/// Its number is taken here and not in [`lock`]: a statement that waited for the row does not see what was inserted in
/// the meantime. A backup counts as taken now, or an interval after the one before it; of those that are still to be
/// taken there is one, which follows the saves. The answer is a row when a backup was added.
const FINISH: &str = "
    WITH made AS (
        INSERT INTO revisions (tenant_id, chat_id, revision, parent, saved_at, cause, message_ids, byte_size)
        SELECT $1, $2, coalesce(max(revision), 0) + 1, nullif($3, 0), $4, $5, $6, $7
        FROM revisions WHERE tenant_id = $1 AND chat_id = $2 HAVING $10
        RETURNING revision),
    changed AS (
        UPDATE chats SET head = coalesce((SELECT revision FROM made), head), next_message_id = $8, byte_size = $7,
                         summary = $9, modified_at = $4, stored_bytes = stored_bytes + $16
        WHERE tenant_id = $1 AND chat_id = $2
        RETURNING head),
    newest AS (
        SELECT max(taken_at) AS at, make_interval(secs => $13) AS interval FROM chat_backups
        WHERE tenant_id = $1 AND owner = $11 AND saved_at <= $4),
    due AS (
        SELECT CASE WHEN at > $4 THEN at WHEN at + interval > $4 THEN at + interval ELSE $4 END AS at
        FROM newest WHERE $11 IS NOT NULL),
    placed AS (
        INSERT INTO chat_backups (tenant_id, name, key, owner, chat_id, revision, taken_at, saved_at, byte_size, summary)
        SELECT $1, 'chat_' || $12 || '_'
                   || to_char(due.at AT TIME ZONE 'UTC' + make_interval(secs => $14), 'YYYYMMDD-HH24MISS') || '.jsonl',
               $12, $11, $2, changed.head, due.at, $4, $7, $9
        FROM due CROSS JOIN changed
        ON CONFLICT (tenant_id, name) DO UPDATE SET
            key = EXCLUDED.key, owner = EXCLUDED.owner, chat_id = EXCLUDED.chat_id, revision = EXCLUDED.revision,
            taken_at = EXCLUDED.taken_at, saved_at = EXCLUDED.saved_at, byte_size = EXCLUDED.byte_size,
            summary = EXCLUDED.summary
        RETURNING name)
    SELECT (SELECT count(*) FROM chat_backups WHERE tenant_id = $1 AND key = $12
               AND name >= 'chat_' || $12 || '_' AND name < 'chat_' || $12 || '`')
           + (SELECT count(*) FROM files WHERE tenant_id = $1 AND folder = 'backups'
               AND name >= 'chat_' || $12 || '_' AND name < 'chat_' || $12 || '`') AS of_key,
           CASE WHEN $15 THEN
               (SELECT count(*) FROM chat_backups WHERE tenant_id = $1)
               + (SELECT count(*) FROM files WHERE tenant_id = $1 AND folder = 'backups' AND name ^@ 'chat_')
           ELSE 0 END AS in_all
    FROM placed
    WHERE NOT EXISTS (SELECT FROM chat_backups b WHERE b.tenant_id = $1 AND b.name = placed.name)";

/// Backups that there were before one was added.
#[derive(sqlx::FromRow)]
pub(super) struct Held {
    of_key: i64,
    in_all: i64,
}

pub(super) async fn finish(
    tx: &mut Tx,
    slot: &Slot,
    plan: &Plan<'_>,
    version: &Version<'_>,
    is_new: bool,
) -> Result<Option<Held>> {
    let policy = version.backup;
    // compat: names of backups are in the server's local time.
    let offset = Local::now().offset().local_minus_utc();
    Ok(sqlx::query_as(FINISH)
        .bind(tx.id())
        .bind(slot.chat_id)
        .bind(slot.head)
        .bind(version.at)
        .bind(version.cause.as_str())
        .bind(&plan.ids)
        .bind(version.byte_size)
        .bind(plan.next_message_id)
        .bind(&version.summary)
        .bind(is_new)
        .bind(policy.map(|policy| &policy.owner[..]))
        .bind(policy.map(|policy| &policy.key))
        .bind(policy.map_or(0.0, |policy| policy.interval))
        .bind(f64::from(offset))
        .bind(policy.is_some_and(|policy| policy.keep_total.is_some()))
        .bind(plan.new_bytes)
        .fetch_optional(tx.conn())
        .await?)
}

/// A chat row held for writing.
#[derive(sqlx::FromRow)]
pub(super) struct Slot {
    pub(super) chat_id: i64,
    pub(super) head: i32,
    pub(super) next_message_id: i32,
}

/// Holds the chat for this transaction, creating an empty one where there is none.
pub(super) async fn lock(tx: &mut Tx, folder: &str, file_name: &str, now: DateTime<Utc>) -> Result<Slot> {
    // The no-op update takes the row lock in the same statement that would create the row.
    let sql =
        "INSERT INTO chats (tenant_id, folder, file_name, head, byte_size, summary, created_at, modified_at)
               VALUES ($1, $2, $3, 0, 0, '', $4, $4)
               ON CONFLICT (tenant_id, folder, file_name) WHERE deleted_at IS NULL
               DO UPDATE SET head = chats.head
               RETURNING chat_id, head, next_message_id";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(file_name)
        .bind(now)
        .fetch_one(tx.conn())
        .await?)
}

pub(super) struct Known {
    id: i32,
    live: bool,
}

pub(super) async fn known_lines(tx: &mut Tx, chat_id: i64) -> Result<HashMap<[u8; 32], Known>> {
    let sql = "SELECT message_id, live, hash FROM messages WHERE tenant_id = $1 AND chat_id = $2";
    let rows = sqlx::query(sql)
        .bind(tx.id())
        .bind(chat_id)
        .fetch_all(tx.conn())
        .await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let hash: &[u8] = row.try_get(2)?;
        let hash = hash
            .try_into()
            .map_err(|_| anyhow::anyhow!("a message hash is not 32 bytes long"))?;
        known.insert(
            hash,
            Known {
                id: row.try_get(0)?,
                live: row.try_get(1)?,
            },
        );
    }
    Ok(known)
}

pub(super) struct NewLine<'a> {
    id: i32,
    hash: [u8; 32],
    body: &'a [u8],
}

/// What a save has to write.
pub(super) struct Plan<'a> {
    pub(super) ids: Vec<i32>,
    pub(super) new: Vec<NewLine<'a>>,
    pub(super) next_message_id: i32,
    /// Bytes of the new lines.
    pub(super) new_bytes: i64,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        lines: &[&'a [u8]],
        known: &mut HashMap<[u8; 32], Known>,
        first_free: i32,
    ) -> Result<Self> {
        let mut plan = Self {
            ids: Vec::with_capacity(lines.len()),
            new: Vec::new(),
            next_message_id: first_free,
            new_bytes: 0,
        };
        for &body in lines {
            let hash = *blake3::hash(body).as_bytes();
            let id = match known.get(&hash) {
                Some(known) => known.id,
                None => {
                    let id = plan.next_message_id;
                    plan.next_message_id = id
                        .checked_add(1)
                        .ok_or_else(|| anyhow::anyhow!("this chat has had 2^31 messages"))?;
                    known.insert(hash, Known { id, live: true });
                    plan.new_bytes += body.len() as i64;
                    plan.new.push(NewLine { id, hash, body });
                    id
                }
            };
            plan.ids.push(id);
        }
        Ok(plan)
    }
}

pub(super) async fn insert_lines(tx: &mut Tx, chat_id: i64, lines: &[NewLine<'_>]) -> Result<()> {
    let mut rest = lines;
    while !rest.is_empty() {
        let mut bytes = 0;
        let take = rest.iter().take_while(|line| {
            let fits = bytes < BATCH_BYTES;
            bytes += line.body.len();
            fits
        });
        let (batch, later) = rest.split_at(take.count());
        rest = later;
        let facts: Vec<_> = batch.iter().map(|line| chat::LineFacts::of(line.body)).collect();
        let sql = "INSERT INTO messages (tenant_id, chat_id, message_id, hash, body, kept, search)
                   SELECT $1, $2, * FROM unnest($3::int[], $4::bytea[], $5::bytea[], $6::bool[], $7::text[])";
        sqlx::query(sql)
            .bind(tx.id())
            .bind(chat_id)
            .bind(batch.iter().map(|line| line.id).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| &line.hash[..]).collect::<Vec<_>>())
            .bind(batch.iter().map(|line| line.body).collect::<Vec<_>>())
            .bind(facts.iter().map(|f| f.kept).collect::<Vec<_>>())
            .bind(facts.iter().map(|f| f.search.as_deref()).collect::<Vec<_>>())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Search looks at live lines only; a line that left the head stays for the revisions that hold it.
pub(super) async fn set_live(
    tx: &mut Tx,
    chat_id: i64,
    head: &[i32],
    known: &HashMap<[u8; 32], Known>,
) -> Result<()> {
    let head: std::collections::HashSet<i32> = head.iter().copied().collect();
    let changed: Vec<i32> = known
        .values()
        .filter(|line| line.live != head.contains(&line.id))
        .map(|line| line.id)
        .collect();
    if !changed.is_empty() {
        let sql = "UPDATE messages SET live = NOT live
                   WHERE tenant_id = $1 AND chat_id = $2 AND message_id = ANY($3)";
        sqlx::query(sql)
            .bind(tx.id())
            .bind(chat_id)
            .bind(changed)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

pub(super) async fn head_ids(tx: &mut Tx, slot: &Slot) -> Result<Vec<i32>> {
    let sql = "SELECT message_ids FROM revisions WHERE tenant_id = $1 AND chat_id = $2 AND revision = $3";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(slot.chat_id)
        .bind(slot.head)
        .fetch_one(tx.conn())
        .await?)
}

fn file_size(lines: &[&[u8]]) -> Result<i64> {
    let feeds = lines.len().saturating_sub(1);
    let size = lines.iter().map(|line| line.len()).sum::<usize>() + feeds;
    i64::try_from(size).map_err(|e| Error::Internal(e.into()))
}
