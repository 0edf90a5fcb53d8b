//! Top-level pages and the small routes around them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

use super::static_files::StaticFiles;
use crate::middleware::case::rest_of;
use crate::middleware::form::decode_escapes;
use crate::middleware::headers::Head;
use crate::middleware::session::Session;
use crate::reply;
use crate::tenant::CurrentUser;

/// What the pages need to know.
#[derive(Debug)]
pub struct Pages {
    /// The frontend's files.
    pub files: Arc<StaticFiles>,
    /// `enableUserAccounts`
    pub has_accounts: bool,
    /// What `/version` answers.
    pub version: Version,
}

/// The reply of `/version`. The frontend reads the second part of `agent` as the version extensions are made for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// `SillyTavern:<version>:Cohee#1207`
    pub agent: String,
    /// The frontend's version.
    pub pkg_version: String,
    /// Short commit hash of a git installation.
    pub git_revision: Option<String>,
    /// Its branch.
    pub git_branch: Option<String>,
    /// Its commit's date.
    pub commit_date: Option<String>,
    /// Whether it is up to date with its remote.
    pub is_latest: bool,
}

impl Version {
    /// The version of a frontend, with branch and commit when it is a git clone.
    pub fn new(version: &str, git: Option<(String, String)>) -> Self {
        let (branch, revision) = git.unzip();
        Self {
            agent: format!("SillyTavern:{version}:Cohee#1207"),
            pkg_version: version.to_owned(),
            git_revision: revision,
            git_branch: branch,
            commit_date: None,
            is_latest: true,
        }
    }
}

/// GET /
///
/// The application; with accounts on and nobody logged in a redirect to `/login`, query kept. Renews the session of
/// who is.
pub async fn index(
    State(pages): State<Arc<Pages>>,
    Extension(session): Extension<Session>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Response {
    let is_logged_in = pages.has_accounts && request.extensions().get::<CurrentUser>().is_some();
    if is_logged_in && request.extensions().get::<Head>().is_none() {
        session.touch();
    }
    if is_logged_in || !pages.has_accounts {
        return pages.page("index.html", request.headers()).await;
    }
    let address = query(&uri).map_or_else(|| "/login".to_owned(), |query| format!("/login?{query}"));
    reply::redirect(StatusCode::FOUND, &address, request.headers())
}

/// GET /callback/:source?
///
/// Where vendors send the browser after a login: back to `/`, with source and query as parameters.
pub async fn callback(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let rest = rest_of(uri.path(), "/callback").unwrap_or("").trim_matches('/');
    let Some(source) = decode_escapes(rest) else {
        return reply::error_page(StatusCode::BAD_REQUEST);
    };
    let given = [("source", Some(source.as_ref())), ("query", query(&uri))];
    let parameters: Vec<String> = given
        .into_iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| (name, value)))
        .map(|(name, value)| format!("{name}={}", form_encode(value)))
        .collect();
    let address = format!("/?{}", parameters.join("&"));
    reply::redirect(StatusCode::TEMPORARY_REDIRECT, &address, &headers)
}

/// GET /version
pub async fn version(State(pages): State<Arc<Pages>>) -> Response {
    reply::json(&pages.version)
}

/// POST /api/ping
///
/// 204. `?extend=` with any value renews the session.
pub async fn ping(Extension(session): Extension<Session>, OriginalUri(uri): OriginalUri) -> Response {
    if is_set(&uri, "extend") {
        session.touch();
    }
    reply::status(StatusCode::NO_CONTENT)
}

impl Pages {
    /// Answers a page of the frontend by its name.
    pub async fn page(&self, name: &str, headers: &HeaderMap) -> Response {
        self.files.page(name, headers).await.unwrap_or_else(|error| {
            tracing::error!(%error, name, "a page of the frontend could not be read");
            reply::error_page(StatusCode::NOT_FOUND)
        })
    }
}

/// The query as the original cuts it: up to a second question mark, and none when empty.
fn query(uri: &Uri) -> Option<&str> {
    uri.query()
        .and_then(|query| query.split('?').next())
        .filter(|query| !query.is_empty())
}

/// Whether a query parameter is there with a value.
pub fn is_set(uri: &Uri, name: &str) -> bool {
    let pairs = uri.query().unwrap_or("").split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .any(|(known, value)| known == name && !value.is_empty())
}

fn form_encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
    use axum::middleware::from_fn_with_state;
    use axum::routing::{get, post};
    use tower::ServiceExt;

    use crate::middleware::session::{SessionPolicy, attach};

    async fn send(method: &str, path: &str, has_accounts: bool) -> Response {
        let folder = tempfile::tempdir().unwrap();
        for page in ["index.html", "login.html"] {
            std::fs::write(folder.path().join(page), page).unwrap();
        }
        let files = Arc::new(StaticFiles::new(folder.path().to_owned(), None));
        let pages = Arc::new(Pages {
            files,
            has_accounts,
            version: Version::new("1.19.0", None),
        });
        let policy = SessionPolicy {
            name: "s".into(),
            secret: "k".into(),
            max_age: None,
            secure: false,
        };
        let router = Router::new()
            .route("/", get(index))
            .route("/callback", get(callback))
            .route("/callback/{source}", get(callback))
            .route("/version", get(version))
            .route("/api/ping", post(ping))
            .with_state(pages)
            .layer(from_fn_with_state(Arc::new(policy), attach));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        router.oneshot(request).await.unwrap()
    }

    async fn location(path: &str, has_accounts: bool) -> String {
        send("GET", path, has_accounts).await.headers()[LOCATION]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn anonymous_visitors_are_sent_to_the_login_page_of_account_mode() {
        assert_eq!(
            send("GET", "/", false).await.headers()[CONTENT_TYPE],
            "text/html; charset=UTF-8"
        );
        assert_eq!(location("/?a=1?b", true).await, "/login?a=1");
        assert_eq!(location("/", true).await, "/login");
    }

    #[tokio::test]
    async fn the_callback_hands_everything_to_the_application() {
        assert_eq!(
            location("/callback/x?a=1&b=%20", false).await,
            "/?source=x&query=a%3D1%26b%3D%2520"
        );
        assert_eq!(location("/callback", false).await, "/?");
        assert_eq!(location("/callback/a%20b", false).await, "/?source=a+b");
    }

    #[tokio::test]
    async fn a_ping_renews_the_session_on_demand() {
        assert_eq!(
            send("POST", "/api/ping", true).await.headers().get(SET_COOKIE),
            None
        );
        let extended = send("POST", "/api/ping?extend=1", true).await;
        assert_eq!(extended.status(), StatusCode::NO_CONTENT);
        assert!(extended.headers().contains_key(SET_COOKIE));
    }

    #[test]
    fn the_version_has_the_form_the_frontend_splits() {
        let expected = r#"{"agent":"SillyTavern:1.19.0:Cohee#1207","pkgVersion":"1.19.0","gitRevision":null,"gitBranch":null,"commitDate":null,"isLatest":true}"#;
        assert_eq!(
            serde_json::to_string(&Version::new("1.19.0", None)).unwrap(),
            expected
        );
    }
}
