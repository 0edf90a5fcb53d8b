//! Every key of SillyTavern 1.19.0's `config.yaml`: which ones are read, and which ones mean nothing here.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::source::{Source, env_name};

const BROWSER: &str = "a server opens no browser";
const HEARTBEAT: &str = "GET /healthz and GET /readyz replace the heartbeat file";
const CARD_CACHE: &str = "cards are held in the database, which has its own cache";
const PLUGINS: &str = "plugins are JavaScript for the original's process";

/// Keys that are known and have no effect, with the reason.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("browserLaunch.enabled", BROWSER),
    ("browserLaunch.browser", BROWSER),
    ("browserLaunch.hostname", BROWSER),
    ("browserLaunch.port", BROWSER),
    ("browserLaunch.avoidLocalhost", BROWSER),
    ("heartbeatInterval", HEARTBEAT),
    ("performance.memoryCacheCapacity", CARD_CACHE),
    ("performance.useDiskCache", CARD_CACHE),
    ("enableServerPlugins", PLUGINS),
    ("enableServerPluginsAutoUpdate", PLUGINS),
];

/// Keys that the structs of this module read.
const READ: &[&str] = &[
    "dataRoot",
    "listen",
    "listenAddress.ipv4",
    "listenAddress.ipv6",
    "protocol.ipv4",
    "protocol.ipv6",
    "dnsPreferIPv6",
    "port",
    "enableKeepAlive",
    "ssl.enabled",
    "ssl.certPath",
    "ssl.keyPath",
    "ssl.keyPassphrase",
    "whitelistMode",
    "enableForwardedWhitelist",
    "whitelist",
    "whitelistDockerHosts",
    "basicAuthMode",
    "basicAuthUser.username",
    "basicAuthUser.password",
    "enableCorsProxy",
    "cors.enabled",
    "cors.origin",
    "cors.methods",
    "cors.allowedHeaders",
    "cors.exposedHeaders",
    "cors.credentials",
    "cors.maxAge",
    "requestProxy.enabled",
    "requestProxy.url",
    "requestProxy.bypass",
    "enableUserAccounts",
    "enableDiscreetLogin",
    "perUserBasicAuth",
    "sso.autheliaAuth",
    "sso.authentikAuth",
    "sso.trustedProxies",
    "hostWhitelist.enabled",
    "hostWhitelist.scan",
    "hostWhitelist.hosts",
    "privateAddressWhitelist.enabled",
    "privateAddressWhitelist.allowUnresolvedHosts",
    "privateAddressWhitelist.log.blockedRequests",
    "privateAddressWhitelist.log.allowedRequests",
    "privateAddressWhitelist.allowedRanges",
    "sessionTimeout",
    "disableCsrfProtection",
    "securityOverride",
    "logging.enableAccessLog",
    "logging.minLogLevel",
    "rateLimiting.preferRealIpHeader",
    "rateLimiting.basicAuthMaxAttempts",
    "rateLimiting.accountsLoginMaxAttempts",
    "rateLimiting.accountsRecoverMaxAttempts",
    "rateLimiting.accountsResetMaxAttempts",
    "forwardedHeaders.xRealIp",
    "forwardedHeaders.xForwardedFor",
    "forwardedHeaders.cfConnectingIp",
    "backups.allowFullDataBackup",
    "backups.common.numberOfBackups",
    "backups.chat.enabled",
    "backups.chat.checkIntegrity",
    "backups.chat.maxTotalBackups",
    "backups.chat.throttleInterval",
    "thumbnails.enabled",
    "thumbnails.format",
    "thumbnails.quality",
    "thumbnails.dimensions.bg",
    "thumbnails.dimensions.avatar",
    "thumbnails.dimensions.persona",
    "performance.lazyLoadCharacters",
    "performance.requestCompression.enabled",
    "performance.requestCompression.minPayloadSize",
    "performance.requestCompression.maxPayloadSize",
    "performance.requestCompression.timeout",
    "cacheBuster.enabled",
    "cacheBuster.userAgentPattern",
    "allowKeysExposure",
    "skipContentCheck",
    "whitelistImportDomains",
    "requestOverrides",
    "extensions.enabled",
    "extensions.autoUpdate",
    "extensions.models.autoDownload",
    "extensions.models.classification",
    "extensions.models.captioning",
    "extensions.models.embedding",
    "extensions.models.speechToText",
    "extensions.models.textToSpeech",
    "git.backend",
    "enableDownloadableTokenizers",
    "promptPlaceholder",
    "openai.randomizeUserId",
    "openai.captionSystemPrompt",
    "deepl.formality",
    "mistral.enablePrefix",
    "ollama.keepAlive",
    "ollama.batchSize",
    "claude.enableSystemPromptCache",
    "claude.cachingAtDepth",
    "claude.extendedTTL",
    "claude.enableAdaptiveThinking",
    "gemini.apiVersion",
    "gemini.thoughtSignatures",
    "gemini.enableSystemPromptCache",
    "gemini.image.personGeneration",
];

/// Keys of [`READ`] whose part of the server is not built yet.
const NOT_BUILT: &[&str] = &[
    "dnsPreferIPv6",
    "whitelistDockerHosts",
    "enableCorsProxy",
    "openai.captionSystemPrompt",
    "gemini.image.personGeneration",
];

/// Why a key has no effect, if it has none.
fn without_effect_because(is_key: impl Fn(&str) -> bool) -> Option<&'static str> {
    if NOT_BUILT.iter().any(|key| is_key(key)) {
        return Some("what it is for is not built yet");
    }
    let (_, reason) = NOT_APPLICABLE.iter().find(|(key, _)| is_key(key))?;
    Some(reason)
}

/// Names each key without effect and each unknown one, once: those that share a reason in one warning.
pub(super) fn review(source: &mut Source) {
    let mut leaves = Vec::new();
    collect_leaves(&source.root, "", &mut leaves);
    let mut without_effect: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for leaf in leaves {
        if let Some(reason) = without_effect_because(|key| key == leaf) {
            without_effect.entry(reason).or_default().push(leaf);
        } else if is_section(&leaf) {
            source.fault(format!("{leaf}: expected a section of keys"));
        } else if !READ.contains(&leaf.as_str()) {
            source.warn(format!("{leaf}: unknown key, not read"));
        }
    }
    let variables: Vec<String> = source
        .env
        .keys()
        .filter(|name| name.starts_with("SILLYTAVERN_"))
        .cloned()
        .collect();
    for name in variables {
        if let Some(reason) = without_effect_because(|key| env_name(key) == name) {
            without_effect.entry(reason).or_default().push(name);
        } else if !READ.iter().any(|key| env_name(key) == name) {
            source.warn(format!("{name}: unknown variable, not read"));
        }
    }
    for (reason, names) in without_effect {
        source.warn(format!("{}: not applicable: {reason}", names.join(", ")));
    }
}

/// Whether `path` is a section, so that a plain value there is a mistake.
fn is_section(path: &str) -> bool {
    let all = READ
        .iter()
        .copied()
        .chain(NOT_APPLICABLE.iter().map(|(key, _)| *key));
    all.into_iter()
        .any(|key| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The dotted paths of everything that is no section; an empty section states nothing.
fn collect_leaves(value: &Value, path: &str, leaves: &mut Vec<String>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, child) in mapping {
                let name = super::values::scalar_text(key).unwrap_or_default();
                let path = if path.is_empty() {
                    name
                } else {
                    format!("{path}.{name}")
                };
                collect_leaves(child, &path, leaves);
            }
        }
        Value::Null if path.is_empty() || is_section(path) => {}
        _ => leaves.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{Environment, Source};
    use super::{NOT_APPLICABLE, READ, review};

    fn reviewed(yaml: &str, env: &[(&str, &str)]) -> Source {
        let env: Environment = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut source = Source::from_yaml(yaml, &"f", env);
        review(&mut source);
        source
    }

    #[test]
    fn keys_without_effect_are_named_once_and_grouped_by_reason() {
        let yaml = "browserLaunch: { enabled: true, port: 9 }\nheartbeatInterval: 5\nport: 1\n";
        let source = reviewed(yaml, &[("SILLYTAVERN_ENABLESERVERPLUGINS", "true")]);
        let warnings: Vec<String> = source.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "heartbeatInterval: not applicable: GET /healthz and GET /readyz replace the heartbeat file",
                "browserLaunch.enabled, browserLaunch.port: not applicable: a server opens no browser",
                "SILLYTAVERN_ENABLESERVERPLUGINS: not applicable: plugins are JavaScript for the original's process",
            ]
        );
    }

    #[test]
    fn unknown_keys_are_named_and_a_value_in_place_of_a_section_is_a_fault() {
        let source = reviewed("prot: 1\ncors: true\nsso:\n", &[("SILLYTAVERN_PROT", "1")]);
        let warnings: Vec<String> = source.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "prot: unknown key, not read",
                "SILLYTAVERN_PROT: unknown variable, not read"
            ]
        );
        assert_eq!(source.faults, ["cors: expected a section of keys"]);
    }

    #[test]
    fn the_operations_guide_lists_exactly_the_known_keys() {
        let guide = include_str!("../../docs/OPERATIONS.md");
        let rows: Vec<&str> = guide
            .lines()
            .skip_while(|line| *line != "### Keys of config.yaml")
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        for key in READ.iter().chain(NOT_APPLICABLE.iter().map(|(key, _)| key)) {
            assert!(rows.contains(key), "{key} has a row");
        }
        assert_eq!(
            rows.len(),
            READ.len() + NOT_APPLICABLE.len(),
            "no row for a key that does not exist"
        );
    }
}
