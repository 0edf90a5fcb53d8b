//! The session cookie: a signed JSON object in the browser's hands, in the form of the package `cookie-session`.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::json;

/// Reads base64 with or without padding and whatever the unused last bits are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Life of a session with no `sessionTimeout`.
const NO_TIMEOUT_DAYS: i64 = 400;

/// The cookie's name on this machine: `session-` and eight hex digits of the host name's SHA-256.
pub fn session_name(host: &str) -> String {
    let host = if host.is_empty() { "localhost" } else { host };
    format!("session-{}", hex::encode(&Sha256::digest(host.as_bytes())[..4]))
}

/// The cookie value of a session: base64 of its JSON.
pub fn encode(session: &Map<String, Value>) -> String {
    STANDARD.encode(json::to_vec(&Value::Object(session.clone())))
}

/// The session in a cookie value; `None` when it is not base64 of a JSON object.
///
/// Both base64 alphabets count, characters of neither are skipped, and the first `=` ends the text, as in Node.
pub fn decode(value: &str) -> Option<Map<String, Value>> {
    let mut text: String = value
        .chars()
        .take_while(|&c| c != '=')
        .filter_map(|c| match c {
            '-' => Some('+'),
            '_' => Some('/'),
            _ => (c.is_ascii_alphanumeric() || c == '+' || c == '/').then_some(c),
        })
        .collect();
    if text.len() % 4 == 1 {
        text.pop();
    }
    match json::parse(&LENIENT.decode(text).ok()?) {
        Ok(Value::Object(session)) => Some(session),
        _ => None,
    }
}

/// The value of the `.sig` cookie: HMAC-SHA1 of `name=value`, URL-safe base64 without padding.
///
/// `secret` is the text of `cookie-secret.txt`, verbatim.
pub fn sign(name: &str, value: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{name}={value}").as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether `signature` is [`sign`]'s answer; takes the same time wherever they differ.
pub fn verify(name: &str, value: &str, signature: &str, secret: &str) -> bool {
    let expected = sign(name, value, secret);
    let difference = expected
        .bytes()
        .zip(signature.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    expected.len() == signature.len() && difference == 0
}

/// The value of a cookie in a `Cookie` header, one pair of quotes removed.
pub fn find<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let value = header
        .split(';')
        .find_map(|part| part.trim_start_matches(' ').strip_prefix(name)?.strip_prefix('='))?;
    match value.strip_prefix('"') {
        None => Some(value),
        Some(quoted) => {
            let end = quoted.char_indices().next_back().map_or(0, |(at, _)| at);
            Some(&quoted[..end])
        }
    }
}

/// What a `Cookie` header says about the session.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// No session cookie, none with a signature, or one that does not hold a session: start anew.
    Absent,
    /// The signature is wrong: start anew and send [`clear_signature`].
    Forged,
    /// A session we signed, and the cookie value it came in (for finding out whether it changed).
    Session(Map<String, Value>, String),
}

/// Reads and checks the session in a `Cookie` header.
pub fn receive(header: &str, name: &str, secret: &str) -> Received {
    let signature = find(header, &format!("{name}.sig")).filter(|signature| !signature.is_empty());
    let (Some(value), Some(signature)) = (find(header, name), signature) else {
        return Received::Absent;
    };
    if !verify(name, value, signature, secret) {
        return Received::Forged;
    }
    decode(value).map_or(Received::Absent, |session| {
        Received::Session(session, value.to_owned())
    })
}

/// When a session set now ends: `sessionTimeout` seconds from now, 400 days when it is negative, with the browser
/// (`None`) when it is 0.
pub fn expires(session_timeout: i64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let life = match session_timeout {
        0 => return None,
        ..0 => TimeDelta::days(NO_TIMEOUT_DAYS),
        _ => TimeDelta::try_seconds(session_timeout)?,
    };
    now.checked_add_signed(life)
}

/// The two `Set-Cookie` values that store a session: the cookie, then its signature.
pub fn store(
    name: &str,
    value: &str,
    secret: &str,
    expires: Option<DateTime<Utc>>,
    secure: bool,
) -> [String; 2] {
    let signature = sign(name, value, secret);
    let attributes = attributes(expires, Some("lax"), secure);
    [
        format!("{name}={value}{attributes}"),
        format!("{name}.sig={signature}{attributes}"),
    ]
}

/// The two `Set-Cookie` values that end a session.
pub fn clear(name: &str, secret: &str, secure: bool) -> [String; 2] {
    store(name, "", secret, Some(DateTime::UNIX_EPOCH), secure)
}

/// The `Set-Cookie` value that answers a wrong signature.
pub fn clear_signature(name: &str, secure: bool) -> String {
    format!(
        "{name}.sig={}",
        attributes(Some(DateTime::UNIX_EPOCH), None, secure)
    )
}

fn attributes(expires: Option<DateTime<Utc>>, same_site: Option<&str>, secure: bool) -> String {
    let mut text = "; path=/".to_owned();
    if let Some(at) = expires {
        text.push_str(&at.format("; expires=%a, %d %b %Y %H:%M:%S GMT").to_string());
    }
    if let Some(same_site) = same_site {
        text.push_str("; samesite=");
        text.push_str(same_site);
    }
    if secure {
        text.push_str("; secure");
    }
    text.push_str("; httponly");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret/+=";

    fn session() -> Map<String, Value> {
        match json::parse(r#"{"csrfToken":"ab12","handle":"é"}"#.as_bytes()) {
            Ok(Value::Object(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn form_of_the_original() {
        let value = encode(&session());
        assert_eq!(value, "eyJjc3JmVG9rZW4iOiJhYjEyIiwiaGFuZGxlIjoiw6kifQ==");
        let ends = "2026-11-22T20:45:07Z".parse().unwrap();
        let [cookie, signature] = store("session-0a1b2c3d", &value, SECRET, Some(ends), false);
        assert_eq!(
            cookie,
            "session-0a1b2c3d=eyJjc3JmVG9rZW4iOiJhYjEyIiwiaGFuZGxlIjoiw6kifQ==; path=/; expires=Sun, 22 Nov 2026 20:45:07 GMT; samesite=lax; httponly"
        );
        assert_eq!(
            signature,
            "session-0a1b2c3d.sig=MMbyhAqTSPN0Y1_nn-RUyzLD0e8; path=/; expires=Sun, 22 Nov 2026 20:45:07 GMT; samesite=lax; httponly"
        );
        assert_eq!(session_name("host"), "session-4740ae63");
        assert_eq!(session_name(""), session_name("localhost"));
    }

    #[test]
    fn clearing() {
        let [cookie, signature] = clear("s", SECRET, true);
        assert_eq!(
            cookie,
            "s=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; secure; httponly"
        );
        assert_eq!(
            signature,
            format!("s.sig={}{}", sign("s", "", SECRET), &cookie[2..])
        );
        assert_eq!(
            clear_signature("s", false),
            "s.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"
        );
    }

    #[test]
    fn received_sessions() {
        let value = encode(&session());
        let signature = sign("s", &value, SECRET);
        let header = format!("xs=1; s={value};s.sig={signature}; t=\"q\"");
        assert_eq!(
            receive(&header, "s", SECRET),
            Received::Session(session(), value.clone())
        );
        assert_eq!(receive(&header, "s", "other"), Received::Forged);
        assert_eq!(receive(&format!("s={value}"), "s", SECRET), Received::Absent);
        assert_eq!(
            receive(&format!("s={value}; s.sig={signature}x"), "s", SECRET),
            Received::Forged
        );
        let text = STANDARD.encode("[1]");
        let header = format!("s={text}; s.sig={}", sign("s", &text, SECRET));
        assert_eq!(receive(&header, "s", SECRET), Received::Absent);
        assert_eq!(find(&header, "t"), None);
        assert_eq!(find("t=\"q\"", "t"), Some("q"));
    }

    #[test]
    fn base64_is_read_as_node_reads_it() {
        for text in [
            "eyJhIjoiPz8_In0",
            "eyJhIjoiPz8/In0=",
            "eyJh IjoiPz8/In0=x",
            "eyJhIjoiPz8/In0=",
        ] {
            assert_eq!(decode(text).unwrap()["a"], "???", "{text}");
        }
        assert_eq!(decode("bnVsbA=="), None);
    }

    #[test]
    fn life_of_a_session() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(expires(0, now), None);
        assert_eq!(expires(60, now), Some(now + TimeDelta::seconds(60)));
        assert_eq!(expires(-1, now), Some(now + TimeDelta::days(400)));
    }
}
