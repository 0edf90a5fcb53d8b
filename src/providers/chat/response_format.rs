//! Structured output: the shapes in which providers take a JSON schema.

use serde_json::{Value, json};

use super::js;
use super::overlay::Overlay;
use crate::providers::convert::ConvertError;

/// How a source takes a JSON schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `json_schema` with name, strictness and schema.
    Named,
    /// As [`Named`](Self::Named), and the description.
    Described,
    /// `json_schema` with the schema alone.
    SchemaOnly,
    /// `json_schema` is the schema.
    Raw,
    /// The schema beside the type.
    Bare,
    /// No schema: plain JSON, and the schema in a message at the end.
    JsonObject,
}

/// `response_format` under the body's `json_schema`, if it asks for any.
///
/// # Errors
/// When a message has to be added and `messages` is no list.
pub(super) fn of(body: &mut Value, style: Style) -> Result<Option<Value>, ConvertError> {
    let Some(wanted) = body
        .get("json_schema")
        .filter(|schema| js::is_truthy(Some(schema)))
        .cloned()
    else {
        return Ok(None);
    };
    let schema = wanted.get("value");
    let strict = || {
        let asked = wanted.get("strict").filter(|strict| !strict.is_null());
        Some(asked.cloned().unwrap_or(Value::Bool(true)))
    };
    let mut inner = Overlay::default();
    match style {
        Style::Named => {
            inner.set("name", wanted.get("name").cloned());
            inner.set("strict", strict());
            inner.set("schema", schema.cloned());
        }
        Style::Described => {
            inner.set("name", wanted.get("name").cloned());
            inner.set("description", wanted.get("description").cloned());
            inner.set("schema", schema.cloned());
            inner.set("strict", strict());
        }
        Style::SchemaOnly => inner.set("schema", schema.cloned()),
        Style::Raw | Style::Bare => {
            let key = if style == Style::Raw {
                "json_schema"
            } else {
                "schema"
            };
            inner.set("type", Some("json_schema".into()));
            inner.set(key, schema.cloned());
            return Ok(Some(inner.into_map().into()));
        }
        Style::JsonObject => {
            append_schema(body, schema)?;
            return Ok(Some(json!({ "type": "json_object" })));
        }
    }
    Ok(Some(
        json!({ "type": "json_schema", "json_schema": inner.into_map() }),
    ))
}

fn append_schema(body: &mut Value, schema: Option<&Value>) -> Result<(), ConvertError> {
    let shown = match schema {
        Some(schema) => {
            String::from_utf8_lossy(&squaretable_compat::json::to_vec_pretty(schema)).into_owned()
        }
        None => "undefined".to_owned(),
    };
    let messages = match body.get_mut("messages") {
        Some(Value::Array(messages)) => messages,
        None => {
            return Err(ConvertError::new(
                "Cannot read properties of undefined (reading 'push')",
            ));
        }
        Some(Value::Null) => {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'push')",
            ));
        }
        Some(_) => return Err(ConvertError::new("messages.push is not a function")),
    };
    let content = format!("JSON schema for the response:\n{shown}");
    messages.push(json!({ "role": "user", "content": content }));
    Ok(())
}
