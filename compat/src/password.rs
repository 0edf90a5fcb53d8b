//! Password hashes of the original: scrypt, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scrypt::Params;
use unicode_normalization::UnicodeNormalization;

/// The composed form (NFC) of a password: what is hashed, however a keyboard put its letters together.
pub fn normalise(password: &str) -> String {
    password.nfc().collect()
}

/// The hash of a password, as the account store holds it: 64 bytes of scrypt (N = 16384, r = 8, p = 1) in base64.
///
/// `salt` is the text of the account's record as it stands, not decoded. Takes some 50 ms and 16 MiB.
pub fn hash(password: &str, salt: &str) -> String {
    const COST: u8 = 14; // the logarithm of N
    let params = Params::new(COST, 8, 1).expect("the original's parameters are valid");
    let mut hash = [0; 64];
    scrypt::scrypt(
        normalise(password).as_bytes(),
        salt.as_bytes(),
        &params,
        &mut hash,
    )
    .expect("64 bytes are a length that scrypt can make");
    STANDARD.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_original() {
        // Node: crypto.scryptSync('pässword'.normalize(), 'c2FsdA==', 64).toString('base64')
        let expected =
            "/8LIEqKTK30SQFBvX7E+UirN8KNb/bbWeqAog6R8CdlEtkTNVF2nyxVOKRinQUQKa1hCgpS3+Yn/wtkGGgH4Sg==";
        assert_eq!(hash("pa\u{308}ssword", "c2FsdA=="), expected);
        assert_eq!(hash("p\u{e4}ssword", "c2FsdA=="), expected);
        assert_ne!(hash("password", "c2FsdA=="), expected);
    }
}
