//! Encoded bytes as the original's runtime decodes them.

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine as _, alphabet};

/// Both paddings, and whatever the unused bits of the last character are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64 as the original's runtime does: both alphabets, anything else skipped, `=` ends the text.
#[must_use]
pub fn from_base64(text: &[u8]) -> Vec<u8> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return bytes;
    }
    let known = |byte: &u8| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(*byte),
        _ => byte.is_ascii_alphanumeric().then_some(*byte),
    };
    let mut clean: Vec<u8> = text
        .iter()
        .take_while(|byte| **byte != b'=')
        .filter_map(known)
        .collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    LENIENT
        .decode(&clean)
        .expect("only characters of the alphabet are left, in a possible number")
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_is_read_as_leniently_as_the_original_reads_it() {
        assert_eq!(from_base64(b"aGk="), b"hi");
        assert_eq!(from_base64(b" a\nGl "), b"hi");
        assert_eq!(from_base64(b"-_8"), [0xfb, 0xff]);
        assert_eq!(from_base64(b"aGn"), b"hi");
        assert_eq!(from_base64(b"aGkhI"), b"hi!");
        assert_eq!(from_base64(b"aGk=aGk="), b"hi");
        assert_eq!(from_base64(b"="), b"");
    }
}
