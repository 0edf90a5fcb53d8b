//! Where settings come from: SillyTavern's `config.yaml` and its `SILLYTAVERN_*` overrides, with readers that
//! collect every fault instead of stopping at the first.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_yaml_ng::{Mapping, Value};

use super::ip_pattern::IpPattern;
use super::report::Warning;
use super::values::{describe, leading_integer, parse_bytes, scalar_text, truthy};

/// The process environment, as names and values.
pub(super) type Environment = BTreeMap<String, String>;

/// Layered settings plus what was found wrong with them so far.
pub(super) struct Source {
    pub(super) root: Value,
    pub(super) env: Environment,
    pub(super) faults: Vec<String>,
    pub(super) warnings: Vec<Warning>,
}

/// A value and the name under which the operator wrote it.
struct Found {
    value: Value,
    name: String,
    from_env: bool,
}

/// The environment name of a key: `a.bC` is `SILLYTAVERN_A_BC`.
pub(super) fn env_name(key: &str) -> String {
    format!("SILLYTAVERN_{}", key.to_uppercase().replace('.', "_"))
}

/// The value at a dotted path, if every step exists.
pub(super) fn lookup<'v>(root: &'v Value, key: &str) -> Option<&'v Value> {
    key.split('.')
        .try_fold(root, |value, step| value.as_mapping()?.get(step))
}

impl Source {
    /// Sources over an already parsed document and an environment.
    pub(super) fn new(root: Value, env: Environment) -> Self {
        Self {
            root,
            env,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Sources over the text of a `config.yaml`; a text that is no mapping becomes a fault.
    pub(super) fn from_yaml(text: &str, file: &dyn Display, env: Environment) -> Self {
        let (root, fault) = match serde_yaml_ng::from_str(text) {
            Ok(Value::Null) => (Value::Mapping(Mapping::new()), None),
            Ok(root @ Value::Mapping(_)) => (root, None),
            Ok(_) => (
                Value::Null,
                Some(format!("{file}: expected settings of the form `key: value`")),
            ),
            Err(error) => (Value::Null, Some(format!("{file}: {error}"))),
        };
        let mut source = Self::new(root, env);
        source.faults.extend(fault);
        source
    }

    pub(super) fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(Warning::new(text));
    }

    /// A variable of the environment that is not one of SillyTavern's; empty counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env
            .get(name)
            .filter(|value| !value.trim().is_empty())
            .cloned()
    }

    /// compat: a present variable wins even when it is empty.
    fn find(&self, key: &str) -> Option<Found> {
        let name = env_name(key);
        if let Some(text) = self.env.get(&name) {
            return Some(Found {
                value: Value::String(text.clone()),
                name,
                from_env: true,
            });
        }
        let value = lookup(&self.root, key)?.clone();
        Some(Found {
            value,
            name: key.to_owned(),
            from_env: false,
        })
    }

    /// Whether the file or the environment states `key`.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.find(key).is_some_and(|found| !found.value.is_null())
    }

    /// A switch. compat: text other than `true` and `false` counts by JavaScript's truthiness, so `no` is on;
    /// that is obeyed and warned about.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(found) = self.find(key) else {
            return default;
        };
        let value = truthy(&found.value);
        match &found.value {
            Value::Null => {
                if default {
                    self.warn(format!("{}: is empty; the default, true, applies", found.name));
                }
                return default;
            }
            Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
                self.expected(&found, "true or false");
                return default;
            }
            Value::String(text)
                if !text.is_empty() && !["true", "false"].contains(&text.trim().to_lowercase().as_str()) =>
            {
                self.warn(format!(
                    "{}: {text:?} counts as true; write true or false",
                    found.name
                ));
            }
            _ => {}
        }
        value
    }

    /// A whole number that fits `T`. compat: a number at the start of a text counts, as in `8000 # web`.
    pub(super) fn whole<T: TryFrom<i64> + Copy + Display>(&mut self, key: &str, default: T) -> T {
        self.whole_or_none(key).unwrap_or(default)
    }

    /// Like `whole`; `None` when the key is absent, empty or at fault.
    pub(super) fn whole_or_none<T: TryFrom<i64>>(&mut self, key: &str) -> Option<T> {
        let found = self.find(key)?;
        let text = match &found.value {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        let value = leading_integer(&text).and_then(|value| T::try_from(value).ok());
        if value.is_none() {
            self.expected(&found, "a whole number in its range");
        }
        value
    }

    /// A text; numbers and switches are taken by their spelling.
    pub(super) fn text(&mut self, key: &str, default: &str) -> String {
        let Some(found) = self.find(key) else {
            return default.to_owned();
        };
        if found.value.is_null() {
            return default.to_owned();
        }
        scalar_text(&found.value).unwrap_or_else(|| {
            self.expected(&found, "a text");
            default.to_owned()
        })
    }

    /// A list of texts; from the environment as JSON.
    pub(super) fn list(&mut self, key: &str, default: &[String]) -> Vec<String> {
        let Some((found, items)) = self.sequence(key) else {
            return default.to_vec();
        };
        let texts: Option<Vec<String>> = items.iter().map(scalar_text).collect();
        texts.unwrap_or_else(|| {
            self.expected(&found, "a list of texts");
            default.to_vec()
        })
    }

    /// A list of address patterns. compat: an entry that is none is left out with a warning.
    pub(super) fn patterns(&mut self, key: &str, default: &[IpPattern]) -> Vec<IpPattern> {
        if !self.is_set(key) {
            return default.to_vec();
        }
        let entries = self.list(key, &[]);
        self.parse_patterns(key, &entries)
    }

    pub(super) fn parse_patterns(&mut self, name: &str, entries: &[String]) -> Vec<IpPattern> {
        let mut patterns = Vec::with_capacity(entries.len());
        for entry in entries {
            match IpPattern::parse(entry) {
                Some(pattern) => patterns.push(pattern),
                None => self.warn(format!(
                    "{name}: {entry:?} is no address, subnet or range and is left out"
                )),
            }
        }
        patterns
    }

    /// A list of any values and the name it was found under; `None` when absent, empty or at fault.
    pub(super) fn items(&mut self, key: &str) -> Option<(String, Vec<Value>)> {
        self.sequence(key).map(|(found, items)| (found.name, items))
    }

    /// The raw value of a key that takes more than one shape: (name, value, from the environment).
    pub(super) fn raw(&self, key: &str) -> Option<(String, Value, bool)> {
        self.find(key)
            .map(|found| (found.name, found.value, found.from_env))
    }

    /// A size in bytes, written as a number or like `256kb` (powers of 1,024).
    pub(super) fn bytes(&mut self, key: &str, default: u64) -> u64 {
        let Some(found) = self.find(key) else {
            return default;
        };
        if found.value.is_null() {
            return default;
        }
        let size = scalar_text(&found.value).as_deref().and_then(parse_bytes);
        size.unwrap_or_else(|| {
            self.expected(&found, "a size such as 256kb");
            default
        })
    }

    /// One of a few words; the comparison ignores case and surrounding space.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, default: T, words: &[(&str, T)]) -> T {
        let Some(found) = self.find(key) else {
            return default;
        };
        if found.value.is_null() {
            return default;
        }
        let text = scalar_text(&found.value)
            .unwrap_or_default()
            .trim()
            .to_lowercase();
        let chosen = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        chosen.unwrap_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.expected(&found, &names.join(" or "));
            default
        })
    }

    fn sequence(&mut self, key: &str) -> Option<(Found, Vec<Value>)> {
        let mut found = self.find(key)?;
        if found.from_env {
            let text = scalar_text(&found.value).unwrap_or_default();
            let Ok(value) = serde_json::from_str(&text) else {
                self.fault(format!("{}: expected a list written as JSON", found.name));
                return None;
            };
            found.value = value;
        }
        match std::mem::take(&mut found.value) {
            Value::Null => None,
            Value::Sequence(items) => Some((found, items)),
            other => {
                found.value = other;
                self.expected(&found, "a list");
                None
            }
        }
    }

    fn expected(&mut self, found: &Found, what: &str) {
        let got = describe(&found.value);
        self.fault(format!("{}: expected {what}, found {got}", found.name));
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Source, env_name};

    fn source(yaml: &str, env: &[(&str, &str)]) -> Source {
        let env: Environment = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Source::from_yaml(yaml, &"config.yaml", env)
    }

    #[test]
    fn the_environment_wins_over_the_file_even_when_empty() {
        let mut source = source(
            "thumbnails: { quality: 80 }\nenableCorsProxy: true\n",
            &[
                ("SILLYTAVERN_THUMBNAILS_QUALITY", "70"),
                ("SILLYTAVERN_ENABLECORSPROXY", ""),
            ],
        );
        assert_eq!(
            env_name("thumbnails.dimensions.bg"),
            "SILLYTAVERN_THUMBNAILS_DIMENSIONS_BG"
        );
        assert_eq!(source.whole("thumbnails.quality", 95_u8), 70);
        assert!(!source.flag("enableCorsProxy", true));
        assert!(source.faults.is_empty());
    }

    #[test]
    fn switches_follow_javascript_and_say_so_when_that_surprises() {
        let mut source = source(
            "a: 'TRUE'\nb: 0\nc: no\nd: []\ne:\n",
            &[("SILLYTAVERN_F", " False ")],
        );
        assert!(source.flag("a", false));
        assert!(!source.flag("b", true));
        assert!(source.flag("c", false));
        assert!(!source.flag("d", false));
        assert!(source.flag("e", true));
        assert!(!source.flag("f", true));
        let warnings: Vec<String> = source.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "c: \"no\" counts as true; write true or false",
                "e: is empty; the default, true, applies"
            ]
        );
        assert_eq!(source.faults, ["d: expected true or false, found a list"]);
    }

    #[test]
    fn numbers_sizes_and_lists_collect_faults_and_keep_defaults() {
        let mut source = source(
            "port: eighty\nratio: 1.5\nsize: 8MB\nbad: 8 cows\nhosts: one\n",
            &[("SILLYTAVERN_LIST", "[\"a\", 1]"), ("SILLYTAVERN_OTHER", "a,b")],
        );
        assert_eq!(source.whole("port", 8000_u16), 8000);
        assert_eq!(source.whole("ratio", 1_i64), 1);
        assert_eq!(source.bytes("size", 0), 8 << 20);
        assert_eq!(source.bytes("bad", 5), 5);
        assert_eq!(source.list("hosts", &[]), Vec::<String>::new());
        assert_eq!(source.list("list", &[]), ["a", "1"]);
        assert_eq!(source.list("other", &["kept".to_owned()]), ["kept"]);
        assert_eq!(
            source.faults,
            [
                "port: expected a whole number in its range, found \"eighty\"",
                "ratio: expected a whole number in its range, found 1.5",
                "bad: expected a size such as 256kb, found \"8 cows\"",
                "hosts: expected a list, found \"one\"",
                "SILLYTAVERN_OTHER: expected a list written as JSON",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_mapping_is_a_fault_and_an_empty_one_is_not() {
        assert_eq!(
            source("- a\n", &[]).faults,
            ["config.yaml: expected settings of the form `key: value`"]
        );
        assert_eq!(source("a: [\n", &[]).faults.len(), 1);
        assert!(source("# nothing\n", &[]).faults.is_empty());
    }
}
