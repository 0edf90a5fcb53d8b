//! `/api/settings`: the frontend's one settings document, everything it lists at start, and snapshots.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::value::RawValue;
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{collate, dates, names};

use crate::api::documents::pretty;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::{Body, RawBody};
use crate::reply;
use crate::routes::Routes;
use crate::snapshots::{self, SETTINGS};
use crate::store::documents::{self, Document};
use crate::store::{Tx, blobs, files};
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/settings/get", get)
        .post("/api/settings/save", save)
        .post("/api/settings/get-snapshots", get_snapshots)
        .post("/api/settings/load-snapshot", load_snapshot)
        .post("/api/settings/make-snapshot", make_snapshot)
        .post("/api/settings/restore-snapshot", restore_snapshot)
}

/// `POST /api/settings/save`: the body becomes `settings.json`, keys and numbers as they came.
///
/// A failure is a 5xx; the original answers 200 with a serialised error, which the frontend takes for success.
async fn save(State(app): State<App>, tenant: Tenant, raw: RawBody) -> Result<Response> {
    let text = pretty(&raw.0)?;
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, DocumentKind::Root, SETTINGS, &text).await?;
    if app.autosaves().is_due(&tenant).await {
        let keep = app.config().content.backups.number_of_backups;
        snapshots::take_if_changed(&mut tx, &tenant, &text, keep).await?;
    }
    tx.commit().await?;
    Ok(reply::json(&serde_json::json!({ "result": "ok" })))
}

/// Presets that are answered as text, and the keys of their texts and names.
const TEXTS: [(DocumentKind, &str, &str); 4] = [
    (
        DocumentKind::KoboldAi,
        "koboldai_settings",
        "koboldai_setting_names",
    ),
    (DocumentKind::NovelAi, "novelai_settings", "novelai_setting_names"),
    (DocumentKind::OpenAi, "openai_settings", "openai_setting_names"),
    (
        DocumentKind::TextGen,
        "textgenerationwebui_presets",
        "textgenerationwebui_preset_names",
    ),
];

/// What is answered parsed, and its key.
const OBJECTS: [(DocumentKind, &str); 7] = [
    (DocumentKind::Themes, "themes"),
    (DocumentKind::MovingUi, "movingUIPresets"),
    (DocumentKind::QuickReplies, "quickReplyPresets"),
    (DocumentKind::Instruct, "instruct"),
    (DocumentKind::Context, "context"),
    (DocumentKind::Sysprompt, "sysprompt"),
    (DocumentKind::Reasoning, "reasoning"),
];

/// `POST /api/settings/get`: settings as text, sampler presets as text, the rest parsed.
async fn get(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let mut kinds: Vec<_> = TEXTS.iter().map(|(kind, _, _)| *kind).collect();
    kinds.extend(OBJECTS.iter().map(|(kind, _)| kind));
    let mut tx = tenant.begin().await?;
    let settings = documents::get(&mut tx, DocumentKind::Root, SETTINGS)
        .await?
        .ok_or(Error::status(500))?;
    let worlds = documents::names(&mut tx, DocumentKind::Worlds).await?;
    let all = Listing(documents::list_kinds(&mut tx, &kinds).await?);
    let mut answer = Object::new();
    answer.field("settings", &String::from_utf8_lossy(&settings.body))?;
    for (kind, texts, names) in TEXTS {
        all.texts(&mut answer, kind, texts, names)?;
        if kind == DocumentKind::KoboldAi {
            answer.field("world_names", &world_names(&worlds))?;
        }
    }
    for (kind, key) in OBJECTS {
        answer.field(key, &all.objects(kind))?;
    }
    let config = app.config();
    answer.field("enable_extensions", &config.content.extensions.enabled)?;
    answer.field(
        "enable_extensions_auto_update",
        &config.content.extensions.auto_update,
    )?;
    answer.field("enable_accounts", &config.accounts.enabled)?;
    let compression = &config.content.request_compression;
    let compression = serde_json::json!({
        "enabled": compression.enabled,
        "minPayloadSize": compression.min_payload_bytes,
        "maxPayloadSize": compression.max_payload_bytes,
        "timeout": compression.timeout_ms,
    });
    answer.field("request_compression", &compression)?;
    Ok(reply::json_bytes(answer.finish()))
}

/// The documents of several kinds, as one query gave them.
struct Listing(Vec<(String, Document)>);

impl Listing {
    fn of(&self, kind: DocumentKind) -> impl Iterator<Item = &Document> {
        self.0
            .iter()
            .filter(move |(k, _)| k == kind.as_str())
            .map(|(_, document)| document)
    }

    /// Names of the kind's readable `.json` files: compat: the extension counts in lower case only.
    fn readable(&self, kind: DocumentKind) -> Vec<&Document> {
        self.of(kind)
            .filter(|d| d.valid && names::extension(&d.name) == ".json")
            .collect()
    }

    /// Two parallel arrays, in locale order: the files' text and their names.
    fn texts(&self, answer: &mut Object, kind: DocumentKind, texts: &str, titles: &str) -> Result<()> {
        let mut found = self.readable(kind);
        collate::locale_sort(&mut found, |d| &d.name);
        let bodies: Vec<_> = found.iter().map(|d| String::from_utf8_lossy(&d.body)).collect();
        answer.field(texts, &bodies)?;
        let names: Vec<_> = found.iter().map(|d| names::base_name(&d.name)).collect();
        answer.field(titles, &names)
    }

    /// The files' contents, by UTF-16 code units of their names.
    fn objects(&self, kind: DocumentKind) -> Vec<&RawValue> {
        let mut found = self.readable(kind);
        found.sort_by(|a, b| collate::utf16_cmp(&a.name, &b.name));
        found
            .iter()
            .filter_map(|d| serde_json::from_slice(&d.body).ok())
            .collect()
    }
}

/// Names of all worlds, readable or not, in locale order.
fn world_names(files: &[String]) -> Vec<&str> {
    let mut found: Vec<_> = files
        .iter()
        .map(String::as_str)
        .filter(|n| names::extension(n).eq_ignore_ascii_case(".json"))
        .collect();
    collate::locale_sort(&mut found, |name| name);
    found.into_iter().map(names::base_name).collect()
}

/// A JSON object written field by field, so that stored JSON text goes into it unparsed.
struct Object(Vec<u8>);

impl Object {
    fn new() -> Self {
        Self(vec![b'{'])
    }

    fn field(&mut self, key: &str, value: &impl serde::Serialize) -> Result<()> {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        serde_json::to_writer(&mut self.0, key).map_err(anyhow::Error::from)?;
        self.0.push(b':');
        serde_json::to_writer(&mut self.0, value).map_err(anyhow::Error::from)?;
        Ok(())
    }

    fn finish(mut self) -> bytes::Bytes {
        self.0.push(b'}');
        self.0.into()
    }
}

/// `POST /api/settings/get-snapshots`
async fn get_snapshots(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let found: Vec<_> = snapshots::list(&mut tx, &tenant)
        .await?
        .into_iter()
        .map(|file| {
            serde_json::json!({
                "date": dates::millis(file.modified_at),
                "name": file.name,
                "size": file.blob.size,
            })
        })
        .collect();
    Ok(reply::json(&found))
}

/// `POST /api/settings/load-snapshot`: the snapshot's text.
async fn load_snapshot(tenant: Tenant, body: Body) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let text = read_snapshot(&mut tx, &tenant, &body).await?;
    Ok(reply::html_text(text))
}

/// `POST /api/settings/make-snapshot`
async fn make_snapshot(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    if let Some(settings) = documents::get(&mut tx, DocumentKind::Root, SETTINGS).await? {
        let keep = app.config().content.backups.number_of_backups;
        snapshots::take(&mut tx, &tenant, &settings.body, keep).await?;
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

/// `POST /api/settings/restore-snapshot`
async fn restore_snapshot(tenant: Tenant, body: Body) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let text = read_snapshot(&mut tx, &tenant, &body).await?;
    documents::put(&mut tx, DocumentKind::Root, SETTINGS, &text).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

async fn read_snapshot(tx: &mut Tx, tenant: &Tenant, body: &Body) -> Result<bytes::Bytes> {
    body.guard("name")?;
    // compat: the original throws on a name that is no text.
    if body.truthy("name") && body.str("name").is_none() {
        return Err(Error::status(500));
    }
    let name = body
        .text("name")
        .filter(|name| name.starts_with(&snapshots::prefix(tenant)))
        .ok_or_else(|| Error::json_error(400, "Invalid snapshot name"))?;
    let file = files::get(tx, snapshots::FOLDER, name)
        .await?
        .ok_or(Error::not_found())?;
    blobs::read(tx, &file.blob).await
}
