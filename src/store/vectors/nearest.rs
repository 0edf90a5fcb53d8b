//! The items of an index that are nearest to a vector: all of them are compared, exactly as the original does.

use std::sync::Arc;

use futures_util::TryStreamExt;
use squaretable_compat::vectors::{Packed, Width, norm, similarity, slice_end};
use tokio::sync::mpsc;

use crate::error::Result;
use crate::store::Tx;

/// Rows on their way to the thread that compares, and such portions that may wait for it.
const PORTION: usize = 128;
const WAITING: usize = 4;

/// An item that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Cosine of the angle; NaN for vectors that cannot be compared.
    pub score: f64,
    /// JSON of an object.
    pub metadata: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    norm: f64,
    width: i16,
    vector: Vec<u8>,
}

/// The nearest items, the best first and equals in their order; as many as `slice(0, most)` leaves. Where there is no such
/// index, there are none. To be seen as one, the transaction should be a snapshot.
///
/// compat: the scores are sums of doubles in the order of the numbers, so that they and whatever they decide are the
/// original's. What cannot be compared comes last.
///
/// # Errors
/// The database failed.
pub async fn nearest(tx: &mut Tx, folder: &str, asked: &Arc<[f64]>, most: f64) -> Result<Vec<Hit>> {
    let sql = "SELECT index_id FROM vector_indexes WHERE tenant_id = $1 AND folder = $2";
    let index_id: Option<i64> = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_optional(tx.conn())
        .await?;
    let Some(index_id) = index_id else {
        return Ok(Vec::new());
    };
    let best = best(tx, index_id, asked.clone(), most).await?;
    let sql = "SELECT i.metadata FROM unnest($3::bigint[]) WITH ORDINALITY AS wanted (seq, place)
               JOIN vector_items i ON i.tenant_id = $1 AND i.index_id = $2 AND i.seq = wanted.seq
               ORDER BY wanted.place";
    let metadata: Vec<Vec<u8>> = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(index_id)
        .bind(best.iter().map(|(_, seq)| *seq).collect::<Vec<i64>>())
        .fetch_all(tx.conn())
        .await?;
    let hits = best.into_iter().zip(metadata);
    Ok(hits
        .map(|((score, _), metadata)| Hit { score, metadata })
        .collect())
}

/// Scores and numbers of the best items.
async fn best(tx: &mut Tx, index_id: i64, asked: Arc<[f64]>, most: f64) -> Result<Vec<(f64, i64)>> {
    let (send, receive) = mpsc::channel(WAITING);
    let comparing = tokio::task::spawn_blocking(move || compare(&asked, most, receive));
    let sql = "SELECT seq, norm, width, vector FROM vector_items
               WHERE tenant_id = $1 AND index_id = $2 ORDER BY seq";
    let mut rows = sqlx::query_as::<_, Row>(sql)
        .bind(tx.id())
        .bind(index_id)
        .fetch(tx.conn());
    let mut portion = Vec::with_capacity(PORTION);
    while let Some(row) = rows.try_next().await? {
        portion.push(row);
        if portion.len() == PORTION {
            let full = std::mem::replace(&mut portion, Vec::with_capacity(PORTION));
            if send.send(full).await.is_err() {
                break;
            }
        }
    }
    // Nobody listens any more only where the thread has failed, which is told by itself.
    let _ = send.send(portion).await;
    drop(send);
    Ok(comparing.await.map_err(anyhow::Error::from)?)
}

fn compare(asked: &[f64], most: f64, mut rows: mpsc::Receiver<Vec<Row>>) -> Vec<(f64, i64)> {
    let asked_norm = norm(asked);
    let mut scores = Vec::new();
    while let Some(portion) = rows.blocking_recv() {
        scores.extend(portion.iter().map(|row| {
            let width = Width::of(row.width);
            let bytes = &row.vector;
            let score = similarity(asked, asked_norm, &Packed { width, bytes }, row.norm);
            (score, row.seq)
        }));
    }
    scores.sort_by(|(one, _), (other, _)| descending(*one, *other));
    scores.truncate(slice_end(scores.len(), most));
    scores
}

/// The order of scores: the highest first, NaN last.
#[must_use]
pub fn descending(one: f64, other: f64) -> std::cmp::Ordering {
    let compared = other.partial_cmp(&one);
    compared.unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::descending;

    #[test]
    fn the_best_come_first_and_equals_stay() {
        let mut scores = [
            (0.1, 'a'),
            (f64::NAN, 'b'),
            (0.9, 'c'),
            (0.1, 'd'),
            (f64::NAN, 'e'),
            (-0.0, 'f'),
            (0.0, 'g'),
        ];
        scores.sort_by(|(one, _), (other, _)| descending(*one, *other));
        let order: String = scores.iter().map(|(_, name)| name).collect();
        assert_eq!(order, "cadfgbe");
    }
}
