//! What many users may ask of one server: requests, storage, days of the audit log. All of it Squaretable's own.

use super::source::Source;
use super::values::parse_bytes;

/// Limits beyond those on guessing passwords, which are SillyTavern's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// `SQUARETABLE_LIMIT_ADDRESS`: requests of one client address a minute, logged in or not. Default 0: no limit.
    pub address: u32,
    /// `SQUARETABLE_LIMIT_USER`: requests of one user a minute. Default 0: no limit.
    pub user: u32,
    /// `SQUARETABLE_LIMIT_UPSTREAM`: requests of one user a minute that go to a provider. Default 0: no limit.
    pub upstream: u32,
    /// What a user may hold, unless an administrator decided otherwise.
    pub quotas: Quotas,
    /// `SQUARETABLE_AUDIT_DAYS`: how long entries of the audit log are kept. Default 365; 0 keeps them for ever.
    pub audit_days: u32,
}

/// What one user may hold and ask for; `None` is no limit, the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// `SQUARETABLE_QUOTA_BYTES`, such as `2gb`.
    pub bytes: Option<u64>,
    /// `SQUARETABLE_QUOTA_CHARACTERS`.
    pub characters: Option<u64>,
    /// `SQUARETABLE_QUOTA_UPSTREAM`: requests to providers a day (UTC).
    pub upstream: Option<u64>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            address: 0,
            user: 0,
            upstream: 0,
            quotas: Quotas::default(),
            audit_days: 365,
        }
    }
}

impl Quotas {
    /// Whether anything is to be counted for everybody.
    #[must_use]
    pub fn limits_storage(&self) -> bool {
        self.bytes.is_some() || self.characters.is_some()
    }
}

impl LimitsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            address: number(source, "SQUARETABLE_LIMIT_ADDRESS").unwrap_or(default.address),
            user: number(source, "SQUARETABLE_LIMIT_USER").unwrap_or(default.user),
            upstream: number(source, "SQUARETABLE_LIMIT_UPSTREAM").unwrap_or(default.upstream),
            quotas: Quotas {
                bytes: bytes(source, "SQUARETABLE_QUOTA_BYTES"),
                characters: number(source, "SQUARETABLE_QUOTA_CHARACTERS"),
                upstream: number(source, "SQUARETABLE_QUOTA_UPSTREAM"),
            },
            audit_days: number(source, "SQUARETABLE_AUDIT_DAYS").unwrap_or(default.audit_days),
        }
    }
}

fn number<T: std::str::FromStr>(source: &mut Source, name: &str) -> Option<T> {
    let text = source.variable(name)?;
    let number = text.trim().parse().ok();
    if number.is_none() {
        source.fault(format!("{name}: expected a whole number, found {text:?}"));
    }
    number
}

fn bytes(source: &mut Source, name: &str) -> Option<u64> {
    let text = source.variable(name)?;
    let size = parse_bytes(&text);
    if size.is_none() {
        source.fault(format!("{name}: expected a size such as 2gb, found {text:?}"));
    }
    size
}

#[cfg(test)]
mod tests {
    use super::{LimitsConfig, Quotas};
    use crate::config::source::{Environment, Source};

    fn read(variables: &[(&str, &str)]) -> (LimitsConfig, Vec<String>) {
        let env: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut source = Source::from_yaml("", &"", env);
        (LimitsConfig::read(&mut source), source.faults)
    }

    #[test]
    fn nothing_is_limited_unless_a_variable_says_so() {
        assert_eq!(read(&[]), (LimitsConfig::default(), Vec::new()));
        let (limits, faults) = read(&[
            ("SQUARETABLE_LIMIT_ADDRESS", "600"),
            ("SQUARETABLE_QUOTA_BYTES", "2gb"),
            ("SQUARETABLE_QUOTA_UPSTREAM", "0"),
            ("SQUARETABLE_AUDIT_DAYS", " 30 "),
            ("SQUARETABLE_LIMIT_USER", ""),
        ]);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!((limits.address, limits.user, limits.audit_days), (600, 0, 30));
        let quotas = Quotas {
            bytes: Some(2 << 30),
            characters: None,
            upstream: Some(0),
        };
        assert_eq!(limits.quotas, quotas);
    }

    #[test]
    fn what_is_no_number_is_a_fault() {
        let (_, faults) = read(&[
            ("SQUARETABLE_LIMIT_UPSTREAM", "many"),
            ("SQUARETABLE_QUOTA_BYTES", "-1"),
            ("SQUARETABLE_QUOTA_CHARACTERS", "1.5"),
        ]);
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}
