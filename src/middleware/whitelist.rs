//! The IP whitelist (`whitelistMode`): who may connect at all.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::ip_pattern::IpPattern;
use crate::middleware::client_ip::{self, ForwardedHeaders};
use crate::reply;

/// The whitelist and the page for those who are not on it.
#[derive(Clone, Debug)]
pub struct Whitelist {
    /// `whitelist`, parsed.
    pub patterns: Vec<IpPattern>,
    /// Forwarding headers whose address must match too; `None` when `enableForwardedWhitelist` is off.
    pub forwarded: Option<ForwardedHeaders>,
    /// HTML of the refusal; `{{ipDetails}}` stands for the address.
    pub page: String,
}

/// Answers 403 with the page to addresses that are not on the list. Mount it only in whitelist mode.
pub async fn check(State(whitelist): State<Arc<Whitelist>>, request: Request, next: Next) -> Response {
    match whitelist.refusal(request.extensions(), request.headers()) {
        None => next.run(request).await,
        Some(client) => {
            if request.uri().path() != "/favicon.ico" {
                tracing::warn!(%client, "blocked a connection: the address is not on the whitelist");
            }
            let page = whitelist.page.replace("{{ipDetails}}", &escape(&client));
            reply::html_with(StatusCode::FORBIDDEN, page)
        }
    }
}

impl Whitelist {
    /// `None` when the client may connect, else its address as shown on the page. Both the peer and, when read, the
    /// forwarded address must match; a forwarded value that is no address is refused.
    pub fn refusal(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<String> {
        let peer = client_ip::peer(extensions).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        let reported = self.forwarded.and_then(|forwarded| forwarded.reported(headers));
        let is_listed = |ip: &str| {
            ip.parse::<IpAddr>()
                .is_ok_and(|ip| self.patterns.iter().any(|pattern| pattern.matches(ip)))
        };
        if is_listed(&peer) && reported.as_deref().is_none_or(is_listed) {
            return None;
        }
        Some(match reported {
            Some(reported) => format!("{peer} (forwarded from {reported})"),
            None => peer,
        })
    }
}

/// HTML escaping of the original's template engine, which covers more than [`reply::escape_html`].
fn escape(text: &str) -> String {
    let escaped = reply::escape_html(text).replace("&#39;", "&#x27;");
    escaped.replace('`', "&#x60;").replace('=', "&#x3D;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use http_body_util::BodyExt;
    use std::net::SocketAddr;
    use tower::ServiceExt;

    async fn visit(peer: &str, forwarded: Option<&str>) -> (StatusCode, String) {
        let headers = ForwardedHeaders {
            x_real_ip: true,
            cf_connecting_ip: false,
            x_forwarded_for: true,
        };
        let whitelist = Whitelist {
            patterns: ["127.0.0.1", "10.0.0.0/8"]
                .into_iter()
                .filter_map(IpPattern::parse)
                .collect(),
            forwarded: Some(headers),
            page: "<b>{{ipDetails}}</b>".to_owned(),
        };
        let router = Router::new()
            .fallback(|| async { "in" })
            .layer(axum::middleware::from_fn_with_state(Arc::new(whitelist), check));
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        if let Some(value) = forwarded {
            request
                .headers_mut()
                .insert("x-forwarded-for", value.parse().unwrap());
        }
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn both_addresses_must_be_listed() {
        assert_eq!(visit("::ffff:127.0.0.1", None).await.1, "in");
        assert_eq!(visit("127.0.0.1", Some("10.4.4.4, 8.8.8.8")).await.1, "in");
        assert_eq!(visit("127.0.0.1", Some("::ffff:10.4.4.4")).await.1, "in");
        assert_eq!(
            visit("127.0.0.1", Some(", 8.8.8.8")).await.0,
            StatusCode::FORBIDDEN
        );
        let (status, page) = visit("127.0.0.1", Some("<8.8.8.8>")).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(page, "<b>127.0.0.1 (forwarded from &lt;8.8.8.8&gt;)</b>");
        assert_eq!(visit("8.8.8.8", None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(visit("8.8.8.8", Some("127.0.0.1")).await.0, StatusCode::FORBIDDEN);
    }
}
