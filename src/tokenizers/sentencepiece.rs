//! SentencePiece models: llama, mistral, yi, gemma, jamba, nerdstash.

use std::cmp::Reverse;

use anyhow::{Context, anyhow, bail};
use kitoken::{Definition, Kitoken, SpecialTokenKind};
use sentencepiece_model::{NormalizerSpec, SentencePieceModel, Type};

/// What SentencePiece writes for a space.
const SPACE: &str = "\u{2581}";
/// What an unknown id decodes to.
const UNKNOWN: &str = " \u{2047} ";
/// Pieces that are found in a text before anything else; control pieces never are.
const WHOLE: [SpecialTokenKind; 1] = [SpecialTokenKind::Priority];

/// What a piece is for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Unknown,
    Control,
    Byte(u8),
}

/// A loaded model; some twenty times as large as its file.
#[derive(Debug)]
pub struct SentencePiece {
    encoder: Kitoken,
    /// By id.
    pieces: Vec<(Box<str>, Kind)>,
    /// Whether a space is put before every text.
    adds_space: bool,
}

impl SentencePiece {
    /// Reads a `.model` file.
    ///
    /// # Errors
    /// The file is damaged, or a model of an unknown kind.
    pub fn load(file: &[u8]) -> anyhow::Result<Self> {
        let model = SentencePieceModel::from_slice(file)?;
        let pieces: anyhow::Result<_> = model.pieces().iter().map(piece).collect();
        let adds_space = model.normalizer().is_none_or(NormalizerSpec::add_dummy_prefix);
        let mut definition =
            Definition::from_sentencepiece_model(model).map_err(|error| anyhow!("{error:?}"))?;
        definition
            .specials
            .retain(|special| WHOLE.contains(&special.kind));
        // The library takes them in this order, SentencePiece the longest that fits.
        definition
            .specials
            .sort_by_key(|special| Reverse(special.bytes.len()));
        Ok(Self {
            encoder: Kitoken::from_definition(definition).map_err(|error| anyhow!("{error:?}"))?,
            pieces: pieces?,
            adds_space,
        })
    }

    /// The ids of a text; `None` where the library fails.
    #[must_use]
    pub fn encode(&self, text: &str) -> Option<Vec<u32>> {
        let ids = self.encoder.encode(text, &WHOLE[..]);
        ids.inspect_err(|error| tracing::warn!("a text cannot be encoded: {error:?}"))
            .ok()
    }

    /// The piece of an id as the vocabulary spells it; empty for an unknown one.
    #[must_use]
    pub fn piece(&self, id: u32) -> &str {
        self.entry(id).map_or("", |(text, _)| &**text)
    }

    /// The text of one id alone; empty for an unknown one and for control pieces.
    ///
    /// compat: each id is the start of a text, so models that put a space before the text lose the space of every
    /// piece; a byte that is no character is U+FFFD.
    #[must_use]
    pub fn decode(&self, id: u32) -> String {
        match self.entry(id) {
            None | Some((_, Kind::Control)) => String::new(),
            Some((_, Kind::Unknown)) => UNKNOWN.to_owned(),
            Some((_, Kind::Byte(byte))) if byte.is_ascii() => char::from(*byte).to_string(),
            Some((_, Kind::Byte(_))) => char::REPLACEMENT_CHARACTER.to_string(),
            Some((text, Kind::Text)) => {
                let start = if self.adds_space { SPACE } else { "" };
                let text = text.strip_prefix(start).unwrap_or(text);
                text.replace(SPACE, " ")
            }
        }
    }

    fn entry(&self, id: u32) -> Option<&(Box<str>, Kind)> {
        self.pieces.get(usize::try_from(id).ok()?)
    }
}

fn piece(piece: &sentencepiece_model::SentencePiece) -> anyhow::Result<(Box<str>, Kind)> {
    let text = piece.piece();
    let kind = match piece.r#type() {
        Type::Normal | Type::UserDefined => Kind::Text,
        Type::Unknown => Kind::Unknown,
        Type::Control => Kind::Control,
        Type::Byte => {
            let digits = text.strip_prefix("<0x").and_then(|text| text.strip_suffix('>'));
            Kind::Byte(u8::from_str_radix(digits.context("a byte piece")?, 16)?)
        }
        Type::Unused => bail!("unused pieces are not supported"),
    };
    Ok((text.into(), kind))
}
