//! When browsers are asked to drop their cache.

use regex::bytes::{Regex, RegexBuilder};

use super::source::Source;

/// Memory that a compiled pattern may take, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// `cacheBuster.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheBuster {
    /// `cacheBuster.userAgentPattern`. Default none: every browser.
    pub user_agent: Option<AgentPattern>,
}

/// A regular expression on `User-Agent` headers, case ignored. It takes time linear in the header's length.
#[derive(Clone, Debug)]
pub struct AgentPattern(Regex);

impl PartialEq for AgentPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for AgentPattern {}

impl AgentPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it: also what JavaScript allows and this does not, look-around and back-references.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        // Classes such as `\w` are ASCII, as JavaScript's are.
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(true).unicode(false);
        builder.size_limit(MAX_PATTERN).build().map(Self)
    }

    /// Whether the pattern is found anywhere in a header.
    #[must_use]
    pub fn is_in(&self, agent: &[u8]) -> bool {
        self.0.is_match(agent)
    }
}

impl CacheBuster {
    /// `None` when it is off.
    pub(super) fn read(source: &mut Source) -> Option<Self> {
        let key = "cacheBuster.userAgentPattern";
        let enabled = source.flag("cacheBuster.enabled", false);
        let pattern = source.text(key, "");
        let compiled = (!pattern.is_empty()).then(|| AgentPattern::new(&pattern));
        let user_agent = compiled.transpose().unwrap_or_else(|error| {
            // The message shows the pattern first, over several lines.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            source.fault(format!("{key}: {}", reason.trim_start_matches("error: ")));
            None
        });
        enabled.then_some(Self { user_agent })
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Environment;
    use super::{AgentPattern, CacheBuster, Source};

    fn read(yaml: &str) -> (Option<CacheBuster>, Vec<String>) {
        let mut source = Source::from_yaml(yaml, &"config.yaml", Environment::new());
        (CacheBuster::read(&mut source), source.faults)
    }

    #[test]
    fn patterns_are_found_anywhere_in_any_case() {
        let of = |pattern: &str, agent: &[u8]| AgentPattern::new(pattern).unwrap().is_in(agent);
        assert!(of("firefox|safari", b"Mozilla/5.0 Firefox/130.0"));
        assert!(of("^mozilla\\/\\d", b"Mozilla/5.0"));
        assert!(!of("firefox$", b"Firefox/130.0"));
        assert!(!of("^\\w+$", b"caf\xE9"));
        assert!(of(".", b"\xE9"));
    }

    #[test]
    fn off_unless_enabled_and_every_browser_without_a_pattern() {
        assert_eq!(read("cacheBuster: { userAgentPattern: x }").0, None);
        let (every, faults) = read("cacheBuster: { enabled: true, userAgentPattern: '' }");
        assert_eq!(
            (every, faults),
            (Some(CacheBuster { user_agent: None }), Vec::new())
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_compiled_is_a_fault_even_when_off() {
        let patterns = ["(", "(?=x)", "(a)\\\\1", "((a{100}){100}){100}"];
        for pattern in patterns {
            let (_, faults) = read(&format!("cacheBuster: {{ userAgentPattern: \"{pattern}\" }}"));
            assert!(
                faults.len() == 1 && faults[0].starts_with("cacheBuster.userAgentPattern: "),
                "{pattern}: {faults:?}"
            );
        }
    }
}
