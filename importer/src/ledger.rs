//! The lines that a run writes into its ledger, and back.

use squaretable::keys::Sealed;
use squaretable::store::imports::{Action, Line, Previous};
use uuid::Uuid;

use crate::report::Outcome;
use crate::scan::Found;

/// What a run noted of one file while it was dealt with.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// BLAKE3 of the bytes that were taken.
    pub hash: Option<[u8; 32]>,
    /// What the run wrote.
    pub action: Option<Action>,
    /// What gave way.
    pub previous: Option<Previous>,
    /// The bytes of a rejected file.
    pub rejected: Option<squaretable::store::blobs::Blob>,
}

/// The ledger's line for a file of a user. `flag` is what is wrong with a file that was taken as it is.
pub fn line(found: &Found, outcome: &Outcome, flag: Option<&str>, note: &Note) -> Line {
    let reason = outcome.reason().or(flag).map(str::to_owned);
    Line {
        path: found.place.path(),
        source_path: found.entry.path.clone(),
        kind: found.entry.kind.name().to_owned(),
        size: i64::try_from(found.entry.size).unwrap_or(i64::MAX),
        modified_at: Some(found.modified_at),
        hash: note.hash,
        outcome: outcome.word().to_owned(),
        reason,
        action: note.action,
        previous: note.previous,
        rejected: note.rejected,
    }
}

/// The ledger's line for a folder that a run made.
pub fn folder(path: &str) -> Line {
    Line {
        path: format!("{path}/"),
        source_path: path.to_owned(),
        kind: "folders".to_owned(),
        size: 0,
        modified_at: None,
        hash: None,
        outcome: "imported".to_owned(),
        reason: None,
        action: Some(Action::Created),
        previous: None,
        rejected: None,
    }
}

/// Sealed secrets as the bytes of a blob: the length of the wrapped key (4 bytes, big-endian), the key, the body.
pub fn pack(sealed: &Sealed) -> Vec<u8> {
    let length = u32::try_from(sealed.wrapped_key.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &sealed.wrapped_key, &sealed.body].concat()
}

/// The inverse of [`pack`]; `None` for bytes that it did not make.
pub fn unpack(bytes: &[u8]) -> Option<Sealed> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (wrapped_key, body) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some(Sealed {
        wrapped_key: wrapped_key.to_vec(),
        body: body.to_vec(),
    })
}

/// A run's name, as people type it.
pub fn parse_run(text: &str) -> Result<Uuid, String> {
    Uuid::parse_str(text.trim()).map_err(|_| format!("{text:?} is not the id of a run; `runs` lists them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_secrets_are_packed_and_unpacked() {
        let sealed = Sealed {
            wrapped_key: vec![1, 2, 3],
            body: vec![4, 5],
        };
        let packed = pack(&sealed);
        let back = unpack(&packed).unwrap();
        assert_eq!((back.wrapped_key, back.body), (vec![1, 2, 3], vec![4, 5]));
        for broken in [&b""[..], b"\0\0", b"\0\0\0\x09abc"] {
            assert!(unpack(broken).is_none(), "{broken:?}");
        }
    }
}
