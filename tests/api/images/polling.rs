//! Tasks that are never done: nobody is asked for ever. The pauses are left out, which HTTP has no way to ask for.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use squaretable::error::Result;
use squaretable::providers::caption;
use squaretable::providers::image::{a1111, comfy, comfy_runpod, horde, tasks, video, zai};
use squaretable::providers::relay::Relay;

use crate::harness::{Options, Reply, Sites, World};

/// A world that answers as this address's task wants, the requests for it, and a relay into it.
async fn world(host: &str, answers: &[(&'static str, Value)]) -> (World, Relay) {
    let sites = Sites::default();
    let answers = answers.to_vec();
    sites.below(host, move |request| {
        let answer = answers.iter().find(|(part, _)| request.url.contains(part));
        answer.map_or_else(Reply::hang_up, |(_, answer)| Reply::json(answer))
    });
    let world = World::start(&sites).await;
    let relay = Relay::new(&Options::default().through(&world).config.upstream);
    (world, relay.expect("a relay"))
}

fn status(answer: Result<Response>) -> u16 {
    answer
        .unwrap_or_else(IntoResponse::into_response)
        .status()
        .as_u16()
}

fn body() -> Value {
    json!({
        "prompt": "{\"prompt\":{}}", "model": "m", "width": 64, "height": 64, "url": "http://images.example",
        "image": "aGk=",
    })
}

/// How often the task was asked for, by a part of the address.
fn asked(world: &World, part: &str) -> usize {
    world
        .take()
        .iter()
        .filter(|request| request.url.contains(part))
        .count()
}

#[tokio::test]
async fn vendors_are_asked_so_often_and_no_more() {
    let pending = json!({ "polling_url": "https://api.bfl.ai/v1/poll", "status": "Pending" });
    let (there, relay) = world("https://api.bfl.ai/", &[("/v1/", pending)]).await;
    let late = tasks::bfl(&body(), "k", &relay, &relay, tasks::POLLING.hurried()).await;
    assert_eq!((status(late), asked(&there, "/poll")), (504, 100));

    let queued = json!({ "status_url": "https://queue.fal.run/status", "status": "IN_QUEUE" });
    let (there, relay) = world("https://queue.fal.run/", &[("/", queued)]).await;
    let late = tasks::falai(&body(), "k", &relay, &relay, tasks::POLLING.hurried()).await;
    assert_eq!((status(late), asked(&there, "/status")), (504, 100));

    let queued = json!({ "id": "f", "status": "queued" });
    let (there, relay) = world("https://api.openai.com/", &[("/", queued)]).await;
    let late = video::openai_film(&body(), "k", &relay, video::POLLING.hurried()).await;
    assert_eq!((status(late), asked(&there, "/videos/f")), (504, 30));

    let processing = json!({ "id": "f", "task_status": "PROCESSING" });
    let (there, relay) = world("https://api.z.ai/", &[("/", processing)]).await;
    let late = zai::film(&body(), "k", &relay, &relay, video::POLLING.hurried()).await;
    assert_eq!((status(late), asked(&there, "/async-result/f")), (504, 30));

    let waiting = json!({ "id": "t", "done": false, "state": "waiting" });
    let (there, relay) = world("https://aihorde.net/", &[("/", waiting)]).await;
    let late = horde::paint(&body(), "", "1", &relay, horde::POLLING.hurried()).await;
    assert_eq!((status(late), asked(&there, "/check/t")), (504, 200));
    let polling = caption::horde::POLLING.hurried();
    let late = caption::horde::caption(&body(), "", "1", &relay, polling).await;
    assert_eq!((status(late), asked(&there, "/interrogate/status/t")), (503, 200));
}

#[tokio::test]
async fn servers_at_home_are_asked_so_often_and_no_more() {
    let busy = json!({ "progress": 0.5, "state": { "job_count": 1 } });
    let (there, relay) = world("http://images.example/", &[("/", busy)]).await;
    let loaded = a1111::set_model(&body(), &relay, a1111::POLLING.hurried()).await;
    assert_eq!((status(loaded), asked(&there, "/progress")), (200, 10));

    // Half an hour of questions is too much for a test.
    let never = [
        ("/prompt", json!({ "prompt_id": "p" })),
        ("/history/p", json!({})),
    ];
    let (there, relay) = world("http://images.example/", &never).await;
    let late = comfy::generate(&body(), &relay, comfy::POLLING.hurried().at_most(20)).await;
    assert_eq!(status(late), 500);
    told(&there, "/interrupt").await;

    let never = [
        ("/run", json!({ "id": "j" })),
        ("/status/j", json!({ "status": "IN_QUEUE" })),
    ];
    let (there, relay) = world("http://images.example/", &never).await;
    let late =
        comfy_runpod::generate(&body(), "k", &relay, comfy_runpod::POLLING.hurried().at_most(20)).await;
    assert_eq!(status(late), 500);
    told(&there, "/cancel/j").await;
}

/// Waits until a server is told to stop, which happens beside the answer.
async fn told(world: &World, end: &str) {
    for _ in 0..500 {
        if world.take().iter().any(|request| request.url.ends_with(end)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody was told to stop");
}
