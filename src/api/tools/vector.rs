//! `/api/vector`: collections of texts that are found by their meaning.

mod asking;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json::{js_truthy, parse, to_vec};
use squaretable_compat::names::sanitize;
use squaretable_compat::vectors::{FILE, Item, slice_end};
use uuid::Uuid;

use self::asking::Asking;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::embed::{NAMES, Source, numbers};
use crate::providers::js;
use crate::reply;
use crate::routes::Routes;
use crate::store::vectors::{self, Hit};
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/vector/query", query)
        .post("/api/vector/query-multi", query_multi)
        .post("/api/vector/insert", insert)
        .post("/api/vector/list", list)
        .post("/api/vector/delete", delete)
        .post("/api/vector/purge-all", purge_all)
        .post("/api/vector/purge", purge)
}

/// `POST /api/vector/query`: `{"metadata","hashes"}` of what is nearest to `searchText`.
///
/// compat: `threshold` holds for the metadata alone.
async fn query(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require(&body, &["collectionId", "searchText"])?;
    let (top_k, threshold) = bounds(&body);
    let folder = folder(&app, &body, body.0.get("collectionId"))?;
    bring_in(&tenant, &folder).await?;
    let asked = asked(&app, &tenant, &body).await?;
    let mut tx = tenant.begin_snapshot().await?;
    let hits = vectors::nearest(&mut tx, &folder, &asked.into(), top_k).await?;
    let (mut metadata, mut hashes) = (Vec::new(), Vec::new());
    for hit in hits {
        let value = metadata_of(&hit)?;
        hashes.push(hash_of(&value));
        if hit.score >= threshold {
            metadata.push(value);
        }
    }
    let answer = json!({ "metadata": metadata, "hashes": hashes });
    Ok(reply::json_bytes(to_vec(&answer)))
}

/// `POST /api/vector/query-multi`: what is nearest in all of `collectionIds` together, `{"hashes","metadata"}` by collection.
async fn query_multi(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let ids = body.0.get("collectionIds").and_then(Value::as_array);
    let ids = ids.ok_or_else(Error::bad_request)?;
    require(&body, &["searchText"])?;
    let (top_k, threshold) = bounds(&body);
    let asked = asked(&app, &tenant, &body).await?.into();
    let mut found: Vec<(String, Hit)> = Vec::new();
    for id in ids {
        let folder = folder(&app, &body, Some(id))?;
        bring_in(&tenant, &folder).await?;
        let mut tx = tenant.begin_snapshot().await?;
        let hits = vectors::nearest(&mut tx, &folder, &asked, top_k).await?;
        found.extend(hits.into_iter().map(|hit| (js::to_text(Some(id)), hit)));
    }
    found.sort_by(|(_, one), (_, other)| vectors::descending(one.score, other.score));
    found.retain(|(_, hit)| hit.score >= threshold);
    found.truncate(slice_end(found.len(), top_k));
    let mut groups = Map::new();
    for (id, hit) in found {
        let value = metadata_of(&hit)?;
        let group = groups
            .entry(id)
            .or_insert_with(|| json!({ "hashes": [], "metadata": [] }));
        for (name, entry) in [("hashes", hash_of(&value)), ("metadata", value)] {
            if let Some(list) = group[name].as_array_mut() {
                list.push(entry);
            }
        }
    }
    // Read again for the order that JavaScript gives to keys that look like numbers.
    let answer = parse(&to_vec(&groups.into())).map_err(anyhow::Error::from)?;
    Ok(reply::json_bytes(to_vec(&answer)))
}

/// `POST /api/vector/insert`: all of the body's `items` or none of them.
///
/// The source is asked before the database is held, so that items come in while others are asked for or purged.
async fn insert(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let items = body.0.get("items").and_then(Value::as_array);
    let items = items.ok_or_else(Error::bad_request)?;
    require(&body, &["collectionId"])?;
    if items.iter().any(Value::is_null) {
        return Err(Error::status(500));
    }
    let folder = folder(&app, &body, body.0.get("collectionId"))?;
    bring_in(&tenant, &folder).await?;
    let texts: Vec<Value> = items
        .iter()
        .map(|item| item.get("text").cloned().unwrap_or_default())
        .collect();
    let vectors = if texts.is_empty() {
        Vec::new()
    } else {
        let source = source(&body).ok_or_else(|| Error::status(500))?;
        Asking::new(&app, &tenant, source, &body)
            .await?
            .batches(&texts)
            .await?
    };
    let mut new = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let vector = numbers(vectors.get(index))?;
        let item = Item::new(Uuid::new_v4().to_string(), kept(item), vector);
        new.push(item.ok_or_else(|| Error::status(500))?);
    }
    let mut tx = tenant.begin().await?;
    vectors::insert(&mut tx, &folder, &new).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/vector/list`: the hashes of a collection.
async fn list(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require(&body, &["collectionId"])?;
    let folder = folder(&app, &body, body.0.get("collectionId"))?;
    bring_in(&tenant, &folder).await?;
    let mut tx = tenant.begin().await?;
    let hashes = vectors::hashes(&mut tx, &folder).await?;
    let hashes = hashes.into_iter().map(|hash| match hash {
        Ok(number) => Ok(js::from_number(number)),
        Err(metadata) => Ok(hash_of(&parse(&metadata).map_err(anyhow::Error::from)?)),
    });
    let hashes: Value = hashes.collect::<Result<Vec<Value>>>()?.into();
    Ok(reply::json_bytes(to_vec(&hashes)))
}

/// `POST /api/vector/delete`: the items of a collection whose hash is one of `hashes`.
async fn delete(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let hashes = body.0.get("hashes").and_then(Value::as_array);
    let hashes = hashes.ok_or_else(Error::bad_request)?;
    require(&body, &["collectionId"])?;
    let folder = folder(&app, &body, body.0.get("collectionId"))?;
    bring_in(&tenant, &folder).await?;
    let hashes: Vec<f64> = hashes.iter().map(|hash| js::to_number(Some(hash))).collect();
    let mut tx = tenant.begin().await?;
    vectors::delete(&mut tx, &folder, &hashes).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/vector/purge-all`: every collection of every known source.
async fn purge_all(tenant: Tenant) -> Result<Response> {
    let folders = NAMES.map(|source| format!("{}/{source}", vectors::FOLDER));
    let mut tx = tenant.begin().await?;
    vectors::purge(&mut tx, &folders).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/vector/purge`: a collection of every known source, whatever its model.
async fn purge(tenant: Tenant, body: Body) -> Result<Response> {
    require(&body, &["collectionId"])?;
    let collection = name_of(body.0.get("collectionId"))?;
    let folders = NAMES.map(|source| format!("{}/{source}/{collection}", vectors::FOLDER));
    let mut tx = tenant.begin().await?;
    vectors::purge(&mut tx, &folders).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// 400 unless all of these fields are something.
fn require(body: &Body, fields: &[&str]) -> Result<()> {
    let is_given = |field: &&str| body.0.get(*field).is_some_and(js_truthy);
    if fields.iter().all(is_given) {
        return Ok(());
    }
    Err(Error::bad_request())
}

/// `topK` and `threshold`.
fn bounds(body: &Body) -> (f64, f64) {
    let number = |field: &str, usual: f64| {
        let number = js::to_number(body.0.get(field));
        if number.is_nan() || number == 0.0 {
            usual
        } else {
            number
        }
    };
    (number("topK", 10.0), number("threshold", 0.0))
}

/// The source's name; the one of an empty name is the local model.
fn source_name(body: &Body) -> String {
    let name = js::to_text(body.0.get("source"));
    if name.is_empty() {
        "transformers".to_owned()
    } else {
        name
    }
}

fn source(body: &Body) -> Option<Source> {
    Source::named(&source_name(body))
}

/// The folder of a collection's index.
///
/// compat: a name of which nothing is left once it is a file's name leads to the folder above in the original, and with it
/// to all collections there. It is refused, as is the name of the very file.
fn folder(app: &App, body: &Body, collection: Option<&Value>) -> Result<String> {
    let collection = name_of(collection)?;
    let source = sanitize(&source_name(body));
    if source.is_empty() {
        return Err(Error::text(400, "Invalid source"));
    }
    let own = &app.config().models.embedding;
    let model = self::source(body).map_or_else(String::new, |source| source.model(&body.0, own));
    let model = sanitize(&model);
    let folder = format!("{}/{source}/{collection}", vectors::FOLDER);
    match model.as_str() {
        "" => Ok(folder),
        FILE => Err(Error::text(400, "Invalid model")),
        model => Ok(format!("{folder}/{model}")),
    }
}

fn name_of(collection: Option<&Value>) -> Result<String> {
    let name = sanitize(&js::to_text(collection));
    if name.is_empty() || name == FILE {
        return Err(Error::text(400, "Invalid collection"));
    }
    Ok(name)
}

/// Turns an index that an import brought as a file into rows, if there is one.
async fn bring_in(tenant: &Tenant, folder: &str) -> Result<()> {
    let mut tx = tenant.begin().await?;
    if vectors::is_waiting(&mut tx, folder).await? {
        vectors::bring_in(&mut tx, folder).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The vector of `searchText`.
async fn asked(app: &App, tenant: &Tenant, body: &Body) -> Result<Vec<f64>> {
    let text = js::to_text(body.0.get("searchText"));
    let source = source(body).ok_or_else(|| Error::status(500))?;
    let vectors = Asking::new(app, tenant, source, body).await?.one(&text).await?;
    numbers(vectors.first())
}

/// What is kept of an item besides its vector.
fn kept(item: &Value) -> Map<String, Value> {
    let fields = ["hash", "text", "index"];
    let given = fields.map(|field| Some((field.to_owned(), item.get(field)?.clone())));
    given.into_iter().flatten().collect()
}

fn metadata_of(hit: &Hit) -> Result<Value> {
    Ok(parse(&hit.metadata).map_err(anyhow::Error::from)?)
}

/// `Number(metadata.hash)` as JSON.
fn hash_of(metadata: &Value) -> Value {
    js::from_number(js::to_number(metadata.get("hash")))
}
