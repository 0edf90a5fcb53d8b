//! The fields of the character form and the card they make (`POST /api/characters/create` and `/edit`).

use chrono::{DateTime, Local};
use serde_json::{Map, Value};

use super::coerce::{self, or, or_nullish, put, set, truthy};
use super::{attributes, book, chat_name};
use crate::json;

/// The prompt inserted at a depth of the chat.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthPrompt {
    /// The text, `""` when not given.
    pub prompt: Value,
    /// Messages from the end: a number, 4 when not given, 0 for an empty field, `null` when infinite.
    pub depth: Value,
    /// The role, `"system"` when not given.
    pub role: Value,
}

/// The character form with its defaults applied. Values stay JSON values: a field may arrive as text (multipart) or
/// as anything (a JSON body), and is stored as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// `ch_name`; `None` when not sent, which leaves the card without a name.
    pub name: Option<Value>,
    /// `description`, `""` when empty.
    pub description: Value,
    /// `personality`, `""` when empty.
    pub personality: Value,
    /// `scenario`, `""` when empty.
    pub scenario: Value,
    /// `first_mes`, `""` when empty.
    pub first_mes: Value,
    /// `mes_example`, `""` when empty.
    pub mes_example: Value,
    /// `creator_notes`, `""` when empty; also stored as `creatorcomment`.
    pub creator_notes: Value,
    /// `system_prompt`, `""` when empty.
    pub system_prompt: Value,
    /// `post_history_instructions`, `""` when empty.
    pub post_history_instructions: Value,
    /// `creator`, `""` when empty.
    pub creator: Value,
    /// `character_version`, `""` when empty.
    pub character_version: Value,
    /// `tags`: a comma-separated text is split, trimmed and rid of empty parts; anything else is kept.
    pub tags: Value,
    /// `talkativeness`, 0.5 when empty; a text stays a text.
    pub talkativeness: Value,
    /// Whether `fav` is the text `true`.
    pub fav: bool,
    /// `world`, the name of the linked world, `""` when empty.
    pub world: Value,
    /// `alternate_greetings` as a list.
    pub alternate_greetings: Value,
    /// The three `depth_prompt_*` fields.
    pub depth_prompt: DepthPrompt,
    /// `extensions`, parsed; `None` when not sent or not JSON.
    pub extensions: Option<Value>,
    /// `chat`, used by [`Form::edited`] only.
    pub chat: Option<Value>,
    /// `create_date`, used by [`Form::edited`] only.
    pub create_date: Option<Value>,
    /// `json_data`, parsed: the previous card, whose unknown keys survive. Empty when not sent or not a JSON object
    /// (where the original would store the bare number or array in place of the card).
    pub base: Map<String, Value>,
}

impl Form {
    /// Reads the form from a request body's fields. Unknown fields are ignored.
    #[must_use]
    pub fn from_map(fields: &Map<String, Value>) -> Self {
        let field = |key: &str| fields.get(key);
        let text_or_empty = |key: &str| or(fields.get(key), "");
        Self {
            name: field("ch_name").cloned(),
            description: text_or_empty("description"),
            personality: text_or_empty("personality"),
            scenario: text_or_empty("scenario"),
            first_mes: text_or_empty("first_mes"),
            mes_example: text_or_empty("mes_example"),
            creator_notes: text_or_empty("creator_notes"),
            system_prompt: text_or_empty("system_prompt"),
            post_history_instructions: text_or_empty("post_history_instructions"),
            creator: text_or_empty("creator"),
            character_version: text_or_empty("character_version"),
            tags: tags(field("tags")),
            talkativeness: or(field("talkativeness"), 0.5),
            fav: is_true_text(field("fav")),
            world: text_or_empty("world"),
            alternate_greetings: greetings(field("alternate_greetings")),
            depth_prompt: DepthPrompt::from_map(fields),
            extensions: field("extensions")
                .filter(|value| truthy(Some(value)))
                .and_then(parse),
            chat: field("chat").cloned(),
            create_date: field("create_date").cloned(),
            base: field("json_data")
                .and_then(parse)
                .and_then(into_object)
                .unwrap_or_default(),
        }
    }

    /// The form that a V1 card stands for, without its base.
    pub(super) fn from_v1(card: &Map<String, Value>) -> Self {
        const FIELDS: [(&str, &str); 14] = [
            ("ch_name", "name"),
            ("description", "description"),
            ("personality", "personality"),
            ("scenario", "scenario"),
            ("first_mes", "first_mes"),
            ("mes_example", "mes_example"),
            ("creator_notes", "creatorcomment"),
            ("talkativeness", "talkativeness"),
            ("fav", "fav"),
            ("creator", "creator"),
            ("tags", "tags"),
            ("depth_prompt_prompt", "depth_prompt_prompt"),
            ("depth_prompt_depth", "depth_prompt_depth"),
            ("depth_prompt_role", "depth_prompt_role"),
        ];
        let fields = FIELDS
            .into_iter()
            .filter_map(|(to, from)| Some((to.to_owned(), card.get(from)?.clone())))
            .collect();
        Self::from_map(&fields)
    }

    /// The name of the world whose file [`Form::created`] and [`Form::edited`] take, not yet sanitised.
    #[must_use]
    pub fn world_name(&self) -> Option<String> {
        truthy(Some(&self.world)).then(|| json::js_string(&self.world))
    }

    /// The card of `POST /api/characters/create`.
    ///
    /// `world` is the name and the parsed file of the linked world, when that file exists.
    #[must_use]
    pub fn created(&self, world: Option<(&str, &Value)>, now: DateTime<Local>) -> Value {
        Value::Object(apply(self, self.base.clone(), world, now))
    }

    /// The card of `POST /api/characters/edit`: chat and creation date are the request's.
    ///
    /// compat: a request without them takes them away from the card.
    #[must_use]
    pub fn edited(&self, world: Option<(&str, &Value)>, now: DateTime<Local>) -> Value {
        let mut card = apply(self, self.base.clone(), world, now);
        put(&mut card, "chat", self.chat.clone());
        put(&mut card, "create_date", self.create_date.clone());
        Value::Object(card)
    }
}

impl DepthPrompt {
    fn from_map(fields: &Map<String, Value>) -> Self {
        let depth = coerce::number(fields.get("depth_prompt_depth"));
        Self {
            prompt: or_nullish(fields.get("depth_prompt_prompt"), ""),
            depth: coerce::number_value(if depth.is_nan() { 4.0 } else { depth }),
            role: or_nullish(fields.get("depth_prompt_role"), "system"),
        }
    }
}

/// Writes the form over `base`; keys of `base` keep their places, new ones follow in the original's order.
pub(super) fn apply(
    form: &Form,
    base: Map<String, Value>,
    world: Option<(&str, &Value)>,
    now: DateTime<Local>,
) -> Map<String, Value> {
    let mut card = base;
    card.shift_remove("json_data");
    set_top(form, &mut card, now);
    set_data(form, &mut card);
    if let Some((name, file)) = world {
        set_book(&mut card, name, file);
    }
    if let Some(extensions) = &form.extensions
        && let Some(current) = card.get_mut("data").and_then(|data| data.get_mut("extensions"))
    {
        attributes::merge(current, extensions);
    }
    card
}

fn set_top(form: &Form, card: &mut Map<String, Value>, now: DateTime<Local>) {
    put(card, "name", form.name.clone());
    let fields = [
        ("description", form.description.clone()),
        ("personality", form.personality.clone()),
        ("scenario", form.scenario.clone()),
        ("first_mes", form.first_mes.clone()),
        ("mes_example", form.mes_example.clone()),
        ("creatorcomment", form.creator_notes.clone()),
        ("avatar", "none".into()),
        ("chat", chat_name(form.name.as_ref(), now).into()),
        ("talkativeness", form.talkativeness.clone()),
        ("fav", form.fav.into()),
        ("tags", form.tags.clone()),
        ("spec", "chara_card_v2".into()),
        ("spec_version", "2.0".into()),
    ];
    for (key, value) in fields {
        card.insert(key.to_owned(), value);
    }
}

fn set_data(form: &Form, card: &mut Map<String, Value>) {
    set(card, &["data", "name"], form.name.clone());
    let fields = [
        ("description", &form.description),
        ("personality", &form.personality),
        ("scenario", &form.scenario),
        ("first_mes", &form.first_mes),
        ("mes_example", &form.mes_example),
        ("creator_notes", &form.creator_notes),
        ("system_prompt", &form.system_prompt),
        ("post_history_instructions", &form.post_history_instructions),
        ("tags", &form.tags),
        ("creator", &form.creator),
        ("character_version", &form.character_version),
        ("alternate_greetings", &form.alternate_greetings),
    ];
    for (key, value) in fields {
        set(card, &["data", key], Some(value.clone()));
    }
    let depth = &form.depth_prompt;
    for (path, value) in [
        (&["talkativeness"][..], form.talkativeness.clone()),
        (&["fav"], form.fav.into()),
        (&["world"], form.world.clone()),
        (&["depth_prompt", "prompt"], depth.prompt.clone()),
        (&["depth_prompt", "depth"], depth.depth.clone()),
        (&["depth_prompt", "role"], depth.role.clone()),
    ] {
        set(card, &[&["data", "extensions"], path].concat(), Some(value));
    }
}

/// The book the world was imported from, unless the world has entries of its own.
fn set_book(card: &mut Map<String, Value>, name: &str, file: &Value) {
    if let Some(original) = file.get("originalData").filter(|value| truthy(Some(value))) {
        set(card, &["data", "character_book"], Some(original.clone()));
    }
    if let Some(entries) = file.get("entries").filter(|value| truthy(Some(value)))
        && let Some(book) = book::from_world(name, entries)
    {
        set(card, &["data", "character_book"], Some(book));
    }
}

/// A field holding JSON. compat: a field sent once in an array counts, as its text is the same.
fn parse(field: &Value) -> Option<Value> {
    json::parse(json::js_string(field).as_bytes()).ok()
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

fn tags(field: Option<&Value>) -> Value {
    match field {
        Some(Value::String(list)) => list
            .split(',')
            .map(json::js_trim)
            .filter(|tag| !tag.is_empty())
            .map(Value::from)
            .collect(),
        other => or(other, Vec::<Value>::new()),
    }
}

fn greetings(field: Option<&Value>) -> Value {
    match field {
        Some(list @ Value::Array(_)) => list.clone(),
        Some(text @ Value::String(_)) => Value::Array(vec![text.clone()]),
        _ => Value::Array(Vec::new()),
    }
}

/// `field == 'true'`. compat: the boolean `true` is not equal to the text.
fn is_true_text(field: Option<&Value>) -> bool {
    matches!(field, Some(value @ (Value::String(_) | Value::Array(_))) if json::js_string(value) == "true")
}

#[cfg(test)]
mod tests;
