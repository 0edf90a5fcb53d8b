//! The frontend's files, open to everyone. `GET` and `HEAD` only; whatever is not a file here goes on to the routes, so
//! every miss, of whatever kind, gets the same answer.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::fs::File;

use crate::middleware::form::decode_escapes;
use crate::mime;
use crate::reply;
use crate::served::{self, Cache, FileMeta, Source};

/// Folder of the frontend, and the two files that are not simply there.
#[derive(Debug)]
pub struct StaticFiles {
    root: PathBuf,
    lib_js: Option<PathBuf>,
    user_css: RwLock<Option<UserCss>>,
}

/// A stylesheet in place of the frontend's `css/user.css`.
#[derive(Clone, Debug)]
pub struct UserCss {
    /// Its text.
    pub body: Bytes,
    /// When it changed.
    pub modified: DateTime<Utc>,
}

impl StaticFiles {
    /// Serves `root`, and `lib_js` (the bundle of the frontend's libraries) at `/lib.js`.
    pub fn new(root: PathBuf, lib_js: Option<PathBuf>) -> Self {
        Self {
            root,
            lib_js,
            user_css: RwLock::new(None),
        }
    }

    /// Replaces `/css/user.css` (`_css/user.css` of a data folder); `None` serves the frontend's own again.
    pub fn set_user_css(&self, css: Option<UserCss>) {
        *self.user_css.write().unwrap_or_else(PoisonError::into_inner) = css;
    }

    /// Answers a file of the frontend by its name, as `index.html`; the error is that of opening it.
    pub async fn page(&self, name: &str, headers: &HeaderMap) -> std::io::Result<Response> {
        send(self.root.join(name), headers)
            .await?
            .ok_or_else(|| std::io::ErrorKind::IsADirectory.into())
    }

    /// The answer to a path, `None` when it is no file of the frontend.
    async fn find(&self, uri: &Uri, headers: &HeaderMap) -> std::io::Result<Option<Response>> {
        let Some(path) = decode_escapes(uri.path()) else {
            return Ok(None);
        };
        if let Some(response) = self.special(uri.path(), headers).await? {
            return Ok(Some(response));
        }
        // A backslash would be a separator on some systems; no file of the frontend has one.
        if path.contains(['\0', '\\']) {
            return Ok(None);
        }
        let Some(segments) = join(&path) else {
            return Ok(None);
        };
        if segments.iter().any(|segment| segment.starts_with('.')) {
            return Ok(None);
        }
        let mut file: PathBuf = segments
            .iter()
            .fold(self.root.clone(), |folder, segment| folder.join(segment));
        if path.ends_with('/') {
            file.push("index.html");
            return send(file, headers).await;
        }
        if tokio::fs::metadata(&file).await.is_ok_and(|meta| meta.is_dir()) {
            return Ok(Some(reply::directory_redirect(&with_slash(uri))));
        }
        send(file, headers).await
    }

    /// `/lib.js` and `/css/user.css`, which are matched exactly.
    async fn special(&self, path: &str, headers: &HeaderMap) -> std::io::Result<Option<Response>> {
        match (path, &self.lib_js) {
            ("/lib.js" | "/lib.js/", Some(bundle)) => send(bundle.clone(), headers).await,
            ("/css/user.css", _) => {
                let css = self
                    .user_css
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                let Some(css) = css else { return Ok(None) };
                let meta = FileMeta {
                    size: css.body.len() as u64,
                    modified: css.modified,
                    content_type: "text/css; charset=UTF-8",
                    cache: Cache::Revalidate,
                };
                Ok(Some(served::serve(headers, &meta, Source::Bytes(css.body)).await))
            }
            _ => Ok(None),
        }
    }
}

/// Answers `GET` of the frontend's files and lets everything else pass. `/` passes too: it may lead to the login page.
pub async fn serve(
    State(files): State<Arc<StaticFiles>>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::GET || uri.path() == "/" || uri.path().starts_with("/api/") {
        return next.run(request).await;
    }
    match files.find(&uri, request.headers()).await {
        Ok(Some(response)) => response,
        Ok(None) => next.run(request).await,
        Err(error) => {
            tracing::error!(%error, path = uri.path(), "a file of the frontend could not be read");
            reply::error_page(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A file on disk; `None` when there is none of this name.
async fn send(path: PathBuf, headers: &HeaderMap) -> std::io::Result<Option<Response>> {
    let file = match File::open(&path).await {
        Ok(file) => file,
        Err(error) if is_miss(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let status = file.metadata().await?;
    if !status.is_file() {
        return Ok(None);
    }
    let meta = FileMeta {
        size: status.len(),
        modified: DateTime::<Utc>::from(status.modified()?),
        content_type: &mime::content_type(&path.to_string_lossy()),
        cache: Cache::Revalidate,
    };
    Ok(Some(served::serve(headers, &meta, Source::File(file)).await))
}

fn is_miss(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    let kinds = [
        ErrorKind::NotFound,
        ErrorKind::NotADirectory,
        ErrorKind::InvalidFilename,
    ];
    kinds.contains(&error.kind())
}

/// Segments with `.` and `..` resolved; `None` when they lead out of the folder.
fn join(path: &str) -> Option<Vec<&str>> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop()?,
            name => segments.push(name),
        }
    }
    Some(segments)
}

/// The same address with a slash behind its path; slashes in front become one, so that it stays on this host.
fn with_slash(uri: &Uri) -> String {
    let path = format!("/{}/", uri.path().trim_matches('/'));
    uri.query()
        .map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::{CONTENT_TYPE, LOCATION};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn site(folder: &std::path::Path) -> StaticFiles {
        let root = folder.join("public");
        for sub in ["scripts/.git", "css", "docs"] {
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        let files = [
            ("public/index.html", "<p>index</p>"),
            ("public/lib.js", "source"),
            ("public/css/user.css", "own"),
            ("public/docs/index.html", "docs"),
            ("public/scripts/a b.js", "script"),
            ("public/scripts/.git/config", "hidden"),
            ("public/.npmrc", "hidden"),
            ("secret.txt", "secret"),
            ("bundle.js", "bundle"),
        ];
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        StaticFiles::new(root, Some(folder.join("bundle.js")))
    }

    async fn fetch(method: Method, path: &str, css: Option<&'static str>) -> (u16, HeaderMap, String) {
        let folder = tempfile::tempdir().unwrap();
        let files = site(folder.path());
        files.set_user_css(css.map(|text| UserCss {
            body: Bytes::from(text),
            modified: DateTime::UNIX_EPOCH,
        }));
        let router = Router::new()
            .fallback(|| async { "passed" })
            .layer(axum::middleware::from_fn_with_state(Arc::new(files), serve));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status.as_u16(),
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    async fn body(path: &str) -> String {
        fetch(Method::GET, path, None).await.2
    }

    #[tokio::test]
    async fn files_are_found_by_their_decoded_name() {
        let (status, headers, text) = fetch(Method::GET, "/scripts/a%20b.js?v=1", None).await;
        assert_eq!((status, text.as_str()), (200, "script"));
        assert_eq!(headers[CONTENT_TYPE], "application/javascript; charset=UTF-8");
        assert_eq!(body("//index.html").await, "<p>index</p>");
        assert_eq!(body("/scripts/..%2findex.html").await, "<p>index</p>");
        assert_eq!(body("/docs/").await, "docs");
        assert_eq!(body("/lib.js").await, "bundle");
    }

    #[tokio::test]
    async fn every_miss_goes_on_to_the_routes() {
        let misses = [
            "/",
            "/nope",
            "/INDEX.HTML",
            "/index.html/",
            "/scripts/",
            "/.npmrc",
            "/scripts/.git/config",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/scripts/..%2f..%2fsecret.txt",
            "/..%5csecret.txt",
            "/index.html%00",
            "/%",
            "/%ff",
        ];
        for path in misses {
            assert_eq!(body(path).await, "passed", "{path}");
        }
        assert_eq!(fetch(Method::POST, "/index.html", None).await.2, "passed");
    }

    #[tokio::test]
    async fn folders_get_a_slash() {
        let (status, headers, text) = fetch(Method::GET, "//scripts?x=1&y", None).await;
        assert_eq!(
            (status, &headers[LOCATION]),
            (301, &"/scripts/?x=1&y".parse().unwrap())
        );
        assert!(text.contains("<pre>Redirecting to /scripts/?x=1&amp;y</pre>"));
    }

    #[tokio::test]
    async fn the_operators_stylesheet_wins() {
        assert_eq!(fetch(Method::GET, "/css/user.css", None).await.2, "own");
        let (_, headers, text) = fetch(Method::GET, "/css/user.css", Some("operators")).await;
        assert_eq!(
            (text.as_str(), &headers[CONTENT_TYPE]),
            ("operators", &"text/css; charset=UTF-8".parse().unwrap())
        );
    }
}
