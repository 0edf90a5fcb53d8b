use serde_json::{Value, json};

use crate::harness::{Client, Options, Reply, Server, Sites, World};

const DOWNLOAD: &str = "/api/assets/download";

/// A server that may fetch assets from `assets.example`, which answers as `sites` says.
async fn server(sites: &Sites, largest: Option<usize>) -> (Server, Client, World) {
    let world = World::start(sites).await;
    let mut options = Options::default().through(&world);
    let config = &mut options.config;
    config.content.import_domains = vec!["assets.example".to_owned()];
    if let Some(largest) = largest {
        config.http.max_body_bytes = largest;
    }
    let server = Server::with(options).await;
    let client = server.client().await;
    (server, client, world)
}

fn asset(page: &str, category: &str, name: &str) -> Value {
    json!({ "url": format!("http://assets.example/{page}"), "category": category, "filename": name })
}

async fn list(client: &Client) -> Value {
    client.post("/api/assets/get", json!({})).await.expect(200).json()
}

#[tokio::test]
async fn an_asset_is_downloaded_listed_served_and_deleted() {
    let sites = Sites::default();
    let large = vec![7; 3 << 20];
    sites.on(
        "GET",
        "http://assets.example/a",
        Reply::bytes("text/html", large.clone()),
    );
    let (server, client, _world) = server(&sites, None).await;
    let empty = json!({
        "ambient": [], "bgm": [], "blip": [], "character": [], "live2d": [], "vrm": { "model": [], "animation": [] },
    });
    assert_eq!(list(&client).await, empty);
    client
        .post(DOWNLOAD, asset("a", "bgm", "tune.mp3"))
        .await
        .expect(200);
    assert_eq!(list(&client).await["bgm"], json!(["assets/bgm/tune.mp3"]));
    let served = client.get("/assets/bgm/tune.mp3").await.expect(200);
    assert_eq!(served.headers["content-type"], "audio/mpeg");
    assert_eq!(served.body, large);
    assert_eq!(
        std::fs::read_dir(server.app.uploads()).unwrap().count(),
        0,
        "a temporary file stays"
    );
    let body = json!({ "category": "bgm", "filename": "tune.mp3" });
    client.post("/api/assets/delete", &body).await.expect(200);
    client.post("/api/assets/delete", &body).await.expect(400);
    assert_eq!(list(&client).await, empty);
}

#[tokio::test]
async fn a_character_is_handed_on_and_not_kept() {
    let sites = Sites::default();
    sites.on(
        "GET",
        "http://assets.example/a",
        Reply::bytes("text/html", "a card"),
    );
    let (server, client, _world) = server(&sites, None).await;
    let answer = client
        .post(DOWNLOAD, asset("a", "character", "card.png"))
        .await
        .expect(200);
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(answer.text(), "a card");
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder LIKE 'assets%'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_download_that_breaks_off_changes_nothing() {
    let sites = Sites::default();
    sites.on(
        "GET",
        "http://assets.example/a",
        Reply::bytes("audio/mpeg", "old"),
    );
    sites.on(
        "GET",
        "http://assets.example/cut",
        Reply::bytes("audio/mpeg", "new").cut(),
    );
    sites.on("GET", "http://assets.example/closed", Reply::hang_up());
    sites.on(
        "GET",
        "http://assets.example/teapot",
        Reply::status("418 I'm a teapot"),
    );
    let (server, client, _world) = server(&sites, None).await;
    client
        .post(DOWNLOAD, asset("a", "bgm", "tune.mp3"))
        .await
        .expect(200);
    for page in ["cut", "closed", "teapot", "nowhere"] {
        for category in ["bgm", "character"] {
            client
                .post(DOWNLOAD, asset(page, category, "tune.mp3"))
                .await
                .expect(500);
        }
        assert_eq!(
            client.get("/assets/bgm/tune.mp3").await.expect(200).text(),
            "old",
            "{page}"
        );
    }
    assert_eq!(
        std::fs::read_dir(server.app.uploads()).unwrap().count(),
        0,
        "a temporary file stays"
    );
}

#[tokio::test]
async fn a_download_is_as_large_as_an_upload_may_be() {
    let sites = Sites::default();
    sites.on(
        "GET",
        "http://assets.example/fits",
        Reply::bytes("", vec![1; 2 << 20]),
    );
    sites.on(
        "GET",
        "http://assets.example/large",
        Reply::bytes("", vec![1; (2 << 20) + 1]),
    );
    let piece = vec![1; 1 << 20];
    sites.on(
        "GET",
        "http://assets.example/unannounced",
        Reply::stream("", &[&piece[..], &piece, &[1]]),
    );
    let (server, client, _world) = server(&sites, Some(2 << 20)).await;
    client
        .post(DOWNLOAD, asset("fits", "bgm", "a.mp3"))
        .await
        .expect(200);
    for page in ["large", "unannounced"] {
        let answer = client
            .post(DOWNLOAD, asset(page, "bgm", "b.mp3"))
            .await
            .expect(413);
        assert_eq!(answer.text(), "The file is larger than 2 MiB.");
    }
    assert_eq!(list(&client).await["bgm"], json!(["assets/bgm/a.mp3"]));
    assert_eq!(
        std::fs::read_dir(server.app.uploads()).unwrap().count(),
        0,
        "a temporary file stays"
    );
}

#[tokio::test]
async fn what_is_no_text_is_refused() {
    let (_server, client, world) = server(&Sites::default(), None).await;
    for name in [
        json!(null),
        json!(5),
        json!(true),
        json!(["a"]),
        json!({ "toString": 1 }),
    ] {
        let body = json!({ "category": "bgm", "filename": name });
        client.post("/api/assets/delete", body).await.expect(500);
    }
    let body = json!({ "category": { "toString": 1 }, "filename": "a.mp3" });
    client.post("/api/assets/delete", body).await.expect(400);
    for url in [json!({ "toString": 1 }), json!(null), json!("assets.example/a")] {
        let body = json!({ "url": url, "category": "bgm", "filename": "a.mp3" });
        client.post(DOWNLOAD, body).await.expect(400);
    }
    let body = json!({ "url": "http://evil.example/a", "category": "bgm", "filename": "a.mp3" });
    client.post(DOWNLOAD, body).await.expect(404);
    assert!(world.take().is_empty(), "a request went out");
}

/// What extensions and people put into the folders by hand, which reach us through the importer.
#[tokio::test]
async fn models_are_found_in_folders() {
    let sites = Sites::default();
    sites.on("GET", "http://assets.example/a", Reply::bytes("", "x"));
    let (server, client, _world) = server(&sites, None).await;
    client
        .post(DOWNLOAD, asset("a", "bgm", "a.mp3"))
        .await
        .expect(200);
    for (folder, name) in [
        ("assets/live2d/b", "c.model3.json"),
        ("assets/live2d/b", "texture.png"),
        ("assets/live2d/mymodel/deep", "motion.json"),
        ("assets/live2d", "b-model.json"),
        ("assets/live2d/other", "settings.json"),
        ("assets/vrm/model", "a.vrm"),
        ("assets/vrm/model/x", ".placeholder"),
        ("assets/vrm/animation", "walk.bvh"),
        ("assets/vrm", "loose.vrm"),
        ("assets/bgm/album", "b.mp3"),
        ("assets/own", ".placeholder"),
        ("assets/own", "c.bin"),
        ("assets", "loose.txt"),
        ("assets/temp", "left.bin"),
        ("characters/Ada/live2d/Model", "a.model3.json"),
        ("characters/Ada/live2d/Model", "a.png"),
        ("characters/Ada/live2d", "loose.model3.json"),
        ("characters/Ada/vrm/deep", "a.vrm"),
        ("characters/Ada/vrm", ".placeholder"),
    ] {
        let sql = "INSERT INTO files SELECT tenant_id, $1, $2, hash, size, created_at, modified_at FROM files
                   WHERE folder = 'assets/bgm' AND name = 'a.mp3'";
        let copied = sqlx::query(sql).bind(folder).bind(name);
        copied.execute(&mut server.sql().await).await.unwrap();
    }
    let expected = json!({
        "ambient": [],
        "bgm": ["assets/bgm/a.mp3", "assets/bgm/album"],
        "blip": [],
        "character": [],
        "live2d": [
            "/assets/live2d/b/c.model3.json", "/assets/live2d/b-model.json", "/assets/live2d/mymodel/deep/motion.json",
        ],
        "own": ["assets/own/c.bin"],
        "vrm": { "model": ["/assets/vrm/model/a.vrm"], "animation": ["/assets/vrm/animation/walk.bvh"] },
    });
    assert_eq!(list(&client).await, expected);
    for (category, expected) in [
        ("live2d", json!(["characters/Ada/live2d/Model/a.model3.json"])),
        ("vrm", json!(["/characters/Ada/vrm/deep"])),
        ("bgm", json!([])),
    ] {
        let path = format!("/api/assets/character?name=Ada&category={category}");
        assert_eq!(client.post(&path, json!({})).await.expect(200).json(), expected);
    }
}
