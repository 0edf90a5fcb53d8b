//! Texts as vectors, for the vector source `transformers`.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, ensure};

use super::files::Files;
use super::session::{self, Floats, Session};
use super::words::Words;
use super::{Models, Wanted};

/// A loaded model.
#[derive(Debug)]
pub(super) struct Embedder {
    words: Words,
    network: Session,
}

/// The vector of each text, of length 1: the mean of what the model says of its tokens. Other work of the kind may come
/// between two texts.
///
/// # Errors
/// No model can be had, or it fails.
pub async fn embed(models: &Models, texts: Vec<String>) -> anyhow::Result<Vec<Vec<f32>>> {
    let (id, files) = models.files(Wanted::Configured, &models.0.config.embedding)?;
    let embedder = models.0.embedder.get(&id, Embedder::load(files)).await?;
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts {
        let embedder = Arc::clone(&embedder);
        vectors.push(models.compute(move || embedder.embed(&text)).await?);
    }
    Ok(vectors)
}

impl Embedder {
    async fn load(files: Files) -> anyhow::Result<Self> {
        files.json("config.json").await?;
        Ok(Self {
            words: Words::load(&files).await?,
            network: files.network("model_quantized").await?,
        })
    }

    fn embed(&self, text: &str) -> anyhow::Result<Vec<f32>> {
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
        let mut outputs = self.network.run(given)?;
        let has_states = outputs.contains_key("last_hidden_state");
        let name = if has_states { "last_hidden_state" } else { "logits" };
        mean(&session::take(&mut outputs, name)?)
    }
}

/// The mean over the tokens, made as long as 1.
///
/// compat: every step is rounded to 32 bits where the original keeps it in an array of such.
fn mean(states: &Floats) -> anyhow::Result<Vec<f32>> {
    let width = *states.shape.last().context("the states have no shape")?;
    ensure!(
        states.shape.len() == 3 && width > 0,
        "states of a shape {:?}",
        states.shape
    );
    let count = states.values.len() / width;
    let mut mean: Vec<f32> = (0..width)
        .map(|column| {
            let column = states.values.iter().skip(column).step_by(width);
            (column.map(|value| f64::from(*value)).sum::<f64>() / count as f64) as f32
        })
        .collect();
    let squares: f64 = mean
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .fold(0.0, |sum, square| f64::from((sum + square) as f32));
    let length = f64::from(squares.sqrt() as f32);
    for value in &mut mean {
        *value = (f64::from(*value) / length) as f32;
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use super::{Floats, mean};

    #[test]
    fn a_mean_has_length_one() {
        let states = Floats {
            shape: vec![1, 2, 2],
            values: vec![2.0, 3.0, 4.0, 5.0],
        };
        assert_eq!(mean(&states).unwrap(), [0.6, 0.8]);
        let flat = Floats {
            shape: vec![2, 2],
            ..states
        };
        assert!(mean(&flat).is_err());
    }
}
