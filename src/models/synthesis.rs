//! Text to speech, for `/api/speech/synthesize`: SpeechT5 with its vocoder.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::files::Files;
use super::generation::{Memory, Writer};
use super::session::{self, Floats, Session};
use super::words::Words;
use super::{Models, Wanted, wave};

/// What makes sound of a spectrum.
const VOCODER: &str = "Xenova/speecht5_hifigan";
/// How sure the network is that it is done.
const DONE: f32 = 0.5;
/// Most steps for each token of the text.
const LONGEST_RATIO: f64 = 20.0;
/// Most steps at all: some two minutes of sound.
const MOST_STEPS: usize = 4096;

/// A loaded model.
#[derive(Debug)]
pub(super) struct Synthesizer {
    words: Words,
    writer: Writer,
    vocoder: Session,
    rate: u32,
    bins: usize,
    reduction: f64,
}

/// A text as a WAV file; `speaker` is the voice, as the model knows voices: little-endian floats of 32 bits.
///
/// # Errors
/// No model can be had, the voice is none, or the model fails.
pub async fn synthesize(
    models: &Models,
    wanted: Wanted,
    text: String,
    speaker: Option<Vec<u8>>,
) -> anyhow::Result<Vec<u8>> {
    let (id, files) = models.files(wanted, &models.0.config.text_to_speech)?;
    let synthesizer: Arc<Synthesizer> = models.0.synthesizer.get(&id, Synthesizer::load(files)).await?;
    let speaker = speaker.context("a voice is needed")?;
    models
        .compute(move || synthesizer.synthesize(&text, &speaker))
        .await
}

impl Synthesizer {
    async fn load(files: Files) -> anyhow::Result<Self> {
        let config = files.json("config.json").await?;
        let kind = config.get("model_type").and_then(Value::as_str);
        ensure!(
            kind == Some("speecht5"),
            "models of the kind {kind:?} are not supported"
        );
        let number = |key: &str| config.get(key).and_then(Value::as_u64);
        let (Some(bins), Some(reduction)) = (number("num_mel_bins"), number("reduction_factor")) else {
            bail!("the model's config.json lacks numbers");
        };
        ensure!(
            (1..=4096).contains(&bins) && reduction > 0,
            "the model's config.json is out of range"
        );
        let settings = files.json("preprocessor_config.json").await?;
        let rate = settings.get("sampling_rate").and_then(Value::as_u64);
        let rate = rate.and_then(|rate| u32::try_from(rate).ok());
        Ok(Self {
            words: Words::load(&files).await?,
            writer: Writer::load(&files, "").await?,
            vocoder: files.of(VOCODER)?.network("model").await?,
            rate: rate.context("the model names no sampling_rate")?,
            bins: bins as usize,
            reduction: reduction as f64,
        })
    }

    fn synthesize(&self, text: &str, speaker: &[u8]) -> anyhow::Result<Vec<u8>> {
        ensure!(speaker.len().is_multiple_of(4), "the voice is cut off");
        let voice = speaker.chunks_exact(4);
        let voice: Vec<f32> = voice
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let spectrum = self.spectrum(text, voice)?;
        let input = session::floats(&spectrum.shape, spectrum.values);
        let mut outputs = self
            .vocoder
            .run(HashMap::from([("spectrogram".to_owned(), input.into())]))?;
        wave::write(self.rate, &session::take(&mut outputs, "waveform")?.values)
    }

    /// How loud which pitch is over time.
    fn spectrum(&self, text: &str, voice: Vec<f32>) -> anyhow::Result<Floats> {
        let mut encoded = self
            .writer
            .encode("input_ids", session::row(self.words.ids(text)?))?;
        let mask = encoded
            .remove("encoder_attention_mask")
            .context("the encoder gives no mask")?;
        let states = session::take(&mut encoded, "encoder_outputs")?;
        let tokens = *states.shape.get(1).context("the states have no shape")?;
        let most = ((tokens as f64 / self.reduction * LONGEST_RATIO) as usize).min(MOST_STEPS);
        let states = session::floats(&states.shape, states.values);
        let voice = session::floats(&[1, voice.len()], voice);
        let mut last = session::floats(&[1, 1, self.bins], vec![0.0; self.bins]);
        let mut memory = Memory::default();
        let mut spectrum = Vec::new();
        let mut steps = 0;
        loop {
            steps += 1;
            let mut given = HashMap::new();
            given.insert("output_sequence".to_owned(), last.into());
            given.insert("encoder_attention_mask".to_owned(), (&mask).into());
            given.insert("speaker_embeddings".to_owned(), (&voice).into());
            given.insert("encoder_hidden_states".to_owned(), (&states).into());
            let mut outputs = self.writer.step(given, &mut memory)?;
            spectrum.extend(session::take(&mut outputs, "spectrum")?.values);
            let sure = session::take(&mut outputs, "prob")?;
            if steps >= most || sure.values.iter().any(|sure| *sure >= DONE) {
                break;
            }
            let next = outputs.remove("output_sequence_out");
            last = next.context("the decoder gives no output_sequence_out")?;
        }
        ensure!(
            spectrum.len().is_multiple_of(self.bins),
            "the decoder gives parts of a spectrum"
        );
        Ok(Floats {
            shape: vec![spectrum.len() / self.bins, self.bins],
            values: spectrum,
        })
    }
}
