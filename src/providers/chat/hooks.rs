//! Steps of single sources: what a record cannot say in a word.

use serde_json::{Value, json};

use super::openai_like::Draft;
use super::{ChatFault, effort, js};
use crate::providers::convert::merge::{PostProcessing, PromptNames, post_process_value};
use crate::providers::convert::{ai21, caching, cohere, deepseek, media, mistral, xai};

type Step = Result<(), ChatFault>;

/// `user`, a random one, where the configuration asks for it.
pub(super) fn random_user(draft: &mut Draft<'_>) -> Step {
    if draft.settings.randomize_user_id {
        let user = uuid::Uuid::new_v4().to_string();
        draft.overlay.set("user", Some(user.into()));
    }
    Ok(())
}

/// Audio files as parts of the messages.
pub(super) fn inline_audio(draft: &mut Draft<'_>) -> Step {
    if let Some(messages) = draft.body.get_mut("messages") {
        media::inline_audio(messages)?;
    }
    Ok(())
}

/// `reasoning_effort` and `verbosity` for the models of OpenAI's that take them.
pub(super) fn reasoning(draft: &mut Draft<'_>) -> Step {
    let model = draft
        .body
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let requested = draft
        .truthy("reasoning_effort")
        .map(|effort| js::to_text(Some(effort)));
    let effort = requested
        .as_deref()
        .and_then(|requested| effort::reasoning_effort(model, requested))
        .map(Value::from);
    let takes_verbosity = effort::takes_verbosity(model);
    let verbosity = draft.truthy("verbosity").filter(|_| takes_verbosity).cloned();
    draft.overlay.set_some("reasoning_effort", effort.as_ref());
    draft.overlay.set_some("verbosity", verbosity.as_ref());
    Ok(())
}

/// Messages of strictly alternating roles.
pub(super) fn strict_messages(draft: &mut Draft<'_>) -> Step {
    process(draft, PostProcessing::Strict)
}

fn process(draft: &mut Draft<'_>, mode: PostProcessing) -> Step {
    let names = PromptNames::from_body(&draft.body);
    let messages = draft.body.get_mut("messages").map(Value::take);
    let messages = post_process_value(messages, mode, &names, &draft.settings.prompt_placeholder)?;
    draft.body["messages"] = Value::Array(messages);
    Ok(())
}

/// Keeps a chat on the machine that has it cached: a header made of the chat's id, which does not tell the id.
pub(super) fn session_affinity(draft: &mut Draft<'_>) -> Step {
    if let Some(chat) = draft.truthy("chat_id").and_then(Value::as_str) {
        let key = ring::hmac::Key::new(
            ring::hmac::HMAC_SHA256,
            draft.settings.affinity_key.expose().as_bytes(),
        );
        let tag = ring::hmac::sign(&key, chat.as_bytes());
        let shown = hex::encode(&tag.as_ref()[..8]);
        draft.headers.set("x-session-affinity", shown);
    }
    Ok(())
}

/// Which provider NanoGPT asks, who pays, and whether it searches the web.
pub(super) fn nanogpt_routing(draft: &mut Draft<'_>) -> Step {
    if let Some(provider) = draft.truthy("nanogpt_provider") {
        let provider = js::to_text(Some(provider));
        draft.headers.set("X-Provider", provider);
    }
    if draft.truthy("nanogpt_payg_override").is_some() {
        draft.headers.set("X-Billing-Mode", "paygo");
        draft.overlay.set("billing_mode", Some("paygo".into()));
    }
    let model = draft.model();
    if draft.truthy("enable_web_search").is_some() && !model.ends_with(":online") {
        draft.body["model"] = format!("{model}:online").into();
    }
    Ok(())
}

/// NanoGPT's scale of efforts starts at none, and Claude's prompts are cached.
pub(super) fn nanogpt_reasoning(draft: &mut Draft<'_>) -> Step {
    if let Some(requested) = draft.truthy("reasoning_effort") {
        let effort = match requested.as_str() {
            Some("min") => Some("none"),
            Some("low") => Some("minimal"),
            Some("medium") => Some("low"),
            Some("high") => Some("medium"),
            Some("max") => Some("high"),
            _ => None,
        };
        let reasoning = effort.map_or_else(|| json!({}), |effort| json!({ "effort": effort }));
        draft.overlay.set("reasoning", Some(reasoning));
    }
    let model = draft.model();
    let is_claude = model
        .split('/')
        .any(|part| part.starts_with("claude-") || part.starts_with("claude_"));
    if draft.settings.claude.system_prompt_cache && is_claude {
        let control = json!({ "enabled": true, "ttl": draft.settings.claude.cache_ttl() });
        draft.overlay.set("cache_control", Some(control));
    }
    Ok(())
}

/// A seed always; effort and schema only for those who pay.
pub(super) fn pollinations(draft: &mut Draft<'_>) -> Step {
    const SEEDS: i32 = 99_999_999;
    let seed = draft.body.get("seed").filter(|seed| !seed.is_null()).cloned();
    let seed = seed.unwrap_or_else(|| rand::random_range(0..SEEDS).into());
    draft.overlay.set("seed", Some(seed));
    if draft.body.get("pollinations_endpoint").and_then(Value::as_str) != Some("anonymous") {
        let effort = draft.body.get("reasoning_effort").cloned();
        draft.overlay.set("reasoning_effort", effort);
        let style = super::response_format::Style::SchemaOnly;
        let format = super::response_format::of(&mut draft.body, style)?;
        draft.overlay.set_some("response_format", format.as_ref());
    }
    Ok(())
}

/// Marks an answer that is to be continued, unless structured output is asked for.
pub(super) fn partial_answer(draft: &mut Draft<'_>) -> Step {
    if draft.truthy("json_schema").is_none() {
        deepseek::mark_prefix(&mut draft.body, false, "partial")?;
    }
    Ok(())
}

/// The account is a part of the address.
pub(super) fn workers_ai_base(body: &Value) -> Result<String, ChatFault> {
    let account = workers_ai_account(body).ok_or(ChatFault::MissingKey)?;
    Ok(format!(
        "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1"
    ))
}

/// The body's `workers_ai_account_id`, escaped for a path; `None` when blank.
pub(in crate::providers) fn workers_ai_account(body: &Value) -> Option<String> {
    let account = js::text_or_empty(body.get("workers_ai_account_id"));
    let account = squaretable_compat::json::js_trim(&account);
    (!account.is_empty()).then(|| js::encode_component(account))
}

/// See [`ai21::messages`].
pub(super) fn ai21_messages(draft: &mut Draft<'_>) -> Step {
    let names = PromptNames::from_body(&draft.body);
    let messages = draft.body.get_mut("messages").map(Value::take);
    let messages = ai21::messages(messages, &names, &draft.settings.prompt_placeholder)?;
    draft.body["messages"] = messages;
    Ok(())
}

/// See [`mistral::messages`].
pub(super) fn mistral_messages(draft: &mut Draft<'_>) -> Step {
    let names = PromptNames::from_body(&draft.body);
    let messages = draft.body.get_mut("messages").map(Value::take);
    draft.body["messages"] = mistral::messages(messages, &names, draft.settings.mistral_prefix)?;
    Ok(())
}

/// Mistral's name for the seed; -1 is none.
pub(super) fn mistral_seed(draft: &mut Draft<'_>) -> Step {
    let seed = draft
        .body
        .get("seed")
        .filter(|seed| seed.as_f64() != Some(-1.0))
        .cloned();
    draft.overlay.set_some("random_seed", seed.as_ref());
    Ok(())
}

/// See [`cohere::messages`].
pub(super) fn cohere_messages(draft: &mut Draft<'_>) -> Step {
    let names = PromptNames::from_body(&draft.body);
    let messages = draft.body.get_mut("messages").map(Value::take);
    let messages = cohere::messages(messages, &names, &draft.settings.prompt_placeholder)?;
    draft.body["messages"] = messages;
    Ok(())
}

/// Cohere wants a flag.
pub(super) fn cohere_stream(draft: &mut Draft<'_>) -> Step {
    let stream = js::is_truthy(draft.body.get("stream"));
    draft.overlay.set("stream", Some(stream.into()));
    Ok(())
}

/// Cohere wants both lists, empty or not, and no `$schema` in a tool's parameters.
pub(super) fn cohere_documents_and_tools(draft: &mut Draft<'_>) -> Step {
    let mut tools = match draft.body.get("tools") {
        Some(Value::Array(tools)) => tools.clone(),
        _ => Vec::new(),
    };
    for tool in &mut tools {
        if let Some(parameters) = tool.pointer_mut("/function/parameters") {
            remove_truthy(parameters, "$schema");
        }
    }
    draft.overlay.set("documents", Some(json!([])));
    draft.overlay.set("tools", Some(tools.into()));
    if draft.model().ends_with("08-2024") {
        draft.overlay.set("safety_mode", Some("OFF".into()));
    }
    Ok(())
}

/// Deletes a member that JavaScript calls true.
pub(super) fn remove_truthy(object: &mut Value, key: &str) {
    if let Value::Object(fields) = object
        && js::is_truthy(fields.get(key))
    {
        fields.shift_remove(key);
    }
}

/// DeepSeek refuses tools whose list of required parameters is empty.
pub(super) fn drop_empty_required(draft: &mut Draft<'_>) -> Step {
    let tools = draft.body.get_mut("tools").and_then(Value::as_array_mut);
    for tool in tools.into_iter().flatten() {
        if let Some(Value::Object(parameters)) = tool.pointer_mut("/function/parameters")
            && parameters
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
        {
            parameters.shift_remove("required");
        }
    }
    Ok(())
}

/// See [`deepseek`].
pub(super) fn deepseek_messages(draft: &mut Draft<'_>) -> Step {
    process(draft, PostProcessing::SemiTools)?;
    let has_tools = draft.overlay.get("tools").is_some();
    deepseek::mark_prefix(&mut draft.body, has_tools, "prefix")?;
    if let Some(Value::Array(messages)) = draft.body.get_mut("messages") {
        deepseek::add_reasoning(messages);
    }
    Ok(())
}

/// `reasoning_effort`, where reasoning is asked for.
pub(super) fn effort_with_reasoning(draft: &mut Draft<'_>) -> Step {
    if draft.truthy("include_reasoning").is_some() {
        let effort = draft.truthy("reasoning_effort").cloned();
        draft.overlay.set_some("reasoning_effort", effort.as_ref());
    }
    Ok(())
}

/// xAI knows two efforts.
pub(super) fn high_or_low_effort(draft: &mut Draft<'_>) -> Step {
    if let Some(effort) = draft.truthy("reasoning_effort") {
        let effort = if effort == "high" { "high" } else { "low" };
        draft.overlay.set("reasoning_effort", Some(effort.into()));
    }
    Ok(())
}

/// See [`xai::messages`].
pub(super) fn xai_messages(draft: &mut Draft<'_>) -> Step {
    let names = PromptNames::from_body(&draft.body);
    let messages = draft.body.get_mut("messages").map(Value::take);
    draft.body["messages"] = xai::messages(messages, &names)?;
    Ok(())
}

/// A flag for a search in the web.
pub(super) fn web_search(draft: &mut Draft<'_>) -> Step {
    if draft.truthy("enable_web_search").is_some() {
        draft.overlay.set("web_search", Some(true.into()));
    }
    Ok(())
}

/// Cache marks for Claude behind Electron Hub.
pub(super) fn electronhub_caching(draft: &mut Draft<'_>) -> Step {
    let settings = draft.settings;
    if draft.model().starts_with("claude-")
        && let Some(Value::Array(messages)) = draft.body.get_mut("messages")
    {
        caching::mark_relayed_claude(messages, &settings.claude)?;
    }
    Ok(())
}

/// MiniMax refuses two messages of one role in a row.
pub(super) fn minimax_messages(draft: &mut Draft<'_>) -> Step {
    process(draft, PostProcessing::MergeTools)
}

/// One model of MiniMax answers shortly.
pub(super) fn minimax_length(draft: &mut Draft<'_>) -> Step {
    const LONGEST: f64 = 2048.0;
    if draft.body.get("model").and_then(Value::as_str) == Some("M2-her") {
        let asked = js::to_number(draft.body.get("max_tokens"));
        // compat: without a number the original sends `null`.
        draft.body["max_tokens"] = if asked.is_nan() {
            Value::Null
        } else {
            js::from_number(asked.min(LONGEST))
        };
    }
    Ok(())
}

/// Pollinations lists models without an envelope, by name; `None` when one of them is nothing.
pub(super) fn pollinations_models(list: Value) -> Option<Value> {
    let Value::Array(models) = list else {
        return Some(list);
    };
    if models.iter().any(Value::is_null) {
        return None;
    }
    let named = models.into_iter().map(|model| {
        let mut fields = serde_json::Map::new();
        if let Some(name) = model.get("name") {
            fields.insert("id".to_owned(), name.clone());
        }
        if let Value::Object(own) = model {
            fields.extend(own);
        }
        Value::Object(fields)
    });
    Some(json!({ "data": named.collect::<Vec<_>>() }))
}

/// Chutes names prices as others do not, and some of its models not at all.
pub(super) fn chutes_models(mut list: Value) -> Option<Value> {
    let Some(Value::Array(models)) = list.get_mut("data") else {
        return Some(list);
    };
    models.retain(|model| js::is_truthy(model.get("id")));
    for pricing in models.iter_mut().filter_map(|model| model.get_mut("pricing")) {
        let (Some(prompt), Some(completion)) =
            (pricing.get("prompt").cloned(), pricing.get("completion").cloned())
        else {
            continue;
        };
        pricing["input"] = prompt;
        pricing["output"] = completion;
    }
    Some(list)
}
