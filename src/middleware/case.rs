//! Path normalisation, right before routing: letters of any case, and a trailing slash, as Express matches them.
//!
//! Routes are registered in lower case without a trailing slash. What follows a prefix of [`KEPT`] names a file or is a
//! parameter, and stays as it came. Everything further out, and `OriginalUri`, sees the path as it was sent.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::middleware::form::decode_escapes;
use crate::reply;

/// Prefixes (of paths, still percent-encoded) whose rest is kept, and whether its trailing slash is.
const KEPT: [(&str, bool); 12] = [
    ("/characters/", true),
    ("/backgrounds/", true),
    ("/user%20avatars/", true),
    ("/assets/", true),
    ("/user/images/", true),
    ("/user/files/", true),
    ("/scripts/extensions/third-party/", true),
    ("/proxy/", true),
    ("/api/plugins/", true),
    ("/api/images/list/", false),
    ("/listimgfiles/", false),
    ("/callback/", false),
];

/// Rewrites the request's path to the form routes are registered in. A malformed percent escape in a parameter is
/// answered with the error page 400; elsewhere it is part of an unknown path.
pub async fn normalise(mut request: Request, next: Next) -> Response {
    let Some(path) = canonical(request.uri().path()) else {
        return reply::error_page(StatusCode::BAD_REQUEST);
    };
    if let Some(uri) = with_path(request.uri(), &path) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// The path as routes have it; `None` when a parameter has a malformed escape.
pub fn canonical(path: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    let Some((prefix, keeps_slash)) = KEPT.iter().find(|(prefix, _)| lower.starts_with(prefix)) else {
        return Some(without_slash(&lower).to_owned());
    };
    let rest = &path[prefix.len()..];
    decode_escapes(rest)?;
    let whole = format!("{prefix}{rest}");
    Some(if *keeps_slash {
        whole
    } else {
        without_slash(&whole).to_owned()
    })
}

/// The part of a raw path behind a prefix that is matched in any case; `None` when it is another path.
pub fn rest_of<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = path.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/')
        .filter(|short| !short.is_empty())
        .unwrap_or(path)
}

/// `None` when nothing changes or, which cannot happen to a path that was one before, the result is no path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    if uri.path() == path {
        return None;
    }
    let text = uri
        .query()
        .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::OriginalUri;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[test]
    fn routes_lose_case_and_slash_and_files_keep_both() {
        let cases = [
            ("/", "/"),
            ("/API/Characters/CHATS/", "/api/characters/chats"),
            ("/api/content/importURL", "/api/content/importurl"),
            ("/Characters/Seraphina.png", "/characters/Seraphina.png"),
            ("/characters/", "/characters/"),
            ("/Characters", "/characters"),
            ("/USER%20Avatars/A.png", "/user%20avatars/A.png"),
            ("/api/images/LIST/My%20Folder/", "/api/images/list/My%20Folder"),
            ("/callback/", "/callback"),
            ("//", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(canonical(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn malformed_escapes_count_in_parameters_only() {
        assert_eq!(canonical("/characters/%"), None);
        assert_eq!(canonical("/callback/%ff"), None);
        assert!(canonical("/%").is_some() && canonical("/api/%zz").is_some());
    }

    #[test]
    fn the_rest_behind_a_prefix_keeps_its_case() {
        assert_eq!(
            rest_of("/Characters/A%20b.png", "/characters/"),
            Some("A%20b.png")
        );
        assert_eq!(rest_of("/character", "/characters/"), None);
    }

    #[tokio::test]
    async fn the_query_and_the_original_stay() {
        let inner = Router::new().route(
            "/api/x",
            get(|OriginalUri(original): OriginalUri, uri: Uri| async move { format!("{original} {uri}") }),
        );
        let router = Router::new()
            .fallback_service(inner)
            .layer(axum::middleware::from_fn(normalise));
        let request = Request::get("/API/X/?A=B").body(Body::empty()).unwrap();
        let body = router
            .oneshot(request)
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(&body[..], b"/API/X/?A=B /api/x?A=B");
    }
}
