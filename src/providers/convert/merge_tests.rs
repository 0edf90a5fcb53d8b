use serde_json::{Value, json};

use super::{PostProcessing, PromptNames, post_process};

const PLACEHOLDER: &str = "[Start a new chat]";

fn run(mode: &str, messages: Value) -> String {
    let names = PromptNames {
        character: "Char".to_owned(),
        user: "User".to_owned(),
        group: vec!["Ann".to_owned(), "Cy".to_owned()],
    };
    let mode = PostProcessing::from_name(mode).unwrap();
    let Value::Array(messages) = messages else {
        panic!("not a list")
    };
    match post_process(messages, mode, &names, PLACEHOLDER) {
        Ok(messages) => Value::Array(messages).to_string(),
        Err(error) => error.to_string(),
    }
}

fn conversation() -> Value {
    json!([
        {"role": "system", "content": "Main"},
        {"role": "system", "content": "Hi", "name": "example_user"},
        {"role": "system", "content": "Yo", "name": "example_assistant"},
        {"role": "assistant", "content": "First"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:x"}},
            {"type": "weird"},
        ], "name": "Bob"},
        {"role": "user", "content": "Bob: again", "name": "Bob"},
        {"role": "system", "content": "mid"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "t"}]},
        {"role": "tool", "tool_call_id": "t", "content": "res"},
        {"role": "tool", "tool_call_id": "u", "content": "res2"},
        {"role": "assistant", "content": "Ann: x", "foo": 1},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "end"},
    ])
}

const SYSTEM: &str = r#"{"role":"system","content":"Main\n\nUser: Hi\n\nChar: Yo"}"#;
const FIRST: &str = r#"{"role":"assistant","content":"First"}"#;
const HELLO: &str = r#"{"role":"user","content":"[Start a new chat]"}"#;
const TAIL: &str = r#"{"role":"assistant","content":"Ann: x","foo":1},{"role":"assistant","content":""},{"role":"user","content":"end"}"#;
const TOOLS: &str = r#"{"role":"assistant","content":"","tool_calls":[{"id":"t"}]},{"role":"tool","tool_call_id":"t","content":"res"},{"role":"tool","tool_call_id":"u","content":"res2"}"#;
const NO_TOOLS: &str = r#"{"role":"assistant","content":""},{"role":"user","content":"res\n\nres2"}"#;

fn look(tail: &str) -> String {
    format!(
        r#"{{"role":"user","content":[{{"type":"text","text":"Bob: look"}},{{"type":"image_url","image_url":{{"url":"data:x"}}}},{{"type":"text","text":"\n\nBob: again{tail}"}}]}}"#
    )
}

#[test]
fn merges_neighbours_of_one_role() {
    let mid = r#"{"role":"system","content":"mid"}"#;
    let expected = format!("[{SYSTEM},{FIRST},{},{mid},{NO_TOOLS},{TAIL}]", look(""));
    assert_eq!(run("merge", conversation()), expected);
    assert_eq!(run("claude", conversation()), expected);
    let expected = format!("[{SYSTEM},{FIRST},{},{mid},{TOOLS},{TAIL}]", look(""));
    assert_eq!(run("merge_tools", conversation()), expected);
}

#[test]
fn semi_strict_turns_later_system_messages_into_user_messages() {
    let look = look("\\n\\nmid");
    assert_eq!(
        run("semi", conversation()),
        format!("[{SYSTEM},{FIRST},{look},{NO_TOOLS},{TAIL}]")
    );
    assert_eq!(
        run("semi_tools", conversation()),
        format!("[{SYSTEM},{FIRST},{look},{TOOLS},{TAIL}]")
    );
}

#[test]
fn strict_puts_a_user_message_first() {
    let look = look("\\n\\nmid");
    assert_eq!(
        run("strict", conversation()),
        format!("[{SYSTEM},{HELLO},{FIRST},{look},{NO_TOOLS},{TAIL}]")
    );
    assert_eq!(
        run("strict_tools", conversation()),
        format!("[{SYSTEM},{HELLO},{FIRST},{look},{TOOLS},{TAIL}]")
    );
    let assistant = r#"{"role":"assistant","content":"only"}"#;
    assert_eq!(
        run("strict", json!([{"role": "assistant", "content": "only"}])),
        format!("[{HELLO},{assistant}]")
    );
    let system = r#"{"role":"system","content":"only"}"#;
    assert_eq!(
        run("strict", json!([{"role": "system", "content": "only"}])),
        format!("[{system},{HELLO}]")
    );
}

#[test]
fn single_leaves_one_user_message() {
    let expected = concat!(
        r#"[{"role":"user","content":[{"type":"text","text":"Main\n\nUser: Hi\n\nChar: Yo\n\nChar: First\n\nUser: Bob: look"},"#,
        r#"{"type":"image_url","image_url":{"url":"data:x"}},"#,
        r#"{"type":"text","text":"\n\nUser: Bob: again\n\nmid\n\nChar: \n\nUser: res\n\nUser: res2\n\nAnn: x\n\nChar: \n\nUser: end"}]}]"#,
    );
    assert_eq!(run("single", conversation()), expected);
}

#[test]
fn an_empty_prompt_becomes_the_placeholder() {
    for mode in ["merge", "semi", "strict_tools", "single"] {
        assert_eq!(run(mode, json!([])), format!("[{HELLO}]"), "{mode}");
    }
    assert_eq!(run("", json!([])), "[]");
}

#[test]
fn media_survives_a_name_prefix() {
    let messages =
        json!([{"role": "user", "name": "Bob", "content": [{"type": "image_url", "image_url": 1}]}]);
    assert_eq!(
        run("merge", messages),
        r#"[{"role":"user","content":[{"type":"text","text":"Bob: "},{"type":"image_url","image_url":1}]}]"#
    );
}

#[test]
fn reports_what_the_original_would_crash_on() {
    assert_eq!(
        run("merge", json!([null])),
        "Cannot read properties of null (reading 'content')"
    );
    assert_eq!(
        run("merge", json!([{"role": "user", "content": 5, "name": "x"}])),
        "message.content.startsWith is not a function"
    );
}

#[test]
fn knows_exactly_the_published_names() {
    assert_eq!(PostProcessing::from_name("claude"), Some(PostProcessing::Merge));
    assert_eq!(PostProcessing::from_name("nope"), None);
}
