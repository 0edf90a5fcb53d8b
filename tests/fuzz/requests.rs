//! What comes over the wire, and what the operator writes: bodies, forms, addresses, `config.yaml`.

use std::io::Write as _;
use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::{Extension, Router};
use http_body_util::BodyExt as _;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use serde_json::Value;
use squaretable::config::ip_pattern::IpPattern;
use squaretable::config::{Cli, Config, ServeArgs};
use squaretable::middleware::body::{BodyLimits, PATIENCE, ParsedBody, parse};
use squaretable::middleware::form;
use tower::ServiceExt as _;

use crate::few;
use crate::mutate::{apply, apply_text, edits};

const LIMIT: usize = 4096;

const FORM: &str = "a=1&b%5B%5D=2&b[]=3&c[d][e]=4&f[2]=x&f[0]=y&g=%F0%9F%A6%8A+z&h=%zz&i";

const CONFIG: &str = "\
dataRoot: ./data
listen: true
whitelistMode: true
whitelist: [127.0.0.1, '::1', 10.0.0.0/8, 192.168.*.*]
port: 8000
basicAuthUser: {username: user, password: password}
sessionTimeout: -1
thumbnails:
  enabled: true
  format: jpg
  quality: 95
  dimensions: {bg: [160, 90], avatar: [96, 144], persona: [96, 144]}
performance: {lazyLoadCharacters: false, memoryCacheCapacity: '100mb'}
requestProxy: {enabled: false, url: 'socks5://user:pass@example.com:1080', bypass: [localhost]}
backups: {common: {numberOfBackups: 50}, chat: {enabled: true, throttleInterval: 10000}}
logging: {minLogLevel: 0}
";

/// What the middleware makes of a body; `None` where it refuses.
fn parsed(kind: &str, encoding: &str, body: Vec<u8>) -> Option<ParsedBody> {
    let layer = axum::middleware::from_fn_with_state(
        BodyLimits {
            patience: PATIENCE,
            anonymous: LIMIT,
            known: LIMIT,
        },
        parse,
    );
    let keep = |Extension(parsed): Extension<ParsedBody>| async move {
        match parsed {
            ParsedBody::Json(bytes) => bytes.to_vec(),
            ParsedBody::Form(value) => [&b"form "[..], value.to_string().as_bytes()].concat(),
            ParsedBody::Empty => b"empty".to_vec(),
            ParsedBody::Other => b"other".to_vec(),
        }
    };
    let request = Request::post("/")
        .header(CONTENT_LENGTH, body.len())
        .header(CONTENT_TYPE, kind)
        .header(CONTENT_ENCODING, encoding)
        .body(Body::from(body))
        .expect("headers of ASCII");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let answer = Router::new()
            .fallback(keep)
            .layer(layer)
            .oneshot(request)
            .await
            .expect("a router always answers");
        if !answer.status().is_success() {
            return None;
        }
        let bytes = answer
            .into_body()
            .collect()
            .await
            .expect("bytes in memory")
            .to_bytes();
        Some(match bytes.strip_prefix(b"form ") {
            Some(form) => ParsedBody::Form(serde_json::from_slice(form).expect("a form is JSON")),
            None if &bytes[..] == b"empty" => ParsedBody::Empty,
            None if &bytes[..] == b"other" => ParsedBody::Other,
            None => ParsedBody::Json(bytes),
        })
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("a vector takes any bytes");
    packed.finish().expect("a vector takes any bytes")
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn fuzz_forms(edits in edits()) {
        let body = apply_text(FORM, &edits);
        if let Ok(value) = form::parse(&body) {
            prop_assert!(value.is_object());
            prop_assert!(depth(&value) <= 40);
            prop_assert!(value.to_string().len() <= 16 * body.len() + 1000);
        }
    }

    #[test]
    fn fuzz_bodies(
        edits in edits(),
        kind in select(vec!["application/json", "application/x-www-form-urlencoded", "application/json; charset=utf-16le", "application/json;charset=latin1"]),
        encoding in select(vec!["identity", "gzip", "deflate", "br"]),
        repeat in 1..4000_usize,
    ) {
        let plain = br#"{"name":"x","list":[1,2,{"a":null}],"text":"\ud83e\udd8a"}"#;
        let body = match encoding {
            "gzip" => apply(&gzip(&plain.repeat(repeat)), &edits),
            _ => apply(plain, &edits),
        };
        if let Some(ParsedBody::Json(bytes)) = parsed(kind, encoding, body) {
            // A charset of two bytes a character may grow in UTF-8, but not beyond that.
            prop_assert!(bytes.len() <= 2 * LIMIT);
            let first = bytes.trim_ascii_start().first().copied();
            let is_container = matches!(first, Some(b'{' | b'[')) || bytes.starts_with(b"\xef\xbb\xbf");
            prop_assert!(is_container, "starts with {:?}", first);
        }
    }

    #[test]
    fn fuzz_addresses(valid in select(vec!["192.168.0.1", "10.*.*.*", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.1-10.0.0.9", "fe80::/10", "::ffff:1.2.3.4"]), edits in edits(), address in any::<IpAddr>()) {
        if let Some(pattern) = IpPattern::parse(&apply_text(valid, &edits)) {
            let mapped = match address {
                IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
                v6 @ IpAddr::V6(_) => v6,
            };
            prop_assert_eq!(pattern.matches(address), pattern.matches(mapped));
        }
    }
}

proptest! {
    #![proptest_config(few(64))]

    #[test]
    fn fuzz_config(edits in edits()) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&apply(CONFIG.as_bytes(), &edits)).expect("a disk with room");
        let cli = Cli {
            command: None,
            serve: ServeArgs { config: Some(file.path().to_owned()), ..ServeArgs::default() },
        };
        match Config::load(&cli) {
            Ok((config, _)) => prop_assert!(config.http.security_override || !config.is_open()),
            Err(faults) => prop_assert!(!faults.texts().is_empty()),
        }
    }
}
