//! Tests of loading as a whole: order, refusals, warnings.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;

use super::content::ThumbnailFormat;
use super::http::{CorsOrigin, SessionTimeout};
use super::log::LogFormat;
use super::report::{Faults, Warning};
use super::{Cli, Command, Config, ServeArgs};

struct Case {
    folder: tempfile::TempDir,
    args: ServeArgs,
    env: Vec<(&'static str, String)>,
}

fn case() -> Case {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Case {
        folder,
        args: ServeArgs::default(),
        env: Vec::new(),
    }
}

impl Case {
    fn yaml(mut self, text: &str) -> Self {
        let path = self.folder.path().join("config.yaml");
        std::fs::write(&path, text).expect("the file can be written");
        self.args.config = Some(path);
        self
    }

    fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    fn load(&self) -> Result<(Config, Vec<Warning>), Faults> {
        let env = self
            .env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Config::from_parts(&self.args, env, Vec::new())
    }

    fn config(&self) -> Config {
        self.load().expect("the configuration is valid").0
    }

    fn warnings(&self) -> Vec<String> {
        let (_, warnings) = self.load().expect("the configuration is valid");
        warnings.iter().map(ToString::to_string).collect()
    }

    fn faults(&self) -> Vec<String> {
        self.load()
            .expect_err("the configuration has faults")
            .texts()
            .to_vec()
    }
}

#[test]
fn nothing_given_is_the_default_without_a_word() {
    assert_eq!(case().load().expect("valid"), (Config::default(), Vec::new()));
    assert_eq!(Config::default().http.listen.url(8000), "http://127.0.0.1:8000");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let mut case = case().yaml("port: 1\nlisten: true\ndataRoot: from-file\n");
    assert_eq!(case.config().http.listen.port, 1);
    assert_eq!(case.config().http.listen.hosts, ["0.0.0.0"]);
    assert_eq!(case.config().data_dir, PathBuf::from("from-file"));

    case = case
        .env("SILLYTAVERN_PORT", "2")
        .env("SILLYTAVERN_DATAROOT", "from-override");
    assert_eq!(case.config().http.listen.port, 2);
    assert_eq!(case.config().data_dir, PathBuf::from("from-override"));

    case = case
        .env("PORT", "3")
        .env("HOST", "10.1.2.3")
        .env("SQUARETABLE_DATA_DIR", "from-env");
    assert_eq!(case.config().http.listen.port, 3);
    assert_eq!(case.config().http.listen.hosts, ["10.1.2.3"]);
    assert!(case.config().http.listen.exposed);
    assert_eq!(case.config().data_dir, PathBuf::from("from-env"));

    case.args.port = Some("4".to_owned());
    case.args.host = Some("[::1]".to_owned());
    case.args.data_dir = Some(PathBuf::from("from-flag"));
    let listen = case.config().http.listen;
    assert_eq!(
        (listen.port, listen.hosts.as_slice()),
        (4, &["::1".to_owned()][..])
    );
    assert!(!listen.exposed, "a loopback --host wins over listen: true");
    assert_eq!(listen.url(4), "http://[::1]:4");
    assert_eq!(case.config().data_dir, PathBuf::from("from-flag"));
}

#[test]
fn every_fault_is_in_one_message_and_no_secret_is() {
    let mut case = case()
        .yaml("port: web\nthumbnails: { dimensions: { bg: [1] } }\nbackups: 3\nrequestProxy: { enabled: true, url: 'pac://hunter2' }\n")
        .env("DATABASE_URL", "mysql://u:hunter2@db")
        .env("DATABASE_MAX_CONNECTIONS", "0")
        .env("REDIS_URL", "http://hunter2")
        .env("SQUARETABLE_MASTER_KEY", "hunter2")
        .env("LOG_FORMAT", "xml");
    case.args.host = Some("not a host".to_owned());
    case.args.frontend = Some(case.folder.path().join("absent"));
    let faults = case.load().expect_err("the configuration has faults");
    for name in [
        "port:",
        "thumbnails.dimensions.bg:",
        "backups:",
        "requestProxy.url:",
        "DATABASE_URL:",
        "DATABASE_MAX_CONNECTIONS:",
        "REDIS_URL:",
        "SQUARETABLE_MASTER_KEY:",
        "LOG_FORMAT:",
        "--host:",
        "--frontend:",
    ] {
        let count = faults
            .texts()
            .iter()
            .filter(|fault| fault.starts_with(name))
            .count();
        assert_eq!(count, 1, "{name} in {faults}");
    }
    assert_eq!(faults.texts().len(), 11, "{faults}");
    assert!(
        faults
            .to_string()
            .starts_with("the configuration has 11 faults:\n  - ")
    );
    assert!(!faults.to_string().contains("hunter2"), "{faults}");
}

#[test]
fn a_missing_or_broken_file_is_a_fault() {
    let mut missing = case();
    missing.args.config = Some(missing.folder.path().join("absent.yaml"));
    assert!(missing.faults()[0].starts_with("--config: "));
    assert_eq!(case().yaml("port: [").faults().len(), 1);
}

#[test]
fn an_open_server_without_protection_is_refused() {
    let open = "listen: true\nwhitelistMode: false\n";
    let faults = case().yaml(open).faults();
    assert!(
        faults[0].starts_with("listen: the server could be reached"),
        "{faults:?}"
    );
    let accounts = case().yaml(&format!("{open}enableUserAccounts: true\n"));
    assert!(accounts.config().is_open() && accounts.config().accounts.enabled);

    assert!(!case().yaml("listen: true\n").config().is_open());
    let guarded = case().yaml(&format!(
        "{open}basicAuthMode: true\nbasicAuthUser: {{ password: 7 }}\n"
    ));
    let basic = guarded
        .config()
        .http
        .basic_auth
        .expect("basic authentication is on");
    assert_eq!(
        (basic.username.as_str(), basic.password.expose().as_str()),
        ("user", "7")
    );
    assert!(!guarded.config().is_open());
    let forced = case().yaml(&format!("{open}securityOverride: true\n"));
    assert!(forced.config().is_open());
    assert!(forced.warnings()[0].starts_with("securityOverride:"));
    let mut local = case().yaml(open);
    local.args.host = Some("localhost".to_owned());
    assert!(!local.config().is_open(), "a loopback --host needs no protection");
}

#[test]
fn basic_authentication_needs_an_open_address_and_accounts_for_its_users() {
    let local = case().yaml("basicAuthMode: true\n");
    assert_eq!(local.config().http.basic_auth, None);
    assert!(local.warnings()[0].starts_with("basicAuthMode: has no effect"));
    let shipped = case().yaml("listen: true\nbasicAuthMode: true\n");
    assert!(shipped.warnings()[0].starts_with("basicAuthUser: the name and password are the ones"));
    let alone = case().yaml("perUserBasicAuth: true\n").warnings();
    assert!(
        alone[0].starts_with("perUserBasicAuth: has no effect"),
        "{alone:?}"
    );
}

#[test]
fn tls_is_a_warning_at_home_and_a_fault_outside() {
    let local = case().yaml("ssl: { enabled: true }\n").warnings();
    assert!(
        local.len() == 1 && local[0].starts_with("ssl.enabled"),
        "{local:?}"
    );
    assert!(case().yaml("ssl: { enabled: true }\nlisten: true\n").faults()[0].starts_with("ssl.enabled"));
}

#[test]
fn keys_of_several_shapes_keep_their_meaning() {
    let origin = |yaml: &str| case().yaml(yaml).config().http.cors.map(|cors| cors.origin);
    assert_eq!(origin(""), Some(CorsOrigin::Listed(vec!["null".to_owned()])));
    assert_eq!(origin("cors: { origin: '*' }"), Some(CorsOrigin::Any));
    assert_eq!(origin("cors: { origin: true }"), Some(CorsOrigin::Mirror));
    assert_eq!(origin("cors: { enabled: false }"), None);
    let fixed = case()
        .env("SILLYTAVERN_CORS_ORIGIN", "[\"a\"]")
        .config()
        .http
        .cors
        .map(|cors| cors.origin);
    assert_eq!(fixed, Some(CorsOrigin::Fixed("[\"a\"]".to_owned())));

    let timeout = |yaml: &str| case().yaml(yaml).config().http.session_timeout;
    assert_eq!(timeout(""), SessionTimeout::Never);
    assert_eq!(timeout("sessionTimeout: 0"), SessionTimeout::BrowserSession);
    assert_eq!(
        timeout("sessionTimeout: 60").cookie_age(),
        Some(Duration::from_secs(60))
    );

    let claude = |yaml: &str| case().yaml(yaml).config().upstream.claude.caching_at_depth;
    assert_eq!(claude("claude: { cachingAtDepth: 2 }"), Some(2));
    assert_eq!(claude("claude: { cachingAtDepth: 1.5 }"), None);

    let content = case()
        .yaml("thumbnails: { format: ' PNG', quality: 900 }\nbackups: { chat: { maxTotalBackups: 3 } }\n");
    let content = content.config().content;
    assert_eq!(
        (content.thumbnails.format, content.thumbnails.quality),
        (ThumbnailFormat::Png, 100)
    );
    assert_eq!(content.backups.max_total_chat_backups, Some(3));

    let both = case().yaml(
        "protocol: { ipv6: auto }\nlisten: true\nlistenAddress: { ipv6: '[fd00::1]', ipv4: nowhere }\n",
    );
    assert_eq!(both.config().http.listen.hosts, ["0.0.0.0", "fd00::1"]);
    assert_eq!(
        case().yaml("protocol: { ipv4: false }").faults(),
        ["protocol: switch on ipv4 or ipv6"]
    );
}

#[test]
fn lists_come_from_the_file_the_environment_and_the_old_text_file() {
    let listed = |case: Case| -> Vec<String> {
        case.config()
            .http
            .ip_whitelist
            .entries
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        listed(case().yaml("whitelist: [10.0.0.0/8, nonsense]\n")),
        ["10.0.0.0/8"]
    );
    assert_eq!(
        listed(case().env("SILLYTAVERN_WHITELIST", "[\"10.*.*.*\"]")),
        ["10.*.*.*"]
    );
    let old = case().yaml("whitelist: [10.0.0.0/8]\n");
    std::fs::write(old.folder.path().join("whitelist.txt"), "::1\n\n127.0.0.1\n").expect("written");
    assert!(old.warnings()[0].starts_with("whitelist: "));
    assert_eq!(listed(old), ["::1", "127.0.0.1"]);

    let trusted = case()
        .yaml("sso: { trustedProxies: ['*'] }\n")
        .config()
        .accounts
        .sso
        .trusted_proxies;
    assert!(trusted[0].matches("203.0.113.9".parse().expect("an address")));

    let overrides =
        "requestOverrides:\n  - hosts: ['a.example:5001']\n    headers: { X-Key: hunter2, X-N: 5 }\n";
    let config = case().yaml(overrides).config();
    assert_eq!(config.upstream.overrides[0].hosts, ["a.example:5001"]);
    assert_eq!(config.upstream.overrides[0].headers[1].1.expose(), "5");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(
        case().yaml("requestOverrides: [{ hosts: [a] }]\n").faults().len(),
        1
    );
}

#[test]
fn the_other_variables_are_read() {
    let key = "00".repeat(31) + "ff";
    let mut case = case()
        .env("DATABASE_URL", "postgres://u:p@db/st")
        .env("DATABASE_MAX_CONNECTIONS", "7")
        .env("LOG_FORMAT", "json")
        .env("ADMIN_PORT", "9000")
        .env("SQUARETABLE_MASTER_KEY", &key)
        .env("SILLYTAVERN_LOGGING_MINLOGLEVEL", "2")
        .env("REDIS_URL", " ");
    let config = case.config();
    assert_eq!(
        config.database.url.expect("a URL").expose(),
        "postgres://u:p@db/st"
    );
    assert_eq!(
        (config.database.max_connections, config.database.redis_url),
        (7, None)
    );
    assert_eq!(
        (config.log.format, config.log.filter.as_str()),
        (LogFormat::Json, "warn")
    );
    assert_eq!(config.http.admin_port, Some(9000));
    assert_eq!(config.master_key.expect("a key").expose(), &key);
    case = case.env("RUST_LOG", "trace").env("PORT", "9000");
    assert_eq!(
        case.faults(),
        ["ADMIN_PORT: 9000 is the port of the server itself"]
    );
    case = case.env("ADMIN_PORT", "0");
    assert_eq!(
        (case.config().log.filter.as_str(), case.config().http.admin_port),
        ("trace", None)
    );
}

#[test]
fn flags_stand_before_or_after_the_command() {
    for line in [
        &["squaretable", "check-config", "--port", "9"][..],
        &["squaretable", "--port", "9", "check-config"][..],
    ] {
        let cli = Cli::try_parse_from(line).expect("a valid command line");
        assert_eq!(cli.command, Some(Command::CheckConfig));
        assert_eq!(cli.serve.port.as_deref(), Some("9"));
    }
    assert_eq!(Cli::try_parse_from(["squaretable"]).expect("valid").command, None);
    let cli = Cli::try_parse_from(["squaretable", "--database-url", "postgres://hunter2"]).expect("valid");
    assert!(!format!("{cli:?}").contains("hunter2"));
}

#[test]
fn the_runtimes_variable_names_more_certificate_authorities() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().display().to_string();
    let config = case().env("NODE_EXTRA_CA_CERTS", &path).config();
    assert_eq!(
        config.upstream.extra_ca_certificates.as_deref(),
        Some(file.path())
    );
    assert_eq!(case().config().upstream.extra_ca_certificates, None);
    let faults = case().env("NODE_EXTRA_CA_CERTS", "/nowhere/ca.pem").faults();
    assert!(
        faults[0].starts_with("NODE_EXTRA_CA_CERTS: /nowhere/ca.pem: "),
        "{faults:?}"
    );
}

#[test]
fn generations_are_kept_for_whom_the_operator_names() {
    use super::upstream::KeepGenerations;
    let read = |text: &str| {
        let config = case().env("SQUARETABLE_KEEP_GENERATIONS", text).config();
        config.upstream.keep_generations
    };
    assert_eq!(read(""), KeepGenerations::Nobody);
    assert_eq!(read(" , "), KeepGenerations::Nobody);
    assert_eq!(read("*"), KeepGenerations::Everybody);
    assert!(read("ada, bob").includes("bob") && !read("ada, bob").includes("*"));
}
