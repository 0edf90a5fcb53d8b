//! What loading the configuration has to say: warnings for the log, faults for one refusal.

use std::fmt;

/// A remark for the start-up log; the server starts nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(String);

impl Warning {
    /// A warning with this text, which names the key it is about.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Everything that is wrong with a configuration, never empty; `Display` is one message, one line per fault.
/// The process ends with exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    /// The faults in the order found.
    pub const fn new(faults: Vec<String>) -> Self {
        Self(faults)
    }

    /// One text per fault, each naming the flag, variable or key.
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        write!(out, "the configuration has {count} {noun}:")?;
        self.0.iter().try_for_each(|fault| write!(out, "\n  - {fault}"))
    }
}

impl std::error::Error for Faults {}
