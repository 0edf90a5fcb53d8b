//! Service tokens: guessed ones, right ones in wrong places, and right ones for what they were not made for.
//! `tests/api/account/tokens.rs` shows what ends a token.

use reqwest::Method;
use serde_json::json;
use squaretable::routes::Route;
use squaretable::scopes::{Need, Scope, list};

use super::sessions::server;
use super::tally::{FORGERY, TOKENS, Tally};
use crate::harness::{Client, Server};

/// A token of this person's, with these scopes.
async fn token(person: &Client, scopes: &[Scope]) -> String {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let body = json!({ "name": "a program", "scopes": scopes });
    let made = person.post("/api/squaretable/tokens/create", body).await;
    made.expect(200).json()["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// Values of `Authorization` that name no token.
fn guesses(token: &str) -> Vec<String> {
    let raw = token.trim_start_matches("st_");
    let mut flipped = token.to_owned();
    let last = flipped.pop().expect("a character");
    flipped.push(if last == 'A' { 'B' } else { 'A' });
    let hash = blake3::hash(token.as_bytes()).to_hex();
    vec![
        format!("Bearer {raw}"),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer {}", token.to_lowercase()),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {token}0"),
        format!("Bearer {token},{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {flipped}"),
        format!("Bearer st_{hash}"),
        "Bearer st_".to_owned(),
        "Bearer st_%".to_owned(),
        "Bearer null".to_owned(),
        format!("Basic {token}"),
        format!("Token {token}"),
        token.to_owned(),
    ]
}

/// Whether this brings nobody in, reading and writing.
async fn note_refused(client: &Client, what: &str, tally: &mut Tally) {
    for path in ["/api/users/me", "/characters/x.png"] {
        let answer = client.get(path).await;
        let refused = matches!(answer.status.as_u16(), 401 | 403);
        tally.note(TOKENS, format!("GET {path}: {what}"), refused, answer.text());
    }
    for path in [
        "/api/settings/get",
        "/api/settings/save",
        "/api/secrets/read",
        "/api/users/get",
    ] {
        let answer = client.post(path, json!({ "forged": true })).await;
        let refused = matches!(answer.status.as_u16(), 401 | 403);
        tally.note(TOKENS, format!("POST {path}: {what}"), refused, answer.text());
    }
}

#[tokio::test]
async fn only_a_whole_token_in_its_header_lets_anybody_in() {
    let server = server(|_| {}).await;
    let admin = server.client_of("admin").await;
    let token = token(&admin, &Scope::ALL).await;
    let bearer = format!("Bearer {token}");
    let program = Client::program(&server.url, &[("authorization", &bearer)]);
    program.post("/api/users/get", json!({})).await.expect(200);
    let mut tally = Tally::new("tokens");
    for guess in guesses(&token) {
        let thief = Client::program(&server.url, &[("authorization", &guess)]);
        let what = guess.replace(&token, "<the token>");
        note_refused(&thief, &what, &mut tally).await;
    }
    for name in [
        "x-authorization",
        "proxy-authorization",
        "x-api-key",
        "x-csrf-token",
        "cookie",
    ] {
        let thief = Client::program(&server.url, &[(name, &bearer)]);
        note_refused(&thief, &format!("the token in {name}"), &mut tally).await;
    }
    let cookie = format!("session={token}; token={token}");
    let thief = Client::program(&server.url, &[("cookie", &cookie)]);
    note_refused(&thief, "the token in cookies", &mut tally).await;
    for field in ["token", "access_token", "authorization", "bearer"] {
        let path = format!("/api/users/me?{field}={token}");
        let answer = Client::cookies_only(&server.url, String::new()).get(&path).await;
        let what = format!("the token in the query, as {field}");
        tally.note(TOKENS, what, answer.status == 403, answer.text());
    }
    tenants(&server, &bearer, &mut tally).await;
    forged(&server, &mut tally).await;
    tally.finish(180);
}

/// Other tenants, for whoever is no administrator or says so badly.
async fn tenants(server: &Server, admins: &str, tally: &mut Tally) {
    let anna = server.client_of("anna").await;
    let own = format!("Bearer {}", token(&anna, &Scope::ALL).await);
    for named in [
        &["admin"][..],
        &["default-user"],
        &["nobody"],
        &[""],
        &["anna", "admin"],
        &["admin", "anna"],
        &["ANNA"],
        &["anna,admin"],
        &["anna/../admin"],
    ] {
        let headers: Vec<_> = named.iter().map(|handle| ("x-tenant-id", *handle)).collect();
        let headers: Vec<_> = headers
            .into_iter()
            .chain([("authorization", own.as_str())])
            .collect();
        let thief = Client::program(&server.url, &headers);
        note_refused(&thief, &format!("a user's token names {named:?}"), tally).await;
    }
    for named in [
        &["anna", "anna"][..],
        &["anna", "admin"],
        &["nobody"],
        &["anna,admin"],
    ] {
        let headers: Vec<_> = named.iter().map(|handle| ("x-tenant-id", *handle)).collect();
        let headers: Vec<_> = headers.into_iter().chain([("authorization", admins)]).collect();
        let thief = Client::program(&server.url, &headers);
        note_refused(
            &thief,
            &format!("an administrator's token names {named:?}"),
            tally,
        )
        .await;
    }
}

/// A header that looks like a token's does not take the place of the CSRF token of a victim's session.
async fn forged(server: &Server, tally: &mut Tally) {
    let anna = server.client_of("anna").await;
    anna.post("/api/settings/save", json!({ "mine": true }))
        .await
        .expect(200);
    for value in ["Bearer st_x", "Bearer x", "Basic eDp5", "bearer st_", "st_x"] {
        let forged = Client::program(
            &server.url,
            &[("authorization", value), ("cookie", anna.cookies())],
        );
        for path in ["/api/settings/save", "/api/users/logout", "/api/secrets/write"] {
            let body = json!({ "forged": true, "key": "api_key_openai", "value": "forged" });
            let answer = forged.post(path, body).await;
            let refused = matches!(answer.status.as_u16(), 401 | 403);
            tally.note(
                FORGERY,
                format!("POST {path} with {value:?} and a victim's cookie"),
                refused,
                answer.text(),
            );
        }
    }
    let settings = anna.post("/api/settings/get", json!({})).await.expect(200).text();
    let is_kept = settings.contains("mine") && !settings.contains("forged");
    tally.note(
        FORGERY,
        "nothing was stored with such a header",
        is_kept,
        settings,
    );
}

/// Every route that is served, with a token of every other scope: all are refused, and so are all scopes together on the
/// routes that are a person's.
#[tokio::test]
async fn no_token_does_what_its_scopes_do_not_say() {
    let server = server(|_| {}).await;
    let admin = server.client_of("admin").await;
    let mut tally = Tally::new("scopes");
    let served = squaretable::router::routes().merge(squaretable::router::own());
    let needs: Vec<(Route, Need)> = list()
        .filter(|(route, _)| served.served().contains(route))
        .collect();
    let mut programs = Vec::new();
    for scope in Scope::ALL {
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let bearer = format!("Bearer {}", token(&admin, &others).await);
        programs.push((
            Some(scope),
            Client::program(&server.url, &[("authorization", &bearer)]),
        ));
    }
    let bearer = format!("Bearer {}", token(&admin, &Scope::ALL).await);
    programs.push((None, Client::program(&server.url, &[("authorization", &bearer)])));
    for (missing, program) in &programs {
        for (Route { method, path }, need) in &needs {
            let is_missing = match need {
                Need::Scope(scope) => Some(*scope) == *missing,
                Need::Person => missing.is_none(),
            };
            if !is_missing {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let path = path.replace("/:folder?", "").replace("/:source?", "");
            let answer = program.send(program.request(method, &path)).await;
            let refused = answer.status == 403 && answer.text().contains("ervice token");
            let what = format!("{path} with all scopes but {missing:?}");
            tally.note(TOKENS, what, refused, answer.text());
        }
    }
    tally.finish(200);
}
