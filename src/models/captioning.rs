//! What is in a picture, for `/api/extra/caption`.

use std::sync::Arc;

use image::DynamicImage;

use super::files::Files;
use super::generation::Writer;
use super::pixels::Pixels;
use super::session;
use super::words::Words;
use super::{Models, Wanted};

/// A loaded model.
#[derive(Debug)]
pub(super) struct Captioner {
    pixels: Pixels,
    words: Words,
    writer: Writer,
}

/// A caption of a picture.
///
/// # Errors
/// No model can be had, or it fails.
pub async fn caption(models: &Models, picture: DynamicImage) -> anyhow::Result<String> {
    let (id, files) = models.files(Wanted::Configured, &models.0.config.captioning)?;
    let captioner: Arc<Captioner> = models.0.captioner.get(&id, Captioner::load(files)).await?;
    models.compute(move || captioner.caption(picture)).await
}

impl Captioner {
    async fn load(files: Files) -> anyhow::Result<Self> {
        Ok(Self {
            pixels: Pixels::read(&files.json("preprocessor_config.json").await?)?,
            words: Words::load(&files).await?,
            writer: Writer::load(&files, "_quantized").await?,
        })
    }

    fn caption(&self, picture: DynamicImage) -> anyhow::Result<String> {
        let pixels = self.pixels.of(picture)?;
        let pixels = session::floats(&pixels.shape, pixels.values);
        let mut encoded = self.writer.encode("pixel_values", pixels)?;
        let states = session::take(&mut encoded, "last_hidden_state")?;
        let tokens = self.writer.write(&states, &[])?;
        Ok(self.words.text(&tokens)?.trim().to_owned())
    }
}
