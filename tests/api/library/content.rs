//! What imports do that the original cannot show: whom they refuse to ask, how much they take, when they stop.

use serde_json::{Value, json};
use squaretable::config::ip_pattern::IpPattern;
use squaretable::config::upstream::PrivateAddresses;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Options, Reply, Server, Sites, World};

const URL: &str = "/api/content/importURL";

/// A server that may fetch files from these hosts.
fn allowing(hosts: &[&str]) -> Options {
    let mut options = Options::default();
    options.config.content.import_domains = hosts.iter().map(|&host| host.to_owned()).collect();
    options
}

/// Reads a request's head.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole head"));
    }
    String::from_utf8(head).expect("ASCII")
}

/// Answers each connection with the same head, and goes on holding it.
async fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.expect("sent");
            held.push(stream);
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    // Of all private addresses only the site itself may be asked.
    let secret = TcpListener::bind("127.0.0.2:0").await.expect("a free port");
    let inside = secret.local_addr().expect("a bound socket");
    let filter = PrivateAddresses {
        enabled: true,
        allowed_ranges: Vec::from_iter(IpPattern::parse("127.0.0.1")),
        ..PrivateAddresses::default()
    };
    let mut options = allowing(&["127.0.0.1"]);
    options.config.upstream.private_addresses = filter;
    let server = Server::with(options).await;
    let client = server.client().await;
    for target in [
        format!("http://{inside}/"),
        format!("http://[::ffff:127.0.0.2]:{}/", inside.port()),
        format!("http://0x7f.2:{}/", inside.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        let site = answering(redirect).await;
        let answer = client
            .post(URL, json!({ "url": format!("{site}/card.png") }))
            .await;
        assert_eq!(answer.expect(500).text(), "Internal Server Error", "{target}");
    }
    // The control: the site may be asked, so it was the redirects that were refused.
    let site = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()).await;
    let answer = client
        .post(URL, json!({ "url": format!("{site}/card.png") }))
        .await;
    assert_eq!(answer.expect(200).text(), "ok");
    // Had anyone connected to the address inside, the connection would be waiting here.
    let secret = secret.into_std().expect("a socket");
    let waiting = secret.accept().map(|(_, peer)| peer);
    assert_eq!(
        waiting.map_err(|error| error.kind()),
        Err(std::io::ErrorKind::WouldBlock)
    );
}

#[tokio::test]
async fn a_download_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::with(allowing(&["127.0.0.1"])).await;
    let client = server.client().await;
    let size = (128_u64 << 20) + 1;
    // The site never sends the body, so an answer proves that nobody waited for it.
    let site = answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")).await;
    let answer = client
        .post(URL, json!({ "url": format!("{site}/card.png") }))
        .await;
    assert_eq!(answer.expect(413).text(), "The file is larger than 128 MiB.");
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_download() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let site = listener.local_addr().expect("a bound socket");
    let server = Server::with(allowing(&["127.0.0.1"])).await;
    let client = server.client().await;
    let body = json!({ "url": format!("http://{site}/card.png") });
    let request = client.posting(URL, &body);
    let asking = tokio::spawn(request.send());
    let (mut stream, _) = listener.accept().await.expect("the server asks");
    head(&mut stream).await;
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe start";
    stream.write_all(part).await.expect("sent");
    asking.abort();
    assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_host_that_only_contains_a_sites_name_is_not_that_site() {
    let sites = Sites::default();
    let world = World::start(&sites).await;
    let server = Server::with(allowing(&["files.example"]).through(&world)).await;
    let client = server.client().await;
    let id = "0ade1c2b-1111-4222-8333-abcdefabcdef";
    for host in [
        "pygmalion.chat.evil.example",
        "notpygmalion.chat",
        "janitorai.evil.example",
        "xaicharactercards.com",
        "perchance.org.evil.example",
        "files.example.evil.example",
        "sub.files.example",
    ] {
        let url = format!("https://{host}/a~b/{id}");
        client.post(URL, json!({ "url": url })).await.expect(404);
    }
    assert!(world.take().is_empty(), "nobody is asked");
    client
        .post(URL, json!({ "url": format!("https://pygmalion.chat/{id}") }))
        .await
        .expect(500);
    assert_eq!(world.take().len(), 1, "the site itself is");
}

#[tokio::test]
async fn a_name_beyond_latin1_is_encoded_in_the_header() {
    let sites = Sites::default();
    let node = json!({ "node": { "definition": { "name": "日本" } } });
    sites.below("https://api.chub.ai/", move |_| Reply::json(&node));
    let (_world, _server, client) = Server::in_world(&sites).await;
    let answer = client
        .post("/api/content/importUUID", json!({ "url": "a/b" }))
        .await
        .expect(200);
    let disposition = "attachment; filename=\"%E6%97%A5%E6%9C%AC.png\"";
    assert_eq!(answer.headers["content-disposition"], disposition);
    assert_eq!(answer.headers["x-custom-content-type"], "character");
    // What comes out is a card that can be imported.
    let card = crate::harness::file("x.png", answer.body);
    let made = client
        .upload("/api/characters/import", card, &[("file_type", "png")])
        .await
        .expect(200);
    assert_eq!(made.json()["file_name"], "日本");
}

#[tokio::test]
async fn a_site_whose_certificate_nobody_signed_is_not_trusted() {
    let sites = Sites::default();
    sites.below("https://files.example/", |_| Reply::bytes("image/png", "x"));
    let (world, stranger) = (World::start(&sites).await, World::start(&sites).await);
    let url: Value = json!({ "url": "https://files.example/card.png" });
    for (authority, status) in [
        (Some(world.authority()), 200),
        (Some(stranger.authority()), 500),
        (None, 500),
    ] {
        let mut options = allowing(&["files.example"]).through(&world);
        options.config.upstream.extra_ca_certificates = authority;
        let server = Server::with(options).await;
        server.client().await.post(URL, &url).await.expect(status);
    }
}

#[tokio::test]
async fn a_fragment_is_no_part_of_a_files_name() {
    let sites = Sites::default();
    sites.on("GET", "https://files.example/a", Reply::redirect("/b.json#c/d"));
    sites.on(
        "GET",
        "https://files.example/b.json",
        Reply::bytes("text/plain", "x"),
    );
    let world = World::start(&sites).await;
    let server = Server::with(allowing(&["files.example"]).through(&world)).await;
    let client = server.client().await;
    for address in ["https://files.example/a#e/f", "https://files.example/b.json#e/f"] {
        let answer = client.post(URL, json!({ "url": address })).await.expect(200);
        assert_eq!(
            answer.headers["content-disposition"],
            "attachment; filename=\"b.json\""
        );
    }
}
