//! Which OpenAI models take `reasoning_effort` and `verbosity`.

/// Models that take a reasoning effort, by exact name.
const EFFORT_MODELS: [&str; 33] = [
    "o1",
    "o3-mini",
    "o3-mini-2025-01-31",
    "o4-mini",
    "o4-mini-2025-04-16",
    "o3",
    "o3-2025-04-16",
    "gpt-5",
    "gpt-5-2025-08-07",
    "gpt-5-mini",
    "gpt-5-mini-2025-08-07",
    "gpt-5-nano",
    "gpt-5-nano-2025-08-07",
    "gpt-5.1",
    "gpt-5.1-2025-11-13",
    "gpt-5.1-chat-latest",
    "gpt-5.2",
    "gpt-5.2-2025-12-11",
    "gpt-5.2-chat-latest",
    "gpt-5.3-chat-latest",
    "gpt-5.4",
    "gpt-5.4-2026-03-05",
    "gpt-5.4-mini",
    "gpt-5.4-mini-2026-03-17",
    "gpt-5.4-nano",
    "gpt-5.4-nano-2026-03-17",
    "gpt-5.5",
    "gpt-5.5-2026-04-23",
    "gpt-5.6",
    "gpt-5.6-sol",
    "gpt-5.6-terra",
    "gpt-5.6-luna",
    "gpt-6-astra",
];

/// The effort to send for a model the list knows, or `None` when it takes none.
pub(super) fn reasoning_effort<'a>(model: &str, requested: &'a str) -> Option<&'a str> {
    if !EFFORT_MODELS.contains(&model) {
        return None;
    }
    Some(match (model, requested) {
        ("gpt-5.3-chat-latest", _) => "medium",
        (_, "min") => "minimal",
        (_, other) => other,
    })
}

/// Whether the model takes a verbosity.
pub(super) fn takes_verbosity(model: &str) -> bool {
    model.starts_with("gpt-5") || model.starts_with("gpt-6-astra")
}

#[cfg(test)]
mod tests {
    use super::{reasoning_effort, takes_verbosity};

    #[test]
    fn knows_models_exactly_and_maps_efforts() {
        assert_eq!(reasoning_effort("gpt-5", "min"), Some("minimal"));
        assert_eq!(reasoning_effort("gpt-5.3-chat-latest", "high"), Some("medium"));
        assert_eq!(reasoning_effort("o1", "high"), Some("high"));
        assert_eq!(reasoning_effort("openai/gpt-5", "high"), None);
        assert!(takes_verbosity("gpt-5.9-anything") && !takes_verbosity("gpt-4"));
    }
}
