//! How much Google's models may think, by an effort's name.

/// How much a model may think.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Thinking {
    /// As it likes.
    Unset,
    /// Tokens; -1 lets the model decide.
    Tokens(f64),
    /// One of the API's levels.
    Level(&'static str),
}

/// Whether the model takes a configuration of its thinking: the flash and pro models of 2.5, but not those for
/// images, and of 3.
pub(super) fn has_thinking_config(model: &str) -> bool {
    let is_half = model.strip_prefix("gemini-2.5-");
    let is_drawing = model.ends_with("-image") || model.ends_with("-image-preview");
    let thinks = |kind: &str| kind.starts_with("flash") || kind.starts_with("pro");
    is_half.is_some_and(|kind| thinks(kind) && !is_drawing)
        || third_generation(model).is_some_and(|(at, kind)| at == 0 && thinks(kind))
}

/// Where `gemini-3`, with or without a minor version, is in a name, and what follows it.
fn third_generation(model: &str) -> Option<(usize, &str)> {
    let at = model.find("gemini-3")?;
    let rest = model[at + "gemini-3".len()..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    Some((at, rest.strip_prefix('-')?))
}

/// The budget for an answer of `length` tokens.
pub(super) fn google(length: f64, effort: &str, model: &str) -> Thinking {
    if let Some((_, kind)) = third_generation(model) {
        if kind.starts_with("pro") {
            return pro_level(effort);
        }
        if kind.starts_with("flash") {
            return flash_level(effort, model.contains("gemini-3.7-flash"));
        }
    }
    let (smallest, largest) = if model.contains("flash-lite") {
        (512.0, 24_576.0)
    } else if model.contains("flash") {
        (f64::NEG_INFINITY, 24_576.0)
    } else if model.contains("pro") {
        (128.0, 32_768.0)
    } else {
        return Thinking::Unset;
    };
    let tokens = match effort {
        "auto" => return Thinking::Tokens(-1.0),
        "min" if model.contains("flash") => return Thinking::Tokens(0.0),
        "min" => 128.0,
        "low" => (length * 0.1).floor(),
        "medium" => (length * 0.25).floor(),
        "high" => (length * 0.5).floor(),
        "max" => length,
        _ => 0.0,
    };
    if tokens.is_nan() {
        return Thinking::Unset;
    }
    Thinking::Tokens(tokens.min(largest).max(smallest))
}

fn pro_level(effort: &str) -> Thinking {
    match effort {
        "min" | "low" | "medium" => Thinking::Level("low"),
        "high" | "max" => Thinking::Level("high"),
        _ => Thinking::Unset,
    }
}

fn flash_level(effort: &str, has_no_minimum: bool) -> Thinking {
    match effort {
        "min" if has_no_minimum => Thinking::Level("low"),
        "min" => Thinking::Level("minimal"),
        "low" => Thinking::Level("low"),
        "medium" => Thinking::Level("medium"),
        "high" | "max" => Thinking::Level("high"),
        _ => Thinking::Unset,
    }
}

#[cfg(test)]
mod tests {
    use super::{Thinking, google, has_thinking_config};

    #[test]
    fn knows_who_can_be_told() {
        for model in [
            "gemini-2.5-flash-lite",
            "gemini-2.5-pro",
            "gemini-3-flash",
            "gemini-3.1-pro-preview",
        ] {
            assert!(has_thinking_config(model), "{model}");
        }
        for model in [
            "gemini-2.5-flash-image",
            "gemini-2.0-flash",
            "models/gemini-3-pro",
            "gemini-3-nano",
            "gemini-3x-pro",
        ] {
            assert!(!has_thinking_config(model), "{model}");
        }
    }

    #[test]
    fn clamps_by_family() {
        assert_eq!(google(1000.0, "low", "gemini-2.5-flash"), Thinking::Tokens(100.0));
        assert_eq!(
            google(1000.0, "low", "gemini-2.5-flash-lite"),
            Thinking::Tokens(512.0)
        );
        assert_eq!(google(1000.0, "low", "gemini-2.5-pro"), Thinking::Tokens(128.0));
        assert_eq!(google(1e6, "max", "gemini-2.5-pro"), Thinking::Tokens(32_768.0));
        assert_eq!(google(1e6, "auto", "gemini-2.5-pro"), Thinking::Tokens(-1.0));
        assert_eq!(google(1e6, "min", "gemini-2.5-flash-lite"), Thinking::Tokens(0.0));
        assert_eq!(google(1e6, "odd", "gemini-2.5-flash"), Thinking::Tokens(0.0));
        assert_eq!(google(f64::NAN, "max", "gemini-2.5-flash"), Thinking::Unset);
        assert_eq!(google(1e6, "medium", "gemini-3-pro"), Thinking::Level("low"));
        assert_eq!(google(1e6, "min", "gemini-3.7-flash"), Thinking::Level("low"));
        assert_eq!(google(1e6, "min", "gemini-3.5-flash"), Thinking::Level("minimal"));
        assert_eq!(google(1e6, "high", "gemma"), Thinking::Unset);
    }
}
