//! Google's Gemini API, on AI Studio and on Vertex AI: parameters, thinking, tools, images.

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::budget::{self, Thinking};
use super::openai_like::{access, post_json};
use super::overlay::Overlay;
use super::vertex::VertexAccess;
use super::{ChatCall, ChatFault, ChatSettings, js};
use crate::providers::convert::google::{GoogleOptions, contents, is_strict_model};
use crate::providers::convert::merge::PromptNames;
use crate::providers::exchange::is_path;
use crate::providers::upstream::UpstreamHeaders;

/// Where AI Studio is.
pub(super) const BASE: &str = "https://generativelanguage.googleapis.com";

/// Models that draw when they are asked to.
const DRAWING_MODELS: [&str; 7] = [
    "gemini-2.0-flash-exp",
    "gemini-2.0-flash-exp-image-generation",
    "gemini-2.0-flash-preview-image-generation",
    "gemini-2.5-flash-image-preview",
    "gemini-2.5-flash-image",
    "gemini-3-pro-image",
    "gemini-3.1-flash-image",
];

/// Models without a search of their own.
const SEARCHLESS_MODELS: [&str; 4] = [
    "gemini-2.0-flash-lite",
    "gemini-2.0-flash-lite-001",
    "gemini-2.0-flash-lite-preview-02-05",
    "gemini-robotics-er-1.5-preview",
];

/// Kinds of harm that the API filters unless it is told not to.
const HARMS: [&str; 5] = [
    "HARASSMENT",
    "HATE_SPEECH",
    "SEXUALLY_EXPLICIT",
    "DANGEROUS_CONTENT",
    "CIVIC_INTEGRITY",
];

/// Those that only Vertex AI knows.
const VERTEX_HARMS: [&str; 5] = [
    "IMAGE_HATE",
    "IMAGE_DANGEROUS_CONTENT",
    "IMAGE_HARASSMENT",
    "IMAGE_SEXUALLY_EXPLICIT",
    "JAILBREAK",
];

/// `safetySettings` that switch every filter off.
pub(in crate::providers) fn safety_settings(is_vertex: bool) -> Value {
    let more: &[&str] = if is_vertex { &VERTEX_HARMS } else { &[] };
    let off = |harm: &&str| json!({ "category": format!("HARM_CATEGORY_{harm}"), "threshold": "OFF" });
    HARMS.iter().chain(more).map(off).collect()
}

/// Builds AI Studio's generation request.
///
/// # Errors
/// [`ChatFault::MissingKey`] unless a proxy is named; an address or a prompt that cannot be read.
pub(super) fn generate(
    body: &Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    let (base, key) = access(body, secret, BASE)?;
    if key.is_empty() && !js::is_truthy(body.get("reverse_proxy")) {
        return Err(ChatFault::MissingKey);
    }
    let request = Request::new(body, false);
    if !is_path(&request.model) {
        return Err(ChatFault::Misleading);
    }
    let (method, more) = (request.method(), if request.stream { "&alt=sse" } else { "" });
    let address = format!(
        "{}/{}/models/{}:{method}?key={key}{more}",
        base.strip_suffix('/').unwrap_or(&base),
        settings.gemini_api_version,
        request.model
    );
    request.send(body, settings, &address, &UpstreamHeaders::default())
}

/// Builds Vertex AI's generation request.
///
/// # Errors
/// An address or a prompt that cannot be read.
pub(super) fn generate_on_vertex(
    body: &Value,
    access: &VertexAccess,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    let request = Request::new(body, true);
    let (address, headers) = access.address(body, &request.model, request.method(), request.stream)?;
    request.send(body, settings, &address, &headers)
}

struct Request {
    model: String,
    stream: bool,
    is_vertex: bool,
    is_drawing: bool,
    is_plain: bool,
}

impl Request {
    fn new(body: &Value, is_vertex: bool) -> Self {
        let model = js::to_text(body.get("model"));
        let is_drawing =
            js::is_truthy(body.get("request_images")) && DRAWING_MODELS.contains(&model.as_str());
        Self {
            stream: js::is_truthy(body.get("stream")),
            is_vertex,
            is_drawing,
            // Neither system instruction nor tools.
            is_plain: is_drawing || model.contains("gemma-3"),
            model,
        }
    }

    fn method(&self) -> &'static str {
        if self.stream {
            "streamGenerateContent"
        } else {
            "generateContent"
        }
    }

    fn send(
        &self,
        body: &Value,
        settings: &ChatSettings,
        address: &str,
        headers: &UpstreamHeaders,
    ) -> Result<ChatCall, ChatFault> {
        let fields = self.fields(body, settings)?;
        // Here the original has begun to answer for failures in another way.
        let url = Url::parse(address).map_err(|_| ChatFault::Unsendable)?;
        Ok(ChatCall {
            upstream: post_json(url, headers, fields),
            stream: self.stream,
        })
    }

    fn fields(&self, body: &Value, settings: &ChatSettings) -> Result<Map<String, Value>, ChatFault> {
        let has_system_prompt = !self.is_plain && js::is_truthy(body.get("use_sysprompt"));
        let options = GoogleOptions {
            model: &self.model,
            has_system_prompt,
            sends_signatures: settings.thought_signatures,
        };
        let prompt = contents(
            body.get("messages").cloned(),
            &PromptNames::from_body(body),
            options,
        )?;
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        put("contents", prompt.contents.into());
        put("safetySettings", safety_settings(self.is_vertex));
        put("generationConfig", self.generation_config(body).into());
        if has_system_prompt && !prompt.system.is_empty() {
            put("systemInstruction", json!({ "parts": prompt.system }));
        }
        let tools = self.tools(body);
        if !tools.is_empty() {
            put("tools", tools.into());
            if let Some(config) = function_calling(body.get("tool_choice")) {
                put("toolConfig", json!({ "functionCallingConfig": config }));
            }
        }
        Ok(fields)
    }

    fn generation_config(&self, body: &Value) -> Map<String, Value> {
        let given = |field: &str| body.get(field).filter(|value| !value.is_null()).cloned();
        let truthy = |field: &str| {
            body.get(field)
                .filter(|value| js::is_truthy(Some(value)))
                .cloned()
        };
        let schema = truthy("json_schema");
        let stop = body
            .get("stop")
            .filter(|stop| stop.as_array().is_some_and(|stop| !stop.is_empty()));
        let mut config = Overlay::default();
        config.set("stopSequences", stop.cloned());
        config.set("candidateCount", Some(1.into()));
        config.set("maxOutputTokens", body.get("max_tokens").cloned());
        config.set("temperature", body.get("temperature").cloned());
        config.set("topP", body.get("top_p").cloned());
        config.set("topK", truthy("top_k"));
        let media_type = || schema.as_ref().map(|_| "application/json".into());
        config.set("responseMimeType", given("responseMimeType").or_else(media_type));
        let value = || schema.as_ref().and_then(|schema| schema.get("value").cloned());
        config.set("responseSchema", given("responseSchema").or_else(value));
        config.set("seed", body.get("seed").cloned());
        if is_strict_model(&self.model) {
            for field in ["temperature", "topP", "topK", "candidateCount"] {
                config.remove(field);
            }
        }
        if self.is_drawing {
            self.set_drawing(body, &mut config);
        }
        if let Some(thinking) = self.thinking(body) {
            config.set("thinkingConfig", Some(thinking));
        }
        config.into_map()
    }

    fn set_drawing(&self, body: &Value, config: &mut Overlay) {
        config.set("responseModalities", Some(json!(["text", "image"])));
        // compat: what the body does not say is sent as the text `undefined`.
        let ratio = js::to_text(body.get("request_image_aspect_ratio"));
        let size = js::to_text(body.get("request_image_resolution"));
        if ratio.is_empty() && size.is_empty() {
            return;
        }
        let mut image = json!({});
        if !size.is_empty() && self.model.starts_with("gemini-3") {
            image["imageSize"] = size.into();
        }
        if !ratio.is_empty() {
            image["aspectRatio"] = ratio.into();
        }
        config.set("imageConfig", Some(image));
    }

    fn thinking(&self, body: &Value) -> Option<Value> {
        if !budget::has_thinking_config(&self.model) {
            return None;
        }
        let mut shows = js::is_truthy(body.get("include_reasoning"));
        let effort = js::to_text(body.get("reasoning_effort"));
        let thinking = budget::google(js::to_number(body.get("max_tokens")), &effort, &self.model);
        // Vertex AI refuses to show thoughts that there will be none of.
        if self.is_vertex && thinking == Thinking::Tokens(0.0) {
            shows = false;
        }
        let mut config = json!({ "includeThoughts": shows });
        match thinking {
            Thinking::Tokens(tokens) if tokens.fract() == 0.0 => {
                config["thinkingBudget"] = js::from_number(tokens);
            }
            Thinking::Level(level) => config["thinkingLevel"] = level.into(),
            _ => {}
        }
        Some(config)
    }

    fn tools(&self, body: &Value) -> Vec<Value> {
        let listed = body
            .get("tools")
            .and_then(Value::as_array)
            .filter(|_| !self.is_plain);
        let (mut functions, mut others) = (Vec::new(), Vec::new());
        for tool in listed.into_iter().flatten() {
            let kind = js::to_text(tool.get("type"));
            if kind == "function" {
                functions.push(declaration(tool.get("function")));
            } else if let Some(own) = tool.get(&kind).filter(|own| js::is_truthy(Some(own))) {
                others.push(json!({ kind: own }));
            }
        }
        if !functions.is_empty() {
            return vec![json!({ "function_declarations": functions })];
        }
        let can_search = !self.is_plain
            && !self.model.contains("learnlm")
            && !SEARCHLESS_MODELS.contains(&self.model.as_str());
        if can_search && js::is_truthy(body.get("enable_web_search")) {
            others.push(json!({ "google_search": {} }));
        }
        others
    }
}

/// A function without what the API does not take.
fn declaration(function: Option<&Value>) -> Value {
    let mut function = function.cloned().unwrap_or_default();
    if let Some(parameters) = function.get_mut("parameters") {
        super::hooks::remove_truthy(parameters, "$schema");
    }
    let properties = function.pointer("/parameters/properties");
    let is_empty = match properties {
        Some(Value::Object(properties)) => properties.is_empty(),
        Some(Value::Array(properties)) => properties.is_empty(),
        _ => false,
    };
    if let Some(fields) = function.as_object_mut().filter(|_| is_empty) {
        fields.shift_remove("parameters");
    }
    function
}

/// `tool_choice` in Google's words.
fn function_calling(choice: Option<&Value>) -> Option<Value> {
    match choice? {
        Value::String(choice) => {
            let mode = match choice.as_str() {
                "none" => "NONE",
                "required" => "ANY",
                "auto" => "AUTO",
                _ => return None,
            };
            Some(json!({ "mode": mode }))
        }
        choice => {
            let name = choice
                .pointer("/function/name")
                .filter(|name| js::is_truthy(Some(name)))?;
            Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] }))
        }
    }
}

/// The reply in OpenAI's shape with Google's content beside it, or `{"error":{"message"}}` when there is none; `None`
/// when it cannot be read. `api` is the name that the browser shows.
pub(super) fn reply(api: &str, text: &str) -> Option<Value> {
    let answer = squaretable_compat::json::parse(text.as_bytes()).ok()?;
    let candidates = answer.get("candidates").filter(|list| js::is_truthy(Some(list)));
    let Some(candidates) = candidates.filter(|list| list.as_array().is_none_or(|list| !list.is_empty()))
    else {
        let mut message = format!("{api} API returned no candidate");
        let reason = answer.pointer("/promptFeedback/blockReason");
        if let Some(reason) = reason.filter(|reason| js::is_truthy(Some(reason))) {
            message.push_str(&format!(
                "\nPrompt was blocked due to : {}",
                js::to_text(Some(reason))
            ));
        }
        return Some(json!({ "error": { "message": message } }));
    };
    let candidate = candidates.get(0).filter(|candidate| !candidate.is_null())?;
    let given = |key: &str| candidate.get(key).filter(|value| !value.is_null());
    let content = given("content").or_else(|| given("output"));
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    let has = |key: &str| {
        let mut parts = parts.into_iter().flatten();
        parts.any(|part| js::is_truthy(part.get(key)))
    };
    let said = match content {
        Some(Value::String(text)) => Some(text.clone()),
        _ => content
            .and_then(|content| content.get("parts"))
            .and_then(Value::as_array)
            .map(|parts| {
                let said = parts.iter().filter(|part| !js::is_truthy(part.get("thought")));
                let said: Vec<String> = said.map(|part| js::join_text(part.get("text"))).collect();
                said.join("\n\n")
            }),
    };
    if said.as_deref().unwrap_or_default().is_empty() && !has("functionCall") && !has("inlineData") {
        return Some(json!({ "error": { "message": format!("{api} Candidate text empty") } }));
    }
    let mut reply = json!({ "choices": [{ "message": { "content": said } }] });
    if let Some(content) = content {
        reply["responseContent"] = content.clone();
    }
    Some(reply)
}

#[cfg(test)]
#[path = "google_tests.rs"]
mod tests;
