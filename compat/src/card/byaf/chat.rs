//! Scenarios of a BYAF archive as chats.

use chrono::{DateTime, Local, Utc};
use serde_json::{Map, Value, json};

use super::card::{examples, first_message, is_same, with_macros};
use super::{Background, Byaf, Error, Scenario};
use crate::card::coerce::{number, number_value, or_nullish, truthy};
use crate::{dates, json, names};

/// Longest file name in bytes.
const MAX_NAME: usize = 255;

/// What a chat's settings in Backyard AI are where a scenario does not say, by the scenario's and by our key.
const SETTINGS: [(&str, &str); 10] = [
    ("model", "model"),
    ("temperature", "temperature"),
    ("topK", "top_k"),
    ("topP", "top_p"),
    ("minP", "min_p"),
    ("minPEnabled", "min_p_enabled"),
    ("repeatPenalty", "repeat_penalty"),
    ("repeatLastN", "repeat_penalty_tokens"),
    ("promptTemplate", "by_prompt_template"),
    ("grammar", "grammar"),
];

/// The file name of a chat with this title that was imported at this moment.
///
/// compat: the original cuts a long name at the end, and with it the extension that a chat is known by; here the title
/// is cut.
#[must_use]
pub fn chat_file_name(title: &str, at: DateTime<Local>) -> String {
    let suffix = format!(" - {} imported.jsonl", dates::humanized(at));
    let title = json::lossy(title);
    let name = names::sanitize_with(&format!("{title}{suffix}"), "_");
    if name.ends_with(".jsonl") {
        return name;
    }
    let mut title = names::sanitize_with(&title, "_");
    while title.len() + suffix.len() > MAX_NAME {
        title.pop();
    }
    title + &suffix
}

impl Byaf {
    /// The title of a scenario's chat: its own, or the character's name.
    ///
    /// # Errors
    /// The scenario is `null`.
    pub fn chat_title(&self, scenario: &Scenario) -> Result<String, Error> {
        if scenario.0.is_null() {
            return Err(Error::Shape("scenario"));
        }
        let title = scenario.0.get("title").filter(|title| truthy(Some(title)));
        let title = title.or_else(|| self.card.get("name"));
        Ok(title.map_or_else(|| "undefined".to_owned(), json::js_string))
    }

    /// The picture behind a scenario, as an index into [`Byaf::backgrounds`].
    #[must_use]
    pub fn background_of(&self, scenario: &Scenario) -> Option<usize> {
        let path = scenario
            .0
            .get("backgroundImage")
            .filter(|path| truthy(Some(path)));
        let has = |background: &Background| background.paths.iter().any(|known| is_same(Some(known), path));
        path.and_then(|_| self.backgrounds.iter().position(has))
    }

    /// The lines of a scenario's chat. `user` is the name that the user goes by, `background` the URL of the picture.
    ///
    /// compat: messages are re-ordered to alternate when there are as many of the user as of the character.
    ///
    /// # Errors
    /// The messages are not what they should be.
    pub fn chat_lines(
        &self,
        scenario: &Scenario,
        user: Option<&Value>,
        background: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let scenario = &scenario.0;
        let messages = match scenario.get("messages") {
            None | Some(Value::Null) => None,
            Some(Value::Array(messages)) => Some(messages),
            Some(_) => return Err(Error::Shape("messages")),
        };
        let character = self.card.get("name");
        let mut lines = vec![header(scenario, background)];
        let started = started(messages, now)?;
        let opening = first_message(scenario).filter(|text| truthy(Some(text)));
        // Something that is no list may have an entry 0, but no length.
        let has_length = scenario.get("firstMessages").is_some_and(Value::is_array);
        if let Some(text) = opening.filter(|_| has_length) {
            lines.push(line(character, false, started.as_ref(), Some(text)));
        }
        for message in ordered(messages.map_or(&[][..], Vec::as_slice)) {
            lines.push(if is_kind(message, "human") {
                let sent = number_value(number(message.get("createdAt")));
                line(user, true, Some(&sent), message.get("text"))
            } else {
                reply(character, message)?
            });
        }
        Ok(lines.iter().map(json::to_vec).collect())
    }
}

fn header(scenario: &Value, background: Option<&str>) -> Value {
    let field = |key: &str| scenario.get(key);
    let settings = SETTINGS.map(|(theirs, ours)| {
        let fallback = match ours {
            "temperature" => json!(1.2),
            "top_k" => json!(40),
            "top_p" => json!(0.9),
            "min_p" => json!(0.1),
            "min_p_enabled" => json!(true),
            "repeat_penalty" => json!(1.05),
            "repeat_penalty_tokens" => json!(256),
            "by_prompt_template" => json!("general"),
            "grammar" => Value::Null,
            _ => json!(""),
        };
        (ours.to_owned(), or_nullish(field(theirs), fallback))
    });
    let background_css = background.map(|url| format!("url(\"{}\")", encode_uri(url)));
    json!({
        "user_name": "unused",
        "character_name": "unused",
        "chat_metadata": {
            "scenario": or_nullish(field("narrative"), ""),
            "mes_example": examples(scenario),
            "system_prompt": with_macros(field("formattingInstructions")),
            "mes_examples_optional": or_nullish(field("canDeleteExampleMessages"), false),
            "byaf_model_settings": Map::from_iter(settings),
            "chat_backgrounds": background.into_iter().collect::<Vec<_>>(),
            "custom_background": background_css.unwrap_or_default(),
        },
    })
}

/// When the first of the messages that say so was written; now, when there are none yet.
fn started(messages: Option<&Vec<Value>>, now: DateTime<Utc>) -> Result<Option<Value>, Error> {
    let Some(messages) = messages else { return Ok(None) };
    if messages.is_empty() {
        return Ok(Some(dates::iso(now).into()));
    }
    if !messages
        .iter()
        .all(|message| message.is_object() || message.is_array())
    {
        return Err(Error::Shape("message"));
    }
    let first = messages.iter().find_map(|message| message.get("createdAt"));
    first
        .cloned()
        .map(Some)
        .ok_or(Error::Shape("message without a date"))
}

/// The messages in the order of the chat.
fn ordered(messages: &[Value]) -> Vec<&Value> {
    let of_kind = |kind: &'static str| messages.iter().filter(move |message| is_kind(message, kind));
    if of_kind("human").count() == of_kind("ai").count() {
        return of_kind("human")
            .zip(of_kind("ai"))
            .flat_map(|(human, ai)| [human, ai])
            .collect();
    }
    messages.iter().collect()
}

fn is_kind(message: &Value, kind: &str) -> bool {
    message.get("type").and_then(Value::as_str) == Some(kind)
}

fn line(name: Option<&Value>, is_user: bool, sent: Option<&Value>, text: Option<&Value>) -> Value {
    let fields = [
        ("name", name.cloned()),
        ("is_user", Some(is_user.into())),
        ("send_date", sent.cloned()),
        ("mes", text.cloned()),
    ];
    let present = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect())
}

/// A message of the character: the newest of its texts, all of them as swipes.
fn reply(character: Option<&Value>, message: &Value) -> Result<Value, Error> {
    let malformed = || Error::Shape("reply");
    let outputs = message
        .get("outputs")
        .and_then(Value::as_array)
        .ok_or_else(malformed)?;
    if outputs.iter().any(Value::is_null) {
        return Err(malformed());
    }
    let moment = |output: &Value| dates::js_date(output.get("activeTimestamp"));
    let newest = (0..outputs.len())
        .reduce(|newest, at| {
            if moment(&outputs[newest]) >= moment(&outputs[at]) {
                newest
            } else {
                at
            }
        })
        .ok_or_else(malformed)?;
    let text = outputs[newest].get("text");
    let sent = number_value(number(outputs[newest].get("createdAt")));
    let mut reply = line(character, false, Some(&sent), text);
    let shown = outputs
        .iter()
        .enumerate()
        .position(|(at, output)| at == newest || is_same(output.get("text"), text));
    if let Value::Object(reply) = &mut reply {
        let swipes = outputs
            .iter()
            .map(|output| output.get("text").cloned().unwrap_or_default());
        reply.insert("swipes".to_owned(), swipes.collect());
        reply.insert("swipe_id".to_owned(), shown.into());
    }
    Ok(reply)
}

/// JavaScript's `encodeURI`.
fn encode_uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b";,/?:@&=+$-_.!~*'()#".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
