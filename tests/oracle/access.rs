//! Who may connect at all: basic authentication, the whitelist of addresses and that of hosts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::dsl::{Call, call, get};
use super::scenario::Scenario;

/// What a refusal must not depend on.
const PATHS: [&str; 4] = ["/", "/version", "/favicon.ico", "/no/such/page"];

fn basic(call: Call, credentials: &str) -> Call {
    let value = format!("Basic {}", STANDARD.encode(credentials));
    call.header("Authorization", &value).note(credentials)
}

#[tokio::test]
async fn oracle_access_basic() {
    let config = "listen: true\nbasicAuthMode: true\nbasicAuthUser:\n  username: ünï\n  password: \"p:w\"\n";
    let mut s = Scenario::start("access_basic", config).await;
    for path in PATHS {
        s.get(path).await;
        s.send(basic(get(path), "ünï:p:w")).await;
    }
    s.send(call("POST", "/api/ping")).await;
    s.send(call("OPTIONS", "/api/ping")).await;
    // No attempts, since nothing was offered.
    for value in [
        "",
        "Basic",
        "Basic ",
        "basic w7xuw686cDp3",
        "Bearer w7xuw686cDp3",
        "Basic  w7xuw686cDp3",
    ] {
        let asked = get("/version").header("Authorization", value);
        s.send(asked.note(&format!("[{value}]"))).await;
    }
    // Attempts, which a success forgives.
    for wrong in ["ünï:p", "ünï", "", "user:password", "ünï:p:w"] {
        s.send(basic(get("/version"), wrong)).await;
    }
    let spoken = get("/version").header("Authorization", "Basic %%% w7xuw686cDp3");
    s.send(spoken.note("not base64")).await;
    for _ in 0..6 {
        s.send(basic(get("/version"), "ünï:wrong")).await;
    }
    s.send(basic(get("/version"), "ünï:p:w")).await;
    // Nothing offered is nothing to limit.
    s.get("/version").await;
    s.finish();
}

/// Nobody's account has a password, so that nobody gets in; without accounts the setting is none.
#[tokio::test]
async fn oracle_access_per_user() {
    let config = "listen: true\nbasicAuthMode: true\nperUserBasicAuth: true\n";
    let accounts = format!("{config}enableUserAccounts: true\n");
    let mut s = Scenario::start("access_per_user", &accounts).await;
    for credentials in [
        "user:password",
        "default-user:",
        "default-user",
        "default-user:x",
        "nobody:",
    ] {
        s.send(basic(get("/login"), credentials)).await;
    }
    s.get("/").await;
    s.finish();
    let mut s = Scenario::start("access_per_user_without", config).await;
    for credentials in ["default-user:", "user:password"] {
        s.send(basic(get("/version"), credentials)).await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_access_whitelist() {
    let config = "whitelist: [127.0.0.1, 10.0.0.0/8, \"2001:db8::/32\", nonsense]\n";
    let mut s = Scenario::start("access_whitelist", config).await;
    for (name, value) in [
        ("X-Real-IP", "10.1.2.3"),
        ("X-Real-IP", "11.1.2.3"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Real-IP", "<script>"),
        ("X-Real-IP", ""),
        ("X-Real-IP", "2001:db8::1"),
        ("X-Real-IP", "2001:db9::1"),
        ("X-Real-IP", "::ffff:10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.1, 99.0.0.1"),
        ("X-Forwarded-For", "99.0.0.1, 10.0.0.1"),
        ("X-Forwarded-For", " 10.0.0.1 "),
        ("X-Forwarded-For", ","),
        ("CF-Connecting-IP", "99.0.0.1"),
        ("Forwarded", "for=99.0.0.1"),
    ] {
        let asked = get("/version").header(name, value);
        s.send(asked.note(&format!("{name} [{value}]"))).await;
    }
    let both = get("/version").header("X-Forwarded-For", "99.0.0.1");
    s.send(both.header("X-Real-IP", "10.0.0.1").note("both")).await;
    s.finish();
    // Two entries: of a shorter list the original keeps the end of its default, which lets us in.
    let config = "whitelist: [10.0.0.0/8, 11.0.0.0/8]\n";
    let mut s = Scenario::start("access_whitelist_without_us", config).await;
    for path in PATHS {
        s.get(path).await;
        s.send(get(path).header("X-Real-IP", "10.0.0.1").note("named"))
            .await;
    }
    s.send(call("POST", "/api/ping")).await;
    s.finish();
}

#[tokio::test]
async fn oracle_access_hosts() {
    let config = "hostWhitelist:\n  enabled: true\n  scan: true\n  hosts: [good.example, .below.example]\n";
    let mut s = Scenario::start("access_hosts", config).await;
    for host in [
        "good.example",
        "GOOD.example",
        "good.example:8000",
        "good.example.",
        "sub.good.example",
        "below.example",
        "a.below.example:1",
        "xbelow.example",
        "evil.example",
        "localhost",
        "x.localhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::1]:8000",
        "8.8.8.8",
        "<script>alert(1)</script>",
    ] {
        s.send(get("/version").header("Host", host).note(host)).await;
    }
    for path in PATHS {
        s.send(get(path).header("Host", "evil.example").note("evil"))
            .await;
    }
    s.finish();
}
