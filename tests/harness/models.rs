//! Models of every kind that are a few numbers each, as files of a cache folder.
//!
//! Their words are `a` to `f`. Whatever they compute follows from the constants here, so that a test can say what comes out.

use std::path::Path;

use serde_json::{Value, json};

use super::onnx::{Attribute, Graph, Kind};
pub use super::writers::{captioner, recognizer, synthesizer, telling_captioner, telling_recognizer};

/// Tokens by id.
pub const WORDS: [&str; 12] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "e", "f", "##g", ".",
];
/// What each token is to a network: two numbers each.
pub const MEANING: [[f32; 2]; 12] = [
    [0.0, 0.0],
    [0.5, -0.5],
    [1.0, 0.0],
    [0.0, 1.0],
    [2.0, 1.0],
    [-1.0, 3.0],
    [0.5, 2.5],
    [4.0, -2.0],
    [-3.0, -1.0],
    [1.5, 0.25],
    [0.125, 1.0],
    [-0.5, 0.75],
];
/// The labels of the classifier.
pub const LABELS: [&str; 6] = ["joy", "anger", "neutral", "love", "fear", "grief"];
/// Eighths of what each number of a meaning is for each label.
pub const WEIGHTS: [[i8; 6]; 2] = [[8, -4, 3, 12, 1, -7], [-6, 9, 2, 5, -11, 4]];

/// One file: its path below the cache folder, and its bytes.
pub type File = (String, Vec<u8>);

/// Writes files into a cache folder.
pub fn store(folder: &Path, files: &[File]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of a test");
        std::fs::write(path, bytes).expect("a file of a test");
    }
}

/// The files that are JSON, with the model's id before them.
pub(super) fn texts(id: &str, files: &[(&str, Value)]) -> Vec<File> {
    let file = |(name, value): &(&str, Value)| (format!("{id}/{name}"), value.to_string().into_bytes());
    files.iter().map(file).collect()
}

pub(super) fn network(id: &str, name: &str, graph: &Graph) -> File {
    (format!("{id}/onnx/{name}.onnx"), graph.file())
}

/// `tokenizer.json` with these words besides the others, and these tokens, which stand for no text, after all of them.
pub(super) fn tokenizer(more: &[String], special: &[&str]) -> Value {
    let words = WORDS
        .into_iter()
        .chain(more.iter().map(String::as_str))
        .chain(special.iter().copied())
        .enumerate();
    let vocabulary: serde_json::Map<String, Value> =
        words.map(|(id, word)| (word.to_owned(), id.into())).collect();
    let framing = WORDS[..4].iter().chain(special);
    let added = framing.map(|word| {
        json!({
            "id": vocabulary[*word], "content": word, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    let added: Vec<Value> = added.collect();
    let one = |word: &str| json!({ "SpecialToken": { "id": word, "type_id": 0 } });
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let single = [one("[CLS]"), text, one("[SEP]")];
    json!({
        "version": "1.0", "truncation": { "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 },
        "padding": null, "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": single,
            "special_tokens": {
                "[CLS]": { "id": "[CLS]", "ids": [2], "tokens": ["[CLS]"] },
                "[SEP]": { "id": "[SEP]", "ids": [3], "tokens": ["[SEP]"] },
            },
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    })
}

/// A graph that looks the meaning of tokens up: `input_ids` to `name`.
pub(super) fn meaning(name: &str) -> Graph {
    let mut graph = Graph::default();
    graph
        .input("input_ids", Kind::Int64, &[-1, -1])
        .floats("meaning", &[12, 2], MEANING.as_flattened())
        .node("Gather", &["meaning", "input_ids"], &[name], &[]);
    graph
}

/// A classifier: the sum of what the tokens are, times the weights, in 8 bits as quantized networks compute.
pub fn classifier(id: &str, problem: &str) -> Vec<File> {
    let mut graph = meaning("found");
    graph
        .input("attention_mask", Kind::Int64, &[-1, -1])
        .node(
            "Cast",
            &["attention_mask"],
            &["mask"],
            &[("to", Attribute::Int(1))],
        )
        .ints("two", &[2])
        .ints("one", &[1])
        .node("Unsqueeze", &["mask", "two"], &["wide"], &[])
        .node("Mul", &["found", "wide"], &["seen"], &[])
        .node(
            "ReduceSum",
            &["seen", "one"],
            &["sum"],
            &[("keepdims", Attribute::Int(0))],
        )
        .node(
            "DynamicQuantizeLinear",
            &["sum"],
            &["small", "scale", "zero"],
            &[],
        )
        .bytes("weights", &[2, 6], WEIGHTS.as_flattened())
        .bytes("weights_zero", &[], &[0])
        .node(
            "MatMulInteger",
            &["small", "weights", "zero", "weights_zero"],
            &["whole"],
            &[],
        )
        .node("Cast", &["whole"], &["product"], &[("to", Attribute::Int(1))])
        .floats("eighth", &[], &[0.125])
        .node("Mul", &["scale", "eighth"], &["unit"], &[])
        .node("Mul", &["product", "unit"], &["logits"], &[])
        .output("logits", Kind::Float, &[-1, 6]);
    let labels = LABELS.iter().enumerate();
    let by_id: serde_json::Map<String, Value> = labels
        .clone()
        .map(|(id, label)| (id.to_string(), (*label).into()))
        .collect();
    let ids: serde_json::Map<String, Value> = labels
        .map(|(id, label)| ((*label).to_owned(), id.into()))
        .collect();
    let config = json!({
        "model_type": "distilbert", "architectures": ["DistilBertForSequenceClassification"], "problem_type": problem,
        "id2label": by_id, "label2id": ids,
    });
    let settings = json!({ "tokenizer_class": "DistilBertTokenizer", "model_max_length": 6 });
    let files = [
        ("config.json", config),
        ("tokenizer.json", tokenizer(&[], &[])),
        ("tokenizer_config.json", settings),
    ];
    let mut files = texts(id, &files);
    files.push(network(id, "model_quantized", &graph));
    files
}

/// A model of vectors: the meaning of each token.
pub fn embedder(id: &str) -> Vec<File> {
    let mut graph = meaning("last_hidden_state");
    graph
        .input("attention_mask", Kind::Int64, &[-1, -1])
        .input("token_type_ids", Kind::Int64, &[-1, -1])
        .output("last_hidden_state", Kind::Float, &[-1, -1, 2]);
    let settings = json!({ "tokenizer_class": "BertTokenizer", "model_max_length": 512 });
    let config = json!({ "model_type": "bert", "architectures": ["BertModel"] });
    let files = [
        ("config.json", config),
        ("tokenizer.json", tokenizer(&[], &[])),
        ("tokenizer_config.json", settings),
    ];
    let mut files = texts(id, &files);
    files.push(network(id, "model_quantized", &graph));
    files
}
