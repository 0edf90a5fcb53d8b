//! The branches of an extension.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use squaretable_compat::json;

use super::checkout::{Checkout, Part};
use super::{ATTEMPTS, Wanted, broken, failed, name_of, require_enabled};
use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::tenant::Tenant;

/// A branch as git lists it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Branch {
    current: bool,
    commit: String,
    name: String,
    label: String,
}

/// `POST /api/extensions/branches` `{extensionName, global?}`: the local ones, then the remote's.
pub(super) async fn branches(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    let wanted = Wanted::of(&app, &tenant, &body, Some("list branches of"))?;
    for _ in 0..ATTEMPTS {
        if let Some(list) = list(&app, &wanted).await.fault_as(failed)? {
            return Ok(reply::json(&list));
        }
    }
    Err(broken("the extension changes all the time"))
}

/// Fetches the whole history and lists; `None` when somebody else changed the extension meanwhile.
async fn list(app: &App, wanted: &Wanted) -> Result<Option<Vec<Branch>>> {
    let mut checkout = open(app, wanted).await?;
    checkout.lay(&[Part::Refs, Part::Objects]).await?;
    let url = checkout.remote_url().await?;
    checkout.connect(app, &url).await?;
    let workspace = checkout.workspace();
    let is_shallow = workspace.git(&["rev-parse", "--is-shallow-repository"]).await?;
    if is_shallow.trim() == "true" {
        workspace
            .git(&["fetch", "--quiet", "--unshallow", "origin"])
            .await?;
    }
    workspace.git(&["remote", "set-branches", "origin", "*"]).await?;
    workspace.git(&["fetch", "--quiet", "origin"]).await?;
    let local = workspace.git(&["branch", "-v"]).await?;
    let remote = workspace
        .git(&["branch", "-v", "-r", "--list", "origin/*"])
        .await?;
    let list = local
        .lines()
        .chain(remote.lines())
        .filter_map(Branch::parse)
        .collect();
    Ok(checkout.save().await?.then_some(list))
}

/// `POST /api/extensions/switch` `{extensionName, branch, global?}`: to a local branch, or to a new one that follows
/// `origin/…`.
pub(super) async fn switch(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    let is_named = body.str("extensionName").is_none() || name_of(&body).is_some();
    if !is_named || (body.str("extensionName").is_some() && !body.truthy("branch")) {
        return Err(Error::text(
            400,
            "Bad Request: A valid extensionName and branch are required in the request body.",
        ));
    }
    let wanted = Wanted::of(&app, &tenant, &body, Some("switch branches of"))?;
    for _ in 0..ATTEMPTS {
        if check_out(&app, &wanted, &body).await.fault_as(failed)? {
            return Ok(reply::status(StatusCode::NO_CONTENT));
        }
    }
    Err(broken("the extension changes all the time"))
}

/// False when somebody else changed the extension meanwhile.
async fn check_out(app: &App, wanted: &Wanted, body: &Body) -> Result<bool> {
    let mut checkout = open(app, wanted).await?;
    checkout.lay(&[Part::Refs]).await?;
    let heads = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
    let local = checkout.workspace().git(&heads).await?;
    let is_local = |name: &str| local.lines().any(|known| known == name);
    let text = json::js_string(body.get("branch"));
    let asked = body.str("branch");
    let (target, revision, is_new) = match (text.strip_prefix("origin/"), asked) {
        (Some(name), Some(_)) if is_local(name) => (name, format!("refs/heads/{name}"), false),
        (Some(name), Some(_)) => (name, format!("refs/remotes/origin/{name}"), true),
        (Some(_), None) => return Err(broken("the branch is no text")),
        (None, Some(name)) if is_local(name) => (name, format!("refs/heads/{name}"), false),
        (None, _) => {
            return Err(Error::text(
                404,
                format!("Branch {} does not exist locally", reply::escape_html(&text)),
            ));
        }
    };
    let workspace = checkout.workspace();
    let current = workspace
        .git(&["symbolic-ref", "--quiet", "HEAD"])
        .await
        .unwrap_or_default();
    if current.trim_end_matches('\n') == format!("refs/heads/{target}") {
        return Ok(true);
    }
    checkout.lay(&[Part::Objects, Part::Files]).await?;
    let workspace = checkout.workspace();
    workspace.check_tree(&revision).await?;
    if is_new {
        let start = format!("origin/{target}");
        workspace
            .git(&["checkout", "--quiet", "-b", target, &start, "--"])
            .await?;
    } else {
        workspace.git(&["checkout", "--quiet", target, "--"]).await?;
    }
    checkout.save().await
}

async fn open(app: &App, wanted: &Wanted) -> Result<Checkout> {
    let Some(checkout) = Checkout::open(app, &wanted.shelf, &wanted.name).await? else {
        return Err(wanted.missing(app).await);
    };
    if !checkout.is_repository() {
        return Err(broken("the extension is no git repository"));
    }
    Ok(checkout)
}

impl Branch {
    /// A line of `git branch -v`; `None` for one that only points to another.
    ///
    /// compat: without a branch the line reads `* (no branch) …` and is cut at its spaces all the same.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (current, line) = match line.strip_prefix("* ") {
            Some(rest) => (true, rest.trim_start()),
            None => (false, line.strip_prefix("+ ").unwrap_or(line)),
        };
        let detached = ["(HEAD detached at ", "(HEAD detached from "];
        let detached = detached
            .iter()
            .find_map(|start| line.strip_prefix(start)?.split_once(')'));
        let (name, rest) = match detached {
            Some(found) => found,
            None => line.split_once(char::is_whitespace)?,
        };
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
        let (commit, label) = rest.split_at(end.unwrap_or(rest.len()));
        let is_commit = !commit.is_empty();
        is_commit.then(|| Self {
            current,
            commit: commit.to_owned(),
            name: name.to_owned(),
            label: label
                .strip_prefix(char::is_whitespace)
                .unwrap_or(label)
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Branch;

    fn parsed(line: &str) -> Option<(bool, String, String, String)> {
        Branch::parse(line).map(|b| (b.current, b.name, b.commit, b.label))
    }

    #[test]
    fn lines_of_git_branch_are_read() {
        let of = |current, name: &str, commit: &str, label: &str| {
            Some((current, name.to_owned(), commit.to_owned(), label.to_owned()))
        };
        assert_eq!(
            parsed("* main      1a2b3c4 First: a b"),
            of(true, "main", "1a2b3c4", "First: a b")
        );
        assert_eq!(
            parsed("  origin/x  1a2b3c4"),
            of(false, "origin/x", "1a2b3c4", "")
        );
        assert_eq!(parsed("  origin/HEAD -> origin/main"), None);
        assert_eq!(
            parsed("* (HEAD detached at v1) 1a2b3c4 x"),
            of(true, "v1", "1a2b3c4", "x")
        );
        assert_eq!(
            parsed("* (no branch) 1a2b3c4 x"),
            of(true, "(no", "branch", ") 1a2b3c4 x")
        );
    }
}
