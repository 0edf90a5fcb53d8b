//! Whether an extension is the newest, and making it so.

use axum::extract::State;
use axum::response::Response;
use reqwest::Url;
use serde::Serialize;

use super::checkout::{Checkout, Part};
use super::{ATTEMPTS, Wanted, broken, failed, is_installed, require_enabled};
use crate::app::App;
use crate::error::{FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::tenant::Tenant;

/// Answer of [`version`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    current_branch_name: String,
    current_commit_hash: String,
    is_up_to_date: bool,
    remote_url: String,
}

/// Answer of [`update`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    short_commit_hash: String,
    extension_path: String,
    /// As it was before.
    is_up_to_date: bool,
    remote_url: String,
}

/// `POST /api/extensions/version` `{extensionName, global?}`; empty texts for what is no git repository.
pub(super) async fn version(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    let wanted = Wanted::of(&app, &tenant, &body, None)?;
    let mut found = version_of(&app, &wanted).await.fault_as(failed)?;
    if wanted.shelf.is_shared() && !tenant.user().admin {
        found.remote_url = without_credentials(found.remote_url);
    }
    Ok(reply::json(&found))
}

/// The address of an extension for everybody without its password, for those who did not put it there.
fn without_credentials(address: String) -> String {
    match Url::parse(&address) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let is_clean = url.set_username("").and_then(|()| url.set_password(None));
            is_clean.map_or_else(|()| String::new(), |()| url.into())
        }
        _ => address,
    }
}

async fn version_of(app: &App, wanted: &Wanted) -> Result<Version> {
    let none = Version {
        current_branch_name: String::new(),
        current_commit_hash: String::new(),
        is_up_to_date: true,
        remote_url: String::new(),
    };
    let Some(mut checkout) = Checkout::open(app, &wanted.shelf, &wanted.name).await? else {
        if wanted.shelf.is_shared() && is_installed(app, &wanted.name).await {
            return Ok(none);
        }
        return Err(wanted.missing(app).await);
    };
    if !checkout.is_repository() {
        return Ok(none);
    }
    checkout.lay(&[Part::Refs]).await?;
    if checkout
        .workspace()
        .git(&["rev-parse", "--verify", "--quiet", "HEAD"])
        .await
        .is_err()
    {
        return Ok(none);
    }
    compare(app, &mut checkout).await
}

/// Asks the remote for the current branch. Needs [`Part::Refs`].
///
/// compat: a branch that is ahead of the remote's counts as out of date, too.
async fn compare(app: &App, checkout: &mut Checkout) -> Result<Version> {
    let head = checkout
        .workspace()
        .git(&["rev-parse", "--verify", "HEAD"])
        .await?;
    let branch = checkout
        .workspace()
        .git(&["symbolic-ref", "--short", "HEAD"])
        .await?;
    let (head, branch) = (head.trim().to_owned(), branch.trim().to_owned());
    let remote_url = checkout.remote_url().await?;
    checkout.connect(app, &remote_url).await?;
    let workspace = checkout.workspace();
    let full = format!("refs/heads/{branch}");
    let listed = workspace.git(&["ls-remote", "--heads", "origin", &full]).await?;
    let tip = listed
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .find(|(_, name)| *name == full);
    let tip = match tip {
        Some((hash, _)) => hash.to_owned(),
        None => last_known(checkout, &branch).await?,
    };
    Ok(Version {
        is_up_to_date: tip == head,
        current_branch_name: branch,
        current_commit_hash: head,
        remote_url,
    })
}

/// Where the remote's branch was when it was last seen; a fetch of all branches takes no notice of one that is gone.
async fn last_known(checkout: &Checkout, branch: &str) -> Result<String> {
    let workspace = checkout.workspace();
    let fetched = workspace
        .git(&["config", "--get-all", "remote.origin.fetch"])
        .await?;
    if !fetched.contains("refs/heads/*") {
        return Err(broken(format!("the remote has no branch {branch}")));
    }
    let known = format!("refs/remotes/origin/{branch}");
    let hash = workspace.git(&["rev-parse", "--verify", &known]).await?;
    Ok(hash.trim().to_owned())
}

/// `POST /api/extensions/update` `{extensionName, global?}`.
pub(super) async fn update(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    let wanted = Wanted::of(&app, &tenant, &body, Some("update"))?;
    for _ in 0..ATTEMPTS {
        if let Some(updated) = attempt(&app, &wanted).await.fault_as(failed)? {
            return Ok(reply::json(&updated));
        }
    }
    Err(broken("the extension changes all the time"))
}

/// `None` when somebody else changed the extension meanwhile.
async fn attempt(app: &App, wanted: &Wanted) -> Result<Option<Updated>> {
    let Some(mut checkout) = Checkout::open(app, &wanted.shelf, &wanted.name).await? else {
        return Err(wanted.missing(app).await);
    };
    if !checkout.is_repository() {
        return Err(broken("the extension is no git repository"));
    }
    checkout.lay(&[Part::Refs]).await?;
    let version = compare(app, &mut checkout).await?;
    let mut updated = Updated {
        short_commit_hash: version.current_commit_hash.chars().take(7).collect(),
        extension_path: wanted.shelf.shown(&wanted.name),
        is_up_to_date: version.is_up_to_date,
        remote_url: version.remote_url,
    };
    if version.is_up_to_date {
        return Ok(Some(updated));
    }
    checkout.lay(&[Part::Objects, Part::Files]).await?;
    let workspace = checkout.workspace();
    let newest = format!("refs/remotes/origin/{}", version.current_branch_name);
    workspace.git(&["fetch", "--quiet", "origin"]).await?;
    workspace.check_tree(&newest).await?;
    workspace.git(&["merge", "--quiet", "--ff-only", &newest]).await?;
    let head = workspace.git(&["rev-parse", "--verify", "HEAD"]).await?;
    updated.short_commit_hash = head.chars().take(7).collect();
    Ok(checkout.save().await?.then_some(updated))
}
