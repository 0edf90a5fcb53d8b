//! Nobody sees another tenant's data: for every route served, by construction of the walk rather than by memory.

mod figures;
mod things;

use reqwest::Method;
use serde_json::json;
use squaretable::config::Config;
use squaretable::config::secret::Secret;
use squaretable::config::upstream::RequestProxy;
use squaretable::router;
use squaretable::routes::Route;
use squaretable::scopes::Scope;

use crate::canary::{CANARY, NAME, fill, snapshot};
use crate::harness::{Client, Options, Server};
use figures::Figures;
use things::Things;

/// Routes that repeat the names they were asked about.
const ECHOES: [&str; 2] = ["/api/files/verify", "/api/image-metadata/"];

/// Routes that tell which accounts there are, as the original's login page and user list do: nothing of their data.
const KNOWS_ACCOUNTS: [&str; 5] = [
    "/api/squaretable/audit",
    "/api/users/get",
    "/api/users/list",
    "/api/users/recover-step1",
    "/api/users/recover-step2",
];

/// Routes that need no login.
const PUBLIC: [&str; 10] = [
    "/",
    "/csrf-token",
    "/login",
    "/callback/:source?",
    "/lib.js",
    "/css/user.css",
    "/api/users/list",
    "/api/users/login",
    "/api/users/recover-step1",
    "/api/users/recover-step2",
];

/// The names that a stranger tries.
struct Names {
    card: &'static str,
    chat: &'static str,
    world: &'static str,
    file: &'static str,
    group: &'static str,
    handle: &'static str,
}

/// Those of the first user.
const RIGHT: Names = Names {
    card: "Ada",
    chat: "talk",
    world: "Lore",
    file: NAME,
    group: "1",
    handle: "first",
};

/// As long, and nobody's.
const WRONG: Names = Names {
    card: "Eve",
    chat: "tulk",
    world: "Lure",
    file: "guessable-nome",
    group: "2",
    handle: "firsd",
};

/// A server with accounts, and the first user, who has a password, logged in.
async fn first_user() -> (Server, Client) {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let limits = &mut config.accounts.rate_limits;
    (limits.login, limits.recover, limits.reset) = (0, 0, 0);
    // Nobody outside is asked.
    config.upstream.proxy = Some(RequestProxy {
        url: Secret::new("http://127.0.0.1:1".to_owned()),
        bypass: Vec::new(),
    });
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    server.tenant("first", false).await;
    let set = server.app.accounts().set_password("first", "secret", None).await;
    set.expect("a password");
    let mut first = server.client().await;
    first.log_in("first", "secret").await.expect(200);
    (server, first)
}

/// A user of this name without a password, logged in.
async fn stranger(server: &Server, handle: &str, admin: bool) -> Client {
    server.tenant(handle, admin).await;
    server.client_of(handle).await
}

/// A program with a token of this person's that has every scope, and which names this tenant, if any.
async fn program(server: &Server, person: &Client, tenant: Option<&str>) -> Client {
    let scopes = Scope::ALL.map(Scope::name);
    let body = json!({ "name": "a program", "scopes": scopes });
    let made = person.post("/api/squaretable/tokens/create", body).await;
    let made = made.expect(200).json();
    let bearer = format!("Bearer {}", made["token"].as_str().expect("a token"));
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(tenant.map(|tenant| ("x-tenant-id", tenant)));
    Client::program(&server.url, &headers)
}

/// One body with these names in every field any route reads.
fn guesses(names: &Names, handle: &str) -> serde_json::Value {
    let Names {
        card,
        chat,
        world,
        file,
        group,
        ..
    } = names;
    json!({
        "avatar_url": format!("{card}.png"), "avatar": format!("{card}.png"), "file_name": chat,
        "chatfile": format!("{chat}.jsonl"), "id": group, "group_id": "", "query": "", "file": format!("{chat}.jsonl"),
        "format": "jsonl", "exportfilename": "x", "is_group": false, "name": world, "key": "api_key_openai",
        "apiId": "openai", "folder": card, "bg": format!("{file}.png"),
        "path": format!("/user/images/{card}/{file}.png"), "urls": [format!("/user/files/{file}.txt")],
        "original_file": format!("{chat}.jsonl"), "renamed_file": "mine.jsonl", "new_name": "Mine", "ch_name": card,
        "handle": handle, "field": "description", "value": "overwritten", "messages": [],
        "chat_completion_source": "openai", "text": "x", "code": "x", "password": "x",
    })
}

/// Every route that is served, ours too; logging out comes last.
fn all_routes() -> Vec<Route> {
    let mut all: Vec<Route> = router::routes()
        .merge(router::own())
        .served()
        .iter()
        .cloned()
        .collect();
    all.sort_by_key(|route| route.path == "/api/users/logout");
    all
}

/// Asks every route with these names and ids; what each answered, its status first.
async fn walk(client: &Client, names: &Names, things: &Things, handle: &str) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for Route { method, path } in all_routes() {
        let mut body = guesses(names, handle);
        things.aim(&path, &mut body);
        let folder = format!("/{}", names.card);
        let path = path.replace("/:folder?", &folder).replace("/:source?", "/x");
        let answer = match method.as_str() {
            "GET" => {
                let query = format!(
                    "?type=avatar&file={0}.png&name={0}{1}",
                    names.card,
                    things.query()
                );
                client.get(&format!("{path}{query}")).await
            }
            _ => client.post(&path, body).await,
        };
        answers.push((path, format!("{} {}", answer.status.as_u16(), answer.text())));
    }
    for path in own_files(names) {
        let answer = client.get(&path).await;
        answers.push((path, format!("{} {}", answer.status.as_u16(), answer.text())));
    }
    answers
}

/// Addresses of files that [`fill`] made.
fn own_files(names: &Names) -> [String; 5] {
    let Names { card, file, .. } = names;
    [
        format!("/characters/{card}.png"),
        format!("/backgrounds/{file}.png"),
        format!("/user/files/{file}.txt"),
        format!("/characters/{card}/{file}.png"),
        format!("/characters/{card}/bgm/{file}.mp3"),
    ]
}

/// An answer without what differs between two users who did the same: names, times, ids.
fn plain(answer: &str, handles: &[String; 2]) -> String {
    let mut text = answer.to_owned();
    for (index, pair) in [
        [RIGHT.card, WRONG.card],
        [RIGHT.chat, WRONG.chat],
        [RIGHT.world, WRONG.world],
        [RIGHT.file, WRONG.file],
        [RIGHT.handle, WRONG.handle],
        handles.each_ref().map(String::as_str),
    ]
    .into_iter()
    .enumerate()
    {
        for name in pair {
            text = text.replace(name, &format!("<{index}>"));
        }
    }
    let is_volatile = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex || word.bytes().any(|byte| byte.is_ascii_digit())
    };
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| if is_volatile(word) { "#" } else { word })
        .collect()
}

/// Nothing of the first user is in these answers.
fn expect_no_trace(who: &str, answers: &[(String, String)]) {
    for (path, text) in answers {
        assert!(
            !text.contains(CANARY),
            "{who}: {path} shows another tenant's data: {text}"
        );
        assert!(
            !text.contains(NAME) || ECHOES.contains(&path.as_str()),
            "{who}: {path} shows another tenant's names: {text}"
        );
    }
}

/// The matrix: every route, asked by another user, another administrator, their programs and nobody, with the right names and with
/// wrong ones. No answer holds a trace of the first user's data, an answer to the right names is the answer to wrong ones,
/// and afterwards everything of the first user is as it was.
#[tokio::test]
async fn nobody_reads_changes_or_infers_what_another_user_has() {
    let (server, first) = first_user().await;
    fill(&first).await;
    let before = snapshot(&first).await;
    let things = Things::of(&first).await;
    let nobodys = things.of_nobody();
    assert!(
        before
            .iter()
            .all(|(_, body)| body.contains(CANARY) || body.contains(NAME)),
        "the walk would prove nothing: {before:?}"
    );
    let mut figures = Figures::default();
    for kind in KINDS {
        walk_as(kind, &server, [&things, &nobodys], &mut figures).await;
    }
    walk_as_nobody(&server, [&things, &nobodys], &mut figures).await;
    println!(
        "isolation: {} routes x {} strangers: {} answers compared, none tells",
        all_routes().len(),
        KINDS.len() + 1,
        figures.write()
    );
    assert!(
        all_routes().len() > 220,
        "only {} routes were walked",
        all_routes().len()
    );
    expect_unchanged(&first, &before).await;
    things.expect_kept(&first).await;
}

/// Who asks, besides nobody.
const KINDS: [&str; 4] = [
    "user",
    "administrator",
    "program",
    "program that names the tenant",
];

/// The column of a kind.
async fn walk_as(kind: &str, server: &Server, [things, nobodys]: [&Things; 2], figures: &mut Figures) {
    figures.stranger(&format!("another {kind}"));
    let is_admin = kind == "administrator";
    let short = kind.replace(' ', "-");
    let handles = [format!("{short}-guess"), format!("{short}-wrong")];
    let mut guesser = stranger(server, &handles[0], is_admin).await;
    let mut control = stranger(server, &handles[1], is_admin).await;
    if kind.starts_with("program") {
        let tenant = |names: &Names| kind.contains("names").then_some(names.handle);
        guesser = program(server, &guesser, tenant(&RIGHT)).await;
        control = program(server, &control, tenant(&WRONG)).await;
    }
    // An administrator may change accounts, in the original too; `first` is to stay as it is.
    let [asked, other] = if is_admin {
        ["nobody", "nobody"]
    } else {
        [RIGHT.handle, WRONG.handle]
    };
    let right = walk(&guesser, &RIGHT, things, asked).await;
    let wrong = walk(&control, &WRONG, nobodys, other).await;
    expect_no_trace(kind, &right);
    for ((path, answer), (_, control)) in right.iter().zip(&wrong) {
        let alike = plain(answer, &handles) == plain(control, &handles);
        let is_told = KNOWS_ACCOUNTS.contains(&path.as_str());
        assert!(alike || is_told, "{kind}: {path} tells:\n{answer}\n{control}");
        let is_refused = answer.starts_with("403") || !kind.contains("names");
        assert!(is_refused, "{kind}: {path} is open: {answer}");
        figures.note(path, answer);
    }
}

/// The anonymous column.
async fn walk_as_nobody(server: &Server, [things, nobodys]: [&Things; 2], figures: &mut Figures) {
    let anonymous = server.client().await;
    figures.stranger("nobody");
    let right = walk(&anonymous, &RIGHT, things, RIGHT.handle).await;
    let wrong = walk(&anonymous, &WRONG, nobodys, WRONG.handle).await;
    expect_no_trace("nobody", &right);
    for ((path, answer), (_, control)) in right.iter().zip(&wrong) {
        let is_open = PUBLIC
            .iter()
            .any(|open| path.starts_with(open.trim_end_matches(":source?")) && *open != "/");
        if !is_open && path != "/" {
            assert_eq!(
                (answer.as_str(), control.as_str()),
                ("403 Forbidden", "403 Forbidden"),
                "{path}"
            );
        }
        figures.note(path, answer);
    }
}

/// Everything of the first user is as it was.
async fn expect_unchanged(first: &Client, before: &[(&'static str, String)]) {
    for path in own_files(&RIGHT) {
        first.get(&path).await.expect(200);
    }
    let after = snapshot(first).await;
    assert_eq!(before, after, "a stranger changed the first user's data");
}

/// An administrator's rights end at accounts: a session of theirs opens no door to anybody's data but the backup, which
/// the original gives, too. A token does, on purpose: `tests/api/account/tokens.rs`.
#[tokio::test]
async fn an_administrators_session_shows_nobody_elses_data_but_in_the_backup() {
    let (server, first) = first_user().await;
    fill(&first).await;
    let admin = stranger(&server, "admin", true).await;
    let accounts = admin.post("/api/users/get", json!({})).await.expect(200);
    assert!(!accounts.text().contains(CANARY) && !accounts.text().contains("secret"));
    let named = admin.posting("/api/settings/get", &json!({}));
    admin.send(named.header("x-tenant-id", "first")).await.expect(403);
    let backup = admin
        .post("/api/users/backup", json!({ "handle": "first" }))
        .await;
    assert_eq!(backup.status, 200);
}

/// Without a login every private route answers 403, whatever is asked, and by whatever method the path is served.
#[tokio::test]
async fn an_anonymous_visitor_is_refused_everywhere() {
    let (server, _) = first_user().await;
    let anonymous = server.client().await;
    for Route { method, path } in all_routes() {
        if PUBLIC.contains(&path.as_str()) {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = anonymous
            .send(anonymous.request(method.clone(), &path.replace("/:folder?", "")))
            .await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    anonymous.get("/characters/Ada.png").await.expect(403);
}
