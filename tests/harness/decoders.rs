//! Decoders that write token by token, a few numbers each.

use super::onnx::{Attribute, Graph, Kind};

/// How likely each word is after each other in [`decoder`]: the next one, round and round, from `a` to `f`.
fn follows(words: usize) -> Vec<f32> {
    let mut table = vec![0.0; words * words];
    for (word, row) in table.chunks_exact_mut(words).enumerate() {
        let next = if (4..9).contains(&word) { word + 1 } else { 4 };
        row[next] = 1.0;
    }
    table
}

/// A decoder that remembers in two ways: what it said, and what it made of three states in its first step. With it come the
/// names of the states and of what was said.
fn remembering(own: &str, cross: Option<&str>) -> (Graph, String, String) {
    let past = |kind: &str| format!("past_key_values.0{kind}");
    let present = |kind: &str| format!("present.0{kind}");
    let (own_key, own_value) = (format!("{own}.key"), format!("{own}.value"));
    let mut graph = Graph::default();
    graph
        .input("input_ids", Kind::Int64, &[-1, -1])
        .input("encoder_hidden_states", Kind::Float, &[-1, -1, 3])
        .input(&past(&own_key), Kind::Float, &[-1, 1, -1, 3])
        .input(&past(&own_value), Kind::Float, &[-1, 1, -1, 3])
        .input("use_cache_branch", Kind::Bool, &[1])
        .floats("ones", &[1, 3], &[1.0; 3])
        .ints("none", &[0])
        .node("Mul", &["input_ids", "none"], &["nothing"], &[])
        .node("Gather", &["ones", "nothing"], &["said"], &[])
        .ints("one", &[1])
        .node("Unsqueeze", &["said", "one"], &["fresh"], &[]);
    let (mut then, mut otherwise) = (Graph::default(), Graph::default());
    let axis = [("axis", Attribute::Int(2))];
    then.node("Concat", &[&past(&own_key), "fresh"], &["then_key"], &axis);
    then.output("then_key", Kind::Float, &[-1, 1, -1, 3]);
    otherwise.node("Identity", &["fresh"], &["else_key"], &[]);
    otherwise.output("else_key", Kind::Float, &[-1, 1, -1, 3]);
    let mut outputs = vec![present(&own_key)];
    if let Some(cross) = cross {
        let (key, value) = (format!("{cross}.key"), format!("{cross}.value"));
        graph
            .input(&past(&key), Kind::Float, &[-1, 1, -1, 3])
            .input(&past(&value), Kind::Float, &[-1, 1, -1, 3])
            .node("Unsqueeze", &["encoder_hidden_states", "one"], &["crossed"], &[]);
        then.node("Identity", &[&past(&key)], &["then_cross"], &[]);
        then.output("then_cross", Kind::Float, &[-1, 1, -1, 3]);
        otherwise.node("Identity", &["crossed"], &["else_cross"], &[]);
        otherwise.output("else_cross", Kind::Float, &[-1, 1, -1, 3]);
        outputs.push(present(&key));
    }
    let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let branches = [
        ("then_branch", Attribute::Graph(then)),
        ("else_branch", Attribute::Graph(otherwise)),
    ];
    graph.node("If", &["use_cache_branch"], &names, &branches);
    graph.node("Identity", &[&outputs[0]], &[&present(&own_value)], &[]);
    for name in [&outputs[0], &present(&own_value)] {
        graph.output(name, Kind::Float, &[-1, 1, -1, 3]);
    }
    let mut states = "encoder_hidden_states".to_owned();
    if let Some(cross) = cross {
        let value = present(&format!("{cross}.value"));
        graph
            .node("Identity", &[&outputs[1]], &[&value], &[])
            .output(&outputs[1], Kind::Float, &[-1, 1, -1, 3])
            .output(&value, Kind::Float, &[-1, 1, -1, 3])
            .node("Squeeze", &[&outputs[1], "one"], &["remembered"], &[]);
        "remembered".clone_into(&mut states);
    }
    (graph, states, outputs.swap_remove(0))
}

/// A state begins the text with `b`, `d` or `f`, and the more was said, the likelier is `[SEP]`.
pub fn decoder(words: usize, own: &str, cross: Option<&str>) -> Graph {
    let sizes = words as i64;
    let (mut graph, states, said) = remembering(own, cross);
    let mut begins = vec![0.0; 3 * words];
    for (state, word) in [5, 7, 9].into_iter().enumerate() {
        begins[state * words + word] = 1.4;
    }
    // Every token counts: four of them are not quite as much as a word that follows.
    let mut ends = vec![0.0; 3 * words];
    ends[3] = 0.24;
    graph
        .floats("follows", &[sizes, sizes], &follows(words))
        .node("Gather", &["follows", "input_ids"], &["likely"], &[])
        .floats("begins", &[3, sizes], &begins)
        .node("MatMul", &[&states, "begins"], &["begun"], &[])
        .ints("two", &[2])
        .node(
            "ReduceSum",
            &[&said, "two"],
            &["so_far"],
            &[("keepdims", Attribute::Int(0))],
        )
        .floats("ends", &[3, sizes], &ends)
        .node("MatMul", &["so_far", "ends"], &["ended"], &[])
        .node("Add", &["likely", "begun"], &["both"], &[])
        .node("Add", &["both", "ended"], &["logits"], &[])
        .output("logits", Kind::Float, &[-1, -1, sizes]);
    graph
}

/// Marks on each of the three rulers.
const MARKS: usize = 256;

/// The words of the rulers, by id.
pub fn rulers_words() -> impl Iterator<Item = String> {
    let words = |ruler: char| (0..MARKS).map(move |mark| format!("{ruler}{mark}"));
    ['x', 'y', 'z'].into_iter().flat_map(words)
}

/// A decoder that tells its states: a word for the nearest mark of the first, then of the second, then of the third, from
/// `-bound` to `bound`. Before their words come `before` others, and `behind` after them.
pub fn ruler(before: usize, behind: usize, own: &str, cross: Option<&str>, bound: f32) -> Graph {
    const NEVER: f32 = -1000.0;
    let marks = before..before + 3 * MARKS;
    let all = marks.end + behind;
    let sizes = all as i64;
    let (mut graph, states, _) = remembering(own, cross);
    // Which ruler comes after each word; after the last one comes the end.
    let stage = |word: usize| {
        if marks.contains(&word) {
            (word - before) / MARKS + 1
        } else {
            0
        }
    };
    let mut stages = vec![0.0; all * 4];
    let mut allowed = vec![NEVER; 4 * all];
    for word in 0..all {
        stages[word * 4 + stage(word)] = 1.0;
        if marks.contains(&word) {
            allowed[(stage(word) - 1) * all + word] = 0.0;
        }
    }
    allowed[3 * all + 3] = 0.0;
    // The nearest mark is the one of the largest 2ms - mm.
    let (mut slopes, mut offsets) = (vec![0.0; 3 * all], vec![0.0; all]);
    for word in marks.clone() {
        let place = ((word - before) % MARKS) as f32 / (MARKS - 1) as f32;
        let mark = bound * (2.0 * place - 1.0);
        slopes[(stage(word) - 1) * all + word] = 2.0 * mark;
        offsets[word] = -mark * mark;
    }
    graph
        .floats("stages", &[sizes, 4], &stages)
        .node("Gather", &["stages", "input_ids"], &["stage"], &[])
        .floats("allowed", &[4, sizes], &allowed)
        .node("MatMul", &["stage", "allowed"], &["may"], &[])
        .floats("slopes", &[3, sizes], &slopes)
        .node("MatMul", &[&states, "slopes"], &["sloping"], &[])
        .floats("offsets", &[sizes], &offsets)
        .node("Add", &["sloping", "offsets"], &["near"], &[])
        .node("Add", &["may", "near"], &["logits"], &[])
        .output("logits", Kind::Float, &[-1, -1, sizes]);
    graph
}
