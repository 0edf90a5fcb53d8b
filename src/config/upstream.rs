//! Requests that the server makes to others: proxy, address filter, headers and provider options.

use std::path::PathBuf;

use serde_yaml_ng::Value;

use super::ip_pattern::IpPattern;
use super::secret::Secret;
use super::source::Source;
use super::values::scalar_text;
use crate::providers::resolver::Lookup;

/// Settings of outgoing requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// `requestProxy.*`; `None` when off, which is the default.
    pub proxy: Option<RequestProxy>,
    /// `NODE_EXTRA_CA_CERTS`: a PEM file of certificate authorities trusted besides the system's. Default none.
    pub extra_ca_certificates: Option<PathBuf>,
    /// `privateAddressWhitelist.*`.
    pub private_addresses: PrivateAddresses,
    /// `requestOverrides`: headers for hosts of the text completion APIs. Default empty. The first entry that
    /// names the host counts.
    pub overrides: Vec<RequestOverride>,
    /// `enableKeepAlive`: reuse outgoing connections. Default false.
    pub keep_alive: bool,
    /// `dnsPreferIPv6`: try IPv6 addresses of a name first. Default false.
    pub dns_prefer_ipv6: bool,
    /// Who tells the addresses of names. No setting: the system, but for tests.
    pub lookup: Lookup,
    /// `enableDownloadableTokenizers`: fetch tokenizer models that are not shipped. Default true.
    pub download_tokenizers: bool,
    /// `promptPlaceholder`: user message put before a prompt that lacks one. Default `[Start a new chat]`.
    pub prompt_placeholder: String,
    /// `openai.randomizeUserId`: send a random user id. Default false.
    pub openai_randomize_user_id: bool,
    /// `openai.captionSystemPrompt`: system message of caption requests. Default empty: none.
    pub openai_caption_system_prompt: String,
    /// `deepl.formality`: `default`, `more`, `less`, `prefer_more` or `prefer_less`. Default `default`.
    pub deepl_formality: String,
    /// `mistral.enablePrefix`: send the last assistant message as prefix. Default false.
    pub mistral_enable_prefix: bool,
    /// `ollama.keepAlive`: seconds a model stays loaded, -1 for ever. Default -1.
    pub ollama_keep_alive: i64,
    /// `ollama.batchSize`: `num_batch`; not sent unless positive. Default -1.
    pub ollama_batch_size: i64,
    /// `claude.*`.
    pub claude: ClaudeConfig,
    /// `gemini.*`.
    pub gemini: GeminiConfig,
    /// `SQUARETABLE_KEEP_GENERATIONS`: whose generations go on when the browser goes. Default: nobody's.
    pub keep_generations: KeepGenerations,
}

/// Whose generations go on when the browser goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeepGenerations {
    /// Nobody's: the provider is hung up on, as in the original.
    #[default]
    Nobody,
    /// Every user's.
    Everybody,
    /// Those of the users with these handles.
    Handles(Vec<String>),
}

impl KeepGenerations {
    /// `*` is everybody, anything else a list of handles with commas between.
    fn read(source: &Source) -> Self {
        let text = source
            .variable("SQUARETABLE_KEEP_GENERATIONS")
            .unwrap_or_default();
        if text.trim() == "*" {
            return Self::Everybody;
        }
        let handles = text.split(',').map(str::trim).filter(|handle| !handle.is_empty());
        match handles.map(str::to_owned).collect::<Vec<_>>() {
            handles if handles.is_empty() => Self::Nobody,
            handles => Self::Handles(handles),
        }
    }

    /// Whether the user with this handle is one of them.
    #[must_use]
    pub fn includes(&self, handle: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Handles(handles) => handles.iter().any(|known| known == handle),
        }
    }
}

/// The proxy for outgoing requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestProxy {
    /// `requestProxy.url`, possibly with credentials: `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`.
    /// SillyTavern's `socks://` is stored as `socks5h://`.
    pub url: Secret<String>,
    /// `requestProxy.bypass`: hosts reached without it. Default `localhost`, `127.0.0.1`.
    pub bypass: Vec<String>,
}

/// The filter for addresses of private networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateAddresses {
    /// `privateAddressWhitelist.enabled`. Default false, and true with `enableUserAccounts`: the network that the server is
    /// in is its operator's and not its users' (CVE-2026-46372).
    pub enabled: bool,
    /// `privateAddressWhitelist.allowUnresolvedHosts`. Default false.
    pub allow_unresolved_hosts: bool,
    /// `privateAddressWhitelist.log.blockedRequests`. Default true.
    pub log_blocked: bool,
    /// `privateAddressWhitelist.log.allowedRequests`. Default false.
    pub log_allowed: bool,
    /// `privateAddressWhitelist.allowedRanges`. Default `127.0.0.0/8`, `::1/128`, and none with `enableUserAccounts`.
    pub allowed_ranges: Vec<IpPattern>,
}

/// Headers added to requests to certain hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOverride {
    /// Host names, with `:port` unless it is the protocol's own.
    pub hosts: Vec<String>,
    /// (name, value); values may be credentials.
    pub headers: Vec<(String, Secret<String>)>,
}

/// Options of Anthropic's API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaudeConfig {
    /// `claude.enableSystemPromptCache`. Default false.
    pub system_prompt_cache: bool,
    /// `claude.cachingAtDepth`; `None` for any negative or fractional number. Default `None`.
    pub caching_at_depth: Option<u32>,
    /// `claude.extendedTTL`: caches live 1 h instead of 5 min. Default false.
    pub extended_ttl: bool,
    /// `claude.enableAdaptiveThinking`. Default false, as in the shipped file.
    pub adaptive_thinking: bool,
}

/// Options of Google's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeminiConfig {
    /// `gemini.apiVersion`. Default `v1beta`.
    pub api_version: String,
    /// `gemini.thoughtSignatures`. Default true.
    pub thought_signatures: bool,
    /// `gemini.enableSystemPromptCache`, only over OpenRouter. Default false.
    pub system_prompt_cache: bool,
    /// `gemini.image.personGeneration`; empty leaves it to the API. Default `allow_adult`.
    pub person_generation: String,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            proxy: None,
            extra_ca_certificates: None,
            private_addresses: PrivateAddresses::default(),
            overrides: Vec::new(),
            keep_alive: false,
            dns_prefer_ipv6: false,
            lookup: Lookup::default(),
            download_tokenizers: true,
            prompt_placeholder: "[Start a new chat]".to_owned(),
            openai_randomize_user_id: false,
            openai_caption_system_prompt: String::new(),
            deepl_formality: "default".to_owned(),
            mistral_enable_prefix: false,
            ollama_keep_alive: -1,
            ollama_batch_size: -1,
            claude: ClaudeConfig::default(),
            gemini: GeminiConfig::default(),
            keep_generations: KeepGenerations::Nobody,
        }
    }
}

impl Default for PrivateAddresses {
    fn default() -> Self {
        Self {
            enabled: false,
            allow_unresolved_hosts: false,
            log_blocked: true,
            log_allowed: false,
            allowed_ranges: ["127.0.0.0/8", "::1/128"]
                .into_iter()
                .filter_map(IpPattern::parse)
                .collect(),
        }
    }
}

impl Default for GeminiConfig {
    fn default() -> Self {
        Self {
            api_version: "v1beta".to_owned(),
            thought_signatures: true,
            system_prompt_cache: false,
            person_generation: "allow_adult".to_owned(),
        }
    }
}

impl UpstreamConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            proxy: RequestProxy::read(source),
            extra_ca_certificates: read_extra_ca_certificates(source),
            private_addresses: PrivateAddresses::read(source),
            overrides: read_overrides(source),
            keep_alive: source.flag("enableKeepAlive", default.keep_alive),
            dns_prefer_ipv6: source.flag("dnsPreferIPv6", default.dns_prefer_ipv6),
            lookup: default.lookup,
            download_tokenizers: source.flag("enableDownloadableTokenizers", default.download_tokenizers),
            prompt_placeholder: source.text("promptPlaceholder", &default.prompt_placeholder),
            openai_randomize_user_id: source.flag("openai.randomizeUserId", default.openai_randomize_user_id),
            openai_caption_system_prompt: source.text("openai.captionSystemPrompt", ""),
            deepl_formality: source.text("deepl.formality", &default.deepl_formality),
            mistral_enable_prefix: source.flag("mistral.enablePrefix", default.mistral_enable_prefix),
            ollama_keep_alive: source.whole("ollama.keepAlive", default.ollama_keep_alive),
            ollama_batch_size: source.whole("ollama.batchSize", default.ollama_batch_size),
            claude: ClaudeConfig::read(source),
            gemini: GeminiConfig::read(source),
            keep_generations: KeepGenerations::read(source),
        }
    }
}

impl RequestProxy {
    fn read(source: &mut Source) -> Option<Self> {
        if !source.flag("requestProxy.enabled", false) {
            return None;
        }
        let url = source.text("requestProxy.url", "").trim().to_owned();
        let bypass = source.list(
            "requestProxy.bypass",
            &["localhost".to_owned(), "127.0.0.1".to_owned()],
        );
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let url = match scheme.to_lowercase().as_str() {
            // What the original's proxy library means by plain `socks`: version 5, names resolved by the proxy.
            "socks" => format!("socks5h://{rest}"),
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" => url.clone(),
            _ => String::new(),
        };
        if url.is_empty() || rest.is_empty() {
            source.fault(
                "requestProxy.url: expected a URL of the kind http, https, socks, socks4 or socks5 (pac is not supported)",
            );
            return None;
        }
        Some(Self {
            url: Secret::new(url),
            bypass,
        })
    }
}

impl PrivateAddresses {
    fn read(source: &mut Source) -> Self {
        let mut default = Self::default();
        let prefix = "privateAddressWhitelist";
        let has_users = source.flag("enableUserAccounts", false);
        if has_users {
            default.enabled = true;
            default.allowed_ranges.clear();
        }
        let enabled = source.flag(&format!("{prefix}.enabled"), default.enabled);
        if has_users && !enabled {
            source.warn(format!(
                "{prefix}: is off, so that users can make the server send requests into its own network"
            ));
        }
        Self {
            enabled,
            allow_unresolved_hosts: source.flag(
                &format!("{prefix}.allowUnresolvedHosts"),
                default.allow_unresolved_hosts,
            ),
            log_blocked: source.flag(&format!("{prefix}.log.blockedRequests"), default.log_blocked),
            log_allowed: source.flag(&format!("{prefix}.log.allowedRequests"), default.log_allowed),
            allowed_ranges: source.patterns(&format!("{prefix}.allowedRanges"), &default.allowed_ranges),
        }
    }
}

impl ClaudeConfig {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        // compat: whatever is no whole number from 0 switches it off, so this one is read without faults.
        let depth = source
            .raw("claude.cachingAtDepth")
            .and_then(|(_, value, _)| scalar_text(&value));
        Self {
            system_prompt_cache: source.flag("claude.enableSystemPromptCache", default.system_prompt_cache),
            caching_at_depth: depth.and_then(|depth| depth.trim().parse().ok()),
            extended_ttl: source.flag("claude.extendedTTL", default.extended_ttl),
            adaptive_thinking: source.flag("claude.enableAdaptiveThinking", default.adaptive_thinking),
        }
    }
}

impl GeminiConfig {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            api_version: source.text("gemini.apiVersion", &default.api_version),
            thought_signatures: source.flag("gemini.thoughtSignatures", default.thought_signatures),
            system_prompt_cache: source.flag("gemini.enableSystemPromptCache", default.system_prompt_cache),
            person_generation: source.text("gemini.image.personGeneration", &default.person_generation),
        }
    }
}

/// The file of the runtime's own variable, so that an installation moves over as it is.
fn read_extra_ca_certificates(source: &mut Source) -> Option<PathBuf> {
    let path = PathBuf::from(source.variable("NODE_EXTRA_CA_CERTS")?);
    if let Err(error) = std::fs::File::open(&path) {
        source.fault(format!("NODE_EXTRA_CA_CERTS: {}: {error}", path.display()));
    }
    Some(path)
}

fn read_overrides(source: &mut Source) -> Vec<RequestOverride> {
    let Some((name, items)) = source.items("requestOverrides") else {
        return Vec::new();
    };
    let mut overrides = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match read_override(item) {
            Some(entry) => overrides.push(entry),
            None => source.fault(format!(
                "{name}[{at}]: expected `hosts` (a list) and `headers` (a section)"
            )),
        }
    }
    overrides
}

fn read_override(item: &Value) -> Option<RequestOverride> {
    let hosts = item
        .get("hosts")?
        .as_sequence()?
        .iter()
        .map(scalar_text)
        .collect::<Option<_>>()?;
    let headers = item.get("headers")?.as_mapping()?.iter();
    let headers = headers
        .map(|(name, value)| Some((scalar_text(name)?, Secret::new(scalar_text(value)?))))
        .collect::<Option<_>>()?;
    Some(RequestOverride { hosts, headers })
}
