//! What users store and see: backups, thumbnails, lists, extensions, imports.

use std::time::Duration;

use super::source::Source;
use crate::git::Limits;

/// Settings of the library and of stored data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentConfig {
    /// `skipContentCheck`: give users no new default content at start. Default false.
    pub skip_content_check: bool,
    /// `allowKeysExposure`: let the browser read stored API keys. Default false.
    pub allow_keys_exposure: bool,
    /// `whitelistImportDomains`: hosts from which a card may be downloaded by URL.
    /// Default `localhost`, `cdn.discordapp.com`, `files.catbox.moe`, `raw.githubusercontent.com`.
    pub import_domains: Vec<String>,
    /// `performance.lazyLoadCharacters`: list characters in their shallow form. Default false.
    pub lazy_load_characters: bool,
    /// `performance.requestCompression.*`, passed to the frontend.
    pub request_compression: RequestCompression,
    /// `backups.*`.
    pub backups: Backups,
    /// `thumbnails.*`.
    pub thumbnails: Thumbnails,
    /// `extensions.*` and `git.*`.
    pub extensions: Extensions,
}

/// When the frontend compresses what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCompression {
    /// `performance.requestCompression.enabled`. Default false.
    pub enabled: bool,
    /// `performance.requestCompression.minPayloadSize`, bytes, 0 is every request. Default 256 KiB.
    pub min_payload_bytes: u64,
    /// `performance.requestCompression.maxPayloadSize`, bytes, 0 is no limit. Default 8 MiB.
    pub max_payload_bytes: u64,
    /// `performance.requestCompression.timeout`, milliseconds. Default 4,000.
    pub timeout_ms: u64,
}

/// Copies kept of chats and settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// `backups.allowFullDataBackup`: users may download all their data. Default true.
    pub allow_full_data_backup: bool,
    /// `backups.common.numberOfBackups`: copies kept of one chat or settings file. Default 50.
    pub number_of_backups: u32,
    /// `backups.chat.enabled`: copy a chat on save. Default true.
    pub chat_enabled: bool,
    /// `backups.chat.checkIntegrity`: refuse a save over a chat that someone else changed. Default true.
    pub check_integrity: bool,
    /// `backups.chat.maxTotalBackups`: chat copies kept of one user; `None` (-1 in the file) keeps all. Default `None`.
    pub max_total_chat_backups: Option<u32>,
    /// `backups.chat.throttleInterval`: shortest time between two copies of one user, milliseconds in the file.
    /// Default 10 s.
    pub chat_throttle: Duration,
}

/// The image format of avatar thumbnails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThumbnailFormat {
    /// Smaller, no transparency.
    #[default]
    Jpeg,
    /// Keeps transparency.
    Png,
}

/// Small versions of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnails {
    /// `thumbnails.enabled`. Default true.
    pub enabled: bool,
    /// `thumbnails.format`: `png`, or JPEG for any other word. Default JPEG.
    pub format: ThumbnailFormat,
    /// `thumbnails.quality` of JPEG, held to 1..=100. Default 95.
    pub quality: u8,
    /// `thumbnails.dimensions.bg`: (width, height) in pixels. Default (160, 90).
    pub background: (u32, u32),
    /// `thumbnails.dimensions.avatar`: (width, height) in pixels. Default (96, 144).
    pub avatar: (u32, u32),
    /// `thumbnails.dimensions.persona`: (width, height) in pixels. Default (96, 144).
    pub persona: (u32, u32),
}

/// The program that fetches extensions: the system's git here, whatever is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GitBackend {
    /// The system's git, else the built-in one.
    #[default]
    Auto,
    /// The system's git.
    System,
    /// The built-in one.
    Builtin,
}

/// UI extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// `extensions.enabled`. Default true.
    pub enabled: bool,
    /// `extensions.autoUpdate`, passed to the frontend. Default true.
    pub auto_update: bool,
    /// `git.backend`: `auto`, `system` or `builtin`. Default `auto`.
    pub git_backend: GitBackend,
    /// What an extension may take; no key sets it.
    pub limits: Limits,
}

impl Default for ContentConfig {
    fn default() -> Self {
        let domains = [
            "localhost",
            "cdn.discordapp.com",
            "files.catbox.moe",
            "raw.githubusercontent.com",
        ];
        Self {
            skip_content_check: false,
            allow_keys_exposure: false,
            import_domains: domains.map(str::to_owned).to_vec(),
            lazy_load_characters: false,
            request_compression: RequestCompression::default(),
            backups: Backups::default(),
            thumbnails: Thumbnails::default(),
            extensions: Extensions::default(),
        }
    }
}

impl Default for RequestCompression {
    fn default() -> Self {
        Self {
            enabled: false,
            min_payload_bytes: 256 << 10,
            max_payload_bytes: 8 << 20,
            timeout_ms: 4000,
        }
    }
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            allow_full_data_backup: true,
            number_of_backups: 50,
            chat_enabled: true,
            check_integrity: true,
            max_total_chat_backups: None,
            chat_throttle: Duration::from_secs(10),
        }
    }
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self {
            enabled: true,
            format: ThumbnailFormat::Jpeg,
            quality: 95,
            background: (160, 90),
            avatar: (96, 144),
            persona: (96, 144),
        }
    }
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            enabled: true,
            auto_update: true,
            git_backend: GitBackend::Auto,
            limits: Limits::default(),
        }
    }
}

impl ContentConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            skip_content_check: source.flag("skipContentCheck", default.skip_content_check),
            allow_keys_exposure: source.flag("allowKeysExposure", default.allow_keys_exposure),
            import_domains: source.list("whitelistImportDomains", &default.import_domains),
            lazy_load_characters: source.flag("performance.lazyLoadCharacters", default.lazy_load_characters),
            request_compression: RequestCompression::read(source),
            backups: Backups::read(source),
            thumbnails: Thumbnails::read(source),
            extensions: Extensions::read(source),
        }
    }
}

impl RequestCompression {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let prefix = "performance.requestCompression";
        Self {
            enabled: source.flag(&format!("{prefix}.enabled"), default.enabled),
            min_payload_bytes: source.bytes(&format!("{prefix}.minPayloadSize"), default.min_payload_bytes),
            max_payload_bytes: source.bytes(&format!("{prefix}.maxPayloadSize"), default.max_payload_bytes),
            timeout_ms: source.whole(&format!("{prefix}.timeout"), default.timeout_ms),
        }
    }
}

impl Backups {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let total: i64 = source.whole("backups.chat.maxTotalBackups", -1);
        let throttle: u32 = source.whole("backups.chat.throttleInterval", 10_000);
        Self {
            allow_full_data_backup: source
                .flag("backups.allowFullDataBackup", default.allow_full_data_backup),
            number_of_backups: source.whole("backups.common.numberOfBackups", default.number_of_backups),
            chat_enabled: source.flag("backups.chat.enabled", default.chat_enabled),
            check_integrity: source.flag("backups.chat.checkIntegrity", default.check_integrity),
            max_total_chat_backups: u32::try_from(total).ok(),
            chat_throttle: Duration::from_millis(throttle.into()),
        }
    }
}

impl Thumbnails {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let quality: i64 = source.whole("thumbnails.quality", default.quality.into());
        let is_png = source
            .text("thumbnails.format", "jpg")
            .trim()
            .eq_ignore_ascii_case("png");
        Self {
            enabled: source.flag("thumbnails.enabled", default.enabled),
            format: if is_png {
                ThumbnailFormat::Png
            } else {
                ThumbnailFormat::Jpeg
            },
            quality: u8::try_from(quality.clamp(1, 100)).unwrap_or(default.quality),
            background: dimensions(source, "thumbnails.dimensions.bg", default.background),
            avatar: dimensions(source, "thumbnails.dimensions.avatar", default.avatar),
            persona: dimensions(source, "thumbnails.dimensions.persona", default.persona),
        }
    }
}

impl Extensions {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let words = [
            ("auto", GitBackend::Auto),
            ("system", GitBackend::System),
            ("builtin", GitBackend::Builtin),
        ];
        Self {
            enabled: source.flag("extensions.enabled", default.enabled),
            auto_update: source.flag("extensions.autoUpdate", default.auto_update),
            git_backend: source.choice("git.backend", default.git_backend, &words),
            limits: default.limits,
        }
    }
}

/// Two pixel counts from 1 to 4,096.
fn dimensions(source: &mut Source, key: &str, default: (u32, u32)) -> (u32, u32) {
    let Some((name, items)) = source.items(key) else {
        return default;
    };
    let sides: Vec<u64> = items.iter().filter_map(serde_yaml_ng::Value::as_u64).collect();
    let sides = match sides[..] {
        [width, height] if items.len() == 2 => u32::try_from(width).ok().zip(u32::try_from(height).ok()),
        _ => None,
    };
    let valid = sides.filter(|(width, height)| (1..=4096).contains(width) && (1..=4096).contains(height));
    valid.unwrap_or_else(|| {
        source.fault(format!(
            "{name}: expected [width, height] in pixels, each from 1 to 4096"
        ));
        default
    })
}
