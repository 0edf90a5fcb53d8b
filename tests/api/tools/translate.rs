use serde_json::json;

use crate::harness::{Reply, Server, Sites};

#[tokio::test]
async fn bing_hands_out_a_token_once() {
    let sites = Sites::default();
    let made = chrono::Utc::now().timestamp_millis();
    let page = format!(
        r#"<script>_G={{IG:"A1"}};params_AbusePreventionHelper = [{made},"tok",3600000];</script><i data-iid="t.1">"#
    );
    sites.on(
        "GET",
        "https://bing.com/translator",
        Reply::redirect("https://www.bing.com/translator"),
    );
    sites.on(
        "GET",
        "https://www.bing.com/translator",
        Reply::bytes("text/html", page),
    );
    let answer = json!([{ "translations": [{ "text": "Grüße", "to": "de" }] }]);
    sites.below("https://www.bing.com/ttranslatev3", move |_| Reply::json(&answer));
    let (world, _server, client) = Server::in_world(&sites).await;
    for text in ["Hello", "Hello again"] {
        let body = json!({ "text": text, "lang": "de" });
        let reply = client.post("/api/translate/bing", body).await.expect(200);
        assert_eq!(reply.text(), "Grüße");
    }
    let urls: Vec<String> = world.take().iter().map(|request| request.url.clone()).collect();
    let call = "https://www.bing.com/ttranslatev3?isVertical=1&&IG=A1&IID=t.1";
    assert_eq!(
        urls,
        [
            "https://bing.com/translator".to_owned(),
            "https://www.bing.com/translator".to_owned(),
            format!("{call}&SFX=1&ref=TThis&edgepdftranslator=1"),
            format!("{call}&SFX=2&ref=TThis&edgepdftranslator=1"),
        ]
    );
}

#[tokio::test]
async fn bing_without_its_page_is_500() {
    let sites = Sites::default();
    sites.on(
        "GET",
        "https://bing.com/translator",
        Reply::bytes("text/html", "<html>"),
    );
    let (_world, _server, client) = Server::in_world(&sites).await;
    let post = async |text: &str| {
        let body = json!({ "text": text, "lang": "zh-TW" });
        client.post("/api/translate/bing", body).await
    };
    post("Hello").await.expect(500);
    post("").await.expect(400);
    assert_eq!(post(" \n").await.expect(200).text(), "");
}

#[tokio::test]
async fn google_is_not_asked_for_what_is_no_language() {
    let sites = Sites::default();
    let (world, _server, client) = Server::in_world(&sites).await;
    let body = json!({ "text": "Hello", "lang": "../../x" });
    client.post("/api/translate/google", body).await.expect(500);
    assert!(world.take().is_empty());
}
