//! Where our server differs from the original on purpose, or not yet: each entry with its reason. An entry that no
//! longer differs fails the family's test, so the list only shrinks.

/// One accepted disagreement.
pub struct Difference {
    /// Family, as in the test's name.
    pub family: &'static str,
    /// Label of the step, as the failure message and `target/oracle/<family>.txt` print it; with a `*` at its end,
    /// all labels that begin so.
    pub step: &'static str,
    /// Start of the facts that may differ: `status`, `header etag`, `body /0/mes` …; empty for the whole answer.
    pub fact: &'static str,
    /// Why it differs.
    #[expect(dead_code, reason = "read by people")]
    pub reason: &'static str,
}

/// The committed list.
pub const DIFFERENCES: &[Difference] = &[];
