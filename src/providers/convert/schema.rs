//! JSON schemas for structured output.

use serde_json::{Map, Value};

use super::ConvertError;

/// What Google does not take in a schema.
pub const DROPPED_FOR_GOOGLE: &[&str] = &[
    "default",
    "additionalProperties",
    "exclusiveMinimum",
    "propertyNames",
];

/// Nesting allowed after inlining; definitions can chain, so the input's own depth is no bound.
const MAX_DEPTH: usize = 256;
/// Nodes allowed after inlining; definitions used twice each double the schema at every level.
const MAX_NODES: usize = 200_000;

/// Inlines every `#/$defs/Name` reference and drops the top-level `$defs` and `$schema`.
///
/// A reference to an enclosing definition or to a missing one becomes `{}`. Values that are not objects or
/// arrays pass unchanged. Members called one of `dropped` are left out, at any depth.
///
/// # Errors
/// When a `$ref` is not a string, or the inlined schema would be deeper than 256 or larger than 200 000 nodes.
pub fn flatten(mut schema: Value, dropped: &[&str]) -> Result<Value, ConvertError> {
    let definitions = match schema
        .as_object_mut()
        .and_then(|schema| schema.shift_remove("$defs"))
    {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let mut flattener = Flattener {
        definitions: &definitions,
        dropped,
        parents: Vec::new(),
        nodes: 0,
    };
    let mut flat = flattener.resolve(&schema, 0)?;
    if let Some(flat) = flat.as_object_mut() {
        flat.shift_remove("$schema");
    }
    Ok(flat)
}

struct Flattener<'a> {
    definitions: &'a Map<String, Value>,
    dropped: &'a [&'a str],
    parents: Vec<&'a str>,
    nodes: usize,
}

impl Flattener<'_> {
    fn resolve(&mut self, value: &Value, depth: usize) -> Result<Value, ConvertError> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(ConvertError::new("The JSON schema is too large."));
        }
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item, depth + 1)).collect(),
            Value::Object(object) => match object.get("$ref") {
                Some(Value::String(target)) if target.starts_with("#/$defs/") => {
                    self.inline(target.rsplit('/').next().unwrap_or_default(), depth)
                }
                Some(Value::String(_) | Value::Null) | None => self.resolve_members(object, depth),
                Some(_) => Err(ConvertError::new("obj.$ref?.startsWith is not a function")),
            },
            plain => Ok(plain.clone()),
        }
    }

    fn resolve_members(&mut self, object: &Map<String, Value>, depth: usize) -> Result<Value, ConvertError> {
        let mut members = Map::new();
        for (key, member) in object
            .iter()
            .filter(|(key, _)| !self.dropped.contains(&key.as_str()))
        {
            members.insert(key.clone(), self.resolve(member, depth + 1)?);
        }
        Ok(Value::Object(members))
    }

    fn inline(&mut self, name: &str, depth: usize) -> Result<Value, ConvertError> {
        let definitions = self.definitions;
        let Some((name, definition)) = definitions.get_key_value(name) else {
            return Ok(Value::Object(Map::new()));
        };
        if self.parents.contains(&name.as_str()) {
            return Ok(Value::Object(Map::new()));
        }
        self.parents.push(name);
        let inlined = self.resolve(definition, depth + 1);
        self.parents.pop();
        inlined
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{DROPPED_FOR_GOOGLE, flatten};

    #[test]
    fn inlines_definitions_and_breaks_cycles() {
        let schema = json!({
            "$schema": "s",
            "$defs": {"A": {"type": "object", "next": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}}, "B": true},
            "type": "object",
            "list": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/Missing"}, {"$ref": "#/other"}],
        });
        let expected = json!({
            "type": "object",
            "list": [{"type": "object", "next": {}, "b": true}, {}, {"$ref": "#/other"}],
        });
        assert_eq!(flatten(schema, &[]).unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn drops_what_google_does_not_take_at_any_depth() {
        let schema = json!({"default": 1, "properties": {"a": {"type": "string", "default": "x"}, "propertyNames": {}}});
        let expected = json!({"properties": {"a": {"type": "string"}}});
        assert_eq!(flatten(schema, DROPPED_FOR_GOOGLE).unwrap(), expected);
    }

    #[test]
    fn refuses_a_schema_that_explodes() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/D{}", level + 1)});
            definitions.insert(format!("D{level}"), json!({"a": next, "b": next}));
        }
        let schema = json!({"$defs": Value::Object(definitions), "root": {"$ref": "#/$defs/D0"}});
        assert!(flatten(schema, &[]).is_err());
    }
}
