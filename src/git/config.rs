//! A repository's own configuration, reduced to what cannot make git run anything.

use std::fmt::Write as _;

use super::GitError;

/// The part of a configuration that tells where a repository came from: one remote, and what the branches follow.
/// `listed` is the output of `git config --list --null`.
///
/// # Errors
/// [`GitError::Unusable`] for a repository in a format of its own.
pub fn safe_config(listed: &[u8]) -> Result<String, GitError> {
    let listed = std::str::from_utf8(listed)
        .map_err(|_| GitError::Unusable("the repository's configuration is no text".to_owned()))?;
    let pairs = listed
        .split('\0')
        .filter_map(|entry| entry.split_once('\n'))
        .collect::<Vec<_>>();
    if let Some((key, _)) = pairs.iter().find(|(key, _)| key.starts_with("extensions.")) {
        return Err(GitError::Unusable(format!("the repository uses {key}")));
    }
    let mut text =
        String::from("[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = false\n");
    let all = |wanted: &'static str| pairs.iter().filter(move |(key, _)| *key == wanted);
    if let Some((_, url)) = all("remote.origin.url").next() {
        write(&mut text, "remote", "origin", [("url", *url)]);
        write(
            &mut text,
            "remote",
            "origin",
            all("remote.origin.fetch").map(|(_, value)| ("fetch", *value)),
        );
    }
    for (key, value) in &pairs {
        let Some((branch, what)) = key.strip_prefix("branch.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        if what == "merge" || (what == "remote" && *value == "origin") {
            write(&mut text, "branch", branch, [(what, *value)]);
        }
    }
    Ok(text)
}

fn write<'a>(
    text: &mut String,
    section: &str,
    name: &str,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    for (key, value) in values {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        // Writing to a String cannot fail.
        write!(text, "[{section} \"{name}\"]\n\t{key} = \"{value}\"\n").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_it_came_from_is_kept() {
        let listed = b"core.sshcommand\ntouch x\0core.worktree\n/etc\0include.path\n/etc/passwd\0\
            remote.origin.url\nhttps://host/a\"b\0remote.origin.fetch\n+refs/heads/*:refs/remotes/origin/*\0\
            remote.origin.uploadpack\ntouch y\0filter.f.smudge\ntouch z\0remote.other.url\nfile:///etc\0\
            branch.a.b.remote\norigin\0branch.a.b.merge\nrefs/heads/a.b\0branch.c.remote\nfile:///etc\0flag\0";
        let text = safe_config(listed).unwrap();
        for gone in ["touch", "/etc", "include", "other", "flag"] {
            assert!(!text.contains(gone), "{text}");
        }
        assert!(text.contains("url = \"https://host/a\\\"b\""), "{text}");
        assert!(
            text.contains("[branch \"a.b\"]\n\tmerge = \"refs/heads/a.b\""),
            "{text}"
        );
    }

    #[test]
    fn formats_of_their_own_are_refused() {
        assert!(safe_config(b"extensions.objectformat\nsha256\0").is_err());
    }
}
