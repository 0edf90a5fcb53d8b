//! Speech to text, for `/api/speech/recognize`: Whisper.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::Value;
use squaretable_compat::buffer::from_base64;

use super::files::Files;
use super::generation::Writer;
use super::mel::Ear;
use super::resample::resample;
use super::session;
use super::wave::{MOST_SAMPLES, Wave};
use super::words::Words;
use super::{Models, Wanted, languages};

/// Samples a second that recordings are made to have.
const RATE: u32 = 16_000;
/// The token before those that stand for moments.
const NO_TIMES: &str = "<|notimestamps|>";

/// A loaded model.
#[derive(Debug)]
pub(super) struct Recognizer {
    ear: Ear,
    words: Words,
    writer: Writer,
}

/// What is said in a WAV file, given as base64 or as a data URL. `language` is a name or a code of one; empty lets the
/// model guess.
///
/// compat: only as much is heard as the model takes at once, which is half a minute.
///
/// # Errors
/// No model can be had, the recording is none, the language is unknown, or the model fails.
pub async fn recognize(
    models: &Models,
    wanted: Wanted,
    audio: String,
    language: String,
) -> anyhow::Result<String> {
    let (id, files) = models.files(wanted, &models.0.config.speech_to_text)?;
    let recognizer: Arc<Recognizer> = models.0.recognizer.get(&id, Recognizer::load(files)).await?;
    models
        .compute(move || recognizer.recognize(&audio, &language))
        .await
}

impl Recognizer {
    async fn load(files: Files) -> anyhow::Result<Self> {
        let settings = files.json("config.json").await?;
        let kind = settings.get("model_type").and_then(Value::as_str);
        ensure!(
            kind == Some("whisper"),
            "models of the kind {kind:?} are not supported"
        );
        Ok(Self {
            ear: Ear::read(&files.json("preprocessor_config.json").await?)?,
            words: Words::load(&files).await?,
            writer: Writer::load(&files, "_quantized").await?,
        })
    }

    fn recognize(&self, audio: &str, language: &str) -> anyhow::Result<String> {
        let forced = self.prompt(language)?;
        let heard = self.ear.hear(recording(audio)?)?;
        let heard = session::floats(&heard.shape, heard.values);
        let mut encoded = self.writer.encode("input_features", heard)?;
        let states = session::take(&mut encoded, "last_hidden_state")?;
        let tokens = self.writer.write(&states, &forced)?;
        let first_time = self.words.id(NO_TIMES)? + 1;
        let said: Vec<u32> = tokens.into_iter().filter(|token| *token < first_time).collect();
        self.words.text(&said)
    }

    /// The tokens that are given: the language, the task, and that no times are wanted.
    fn prompt(&self, language: &str) -> anyhow::Result<Vec<(usize, u32)>> {
        let mut forced = Vec::new();
        if !language.is_empty() {
            let code = languages::code_of(language);
            let code = code.ok_or_else(|| anyhow::anyhow!("the language {language:?} is unknown"))?;
            forced.push((1, self.words.id(&format!("<|{code}|>"))?));
        }
        forced.push((2, self.words.id("<|transcribe|>")?));
        forced.push((3, self.words.id(NO_TIMES)?));
        Ok(forced)
    }
}

/// The first channel of a recording, of two channels both.
fn recording(audio: &str) -> anyhow::Result<Vec<f32>> {
    let text = audio.strip_prefix("data:audio/wav;base64,").unwrap_or(audio);
    let wave = Wave::read(&from_base64(text.as_bytes()))?;
    let rate = wave.rate;
    let channels = wave.channels.into_iter().take(2);
    let channels: Result<Vec<_>, _> = channels.map(|channel| resample(channel, rate, RATE)).collect();
    let channels = channels?;
    ensure!(
        channels.iter().map(Vec::len).sum::<usize>() <= MOST_SAMPLES,
        "the recording is too long"
    );
    let first = channels.first().into_iter().flatten();
    let Some(second) = channels.get(1) else {
        return Ok(first.map(|sample| *sample as f32).collect());
    };
    let both = first.zip(second);
    Ok(both
        .map(|(one, other)| (2.0_f64.sqrt() * (one + other) / 2.0) as f32)
        .collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::wave;
    use super::recording;

    #[test]
    fn a_recording_is_read_with_and_without_its_prefix() {
        let text = STANDARD.encode(wave::write(16_000, &[0.5; 400]).unwrap());
        let heard = recording(&text).unwrap();
        assert_eq!(heard.len(), 400);
        assert!((heard[200] - 0.5).abs() < 0.01);
        assert_eq!(
            recording(&format!("data:audio/wav;base64,{text}")).unwrap(),
            heard
        );
        assert!(recording("nothing").is_err());
    }
}
