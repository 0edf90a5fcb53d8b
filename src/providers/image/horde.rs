//! Pictures by the AI Horde: a task, and its state until a volunteer's machine has painted it.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use regex::Regex;
use serde_json::{Value, json};

use super::server::{sent, told};
use super::vendor::{renamed, too_late};
use crate::error::{Error, Result};
use crate::providers::exchange::{json_headers, posting, silent_error, without_body};
use crate::providers::farewell::Farewell;
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::text::horde::{ANONYMOUS, API, agent};
use crate::providers::upstream::UpstreamHeaders;

/// How often the Horde is asked for a task's state.
pub const POLLING: Polling = Polling::every(Duration::from_secs(3), 200);
/// Longest prompt that the Horde takes, both halves of it together, in UTF-16 code units.
const LONGEST: usize = 5000;

/// A picture for the body's `prompt`: base64, or where it is, as text. An empty key is nobody's. When the browser goes, the
/// task is withdrawn.
///
/// # Errors
/// 400 without a prompt and when the Horde takes no task, 504 when it is not done in time, 500.
pub async fn paint(
    body: &Value,
    key: &str,
    version: &str,
    relay: &Relay,
    polling: Polling,
) -> Result<Response> {
    if !js::is_truthy(body.get("prompt")) {
        return Err(Error::bad_request());
    }
    let mut headers = json_headers();
    headers.set("Client-Agent", agent(version));
    let mut asking = headers.clone();
    asking.set("apikey", if key.is_empty() { ANONYMOUS } else { key });
    let order = posting(&format!("{API}/generate/async"), asking, &request(body)?)?;
    let task = told(relay.send(order).await).await?;
    if task.is_null() {
        return Err(silent_error());
    }
    let id = task.get("id").filter(|id| js::is_truthy(Some(id)));
    let id = js::path_step(&js::to_text(Some(id.ok_or_else(Error::bad_request)?)));
    let status = format!("{API}/generate/status/{id}");
    let withdrawal = without_body(Method::DELETE, &status, headers.clone())?;
    let farewell = Farewell::new(relay.clone(), Some(withdrawal));
    let painted = painted(&id, &headers, relay, polling).await;
    Ok(farewell.finish(painted.unwrap_or_else(IntoResponse::into_response)))
}

async fn painted(id: &str, headers: &UpstreamHeaders, relay: &Relay, polling: Polling) -> Result<Response> {
    let ask = async |what: &str| {
        let address = format!("{API}/generate/{what}/{id}");
        told(
            relay
                .send(without_body(Method::GET, &address, headers.clone())?)
                .await,
        )
        .await
    };
    let done = polling.until(|| async {
        let state = ask("check").await?;
        if js::is_truthy(state.get("done")) {
            return Ok(Some(()));
        }
        if state.is_null() || js::is_truthy(state.get("faulted")) {
            return Err(silent_error());
        }
        Ok(None)
    });
    done.await?.ok_or_else(too_late)?;
    let result = ask("status").await?;
    let painted = result
        .pointer("/generations/0")
        .filter(|painted| !painted.is_null());
    let painted = painted.ok_or_else(silent_error)?;
    Ok(sent(painted.get("img")))
}

fn request(body: &Value) -> Result<Value> {
    let prompt = prompt(body)?;
    let negative = js::to_text(body.get("negative_prompt"));
    let mut params = renamed(
        body,
        &[
            ("sampler_name", "sampler"),
            ("hires_fix", "enable_hr"),
            ("use_gfpgan", "restore_faces"),
            ("cfg_scale", "scale"),
            ("steps", "steps"),
            ("width", "width"),
            ("height", "height"),
        ],
    );
    params.insert("karras".to_owned(), js::is_truthy(body.get("karras")).into());
    params.extend(renamed(body, &[("clip_skip", "clip_skip")]));
    let seed = body.get("seed").filter(|seed| js::to_number(Some(seed)) >= 0.0);
    params.extend(seed.map(|seed| ("seed".to_owned(), js::to_text(Some(seed)).into())));
    params.insert("n".to_owned(), 1.into());
    let mut request = json!({ "prompt": format!("{prompt} ### {negative}"), "params": params, "r2": false });
    // compat: the field's name is misspelled on both sides.
    if let Some(nsfw) = body.get("nfsw") {
        request["nsfw"] = nsfw.clone();
    }
    request["models"] = json!([body.get("model").cloned().unwrap_or_default()]);
    Ok(request)
}

/// The prompt, cut to what the Horde takes, and without what makes it refuse where the body wants that.
///
/// # Errors
/// compat: 500 for a short prompt that is to be made harmless and is no text.
fn prompt(body: &Value) -> Result<String> {
    let negative = js::to_text(body.get("negative_prompt"));
    let room = LONGEST.saturating_sub(negative.encode_utf16().count() + 5);
    let given = js::to_text(body.get("prompt"));
    let units: Vec<u16> = given.encode_utf16().take(room).collect();
    let prompt = String::from_utf16_lossy(&units);
    if !js::is_truthy(body.get("sanitize")) {
        return Ok(prompt);
    }
    let is_text = body.get("prompt").is_some_and(Value::is_string);
    if !is_text && units.len() == given.encode_utf16().count() {
        return Err(silent_error());
    }
    Ok(harmless(&prompt))
}

/// Patterns and what takes the place of what they match, one after the other.
static HARMLESS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let words = |words: &str| {
        let any = words
            .split_whitespace()
            .collect::<Vec<_>>()
            .join("|")
            .replace('.', "[^\\n\\r]");
        let pattern = format!("(?-u:\\b)(?:{any})(?-u:\\b)");
        Regex::new(&pattern).expect("a pattern of words")
    };
    let same_case = |text: &str| {
        // Letters in either case; there is no folding beyond ASCII.
        text.chars()
            .map(|c| match c {
                'a'..='z' => format!("[{c}{}]", c.to_ascii_uppercase()),
                c => c.to_string(),
            })
            .collect::<String>()
    };
    let age = format!("(?-u:\\w+).{}.{}", same_case("years?"), same_case("old"));
    let risky = format!(
        "{} {age} {}",
        same_case("under.?aged?"),
        same_case("loli pedo pedophile minors? prepubescent shota")
    );
    vec![
        (words(&same_case("girl")), "woman"),
        (words(&same_case("boy")), "man"),
        (words(&same_case("girls")), "women"),
        (words(&same_case("boys")), "men"),
        (words(&risky), ""),
        (
            words(&same_case(
                "youngster infant baby toddler child teen kid kiddie kiddo teenager student preteen pre.teen",
            )),
            "person",
        ),
        (
            words(&same_case(
                "young younger youthful youth small smaller smallest girly boyish lil tiny teenaged little litlle \
                 school.aged school highschool kindergarten teens children kids",
            )),
            "",
        ),
    ]
});

fn harmless(prompt: &str) -> String {
    HARMLESS
        .iter()
        .fold(prompt.to_owned(), |prompt, (pattern, instead)| {
            pattern.replace_all(&prompt, *instead).into_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_made_harmless_word_by_word() {
        for (prompt, expected) in [
            ("a Girl and BOYS", "a woman and men"),
            ("an 18 year old", "an "),
            ("ten-years-old pine", " pine"),
            ("girlfriend, minority", "girlfriend, minority"),
            ("a small student", "a  person"),
            ("under-aged underage", " "),
            ("a school-aged tree", "a  tree"),
        ] {
            assert_eq!(harmless(prompt), expected, "{prompt}");
        }
    }

    #[test]
    fn a_prompt_leaves_room_for_what_is_not_wanted() {
        let body = json!({ "prompt": "x".repeat(6000), "negative_prompt": "n".repeat(995) });
        assert_eq!(prompt(&body).unwrap().len(), 4000);
        let made = request(&json!({ "prompt": "p", "seed": 5, "model": "m", "nfsw": true })).unwrap();
        assert_eq!(made["params"]["seed"], "5");
        assert_eq!(
            (&made["prompt"], &made["nsfw"]),
            (&json!("p ### undefined"), &json!(true))
        );
    }
}
