//! Writing token by token: networks of an encoder and a decoder that remembers.
//!
//! The likeliest token is taken each time: what the files say of sampling and of beams has no effect.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, ensure};
use rten::{Value, ValueOrView};
use serde_json::Value as Json;

use super::files::Files;
use super::session::{self, Floats, Outputs, Session};

/// Most tokens that are ever written.
const MOST_TOKENS: usize = 1024;
/// Tokens that are written where the files say nothing.
const USUAL_LENGTH: usize = 20;

/// Encoder, decoder and what the files say of both.
#[derive(Debug)]
pub(super) struct Writer {
    config: Json,
    rules: Json,
    encoder: Session,
    decoder: Session,
}

/// What the decoder has seen so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Its own steps: replaced by every step.
    steps: Outputs,
    /// What it made of the encoder's states: of the first step.
    encoded: Outputs,
}

impl Writer {
    /// Reads `config.json`, `generation_config.json` and both networks; `suffix` is `_quantized` or nothing.
    pub(super) async fn load(files: &Files, suffix: &str) -> anyhow::Result<Self> {
        let rules = files.json_if_any("generation_config.json").await?;
        Ok(Self {
            config: files.json("config.json").await?,
            rules: rules.unwrap_or_default(),
            encoder: files.network(&format!("encoder_model{suffix}")).await?,
            decoder: files.network(&format!("decoder_model_merged{suffix}")).await?,
        })
    }

    /// Runs the encoder.
    pub(super) fn encode(&self, name: &str, input: Value) -> anyhow::Result<Outputs> {
        self.encoder.run(HashMap::from([(name.to_owned(), input.into())]))
    }

    /// Runs one step of the decoder, given what it takes besides its memory, and renews its memory.
    pub(super) fn step(
        &self,
        given: HashMap<String, ValueOrView<'_>>,
        memory: &mut Memory,
    ) -> anyhow::Result<Outputs> {
        let is_first = memory.steps.is_empty();
        // For as long as the memory is borrowed.
        let mut given: HashMap<String, ValueOrView<'_>> = given;
        given.insert("use_cache_branch".to_owned(), session::switch(!is_first).into());
        if is_first {
            for name in self
                .decoder
                .inputs()
                .filter(|name| name.starts_with("past_key_values"))
            {
                given.insert(name.to_owned(), self.nothing(name)?.into());
            }
        }
        given.extend(
            std::mem::take(&mut memory.steps)
                .into_iter()
                .map(|(name, value)| (name, value.into())),
        );
        let encoded = memory.encoded.iter();
        given.extend(encoded.map(|(name, value)| (name.clone(), value.into())));
        let outputs = self.decoder.run(given)?;
        let mut rest = Outputs::new();
        for (name, value) in outputs {
            let Some(end) = name.strip_prefix("present") else {
                rest.insert(name, value);
                continue;
            };
            let past = format!("past_key_values{end}");
            if !end.contains("encoder") {
                memory.steps.insert(past, value);
            } else if is_first {
                memory.encoded.insert(past, value);
            }
        }
        ensure!(!memory.steps.is_empty(), "the decoder remembers nothing");
        Ok(rest)
    }

    /// An empty memory of this name.
    fn nothing(&self, name: &str) -> anyhow::Result<Value> {
        let shape = self.decoder.shape(name).unwrap_or_default();
        ensure!(shape.len() == 4, "{name} has not four dimensions");
        let decoder = self.config.get("decoder").unwrap_or(&self.config);
        let number = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| Some(decoder.get(key)?.as_u64()? as usize))
        };
        let heads = || number(&["decoder_attention_heads", "n_head", "num_attention_heads"]);
        let width = || number(&["d_model", "n_embd", "hidden_size"]);
        let heads = shape[1].or_else(heads).filter(|heads| *heads > 0);
        let heads = heads.context("the decoder has no heads")?;
        let width = shape[3].or_else(|| Some(width()? / heads));
        let width = width.context("the decoder has no width")?;
        Ok(session::floats(&[1, heads, 0, width], Vec::new()))
    }

    /// Writes about an encoder's states; `forced` are tokens by their place. The first token of what comes back is the one
    /// that starts every text.
    pub(super) fn write(&self, states: &Floats, forced: &[(usize, u32)]) -> anyhow::Result<Vec<u32>> {
        let rules = Rules::of(&self.config, &self.rules, forced);
        let states = session::floats(&states.shape, states.values.clone());
        let mut memory = Memory::default();
        let mut tokens = rules.start.clone();
        ensure!(!tokens.is_empty(), "the model names no token to start with");
        let mut fresh = tokens.clone();
        let first = tokens.len();
        while tokens.len() < rules.longest && tokens.len() - first < rules.most_new {
            let ids: Result<Vec<i32>, _> = fresh.iter().map(|id| i32::try_from(*id)).collect();
            let mut given = HashMap::new();
            given.insert("input_ids".to_owned(), session::row(ids?).into());
            given.insert("encoder_hidden_states".to_owned(), (&states).into());
            let mut outputs = self.step(given, &mut memory)?;
            let logits = session::take(&mut outputs, "logits")?;
            let words = *logits.shape.last().context("the logits have no shape")?;
            let last = logits
                .values
                .len()
                .checked_sub(words)
                .context("the decoder says nothing")?;
            let mut logits = logits.values[last..].to_vec();
            rules.apply(&tokens, &mut logits);
            let token = likeliest(&logits).context("the decoder says nothing")?;
            tokens.push(token);
            fresh = vec![token];
            if rules.ends.contains(&token) {
                break;
            }
        }
        Ok(tokens)
    }
}

/// What the files say of the writing.
#[derive(Debug)]
struct Rules<'a> {
    start: Vec<u32>,
    ends: Vec<u32>,
    longest: usize,
    most_new: usize,
    shortest: usize,
    shortest_new: usize,
    penalty: f64,
    unrepeated: usize,
    first: Option<u32>,
    not_first: Vec<u32>,
    forced: &'a [(usize, u32)],
}

impl<'a> Rules<'a> {
    /// `generation_config.json` goes before `config.json`.
    fn of(config: &Json, rules: &Json, forced: &'a [(usize, u32)]) -> Self {
        let find = |key: &str| {
            let found = rules.get(key).or_else(|| config.get(key));
            found.filter(|value| !value.is_null())
        };
        let count = |key: &str| find(key).and_then(Json::as_u64).map(|count| count as usize);
        let id = |value: &Json| value.as_u64().and_then(|id| u32::try_from(id).ok());
        let ids = |key: &str| match find(key) {
            Some(Json::Array(ids)) => ids.iter().filter_map(id).collect(),
            value => value.and_then(id).into_iter().collect::<Vec<u32>>(),
        };
        let starts = ["decoder_start_token_id", "bos_token_id", "eos_token_id"];
        let most_new = count("max_new_tokens");
        // compat: a number of new tokens makes the number of all tokens nothing.
        let longest = most_new.map_or_else(|| count("max_length").unwrap_or(USUAL_LENGTH), |_| MOST_TOKENS);
        Self {
            start: starts
                .map(ids)
                .into_iter()
                .find(|ids| !ids.is_empty())
                .unwrap_or_default(),
            ends: ids("eos_token_id"),
            longest: longest.min(MOST_TOKENS),
            most_new: most_new.unwrap_or(MOST_TOKENS),
            shortest: count("min_length").unwrap_or(0),
            shortest_new: count("min_new_tokens").unwrap_or(0),
            penalty: find("repetition_penalty").and_then(Json::as_f64).unwrap_or(1.0),
            unrepeated: count("no_repeat_ngram_size").unwrap_or(0),
            first: find("forced_bos_token_id").and_then(id),
            not_first: ids("begin_suppress_tokens"),
            forced,
        }
    }

    /// Changes how likely the next token is.
    fn apply(&self, tokens: &[u32], logits: &mut [f32]) {
        // compat: a token that came twice is punished twice.
        for token in tokens.iter().filter(|_| self.penalty != 1.0) {
            if let Some(logit) = logits.get_mut(*token as usize) {
                let value = f64::from(*logit);
                *logit = (if value < 0.0 {
                    value * self.penalty
                } else {
                    value / self.penalty
                }) as f32;
            }
        }
        let mut banned: HashSet<u32> = self.repeating(tokens);
        if tokens.len() < self.shortest || tokens.len() < self.shortest_new {
            banned.extend(&self.ends);
        }
        let begin = usize::from(self.first.is_some());
        if tokens.len() == begin + self.forced.last().map_or(0, |(place, _)| *place) {
            banned.extend(&self.not_first);
        }
        for token in banned {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let forced = self.forced.iter().find(|(place, _)| *place == tokens.len());
        let first = self.first.filter(|_| tokens.len() == 1);
        if let Some(token) = forced.map(|(_, token)| *token).or(first) {
            logits.fill(f32::NEG_INFINITY);
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = 0.0;
            }
        }
    }

    /// Tokens that would repeat a run of so many.
    fn repeating(&self, tokens: &[u32]) -> HashSet<u32> {
        let Some(known) = self
            .unrepeated
            .checked_sub(1)
            .filter(|known| *known <= tokens.len())
        else {
            return HashSet::new();
        };
        let end = &tokens[tokens.len() - known..];
        let runs = tokens.windows(self.unrepeated).filter(|run| &run[..known] == end);
        runs.filter_map(|run| run.last().copied()).collect()
    }
}

/// The first of the largest.
fn likeliest(logits: &[f32]) -> Option<u32> {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > *logits.get(best)? {
            best = index;
        }
    }
    logits.get(best)?;
    u32::try_from(best).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rules, likeliest};

    const NO: f32 = f32::NEG_INFINITY;

    #[test]
    fn the_likeliest_is_the_first_of_the_largest() {
        assert_eq!(likeliest(&[NO, 1.0, 3.0, 3.0]), Some(2));
        assert_eq!(likeliest(&[]), None);
    }

    #[test]
    fn the_generation_config_goes_before_the_config() {
        let config = json!({ "max_length": 5, "eos_token_id": 7, "bos_token_id": 3 });
        let rules = json!({ "max_length": 9, "eos_token_id": [1, 2], "decoder_start_token_id": null });
        let rules = Rules::of(&config, &rules, &[]);
        assert_eq!(
            (rules.longest, &rules.ends[..], &rules.start[..]),
            (9, &[1, 2][..], &[3][..])
        );
        assert_eq!(Rules::of(&json!({}), &json!({}), &[]).longest, 20);
        let counted = json!({ "max_new_tokens": 4, "max_length": 2 });
        let rules = Rules::of(&json!({}), &counted, &[]);
        assert_eq!((rules.longest, rules.most_new), (1024, 4));
    }

    #[test]
    fn rules_change_how_likely_tokens_are() {
        let after = |rules: serde_json::Value, forced: &[(usize, u32)], tokens: &[u32]| {
            let mut logits = [2.0, -2.0, 1.0];
            Rules::of(&json!({}), &rules, forced).apply(tokens, &mut logits);
            logits
        };
        assert_eq!(
            after(json!({ "repetition_penalty": 2.0 }), &[], &[0, 1]),
            [1.0, -4.0, 1.0]
        );
        assert_eq!(
            after(json!({ "no_repeat_ngram_size": 2 }), &[], &[1, 0, 1]),
            [NO, -2.0, 1.0]
        );
        assert_eq!(
            after(json!({ "no_repeat_ngram_size": 2 }), &[], &[1]),
            [2.0, -2.0, 1.0]
        );
        assert_eq!(
            after(json!({ "min_length": 3, "eos_token_id": 0 }), &[], &[1]),
            [NO, -2.0, 1.0]
        );
        assert_eq!(
            after(json!({ "forced_bos_token_id": 2 }), &[], &[1]),
            [NO, NO, 0.0]
        );
        assert_eq!(after(json!({}), &[(1, 1)], &[0]), [NO, 0.0, NO]);
        assert_eq!(
            after(json!({ "begin_suppress_tokens": [0] }), &[(1, 1)], &[0, 1]),
            [2.0, -2.0, 1.0]
        );
        let forced_later = [(1, 1), (3, 1)];
        assert_eq!(
            after(json!({ "begin_suppress_tokens": [0] }), &forced_later, &[0, 1]),
            [2.0, -2.0, 1.0]
        );
        assert_eq!(
            after(json!({ "begin_suppress_tokens": [0] }), &[], &[]),
            [NO, -2.0, 1.0]
        );
    }
}
