//! Where our server differs from the original on purpose, or not yet: each entry with its reason. An entry that no
//! longer differs fails the family's test, so the list only shrinks.

/// One accepted disagreement.
pub struct Difference {
    /// Family, as in the test's name.
    pub family: &'static str,
    /// Label of the step, as the failure message and `target/oracle/<family>.txt` print it; a `*`, of which the last
    /// one counts, stands for anything.
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
const NAMELESS: &str = "A card without a name is refused; the original refuses only the first, which it leaves behind as `.png`.";
const YAML: &str =
    "Rare YAML: `%YAML 1.1` has no effect, an infinite number is nothing, half a surrogate pair is refused.";
const ENLARGED: &str = "Enlarging one pixel to a hundred: the two libraries interpolate differently.";
const NO_PATHS: &str = "Answers name no path of the server's disk.";

const SANDBOX: &str = "A user's file that is opened as a page does not act as its user.";
const NO_ACCOUNT: &str = "No account has that handle; the original sends an archive of whatever folder the path leads to, empty where there is none.";
const MARKER: &str =
    "An empty folder that the original makes when it starts, for a conversion that had nothing to convert.";
const STATISTICS: &str =
    "Statistics are counted when they are first asked for; the original counts them when it starts.";

const OLLAMA: &str = "What Ollama refuses, and what is wrong in its stream, is an error; the original makes empty completions of it.";
const HORDE_REFUSAL: &str =
    "A refusal of the Horde is shown to who asked; the original shows it to everybody for a minute.";
const ONE_STEP: &str = "The id of a task is one step of the path; in the original it may lead elsewhere.";

const OWN_HOST: &str =
    "A site is its host or a host below it; the original looks for the name anywhere in the host.";
const WIDE_NAME: &str = "A name that no header can hold is URI-encoded; the original fails on it.";
const NO_FRAGMENT: &str = "The fragment of an address is no part of the file's name.";
const BODILESS: &str = "A redirected POST that becomes a GET has no body, and states no type of one.";

const UNSPEAKABLE: &str = "An object whose `toString` is no function: a text to us as any other object is, where the original throws.";
const LONE: &str =
    "A lone surrogate cannot be part of a name here; the name that is stored is the one that is answered.";
const OWN_NAMES: &str = "A name that every object of JavaScript knows is a name like any other.";
const LEADS_OUT: &str = "A path that leads out of the user's chats is refused.";
const NO_IDS: &str =
    "What is no list holds no ids; the original takes a number for the length of a list of zeros.";
const BIG: &str = "Only bodies up to 256 KiB have a tag.";
const NO_PICTURE: &str =
    "A picture that cannot be read is refused; the original stores another one and says nothing.";

const ONE_HOST: &str =
    "A part of a host's name is one label of it; in the original it may lead to another host, with the key.";

const WORDS: &str =
    "What is wrong with a stream is said in our own words, not those of the original's engine.";

const fn part(
    family: &'static str,
    step: &'static str,
    fact: &'static str,
    reason: &'static str,
) -> Difference {
    Difference {
        family,
        step,
        fact,
        reason,
    }
}

const SPRITE_TWICE: &str = "Pictures of one base name replace each other; the original fails at one whose predecessor is gone already.";

const NO_LENGTH: &str = "The HTTP library drops Content-Length from a 204, which RFC 9110 asks for.";
const FIRST_START: &str =
    "The page for strangers; the original has none yet when it starts for the first time, and sends nothing.";

const NEW_SESSION: &str =
    "A login makes a session on the server; in the original the cookie of before serves again.";

const fn differs(family: &'static str, step: &'static str, reason: &'static str) -> Difference {
    Difference {
        family,
        step,
        fact: "",
        reason,
    }
}

/// An entry of the archives that a family compares.
const fn archived(family: &'static str, fact: &'static str, reason: &'static str) -> Difference {
    Difference {
        family,
        step: "the entries of the archive*",
        fact,
        reason,
    }
}

/// The committed list.
#[rustfmt::skip] // one line an entry
pub const DIFFERENCES: &[Difference] = &[
    differs("access_basic", "OPTIONS /api/ping", NO_LENGTH),
    part("access_whitelist", "GET /version X-*", "body ", FIRST_START),
    differs("access_whitelist", "GET /version X-Real-IP [<script>]", "What is no address is not on the list; the original throws."),
    differs("access_whitelist", "GET /version X-Real-IP [::ffff:10.0.0.1]", "An IPv4 address that a proxy writes as IPv6 is that address."),
    differs("access_whitelist", "GET /version X-Forwarded-For [,]", "Whoever is forwarded without a name is a stranger; to the original that is the proxy itself, so that a stranger's comma opens it."),
    part("access_whitelist_without_us", "*", "body ", FIRST_START),
    differs("avatars", "POST /api/avatars/upload?crop=null c.png (836 bytes) [(\"overwrite_name\", \"crop.png\")]", "`crop=null` is no crop; the original refuses the picture."),
    differs("awkward_backgrounds", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_backgrounds", r#"*="\ud800""#, LONE),
    differs("awkward_backgrounds", r#"POST /api/image-metadata (many) paths/0="__proto__""#, OWN_NAMES),
    differs("awkward_backgrounds", r#"POST /api/image-metadata (many) paths/0="constructor""#, OWN_NAMES),
    differs("awkward_backgrounds", "POST /api/image-metadata/folders/set-thumbnails updates/0=null", "A malformed list is 400 with its reason; the original throws."),
    differs("awkward_backgrounds", "POST /api/image-metadata/cleanup body: padded", "A background is indexed under the name that it got; the original keeps an orphan under the one that was asked for."),
    differs("awkward_characters", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_characters", r#"*="\ud800""#, LONE),
    differs("awkward_characters", "*long", LONG_NAME),
    differs("awkward_characters", "POST /api/characters/create empty file", NO_PICTURE),
    differs("awkward_characters", "POST /api/characters/create rubbish in the file", NO_PICTURE),
    differs("awkward_characters", "POST /api/characters/edit empty file", NO_PICTURE),
    differs("awkward_characters", "POST /api/characters/edit rubbish in the file", NO_PICTURE),
    differs("awkward_characters", "POST /api/characters/edit-avatar empty file", NO_PICTURE),
    differs("awkward_characters", "POST /api/characters/edit-avatar rubbish in the file", NO_PICTURE),
    part("awkward_characters", "POST /api/characters/merge-attributes *", "body /error", NO_PATHS),
    differs("awkward_characters", r#"POST /api/characters/*filter/path="__proto__""#, OWN_NAMES),
    differs("awkward_characters", r#"POST /api/characters/*filter/path="constructor""#, OWN_NAMES),
    differs("awkward_characters", "POST /api/characters/get after POST /api/characters/edit (json) ch_name missing", "The edits that the original does not outlive were sent to ours alone, just before."),
    part("awkward_characters", "*padded", "header etag", BIG),
    part("awkward_prefs", "*padding", "header etag", BIG),
    part("awkward_prefs", "*padded", "header etag", BIG),
    differs("awkward_characters", r#"POST /api/characters/chats avatar_url="""#, NO_CHARACTER),
    differs("awkward_characters", r#"POST /api/characters/chats avatar_url=".""#, NO_CHARACTER),
    differs("awkward_characters", r#"POST /api/characters/chats avatar_url="..""#, LEADS_OUT),
    differs("awkward_chats", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_chats", r#"*="\ud800""#, LONE),
    differs("awkward_chats", "*long", LONG_NAME),
    differs("awkward_chats", "POST /api/characters/chats after*=1.0", AS_SPELLED),
    differs("awkward_chats", "POST /api/characters/chats after*=1e21", AS_SPELLED),
    differs("awkward_chats", r#"POST /api/chats/get avatar_url="""#, NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/chats/get avatar_url=".""#, NO_CHARACTER),
    differs("awkward_chats", "POST /api/chats/get avatar_url=[]", NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/characters/chats avatar_url="""#, NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/characters/chats avatar_url=".""#, NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/characters/chats avatar_url="..""#, LEADS_OUT),
    differs("awkward_chats", r#"POST /api/chats/rename avatar_url="""#, NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/chats/rename avatar_url=".""#, NO_CHARACTER),
    differs("awkward_chats", "POST /api/chats/rename avatar_url=[]", NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/chats/export avatar_url=".""#, NO_CHARACTER),
    differs("awkward_chats", "POST /api/chats/export avatar_url=[]", NO_CHARACTER),
    differs("awkward_chats", r#"POST /api/chats/export (txt) avatar_url=".""#, NO_CHARACTER),
    differs("awkward_chats", "POST /api/chats/export (txt) avatar_url=[]", NO_CHARACTER),
    differs("awkward_chats", "POST /api/chats/recent pinned/0=null", "A pin that is nothing pins nothing; the original throws."),
    part("awkward_chats", "*padded", "header etag", BIG),
    part("awkward_groups", "*padded", "header etag", BIG),
    part("awkward_groups", "*padding", "header etag", BIG),
    part("awkward_chats", "POST /api/chats/export*", "body /message", NO_PATHS),
    differs("awkward_groups", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_groups", r#"*="\ud800""#, LONE),
    differs("awkward_groups", "*long", LONG_NAME),
    differs("awkward_groups", "POST /api/chats/group/info after*=1.0", AS_SPELLED),
    differs("awkward_groups", "POST /api/chats/group/info after*=1e21", AS_SPELLED),
    part("awkward_groups", "POST /api/chats/export*", "body /message", NO_PATHS),
    differs("awkward_library", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_library", r#"*="\ud800""#, LONE),
    differs("awkward_library", "*long", LONG_NAME),
    differs("awkward_library", "POST /api/images/upload image=[]", "A list is no picture; the original stores zeros, and the picture of that name is lost."),
    differs("awkward_library", r#"POST /api/images/upload image=["a","b"]"#, "A list is no picture; the original stores zeros, and the picture of that name is lost."),
    differs("awkward_prefs", r#"*={"toString":1}"#, UNSPEAKABLE),
    differs("awkward_prefs", r#"*="\ud800""#, LONE),
    differs("awkward_prefs", "*long", LONG_NAME),
    differs("awkward_secrets", r#"*={"toString":1}"#, UNSPEAKABLE),
    part("awkward_secrets", "POST /api/secrets/view*", "body /__proto__", OWN_NAMES),
    differs("awkward_secrets", r#"POST /api/secrets/find key="__proto__""#, OWN_NAMES),
    differs("awkward_secrets", r#"POST /api/secrets/find key="constructor""#, OWN_NAMES),
    differs("base", "POST /api/files/sanitize-filename {\"fileName\":\"\\ud800\"}", "A lone surrogate cannot be part of a file name; the name that will be stored is answered."),
    differs("base", "POST /api/files/sanitize-filename [(\"fileName[k]\", \"v\")]", "An object is turned into text where the original throws."),
    differs("base", "OPTIONS /api/chats/get null", NO_LENGTH),
    differs("base", "OPTIONS /api/chats/get http://evil.example", NO_LENGTH),
    differs("base", "OPTIONS /api/chats/get http://127.0.0.1:8000", NO_LENGTH),
    differs("base", "OPTIONS /nope preflight", NO_LENGTH),
    differs("base", "OPTIONS /", NO_LENGTH),
    differs("base", "OPTIONS /img/ai4.png", NO_LENGTH),
    part("base_files", "GET /user/files/a.xml", "header content-security-policy", SANDBOX),
    part("base_files", "GET /user/files/a.svg", "header content-security-policy", SANDBOX),
    part("sprites", "GET /characters/Ada/page.html", "header content-security-policy", SANDBOX),
    differs("base_files", "HEAD /css/user.css", "HEAD answers as GET does."),
    differs("base_files", "GET /script.js gzip", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js br", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js deflate", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js gzip, deflate, br", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("base_files", "GET /script.js *", "A compressed answer cannot be asked for by range, and does not say that it can."),
    differs("captions", r#"reached the upstream: openai openrouter {"reverse_proxy"*"#, "The user's own key does not go to a proxy that the request names."),
    differs("captions_google", r#"*{"api":"vertexai","vertexai_region":"evil.example/"}"#, ONE_HOST),
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
    differs("characters_charx", "POST /api/characters/import long.charx *", LONG_NAME),
    differs("characters_byaf", "POST /api/characters/import named null.byaf *", NAMELESS),
    differs("characters_byaf", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #12", NAMELESS),
    differs("characters_byaf", "GET /characters/{{made}}.png #12", NAMELESS),
    differs("characters_brought_along", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #20", YAML),
    differs("characters_brought_along", "GET /characters/{{made}}.png #20", YAML),
    differs("characters_brought_along", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #26", YAML),
    differs("characters_brought_along", "GET /characters/{{made}}.png #26", YAML),
    differs("characters_brought_along", "POST /api/characters/import 21.yaml (29 bytes) [(\"file_type\", \"yaml\"), (\"user_name\", \"Me\")]", YAML),
    differs("characters_brought_along", "POST /api/characters/get {\"avatar_url\":\"{{made}}.png\"} #34", YAML),
    differs("characters_brought_along", "GET /characters/{{made}}.png #34", YAML),
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
    differs("chat_prompts", "reached the upstream: prices without a cache", "Prices tell whether a prompt can be cached, and are asked for only where it is to be."),
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
    differs("content_chub", "POST /api/content/importUUID {\"url\":\"ada/unicode\"}", WIDE_NAME),
    differs("content_files", "POST /api/content/importURL {\"url\":\"https://janitorai.evil.example/*", OWN_HOST),
    differs("content_files", "reached the upstream: importURL \"https://janitorai.evil.example/*", OWN_HOST),
    differs("content_files", "reached the upstream: importUUID \"away_character\"", BODILESS),
    differs("content_files", "reached the upstream: importUUID \"loop_character\"", BODILESS),
    part("cors_proxy", "*", "header content-security-policy", "What another site sends does not act as this one when it is opened as a page."),
    differs("content_generic", "POST /api/content/importURL {\"url\":\"https://cards.example/card#frag\"}", NO_FRAGMENT),
    differs("content_generic", "POST /api/content/importURL {\"url\":\"https://cards.example/inside\"}", NO_FRAGMENT),
    differs("content_perchance", "POST /api/content/importUUID {\"url\":\"Ada_1~00000000000000000000000000000010.gz\"}", WIDE_NAME),
    differs("content_perchance", "POST /api/content/importURL {\"url\":\"https://perchance.org.evil.example/*", OWN_HOST),
    differs("content_perchance", "reached the upstream: importURL \"https://perchance.org.evil.example/*", OWN_HOST),
    differs("content_pygmalion", "POST /api/content/importURL {\"url\":\"https://pygmalion.chat.evil.example/*", OWN_HOST),
    differs("content_pygmalion", "reached the upstream: importURL \"https://pygmalion.chat.evil.example/*", OWN_HOST),
    differs("extensions", r#"POST /api/extensions/switch {"extensionName":"Plain","branch":"<b>x</b>"}"#, "No answer repeats code as part of a page."),
    differs("extensions", "GET /scripts/extensions/third-party/Plain/.git/config", "Git keeps no log of what branches pointed to here, and says so in its configuration."),
    differs("horde", "reached the upstream: /text-workers 4* force false", HORDE_REFUSAL),
    differs("horde", "reached the upstream: /text-models 4* force false", HORDE_REFUSAL),
    differs("horde", "reached the upstream: /text-workers 500 force false", HORDE_REFUSAL),
    differs("horde", "reached the upstream: /text-models 500 force false", HORDE_REFUSAL),
    differs("horde", "POST /api/horde/text-workers 500 force false", HORDE_REFUSAL),
    differs("horde", "POST /api/horde/text-models 500 force false", HORDE_REFUSAL),
    differs("horde", "reached the upstream: /task-status task \"../../find_user\"", ONE_STEP),
    differs("image_metadata", "POST /api/image-metadata {\"path\":\"settings.json\",\"type\":\"bg\"}", "A document is no file of the gallery: not found, rather than not a picture."),
    differs("image_metadata", "POST /api/image-metadata/folders/set-thumbnails {\"updates\":[null]}", "A malformed list is 400 with its reason; the original throws."),
    differs("groups", "POST /api/chats/group/save {\"id\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("groups", "POST /api/chats/group/get {\"id\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("groups", "POST /api/backups/chat/get {}", LONG_NAME),
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
    differs("awkward_images", "GET /thumbnail?type=persona&file=line.png", ENLARGED),
    differs("awkward_image_cards", "GET /thumbnail?type=avatar&file=line%20png.png", ENLARGED),
    differs("awkward_image_cards", "GET /thumbnail?type=avatar&file=Bearer.png line.png", ENLARGED),
    differs("awkward_image_cards", "GET /thumbnail?type=avatar&file=Import%20line%20png.png", ENLARGED),
    differs("speech", r#"reached the upstream: elevenlabs/*id "../voices""#, ONE_STEP),
    differs("speech", r#"reached the upstream: elevenlabs/*id "a/b?c#d""#, ONE_STEP),
    differs("images_workflows", "POST /api/sd/comfy/save-workflow {\"file_name\":\"A.JSON\"*", "A workflow that is missing empties the file there."),
    differs("local_models", r#"POST /api/extra/classify {"text":["a","b"]}*"#, "A list is no text; the original has labels for each of them, if all are of one length."),
    differs("images_comfy_generate", "POST /api/sd/comfy/generate malformed", WORDS),
    differs("images_comfy_generate", "POST /api/sd/comfy/generate null", WORDS),
    differs("images_runpod", "POST /api/sd/comfyrunpod/generate malformed", WORDS),
    differs("images_tasks", "POST /api/sd/falai/generate malformed", WORDS),
    differs("images_runpod", "POST /api/sd/comfyrunpod/generate null", WORDS),
    differs("images_runpod", "POST /api/sd/comfyrunpod/generate no JSON", WORDS),
    differs("images_runpod", "POST /api/sd/comfyrunpod/generate none", WORDS),
    differs("images_runpod", "POST /api/sd/comfyrunpod/generate no images", WORDS),
    differs("sprites", "POST /api/sprites/upload-zip other.zip (208 bytes) [(\"name\", \"Zip\")]", SPRITE_TWICE),
    differs("sprites", "GET /characters/Zip/joy.gif", SPRITE_TWICE),
    differs("sprites", "GET /api/sprites/get?name=Bad #7", "Nothing of a refused archive is stored; the original keeps what came before the fault."),
    differs("sprites", "POST /api/sprites/upload-zip long (707 bytes) [(\"name\", \"Bad\")]", LONG_NAME),
    differs("text_completions", "POST /api/backends/text-completions/generate ollama e*stream true", OLLAMA),
    differs("text_completions", "POST /api/backends/text-completions/generate ollama broken stream true", OLLAMA),
    differs("thumbnails", "GET /thumbnail?type=bg&file=b10x10.png", "Enlarging ten pixels to a hundred: the two libraries interpolate differently."),
    part("tokenizers_families", "POST /api/tokenizers/*/encode 100 kB", "header etag", BIG),
    differs("tokenizers_families", r#"POST /api/tokenizers/*/decode {"ids":5}"#, NO_IDS),
    differs("tokenizers_families", r#"POST /api/tokenizers/*/decode {"ids":"5"}"#, NO_IDS),
    differs("tokenizers_families", r#"POST /api/tokenizers/*/decode {"ids":"x"}"#, NO_IDS),
    differs("tokenizers_families", r#"POST /api/tokenizers/*/decode {"ids":true}"#, NO_IDS),
    differs("tokenizers_families", "POST /api/tokenizers/openai/count?model=gpt-4 a million of *", "A long run is counted; the original's library fails at it and leaves the message out."),
    differs("transcripts", "*another host", ONE_HOST),
    differs("users_backup", "POST /api/users/backup {\"handle\":\"nobody\"}", NO_ACCOUNT),
    differs("users_backup", "POST /api/users/backup {\"handle\":\"../default-user\"}", NO_ACCOUNT),
    differs("users_backup", "POST /api/users/backup {\"handle\":\"default-user/\"}", NO_ACCOUNT),
    archived("users_backup", "body /backups/_sysprompt/", MARKER),
    archived("users_backup", "body /stats.json", STATISTICS),
    archived("users_backup", "body /thumbnails/bg/sky.png", "Thumbnails can be made again, and are no part of a backup."),
    archived("users_backup_keys", "body /backups/_sysprompt/", MARKER),
    archived("users_backup_keys", "body /stats.json", STATISTICS),
    part("users_admin", r#"POST /api/users/login {"handle":"anna","password":"pässwörd"} #2"#, "header set-cookie", NEW_SESSION),
    part("users_admin", r#"POST /api/users/login {"handle":"anna","password":"pässwörd"} #3"#, "header set-cookie", NEW_SESSION),
    part("users_admin", "POST /api/users/get {} #11", "body /3/avatar", "The picture of an account goes with it; in the original the next account of its handle has it."),
    differs("users_awkward_accounts", r#"POST /api/users/change-name {"handle":"bob","name":{"toString":1}}"#, "A name that cannot be made a text is refused; the original stores it."),
    differs("users_awkward_accounts", r#"POST /api/users/change-name {"handle":"bob","name":"a\u0000b"}"#, "No text of the database holds NUL."),
    differs("users_awkward_accounts", r#"POST /api/users/create {"handle":"nnnnnnnn*"#, "A handle beyond 255 bytes is refused; the original fails at its folder, and so does every later account."),
    differs("users_awkward_accounts", r#"POST /api/users/login {"handle":"bob","password":*"#, "A password that is no text is a wrong one; the original fails at it."),
    differs("vectors_answers", "*malformed", "An answer that is no JSON is a failure of its source; the original removes the collection that it was meant for."),
    differs("vectors_answers", r#"POST /api/vector/query extras {"embedding":[[1,2],[2,1]]}"#, "A vector that is no list of numbers is refused; the original finds nothing with it."),
    differs("vectors_sources", r#"*chutes {"model":"evil.example/"}"#, ONE_HOST),
    differs("vectors_sources", r#"*vertexai {"vertexai_region":"evil.example/"}"#, ONE_HOST),
    differs("voices", r#"*{"region":"evil.example/","text":"t","voice":"v"}"#, ONE_HOST),
    differs("voices_gemini", r#"*{"api":"vertexai","vertexai_region":"evil.example/"}"#, ONE_HOST),
    differs("voices_google", r#"*text {"a":"x"}"#, "An object is no text to read; the original sends what its name decodes to as audio."),
    differs("voices_volcengine", "POST /api/volcengine/generate-voice malformed", WORDS),
    differs("voices_volcengine", "POST /api/volcengine/generate-voice cut", WORDS),
    differs("voices_volcengine", "POST /api/volcengine/generate-voice null", WORDS),
    differs("worldinfo", "POST /api/worldinfo/edit {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/get {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/delete {\"name\":\"nnnnnnnnnnnn*", LONG_NAME),
    differs("worldinfo", "POST /api/worldinfo/import nam\"e.json (32 bytes) []", "An unescaped quote in a file name of a form, which no browser sends."),
    differs("worldinfo", "POST /api/worldinfo/list {} #13", "The world of the form with the unescaped quote is there."),
    differs("worldinfo", "POST /api/settings/get {}", "The world of the form with the unescaped quote is there."),
];
