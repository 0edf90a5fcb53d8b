//! `/proxy/<address>`, where it is switched on.

use reqwest::Method;
use serde_json::json;

use super::base::{bare, header};
use crate::harness::{Client, Options, Reply, Server, Sites, World};

const PAGE: &str = "<script>parent.stolen = document.cookie</script>";

async fn open(change: impl FnOnce(&mut Options)) -> (World, Server) {
    let sites = Sites::default();
    sites.below("https://site.example/", |_| Reply::bytes("text/html", PAGE));
    let world = World::start(&sites).await;
    let mut options = Options::default().through(&world);
    options.config.http.cors_proxy = true;
    change(&mut options);
    let server = Server::with(options).await;
    (world, server)
}

#[tokio::test]
async fn a_page_that_comes_through_has_no_origin() {
    let (_world, server) = open(|_| {}).await;
    let answer = server
        .client()
        .await
        .get("/proxy/https://site.example/")
        .await
        .expect(200);
    assert_eq!(answer.text(), PAGE);
    assert_eq!(header(&answer, "content-security-policy"), "sandbox");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(&answer, "content-type"), "");
}

#[tokio::test]
async fn what_it_is_asked_for_is_in_no_answer() {
    let (_world, server) = open(|_| {}).await;
    let client = server.client().await;
    for address in [
        "<img src=x onerror=alert(1)>",
        "http://%3Cscript%3E/",
        "javascript:alert(1)",
    ] {
        let answer = client
            .get(&format!("/proxy/{}", address.replace(' ', "%20")))
            .await;
        assert!(answer.status.as_u16() >= 400, "{address}");
        let text = answer.text();
        assert!(
            !text.contains("alert") && !text.contains("script"),
            "{address}: {text}"
        );
    }
}

/// The original announces the body and does not send it, so that both sides wait.
#[tokio::test]
async fn the_body_of_a_delete_stays_here() {
    let (world, server) = open(|_| {}).await;
    let client = server.client().await;
    let request = client.request(Method::DELETE, "/proxy/https://site.example/");
    client
        .send(
            request
                .header("content-type", "application/json")
                .body("{\"a\":1}"),
        )
        .await
        .expect(200);
    let asked = world.take();
    assert_eq!((asked.len(), asked[0].body.len()), (1, 0));
    assert_eq!(asked[0].header("content-length"), None);
}

#[tokio::test]
async fn it_does_not_ask_itself() {
    let (world, server) = open(|_| {}).await;
    let client = server.client().await;
    let answer = client
        .get(&format!("/proxy/{}/version", server.url))
        .await
        .expect(400);
    assert_eq!(answer.text(), "Circular requests are not allowed");
    assert!(world.take().is_empty());
}

#[tokio::test]
async fn it_is_for_users_only() {
    let (world, server) = open(|options| options.config.accounts.enabled = true).await;
    let stranger = bare(&server, Method::GET, "/proxy/https://site.example/", &[], "").await;
    stranger.expect(403);
    assert!(world.take().is_empty());
    server.tenant("anna", false).await;
    let anna = server.client_of("anna").await;
    anna.get("/proxy/https://site.example/").await.expect(200);
}

#[tokio::test]
async fn a_service_token_stays_here() {
    let (world, server) = open(|options| options.config.accounts.enabled = true).await;
    server.tenant("anna", false).await;
    let anna = server.client_of("anna").await;
    let body = json!({ "name": "a program", "scopes": ["generate"] });
    let made = anna
        .post("/api/squaretable/tokens/create", body)
        .await
        .expect(200)
        .json();
    let bearer = format!("Bearer {}", made["token"].as_str().expect("a token"));
    let program = Client::program(
        &server.url,
        &[("authorization", &bearer), ("x-api-key", "theirs")],
    );
    program.get("/proxy/https://site.example/").await.expect(200);
    let asked = world.take();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(asked[0].header("x-api-key"), Some("theirs"));
}
