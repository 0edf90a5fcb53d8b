//! Models that run inside the server: `extensions.models.*`.

use super::secret::Secret;
use super::source::Source;

/// Which models run inside the server. A model is an id of huggingface.co, whose files are in `_cache` of the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsConfig {
    /// `extensions.models.autoDownload`: fetch files that are not there. Default true.
    pub auto_download: bool,
    /// `extensions.models.classification`. Default `Cohee/distilbert-base-uncased-go-emotions-onnx`.
    pub classification: String,
    /// `extensions.models.captioning`. Default `Xenova/vit-gpt2-image-captioning`.
    pub captioning: String,
    /// `extensions.models.embedding`. Default `Cohee/jina-embeddings-v2-base-en`; empty is `Xenova/all-mpnet-base-v2`.
    pub embedding: String,
    /// `extensions.models.speechToText`. Default `Xenova/whisper-small`.
    pub speech_to_text: String,
    /// `extensions.models.textToSpeech`. Default `Xenova/speecht5_tts`.
    pub text_to_speech: String,
    /// `HF_TOKEN` or `HF_ACCESS_TOKEN`: who asks huggingface.co. Default none.
    pub token: Option<Secret<String>>,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            auto_download: true,
            classification: "Cohee/distilbert-base-uncased-go-emotions-onnx".to_owned(),
            captioning: "Xenova/vit-gpt2-image-captioning".to_owned(),
            embedding: "Cohee/jina-embeddings-v2-base-en".to_owned(),
            speech_to_text: "Xenova/whisper-small".to_owned(),
            text_to_speech: "Xenova/speecht5_tts".to_owned(),
            token: None,
        }
    }
}

impl ModelsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let mut name = |key: &str, default: &str, fallback: &str| {
            let name = source.text(&format!("extensions.models.{key}"), default);
            if name.is_empty() {
                fallback.to_owned()
            } else {
                name
            }
        };
        let mut same = |key: &str, default: &str| name(key, default, default);
        let [classification, captioning, speech_to_text, text_to_speech] = [
            same("classification", &default.classification),
            same("captioning", &default.captioning),
            same("speechToText", &default.speech_to_text),
            same("textToSpeech", &default.text_to_speech),
        ];
        let embedding = name("embedding", &default.embedding, "Xenova/all-mpnet-base-v2");
        let token = source
            .variable("HF_TOKEN")
            .or_else(|| source.variable("HF_ACCESS_TOKEN"));
        Self {
            auto_download: source.flag("extensions.models.autoDownload", default.auto_download),
            classification,
            captioning,
            embedding,
            speech_to_text,
            text_to_speech,
            token: token.map(Secret::new),
        }
    }
}
