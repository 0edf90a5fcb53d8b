//! Prompt post-processing: squashing consecutive messages of one role and enforcing role order.

use serde_json::{Map, Value, json};

use super::ConvertError;
use crate::providers::js;

/// Between squashed contents.
const SEPARATOR: &str = "\n\n";

/// A post-processing mode of `custom_prompt_post_processing` and of `/process`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostProcessing {
    /// `""`: messages stay as they are.
    None,
    /// `merge`, or its old name `claude`.
    Merge,
    /// `merge_tools`.
    MergeTools,
    /// `semi`.
    Semi,
    /// `semi_tools`.
    SemiTools,
    /// `strict`.
    Strict,
    /// `strict_tools`.
    StrictTools,
    /// `single`.
    Single,
}

impl PostProcessing {
    /// The mode of that name, or `None` when the original does not know it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::None,
            "merge" | "claude" => Self::Merge,
            "merge_tools" => Self::MergeTools,
            "semi" => Self::Semi,
            "semi_tools" => Self::SemiTools,
            "strict" => Self::Strict,
            "strict_tools" => Self::StrictTools,
            "single" => Self::Single,
            _ => return None,
        })
    }

    fn is_strict(self) -> bool {
        matches!(
            self,
            Self::Semi | Self::SemiTools | Self::Strict | Self::StrictTools | Self::Single
        )
    }

    fn adds_placeholders(self) -> bool {
        matches!(self, Self::Strict | Self::StrictTools)
    }

    fn keeps_tools(self) -> bool {
        matches!(self, Self::MergeTools | Self::SemiTools | Self::StrictTools)
    }
}

/// The names a prompt's messages may already start with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptNames {
    /// The character, or empty.
    pub character: String,
    /// The user, or empty.
    pub user: String,
    /// Members of the group chat.
    pub group: Vec<String>,
}

impl PromptNames {
    /// Reads `char_name`, `user_name` and `group_names` of a request body.
    #[must_use]
    pub fn from_body(body: &Value) -> Self {
        let group = body.get("group_names").and_then(Value::as_array);
        Self {
            character: js::text_or_empty(body.get("char_name")),
            user: js::text_or_empty(body.get("user_name")),
            group: group
                .into_iter()
                .flatten()
                .map(|name| js::to_text(Some(name)))
                .collect(),
        }
    }
}

/// Applies a post-processing mode; `placeholder` is the text of inserted user messages.
///
/// # Errors
/// When a message is `null`, or has content that is neither text nor parts where text is needed.
pub fn post_process(
    messages: Vec<Value>,
    mode: PostProcessing,
    names: &PromptNames,
    placeholder: &str,
) -> Result<Vec<Value>, ConvertError> {
    if mode == PostProcessing::None {
        return Ok(messages);
    }
    let mut prepared = Vec::with_capacity(messages.len());
    for message in messages {
        prepared.push(Message::prepare(message, mode, names)?);
    }
    let mut merged = squash(prepared);
    if merged.is_empty() {
        merged.push(Message::placeholder(placeholder));
    }
    if mode.is_strict() {
        for message in merged
            .iter_mut()
            .skip(1)
            .filter(|message| message.has_role("system"))
        {
            message.set_role("user");
        }
        if mode.adds_placeholders() {
            insert_placeholder(&mut merged, placeholder);
        }
        // Roles changed, so neighbours may now be alike.
        merged = squash(merged);
    }
    Ok(merged.into_iter().map(Message::into_value).collect())
}

/// As [`post_process`] for a body's `messages`, whatever they are.
///
/// # Errors
/// As for [`post_process`], and when `messages` is no list.
pub fn post_process_value(
    messages: Option<Value>,
    mode: PostProcessing,
    names: &PromptNames,
    placeholder: &str,
) -> Result<Vec<Value>, ConvertError> {
    match messages {
        Some(Value::Array(messages)) => post_process(messages, mode, names, placeholder),
        None | Some(Value::Null) => {
            let shown = js::to_text(messages.as_ref());
            Err(ConvertError::new(format!(
                "Cannot read properties of {shown} (reading 'forEach')"
            )))
        }
        Some(_) => Err(ConvertError::new("messages.forEach is not a function")),
    }
}

/// Makes the first message after the system prompt, or the very first, one of the user's.
fn insert_placeholder(messages: &mut Vec<Message>, placeholder: &str) {
    let starts_with_system = messages.first().is_some_and(|message| message.has_role("system"));
    let expected_user = messages.get(usize::from(starts_with_system));
    if !expected_user.is_some_and(|message| message.has_role("user")) {
        messages.insert(usize::from(starts_with_system), Message::placeholder(placeholder));
    }
}

/// Appends each non-empty message to the one before it when both have the same role; tool results stay apart.
fn squash(messages: Vec<Message>) -> Vec<Message> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut() {
            Some(last)
                if last.role() == message.role() && !message.is_empty() && !message.has_role("tool") =>
            {
                last.append(message.content);
            }
            _ => merged.push(message),
        }
    }
    merged
}

/// A message whose content is taken apart; `fields` keeps a placeholder at the content's position.
struct Message {
    fields: Map<String, Value>,
    content: Content,
}

enum Content {
    /// Text and media in order; texts are separated by a blank line.
    Parts(Vec<Part>),
    /// A number, `true` or an object, which the original passes on as it is.
    Other(Value),
}

enum Part {
    Text(String),
    Media(Value),
}

impl Message {
    fn placeholder(text: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("role".to_owned(), "user".into());
        fields.insert("content".to_owned(), Value::Null);
        Self {
            fields,
            content: Content::Parts(vec![Part::Text(text.to_owned())]),
        }
    }

    /// Takes the message apart, prefixes names, and drops what the mode does not keep.
    fn prepare(message: Value, mode: PostProcessing, names: &PromptNames) -> Result<Self, ConvertError> {
        let mut fields = match message {
            Value::Object(fields) => fields,
            Value::Null => {
                return Err(ConvertError::new(
                    "Cannot read properties of null (reading 'content')",
                ));
            }
            _ => return Err(ConvertError::new("A message is not an object")),
        };
        let content = Content::read(fields.get_mut("content").map(Value::take))?;
        fields.entry("content").or_insert(Value::Null);
        let mut message = Self { fields, content };
        message.prefix_names(names)?;
        if message.has_role("tool") && !mode.keeps_tools() {
            message.set_role("user");
        }
        if mode == PostProcessing::Single {
            if message.has_role("assistant") {
                message.prefix_unless_present(&names.character, &names.group)?;
            }
            if message.has_role("user") {
                message.prefix_unless_present(&names.user, &[])?;
            }
            message.set_role("user");
        }
        message.fields.shift_remove("name");
        if !mode.keeps_tools() {
            message.fields.shift_remove("tool_calls");
            message.fields.shift_remove("tool_call_id");
        }
        Ok(message)
    }

    fn prefix_names(&mut self, names: &PromptNames) -> Result<(), ConvertError> {
        let name = self
            .fields
            .get("name")
            .filter(|name| js::is_truthy(Some(name)))
            .cloned();
        let Some(name) = name else { return Ok(()) };
        if !self.has_role("system") {
            return self.prefix_unless_present(&js::to_text(Some(&name)), &[]);
        }
        match name.as_str() {
            Some("example_assistant") => self.prefix_unless_present(&names.character, &names.group),
            Some("example_user") => self.prefix_unless_present(&names.user, &[]),
            _ => Ok(()),
        }
    }

    /// Starts the content with `name: ` unless it starts so already, with `name` or one of `others`.
    fn prefix_unless_present(&mut self, name: &str, others: &[String]) -> Result<(), ConvertError> {
        if name.is_empty() {
            return Ok(());
        }
        let Content::Parts(parts) = &mut self.content else {
            return Err(ConvertError::new("message.content.startsWith is not a function"));
        };
        let starts_with =
            |text: &str, name: &str| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
        match parts.first_mut() {
            Some(Part::Text(text)) => {
                if !starts_with(text, name) && !others.iter().any(|other| starts_with(text, other)) {
                    text.insert_str(0, &format!("{name}: "));
                }
            }
            // The original glues the name to its stand-in for the media, and so loses the media.
            Some(Part::Media(_)) | None => parts.insert(0, Part::Text(format!("{name}: "))),
        }
        Ok(())
    }

    fn role(&self) -> Option<&Value> {
        self.fields.get("role")
    }

    fn has_role(&self, role: &str) -> bool {
        self.role().and_then(Value::as_str) == Some(role)
    }

    fn set_role(&mut self, role: &str) {
        self.fields.insert("role".to_owned(), role.into());
    }

    fn is_empty(&self) -> bool {
        match &self.content {
            Content::Parts(parts) => match parts.as_slice() {
                [] => true,
                [Part::Text(text)] => text.is_empty(),
                _ => false,
            },
            Content::Other(_) => false,
        }
    }

    fn append(&mut self, content: Content) {
        let mut parts = match std::mem::replace(&mut self.content, Content::Parts(Vec::new())) {
            Content::Parts(parts) => parts,
            Content::Other(value) => vec![Part::Text(js::to_text(Some(&value)))],
        };
        match content {
            Content::Parts(more) => more.into_iter().for_each(|part| push_part(&mut parts, part)),
            Content::Other(value) => push_part(&mut parts, Part::Text(js::to_text(Some(&value)))),
        }
        self.content = Content::Parts(parts);
    }

    fn into_value(mut self) -> Value {
        let content = match self.content {
            Content::Other(value) => value,
            Content::Parts(mut parts) => match parts.as_mut_slice() {
                [] => Value::String(String::new()),
                [Part::Text(text)] => Value::String(std::mem::take(text)),
                _ => parts.into_iter().map(Part::into_value).collect(),
            },
        };
        self.fields.insert("content".to_owned(), content);
        Value::Object(self.fields)
    }
}

impl Content {
    /// Reads a message's `content`; everything JavaScript calls false is empty text.
    fn read(content: Option<Value>) -> Result<Self, ConvertError> {
        Ok(match content {
            Some(Value::Array(items)) => {
                let mut parts = Vec::new();
                for item in items {
                    push_part(&mut parts, Part::read(item)?);
                }
                Self::Parts(if parts.is_empty() {
                    vec![Part::Text(String::new())]
                } else {
                    parts
                })
            }
            Some(Value::String(text)) => Self::Parts(vec![Part::Text(text)]),
            Some(other) if js::is_truthy(Some(&other)) => Self::Other(other),
            _ => Self::Parts(vec![Part::Text(String::new())]),
        })
    }
}

impl Part {
    fn read(part: Value) -> Result<Self, ConvertError> {
        if part.is_null() {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'type')",
            ));
        }
        Ok(match part.get("type").and_then(Value::as_str) {
            Some("text") => Self::Text(js::join_text(part.get("text"))),
            Some("image_url" | "video_url" | "audio_url") => Self::Media(part),
            _ => Self::Text(String::new()),
        })
    }

    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text }),
            Self::Media(media) => media,
        }
    }
}

/// Appends a part; text after text continues it behind a blank line.
fn push_part(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Text(last)), Part::Text(text)) => {
            last.push_str(SEPARATOR);
            last.push_str(&text);
        }
        (_, part) => parts.push(part),
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
