//! What any service may answer in the place of what it was asked for.

use serde_json::{Value, json};

use crate::harness::Reply;

/// Answers that are none, and their names: the ways in which every route that asks a service is made to fail.
pub fn refusals() -> Vec<(&'static str, Reply)> {
    let told = |status: &str, message: &str| Reply::json(&json!({ "message": message })).with_status(status);
    vec![
        ("hang-up", Reply::hang_up()),
        ("malformed", Reply::bytes("application/json", "[{")),
        ("401", told("401 Unauthorized", "who?")),
        ("429", told("429 Too Many Requests", "slow")),
        (
            "500",
            Reply::bytes("", "<h1>oops</h1>").with_status("500 Internal Server Error"),
        ),
    ]
}

/// [`refusals`], answers that hold something else or break off, and the good one last.
pub fn answers(good: Reply) -> Vec<(&'static str, Reply)> {
    let mut replies = refusals();
    replies.extend([
        ("cut", Reply::bytes("application/json", "{\"a\":").cut()),
        ("null", Reply::json(&Value::Null)),
        ("text", Reply::json(&json!("x"))),
        ("empty", Reply::json(&json!({}))),
        ("list", Reply::json(&json!([]))),
        ("good", good),
    ]);
    replies
}
