//! `/api/stats`.

use serde_json::json;

use super::chats::{ID, SAVE, chat, save};
use super::dsl::call;
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_stats() {
    let mut s = Scenario::start("stats", "").await;
    s.post("/api/stats/get", json!({})).await;
    s.post("/api/characters/create", json!({ "ch_name": "Stat" }))
        .await;
    let timed = json!([
        { "chat_metadata": {} },
        { "name": "Stat", "is_user": false, "mes": "Hello there, it's a test", "send_date": "2023-06-19T14:20:00.000Z", "gen_started": "2023-06-19T14:20:00.000Z", "gen_finished": "2023-06-19T14:20:07.500Z", "swipes": ["Hello there, it's a test", "second swipe words"], "swipe_info": [{}, { "gen_started": "2023-06-19T14:21:00.000Z", "gen_finished": "2023-06-19T14:21:02.000Z" }] },
        { "name": "Me", "is_user": true, "mes": "Ünï wörds 日本 and_under 5", "send_date": "June 19, 2023 2:25pm" },
        { "name": "Me", "is_user": true, "mes": "second", "send_date": "2023-06-19@14h30m00s000ms" },
        { "name": "Stat", "mes": "Hello there, it's a test", "send_date": "bad date" },
        { "name": "Stat", "mes": "", "swipes": ["", "x"] },
        { "name": "Me", "is_user": true, "mes": "number date", "send_date": 1_600_000_000_000_u64 }
    ]);
    s.post(SAVE, save("Stat.png", "one", timed)).await;
    s.post(
        SAVE,
        save("Stat.png", "two", chat(ID, &["a b c", "d e", "a b c"])),
    )
    .await;
    s.post(
        SAVE,
        save(
            "Stat.png",
            "broken",
            json!([{ "chat_metadata": {} }, 5, "text", {}]),
        ),
    )
    .await;
    s.post("/api/stats/recreate", json!({})).await;
    s.post("/api/stats/get", json!({})).await;
    s.post(
        "/api/stats/update",
        json!({ "Stat.png": { "total_gen_time": 5 }, "own": { "x": 1 }, "timestamp": 1 }),
    )
    .await;
    s.send(call("POST", "/api/stats/get")).await;
    s.post("/api/stats/update", json!({})).await;
    s.post("/api/stats/get", json!({})).await;
    s.send(call("POST", "/api/stats/recreate")).await;
    s.post("/api/stats/get", json!({})).await;
    s.finish();
}
