//! The mood of a text, for `/api/extra/classify`.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::files::Files;
use super::session::{self, Session};
use super::words::Words;
use super::{Models, Wanted};
use crate::store::TenantId;

/// How many labels are told.
const TOLD: usize = 5;

/// A label and how well it fits, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored {
    /// As the model's configuration spells it; none where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// 32 bits of it.
    pub score: f64,
}

/// A loaded model.
#[derive(Debug)]
pub(super) struct Classifier {
    config: Value,
    words: Words,
    network: Session,
}

/// The labels that the model tells apart, in its own order.
///
/// # Errors
/// No model can be had, or it has no labels.
pub async fn labels(models: &Models) -> anyhow::Result<Vec<String>> {
    let classifier = classifier(models).await?;
    let ids = classifier.config.get("label2id").and_then(Value::as_object);
    Ok(ids.context("the model has no labels")?.keys().cloned().collect())
}

/// The five labels that fit best, best first. What was asked once is remembered for its tenant.
///
/// # Errors
/// No model can be had, or it fails.
pub async fn classify(models: &Models, tenant: TenantId, text: String) -> anyhow::Result<Arc<Vec<Scored>>> {
    let key = (tenant, blake3::hash(text.as_bytes()));
    if let Some(known) = models.0.results.get(&key) {
        return Ok(known);
    }
    let classifier = classifier(models).await?;
    let scored = models.compute(move || classifier.classify(&text)).await?;
    let scored = Arc::new(scored);
    models.0.results.insert(key, scored.clone());
    Ok(scored)
}

async fn classifier(models: &Models) -> anyhow::Result<Arc<Classifier>> {
    let (id, files) = models.files(Wanted::Configured, &models.0.config.classification)?;
    models.0.classifier.get(&id, Classifier::load(files)).await
}

impl Classifier {
    async fn load(files: Files) -> anyhow::Result<Self> {
        Ok(Self {
            config: files.json("config.json").await?,
            words: Words::load(&files).await?,
            network: files.network("model_quantized").await?,
        })
    }

    fn classify(&self, text: &str) -> anyhow::Result<Vec<Scored>> {
        let ids = self.words.ids(text)?;
        let mut given = HashMap::new();
        given.insert(
            "token_type_ids".to_owned(),
            session::row(vec![0; ids.len()]).into(),
        );
        given.insert(
            "attention_mask".to_owned(),
            session::row(vec![1; ids.len()]).into(),
        );
        given.insert("input_ids".to_owned(), session::row(ids).into());
        let logits = session::take(&mut self.network.run(given)?, "logits")?.values;
        let scores = if self.config.get("problem_type") == Some(&"multi_label_classification".into()) {
            logits.into_iter().map(sigmoid).collect()
        } else {
            softmax(&logits)
        };
        let labels = self.config.get("id2label").context("the model has no labels")?;
        let mut scored: Vec<(usize, f32)> = scores.into_iter().enumerate().collect();
        scored.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        scored.truncate(TOLD);
        let told = scored.into_iter().map(|(index, score)| Scored {
            label: labels
                .get(index.to_string())
                .and_then(Value::as_str)
                .map(str::to_owned),
            score: score.into(),
        });
        Ok(told.collect())
    }
}

/// compat: every step is rounded to 32 bits where the original keeps it in an array of such.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = logits
        .iter()
        .map(|logit| (f64::from(*logit) - f64::from(most)).exp() as f32);
    let powers: Vec<f32> = powers.collect();
    let sum: f64 = powers.iter().map(|power| f64::from(*power)).sum();
    powers
        .iter()
        .map(|power| (f64::from(*power) / sum) as f32)
        .collect()
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}
