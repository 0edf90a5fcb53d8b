//! Logging settings.

use super::source::Source;

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text for a person.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `LOG_FORMAT`: `text` (default) or `json`.
    pub format: LogFormat,
    /// A filter of `tracing_subscriber::EnvFilter`: `RUST_LOG`, else derived from `logging.minLogLevel`
    /// (0 debug, 1 info, 2 warn, 3 error, above: nothing; default 0, where only the server's own lines are debug).
    pub filter: String,
    /// `logging.enableAccessLog`: one line for each new client. Default true.
    pub access_log: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: filter_of(0).to_owned(),
            access_log: true,
        }
    }
}

impl LogConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let format = match source.variable("LOG_FORMAT").as_deref().map(str::trim) {
            None => default.format,
            Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                source.fault(format!("LOG_FORMAT: expected text or json, found {other:?}"));
                default.format
            }
        };
        let level: i64 = source.whole("logging.minLogLevel", 0);
        Self {
            format,
            filter: source
                .variable("RUST_LOG")
                .unwrap_or_else(|| filter_of(level).to_owned()),
            access_log: source.flag("logging.enableAccessLog", default.access_log),
        }
    }
}

const fn filter_of(level: i64) -> &'static str {
    match level {
        ..=0 => "info,squaretable=debug",
        1 => "info",
        2 => "warn",
        3 => "error",
        _ => "off",
    }
}
