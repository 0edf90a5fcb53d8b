//! The networks of a model that speaks, a few numbers each.

use super::models::meaning;
use super::onnx::{Attribute, Graph, Kind};

/// The floats of a voice.
const VOICE: i64 = 2;

/// What the tokens mean, and that all of them count.
pub fn encoder() -> Graph {
    let mut graph = meaning("encoder_outputs");
    graph
        .output("encoder_outputs", Kind::Float, &[-1, -1, 2])
        .ints("none", &[0])
        .ints("plus", &[1])
        .node("Mul", &["input_ids", "none"], &["nothing"], &[])
        .node("Add", &["nothing", "plus"], &["encoder_attention_mask"], &[])
        .output("encoder_attention_mask", Kind::Int64, &[-1, -1]);
    graph
}

/// Two moments a step, until the steps are as many as the tokens and one more.
pub fn decoder() -> Graph {
    let mut graph = Graph::default();
    let past = ["past_key_values.0.decoder.key", "past_key_values.0.decoder.value"];
    let present = ["present.0.decoder.key", "present.0.decoder.value"];
    graph
        .input("output_sequence", Kind::Float, &[-1, -1, 2])
        .input("encoder_attention_mask", Kind::Int64, &[-1, -1])
        .input("speaker_embeddings", Kind::Float, &[-1, VOICE])
        .input("encoder_hidden_states", Kind::Float, &[-1, -1, 2])
        .input("use_cache_branch", Kind::Bool, &[1])
        .input(past[0], Kind::Float, &[-1, 1, -1, 3])
        .input(past[1], Kind::Float, &[-1, 1, -1, 3])
        .floats("fresh", &[1, 1, 1, 3], &[1.0; 3])
        .node(
            "Concat",
            &[past[0], "fresh"],
            &[present[0]],
            &[("axis", Attribute::Int(2))],
        )
        .node(
            "Concat",
            &[past[1], "fresh"],
            &[present[1]],
            &[("axis", Attribute::Int(2))],
        )
        .output(present[0], Kind::Float, &[-1, 1, -1, 3])
        .output(present[1], Kind::Float, &[-1, 1, -1, 3]);
    moments(&mut graph);
    end(&mut graph);
    graph
}

/// The mean over the second of three dimensions, which goes.
fn over_the_middle() -> [(&'static str, Attribute); 2] {
    [
        ("axes", Attribute::Ints(vec![1])),
        ("keepdims", Attribute::Int(0)),
    ]
}

/// A moment as loud as the last step's and a quarter more, so that what was said counts, and one as it is.
fn moments(graph: &mut Graph) {
    graph
        .node(
            "ReduceMean",
            &["encoder_hidden_states"],
            &["mean"],
            &over_the_middle(),
        )
        .node(
            "Concat",
            &["mean", "speaker_embeddings"],
            &["pair"],
            &[("axis", Attribute::Int(1))],
        )
        .floats("first", &[4, 2], &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
        .node("MatMul", &["pair", "first"], &["moment"], &[])
        .node("ReduceMean", &["output_sequence"], &["last"], &over_the_middle())
        .node("Add", &["moment", "last"], &["louder"], &[])
        .node(
            "Concat",
            &["louder", "moment"],
            &["spectrum"],
            &[("axis", Attribute::Int(0))],
        )
        .output("spectrum", Kind::Float, &[2, 2])
        .floats("quarter", &[1], &[0.25])
        .node("Mul", &["louder", "quarter"], &["softer"], &[])
        .ints("one", &[1])
        .node("Unsqueeze", &["softer", "one"], &["output_sequence_out"], &[])
        .output("output_sequence_out", Kind::Float, &[-1, 1, 2]);
}

/// How sure it is that it is done, from the steps that it remembers.
fn end(graph: &mut Graph) {
    graph
        .node(
            "ReduceSum",
            &["present.0.decoder.key"],
            &["steps"],
            &[("keepdims", Attribute::Int(0))],
        )
        .node(
            "Cast",
            &["encoder_attention_mask"],
            &["mask"],
            &[("to", Attribute::Int(1))],
        )
        .node(
            "ReduceSum",
            &["mask", "one"],
            &["tokens"],
            &[("keepdims", Attribute::Int(0))],
        )
        .floats("third", &[1], &[1.0 / 3.0])
        .floats("half", &[1], &[0.5])
        .node("Mul", &["steps", "third"], &["count"], &[])
        .node("Sub", &["count", "tokens"], &["more"], &[])
        .node("Sub", &["more", "half"], &["prob"], &[])
        .output("prob", Kind::Float, &[1]);
}

/// Sound that is the sum of the pitches.
pub fn vocoder() -> Graph {
    let mut graph = Graph::default();
    graph
        .input("spectrogram", Kind::Float, &[-1, 2])
        .ints("one", &[1])
        .node(
            "ReduceSum",
            &["spectrogram", "one"],
            &["waveform"],
            &[("keepdims", Attribute::Int(0))],
        )
        .output("waveform", Kind::Float, &[-1]);
    graph
}
