//! Models that write token by token, or step by step, a few numbers each: captions, speech to text, text to speech.

use serde_json::json;

use super::decoders::{decoder, ruler, rulers_words};
use super::models::{File, network, texts, tokenizer};
use super::onnx::{Attribute, Graph, Kind};
use super::speech;

/// A model of captions: the mean of each colour is a state.
pub fn captioner(id: &str) -> Vec<File> {
    let mut encoder = Graph::default();
    encoder
        .input("pixel_values", Kind::Float, &[-1, 3, -1, -1])
        .node(
            "ReduceMean",
            &["pixel_values"],
            &["means"],
            &[
                ("axes", Attribute::Ints(vec![2, 3])),
                ("keepdims", Attribute::Int(0)),
            ],
        )
        .ints("one", &[1])
        .node("Unsqueeze", &["means", "one"], &["last_hidden_state"], &[])
        .output("last_hidden_state", Kind::Float, &[-1, 1, 3]);
    let config = json!({
        "model_type": "vision-encoder-decoder", "architectures": ["VisionEncoderDecoderModel"], "is_encoder_decoder": true,
        "decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 3,
        "encoder": { "model_type": "vit" },
        "decoder": { "model_type": "gpt2", "n_head": 1, "n_layer": 1, "n_embd": 3 },
    });
    let pixels = json!({
        "feature_extractor_type": "ViTFeatureExtractor", "do_resize": true, "size": { "width": 4, "height": 4 },
        "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2,
    });
    let settings = json!({ "tokenizer_class": "BertTokenizer", "model_max_length": 64 });
    let mut files = texts(
        id,
        &[
            ("config.json", config),
            ("preprocessor_config.json", pixels),
            ("tokenizer.json", tokenizer(&[], &[])),
            ("tokenizer_config.json", settings),
        ],
    );
    files.push(network(id, "encoder_model_quantized", &encoder));
    files.push(network(
        id,
        "decoder_model_merged_quantized",
        &decoder(12, "", None),
    ));
    files
}

/// Tokens that steer a model of speech.
const STEERS: [&str; 4] = ["<|en|>", "<|de|>", "<|transcribe|>", "<|notimestamps|>"];

/// A model that hears: the means of three pitches are states.
pub fn recognizer(id: &str) -> Vec<File> {
    let mut encoder = Graph::default();
    encoder
        .input("input_features", Kind::Float, &[-1, 3, -1])
        .node(
            "ReduceMean",
            &["input_features"],
            &["means"],
            &[
                ("axes", Attribute::Ints(vec![2])),
                ("keepdims", Attribute::Int(0)),
            ],
        )
        .ints("one", &[1])
        .node("Unsqueeze", &["means", "one"], &["last_hidden_state"], &[])
        .output("last_hidden_state", Kind::Float, &[-1, 1, 3]);
    let config = json!({
        "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "is_encoder_decoder": true,
        "decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 3, "max_source_positions": 5, "max_length": 12,
        "decoder_layers": 1, "decoder_attention_heads": 1, "encoder_layers": 1, "encoder_attention_heads": 1, "d_model": 3,
    });
    let ear = json!({
        "feature_extractor_type": "WhisperFeatureExtractor", "processor_class": "WhisperProcessor", "n_fft": 40,
        "sampling_rate": 16_000, "feature_size": 3, "n_samples": 1600, "hop_length": 160, "nb_max_frames": 10,
        "chunk_length": 1,
    });
    let settings = json!({ "tokenizer_class": "WhisperTokenizer", "model_max_length": 64 });
    let mut files = texts(
        id,
        &[
            ("config.json", config),
            ("generation_config.json", json!({ "max_length": 11 })),
            ("preprocessor_config.json", ear),
            ("tokenizer.json", tokenizer(&[], &STEERS)),
            ("tokenizer_config.json", settings),
        ],
    );
    files.push(network(id, "encoder_model_quantized", &encoder));
    let decoder = decoder(16, ".decoder", Some(".encoder"));
    files.push(network(id, "decoder_model_merged_quantized", &decoder));
    files
}

/// A model that speaks: two moments a step, of two pitches, until the steps are as many as the text's tokens and one more.
/// With it comes the vocoder, whose sound is the sum of the pitches.
///
/// A moment is the mean of the first number of the tokens' meanings, and the first of the voice's.
pub fn synthesizer(id: &str) -> Vec<File> {
    let config = json!({
        "model_type": "speecht5", "architectures": ["SpeechT5ForTextToSpeech"], "is_encoder_decoder": true,
        "num_mel_bins": 2, "reduction_factor": 2, "hidden_size": 3, "decoder_layers": 1, "decoder_attention_heads": 1,
        "encoder_layers": 1, "encoder_attention_heads": 1,
    });
    let ear = json!({
        "feature_extractor_type": "SpeechT5FeatureExtractor", "processor_class": "SpeechT5Processor", "sampling_rate": 16_000,
    });
    let settings = json!({ "tokenizer_class": "SpeechT5Tokenizer", "model_max_length": 64 });
    let mut files = texts(
        id,
        &[
            ("config.json", config),
            ("preprocessor_config.json", ear),
            ("tokenizer.json", tokenizer(&[], &[])),
            ("tokenizer_config.json", settings),
        ],
    );
    files.push(network(id, "encoder_model", &speech::encoder()));
    files.push(network(id, "decoder_model_merged", &speech::decoder()));
    files.push(network("Xenova/speecht5_hifigan", "model", &speech::vocoder()));
    files.extend(texts(
        "Xenova/speecht5_hifigan",
        &[("config.json", json!({ "model_type": "hifigan" }))],
    ));
    files
}

/// The same model, but it tells the three states that its encoder makes, each as a number from 0 to 255.
///
/// The states of pictures are from -1 to 1, and those of sounds from -2 to 2.
fn telling(mut files: Vec<File>, own: &str, cross: Option<&str>, bound: f32) -> Vec<File> {
    let special: &[&str] = if cross.is_some() { &STEERS } else { &[] };
    for (name, bytes) in &mut files {
        if name.ends_with("/decoder_model_merged_quantized.onnx") {
            *bytes = ruler(12, special.len(), own, cross, bound).file();
        }
        if name.ends_with("/tokenizer.json") {
            let words: Vec<String> = rulers_words().collect();
            *bytes = tokenizer(&words, special).to_string().into_bytes();
        }
    }
    files
}

/// [`captioner`], telling.
pub fn telling_captioner(id: &str) -> Vec<File> {
    telling(captioner(id), "", None, 1.0)
}

/// [`recognizer`], telling.
pub fn telling_recognizer(id: &str) -> Vec<File> {
    telling(recognizer(id), ".decoder", Some(".encoder"), 2.0)
}
