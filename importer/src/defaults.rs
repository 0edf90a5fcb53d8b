//! Arguments from a configuration file and from the environment: what the command line does not say is taken from
//! `SQUARETABLE_IMPORTER_<FLAG>`, and then from the file of `--config`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, bail};
use clap::{Arg, Command};
use serde_yaml_ng::Value;

const PREFIX: &str = "SQUARETABLE_IMPORTER_";

/// The arguments, with those added that the environment or the configuration file gives.
///
/// # Errors
/// The file cannot be read, or has a key that is no flag of the verb.
pub fn expand(
    command: &Command,
    mut given: Vec<OsString>,
    env: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<OsString>> {
    let words: Vec<String> = given
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let Some(verb) = words
        .iter()
        .skip(1)
        .find_map(|word| command.find_subcommand(word))
    else {
        return Ok(given);
    };
    let file = match value_of(&words, "config").or_else(|| env(&format!("{PREFIX}CONFIG"))) {
        Some(path) => read(Path::new(&path), command)?,
        None => BTreeMap::new(),
    };
    for argument in verb.get_arguments() {
        let Some(long) = argument
            .get_long()
            .filter(|long| *long != "config" && !is_given(&words, argument))
        else {
            continue;
        };
        let name = format!("{PREFIX}{}", long.to_uppercase().replace('-', "_"));
        let values = match env(&name) {
            Some(value) => vec![value],
            None => file.get(long).cloned().unwrap_or_default(),
        };
        for value in values {
            if argument.get_action().takes_values() {
                given.push(format!("--{long}={value}").into());
            } else {
                match value.as_str() {
                    "true" | "1" | "yes" => given.push(format!("--{long}").into()),
                    "false" | "0" | "no" | "" => {}
                    other => bail!("{long} is on or off: expected true or false, not {other:?}"),
                }
            }
        }
    }
    Ok(given)
}

fn value_of(words: &[String], flag: &str) -> Option<String> {
    let (long, assigned) = (format!("--{flag}"), format!("--{flag}="));
    words.iter().enumerate().find_map(|(index, word)| {
        if *word == long {
            words.get(index + 1).cloned()
        } else {
            word.strip_prefix(&assigned).map(str::to_owned)
        }
    })
}

fn is_given(words: &[String], argument: &Arg) -> bool {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    words.iter().any(|word| {
        Some(word) == short.as_ref()
            || long.as_ref().is_some_and(|long| {
                word == long
                    || word
                        .strip_prefix(long.as_str())
                        .is_some_and(|rest| rest.starts_with('='))
            })
    })
}

/// The file's keys are flags without their dashes; a list repeats the flag. A key of another verb's is fine, so that
/// one file serves all.
fn read(path: &Path, command: &Command) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--config {}", path.display()))?;
    let values: BTreeMap<String, Value> =
        serde_yaml_ng::from_str(&text).with_context(|| format!("--config {}", path.display()))?;
    let known = |key: &str| {
        let arguments = command.get_subcommands().flat_map(Command::get_arguments);
        arguments.filter_map(Arg::get_long).any(|long| long == key)
    };
    let mut flags = BTreeMap::new();
    for (key, value) in values {
        if !known(&key) {
            bail!("--config {}: there is no flag --{key}", path.display());
        }
        let items = match value {
            Value::Sequence(items) => items,
            value => vec![value],
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => Ok(text),
            Value::Bool(on) => Ok(on.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            _ => bail!(
                "--config {}: {key} is neither text, a number, true, false nor a list of them",
                path.display()
            ),
        });
        let texts = texts.collect::<anyhow::Result<Vec<_>>>()?;
        flags.insert(key, texts);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn expanded(words: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let given = words.iter().map(OsString::from).collect();
        let all = expand(&Cli::command(), given, env)?;
        Ok(all
            .into_iter()
            .skip(words.len())
            .map(|word| word.into_string().unwrap())
            .collect())
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("importer.yaml");
        std::fs::write(
            &file,
            "on-conflict: skip\njobs: 5\nexclude: [a, b]\nwith-secrets: true\nquiet: false\ndeep: true\n",
        )
        .unwrap();
        let file = file.to_str().unwrap();
        let words = ["x", "import", "/data", "--jobs=2", "--config", file];
        let env = [("SQUARETABLE_IMPORTER_ON_CONFLICT", "newer")];
        assert_eq!(
            expanded(&words, &env).unwrap(),
            [
                "--with-secrets",
                "--exclude=a",
                "--exclude=b",
                "--on-conflict=newer"
            ]
        );
        assert_eq!(expanded(&["x", "--help"], &env).unwrap(), [""; 0]);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("importer.yaml");
        for text in [
            "on_conflict: skip\n",
            "jobs: {a: 1}\n",
            "- x\n",
            "with-secrets: maybe\n",
        ] {
            std::fs::write(&file, text).unwrap();
            let words = ["x", "import", "/data", "--config", file.to_str().unwrap()];
            assert!(expanded(&words, &[]).is_err(), "{text}");
        }
    }
}
