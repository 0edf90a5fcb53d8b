//! Foreign chat formats, as `/api/chats/import` reads them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Error, decode, join, split};
use crate::{dates, json};

/// Marks the user's turns in Kobold Lite.
const KOBOLD_INPUT: &str = "{{[INPUT]}}";
/// Marks the end of the user's turns in Kobold Lite.
const KOBOLD_OUTPUT: &str = "{{[OUTPUT]}}";

/// Turns a JSON chat of another program into chat files, one per conversation.
///
/// Known, by the first that fits: Kobold Lite (`savedsettings`), CAI Tools (`histories`), oobabooga (`data_visible`),
/// Agnai (`messages`), RisuAI (`type` is `risuChat`). `user` and `character` name the speakers where the file does
/// not; `now` dates messages without a time.
///
/// compat: a CAI Tools file with any history fails, as it always does in the original.
///
/// # Errors
/// [`Error::UnknownFormat`], or [`Error::Shape`] where the original throws.
pub fn import_json(
    data: &Value,
    user: &str,
    character: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Vec<u8>>, Error> {
    let speakers = Speakers {
        user: user.to_owned(),
        character: character.to_owned(),
        now: dates::iso(now),
    };
    let messages = if let Some(settings) = member(data, "savedsettings")? {
        kobold_lite(data, settings, speakers.now)?
    } else if let Some(histories) = member(data, "histories")? {
        return cai_tools(histories);
    } else if let Some(pairs) = data.get("data_visible").and_then(Value::as_array) {
        oobabooga(pairs, &speakers)?
    } else if let Some(messages) = data.get("messages").and_then(Value::as_array) {
        agnai(messages, &speakers)?
    } else if data.get("type").and_then(Value::as_str) == Some("risuChat") {
        risu(data, &speakers, now)?
    } else {
        return Err(Error::UnknownFormat);
    };
    let header = json!({"chat_metadata": {}, "user_name": "unused", "character_name": "unused"});
    let lines: Vec<Vec<u8>> = std::iter::once(header)
        .chain(messages)
        .map(|line| json::to_vec(&line))
        .collect();
    Ok(vec![join(&lines)])
}

struct Speakers {
    user: String,
    character: String,
    /// ISO text of the time of import.
    now: String,
}

impl Speakers {
    fn name(&self, is_user: bool) -> Value {
        Value::from(if is_user {
            self.user.as_str()
        } else {
            self.character.as_str()
        })
    }

    fn message(&self, is_user: bool, mes: Option<Value>) -> Value {
        message(self.name(is_user), is_user, self.now.clone(), mes)
    }
}

/// A message; without `mes` the member is left out, as `undefined` is.
fn message(name: Value, is_user: bool, send_date: String, mes: Option<Value>) -> Value {
    let mut message = Map::new();
    message.insert("name".to_owned(), name);
    message.insert("is_user".to_owned(), Value::from(is_user));
    message.insert("send_date".to_owned(), Value::from(send_date));
    if let Some(mes) = mes {
        message.insert("mes".to_owned(), mes);
    }
    message.insert("extra".to_owned(), json!({}));
    Value::Object(message)
}

/// `value[name]`: `None` for undefined.
fn member<'a>(value: &'a Value, name: &str) -> Result<Option<&'a Value>, Error> {
    if value.is_null() {
        Err(Error::Shape("null where an object is expected"))
    } else {
        Ok(value.get(name))
    }
}

fn kobold_lite(data: &Value, settings: &Value, now: String) -> Result<Vec<Value>, Error> {
    let text = |name| {
        Ok::<_, Error>(member(settings, name)?.map_or_else(|| "undefined".to_owned(), json::js_string))
    };
    let user = text("chatname")?;
    let opponents = text("chatopponent")?;
    let character = opponents.split("||$||").next().unwrap_or_default().to_owned();
    let speakers = Speakers { user, character, now };
    let actions = data
        .get("actions")
        .and_then(Value::as_array)
        .ok_or(Error::Shape("actions is not a list"))?;
    let prompt = data.get("prompt").filter(|prompt| json::js_truthy(prompt));
    prompt
        .into_iter()
        .chain(actions)
        .map(|action| kobold_action(action, &speakers))
        .collect()
}

fn kobold_action(action: &Value, speakers: &Speakers) -> Result<Value, Error> {
    let text = action.as_str().ok_or(Error::Shape("an action is not a string"))?;
    let is_user = text.contains(KOBOLD_INPUT);
    let text = text.replace(KOBOLD_INPUT, "").replace(KOBOLD_OUTPUT, "");
    Ok(json!({
        "name": speakers.name(is_user),
        "is_user": is_user,
        "mes": json::js_trim(&text),
        "send_date": speakers.now,
        "extra": {},
    }))
}

fn cai_tools(histories: &Value) -> Result<Vec<Vec<u8>>, Error> {
    match member(histories, "histories")? {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.is_empty() => Ok(Vec::new()),
        Some(_) => Err(Error::Shape("histories cannot be imported")),
    }
}

fn oobabooga(pairs: &[Value], speakers: &Speakers) -> Result<Vec<Value>, Error> {
    let mut messages = Vec::new();
    for pair in pairs {
        for (index, is_user) in [(0, true), (1, false)] {
            if let Some(mes) = element(pair, index)?.filter(json::js_truthy) {
                messages.push(speakers.message(is_user, Some(mes)));
            }
        }
    }
    Ok(messages)
}

/// `value[index]`; of a string the UTF-16 unit.
fn element(value: &Value, index: usize) -> Result<Option<Value>, Error> {
    Ok(match value {
        Value::Array(items) => items.get(index).cloned(),
        Value::String(text) => json::to_utf16(text)
            .get(index)
            .map(|&unit| Value::from(json::from_utf16(&[unit]))),
        _ => member(value, &index.to_string())?.cloned(),
    })
}

fn agnai(messages: &[Value], speakers: &Speakers) -> Result<Vec<Value>, Error> {
    let convert = |message| {
        let is_user = member(message, "userId")?.is_some_and(json::js_truthy);
        Ok(speakers.message(is_user, message.get("msg").cloned()))
    };
    messages.iter().map(convert).collect()
}

fn risu(data: &Value, speakers: &Speakers, now: DateTime<Utc>) -> Result<Vec<Value>, Error> {
    let messages = data
        .get("data")
        .and_then(|data| data.get("message"))
        .and_then(Value::as_array);
    let messages = messages.ok_or(Error::Shape("data.message is not a list"))?;
    let convert = |entry| {
        // A member that is null counts as absent here.
        let present = |name| Ok::<_, Error>(member(entry, name)?.filter(|value| !value.is_null()));
        let is_user = present("role")?.and_then(Value::as_str) == Some("user");
        let name = present("name")?
            .cloned()
            .unwrap_or_else(|| speakers.name(is_user));
        let time = present("time")?.map_or(dates::millis(now), json::js_to_number);
        let date = dates::iso_millis(time).ok_or(Error::Shape("a message has an impossible time"))?;
        let mes = present("data")?.cloned().unwrap_or_else(|| Value::from(""));
        Ok(message(name, is_user, date, Some(mes)))
    };
    messages.iter().map(convert).collect()
}

/// Checks a JSON Lines chat and returns the file to store: the very bytes, unless a line changes by being read and
/// written, or holds Chub's objects in place of texts (`mes` or swipes with a `message`), which are flattened.
///
/// # Errors
/// The first line is not JSON, or has none of `user_name`, `name` and `chat_metadata`.
pub fn import_jsonl(file: &[u8]) -> Result<Vec<u8>, Error> {
    let text = decode(file);
    let lines = split(text.as_bytes());
    let header = json::parse(lines.first().copied().unwrap_or_default())?;
    if !["user_name", "name", "chat_metadata"]
        .iter()
        .any(|name| header.get(name).is_some())
    {
        return Err(Error::UnknownFormat);
    }
    let flat: Option<Vec<Vec<u8>>> = lines.iter().map(|line| flatten(line)).collect();
    let flat = flat
        .map(|lines| join(&lines))
        .filter(|flat| flat != text.as_bytes());
    Ok(flat.unwrap_or_else(|| file.to_vec()))
}

/// One line without Chub's objects; `None` where the original gives the whole attempt up (a swipe that is null).
fn flatten(line: &[u8]) -> Option<Vec<u8>> {
    let Some(mut value) = json::parse(line).ok().filter(json::js_truthy) else {
        return Some(line.to_vec());
    };
    if let Some(text) = value.get("mes").and_then(inner_message).cloned() {
        value["mes"] = text;
    }
    if let Some(swipes) = value.get_mut("swipes").and_then(Value::as_array_mut) {
        for swipe in swipes {
            if swipe.is_null() {
                return None;
            }
            if let Some(text) = inner_message(swipe).cloned() {
                *swipe = text;
            }
        }
    }
    Some(json::to_vec(&value))
}

/// The truthy `message` of an object.
fn inner_message(value: &Value) -> Option<&Value> {
    value.get("message").filter(|message| json::js_truthy(message))
}
