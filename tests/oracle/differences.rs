//! Where our server differs from the original on purpose, or not yet: each entry with its reason. An entry that no
//! longer differs fails the family's test, so the list only shrinks.

/// One accepted disagreement.
pub struct Difference {
    /// Family, as in the test's name.
    pub family: &'static str,
    /// Label of the step, as the failure message and `target/oracle/<family>.txt` print it; with a `*` at its end,
    /// all labels that begin so.
    pub step: &'static str,
    /// Start of the facts that may differ: `status`, `header etag`, `body /0/mes` …; empty for the whole answer.
    pub fact: &'static str,
    /// Why it differs.
    #[expect(dead_code, reason = "read by people")]
    pub reason: &'static str,
}

const LONG_NAME: &str =
    "The longest name that sanitising leaves (255 bytes) can be stored here; the original's disk refuses it.";
const AS_SPELLED: &str =
    "Stored as the browser spelled it: numbers, escapes, repeated and integer-like keys are not respelled.";
const NO_CHARACTER: &str =
    "`.` and an empty name are no character: nothing is stored outside a character's folder.";
const NO_PATHS: &str = "Answers name no path of the server's disk.";

const fn differs(family: &'static str, step: &'static str, reason: &'static str) -> Difference {
    Difference {
        family,
        step,
        fact: "",
        reason,
    }
}

/// The committed list.
#[rustfmt::skip] // one line an entry
pub const DIFFERENCES: &[Difference] = &[
    differs("avatars", "POST /api/avatars/upload?crop=null c.png (836 bytes) [(\"overwrite_name\", \"crop.png\")]", "`crop=null` is no crop; the original refuses the picture."),
    differs("base", "POST /api/files/sanitize-filename {\"fileName\":\"\\ud800\"}", "A lone surrogate cannot be part of a file name; the name that will be stored is answered."),
    differs("base", "POST /api/files/sanitize-filename [(\"fileName[k]\", \"v\")]", "An object is turned into text where the original throws."),
    differs("base", "OPTIONS /api/chats/get null", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base", "OPTIONS /api/chats/get http://evil.example", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base", "OPTIONS /api/chats/get http://127.0.0.1:8000", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base", "OPTIONS /nope preflight", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base", "OPTIONS /", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base", "OPTIONS /img/ai4.png", "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for."),
    differs("base_files", "HEAD /css/user.css", "HEAD answers as GET does."),
    differs("base_files", "GET /script.js gzip", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js br", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js deflate", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js gzip, deflate, br", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js *", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("characters", "POST /api/characters/get {\"avatar_url\":\"{{made}}\"} #13", "A card named `.png` has no chats; the original sums up the whole chats folder."),
    differs("characters", "POST /api/characters/get {\"avatar_url\":\"{{made}}\"} #36", "The longest name that sanitising leaves (255 bytes) can be stored here; the original's disk refuses it. The list holds that card, too."),
    differs("characters", "POST /api/characters/all {} #2", "The longest name that sanitising leaves (255 bytes) can be stored here; the original's disk refuses it. The list holds that card, too."),
    differs("characters", "POST /api/characters/edit new.png (13 bytes) [(\"ch_name\", \"P\"), (\"avatar_url\", \"Plain.png\")]", "A picture that cannot be read is refused; the original answers OK and stores nothing."),
    differs("characters", "POST /api/characters/all {} #3", "The longest name that sanitising leaves (255 bytes) can be stored here; the original's disk refuses it. The list holds that card, too."),
    differs("characters_lifecycle", "POST /api/characters/merge-attributes {}", "The text of an internal error; ours names no path and no Node type."),
    differs("characters_lifecycle", "POST /api/characters/merge-attributes {\"avatar\":\"none.png\"}", "The text of an internal error; ours names no path and no Node type."),
    differs("characters_lifecycle", "POST /api/characters/merge-attributes {\"avatar\":5}", "The text of an internal error; ours names no path and no Node type."),
    differs("characters_lifecycle", "POST /api/characters/merge-attributes {\"avatar\":null}", "The text of an internal error; ours names no path and no Node type."),
    differs("characters_lifecycle", "POST /api/characters/merge-attributes {\"avatars\":\"Merge.png\",\"data\":{}}", "The text of an internal error; ours names no path and no Node type."),
    differs("characters_import", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #29", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "GET /characters/{{made}}.png #29", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #30", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "GET /characters/{{made}}.png #30", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #31", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "GET /characters/{{made}}.png #31", "CharX and BYAF files are not imported yet, so there is no card."),
    differs("characters_import", "POST /api/characters/all {}", "CharX and BYAF files are not imported yet, so their cards are missing from the list."),
    differs("characters_import", "POST /api/characters/export {\"avatar_url\":\"default_Seraphina.png\",\"format\":\"png\"}", "Bodies beyond 256 KiB carry no tag: nobody asks for them by tag, and hashing them costs time."),
    differs("chat_completions", "reached the upstream: include yaml types", "`012` is text in the YAML library used here and 12 in the original's."),
    differs("chats", "POST /api/chats/export {\"file\":\"v1.jsonl\",\"avatar_url\":\"Odd.png\",\"is_group\":false,\"format\":\"jsonl\",\"exportfilenam", AS_SPELLED),
    differs("chats", "POST /api/chats/export {\"file\":\"v2.jsonl\",\"avatar_url\":\"Odd.png\",\"is_group\":false,\"format\":\"jsonl\",\"exportfilenam", AS_SPELLED),
    differs("chats", "POST /api/chats/export {\"file\":\"v4.jsonl\",\"avatar_url\":\"Odd.png\",\"is_group\":false,\"format\":\"jsonl\",\"exportfilenam", AS_SPELLED),
    differs("chats", "POST /api/characters/chats {\"avatar_url\":\"Odd.png\"}", AS_SPELLED),
    differs("chats", "POST /api/chats/search {\"avatar_url\":\"Odd.png\",\"query\":\"\"}", AS_SPELLED),
    differs("chats", "POST /api/chats/save {\"avatar_url\":\"Names.png\",\"file_name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("chats", "POST /api/chats/get {\"avatar_url\":\"Names.png\",\"file_name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("chats", "POST /api/chats/save {\"avatar_url\":\".png\",\"file_name\":\"c\",\"ch_name\":\"x\",\"chat\":[{\"chat_metadata\":{\"integrity\":\"", NO_CHARACTER),
    differs("chats", "POST /api/chats/get {\"avatar_url\":\".png\",\"file_name\":\"c\"}", NO_CHARACTER),
    differs("chats", "POST /api/characters/chats {\"avatar_url\":\".png\"}", NO_CHARACTER),
    differs("chats", "POST /api/chats/save {\"avatar_url\":\".\",\"file_name\":\"c\",\"ch_name\":\"x\",\"chat\":[{\"chat_metadata\":{\"integrity\":\"000", NO_CHARACTER),
    differs("chats", "POST /api/chats/get {\"avatar_url\":\".\",\"file_name\":\"c\"}", NO_CHARACTER),
    differs("chats", "POST /api/characters/chats {\"avatar_url\":\".\"}", NO_CHARACTER),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"none.jsonl\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"jsonl\",\"exportfilen", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"e\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"jsonl\",\"exportfilename\":\"o.t", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"none.jsonl\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"txt\",\"exportfilenam", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"e\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"txt\",\"exportfilename\":\"o.txt", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"none.jsonl\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"other\",\"exportfilen", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"e\",\"avatar_url\":\"Exp.png\",\"is_group\":false,\"format\":\"other\",\"exportfilename\":\"o.t", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"../Exp/e.jsonl\",\"avatar_url\":\"Exp.png\",\"format\":\"jsonl\"}", NO_PATHS),
    differs("chats_lists", "POST /api/chats/export {\"file\":\"none.jsonl\",\"is_group\":true,\"format\":\"txt\"}", NO_PATHS),
    differs("chats_lists", "POST /api/chats/save {\"avatar_url\":\".\",\"file_name\":\"root chat\",\"ch_name\":\"x\",\"chat\":[{\"chat_metadata\":{\"integri", NO_CHARACTER),
    differs("chats_lists", "POST /api/chats/recent {} #2", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"max\":2}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"max\":\"3\"}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"max\":-1}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"max\":null}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"metadata\":true}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"pinned\":[{\"file_name\":\"none.jsonl\",\"avatar\":\"x\"}],\"max\":1}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"pinned\":\"text\"}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("chats_lists", "POST /api/chats/recent {\"pinned\":{}}", "`.` and an empty name are no character: nothing is stored outside a character's folder. So the loose chat that the scenario saves that way is not listed."),
    differs("image_metadata", "POST /api/image-metadata {\"path\":\"settings.json\",\"type\":\"bg\"}", "A document is no file of the gallery: not found, rather than not a picture."),
    differs("image_metadata", "POST /api/image-metadata/folders/set-thumbnails {\"updates\":[null]}", "A malformed list is 400 with its reason; the original throws."),
    differs("groups", "POST /api/chats/group/save {\"id\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("groups", "POST /api/chats/group/get {\"id\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("presets", "POST /api/presets/save {\"apiId\":\"openai\",\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("presets", "POST /api/settings/get {} #2", LONG_NAME),
    differs("presets", "POST /api/presets/delete {\"apiId\":\"openai\",\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("settings", "POST /api/settings/get {} #2", AS_SPELLED),
    differs("settings", "POST /api/settings/get {} #7", AS_SPELLED),
    differs("settings", "POST /api/settings/get {} #8", AS_SPELLED),
    differs("settings", "POST /api/settings/get {} #9", AS_SPELLED),
    differs("settings", "POST /api/settings/get {} #15", AS_SPELLED),
    differs("moving_ui", "POST /api/moving-ui/save {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("themes", "POST /api/themes/save {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("themes", "POST /api/themes/delete {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("quick_replies", "POST /api/quick-replies/save {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("thumbnails", "GET /thumbnail?type=bg&file=b10x10.png", "Enlarging ten pixels to a hundred: the two libraries interpolate differently."),
    differs("worldinfo", "POST /api/worldinfo/edit {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/get {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/delete {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/import nam\"e.json (32 bytes) []", "An unescaped quote in a file name of a form, which no browser sends."),
    differs("worldinfo", "POST /api/worldinfo/list {} #13", "The world of the form with the unescaped quote is there."),
    differs("worldinfo", "POST /api/settings/get {}", "The world of the form with the unescaped quote is there."),
];
