//! `POST /api/sprites/upload-zip`: all pictures of a ZIP archive, stored together or not at all.

use axum::response::Response;
use serde_json::json;
use squaretable_compat::names;
use squaretable_compat::zip::{Archive, Limits, ZipError};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{Place, form_text, name_of, put};
use crate::api::library::user_files::names_in;
use crate::error::{Error, Result};
use crate::extract::{Upload, UploadedFile};
use crate::mime;
use crate::reply;
use crate::store::{Tx, blobs, files};
use crate::tenant::Tenant;

/// Folder that one system's archives have beside their content.
const MAC_FOLDER: &str = "__MACOSX";

/// Archives that are in memory at once, each up to the size of a request body: what bounds the memory of the process.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// A picture of an archive: its name without folders, and its content.
type Picture = (String, Vec<u8>);

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Archive(#[from] ZipError),
    #[error("an entry's name leads out of the archive")]
    LeadsOut,
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}

/// `POST /api/sprites/upload-zip`: every picture replaces the first file of its base name.
pub(super) async fn upload_zip(tenant: Tenant, upload: Upload) -> Result<Response> {
    let name = name_of(&upload.fields, form_text)?;
    let file = upload.file.ok_or(Error::bad_request())?;
    let place = Place::of(&name).ok_or(Error::bad_request())?;
    let _slot = SLOTS.acquire().await.map_err(anyhow::Error::from)?;
    // One picture waits while the one before it is stored.
    let (sender, receiver) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || read(&file, &sender));
    let (tx, count) = store(&tenant, &place, receiver).await?;
    reading.await.map_err(anyhow::Error::from)?.map_err(refused)?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true, "count": count })))
}

/// Stores pictures as they come; answers the open transaction and how many there were.
async fn store(tenant: &Tenant, place: &Place, mut pictures: Receiver<Picture>) -> Result<(Tx, usize)> {
    // The transaction is opened when there is something to store.
    let mut next = pictures.recv().await;
    let mut tx = tenant.begin().await?;
    let folder = place.open(&mut tx).await?;
    let before = names_in(&mut tx, &folder).await?;
    let mut count = 0;
    while let Some((name, content)) = next {
        let stem = names::base_name(&name);
        if let Some(old) = before.iter().find(|old| names::base_name(old) == stem)
            && !files::delete(&mut tx, &folder, old).await?
            && files::folder_exists(&mut tx, &format!("{folder}/{old}")).await?
        {
            return Err(Error::status(500));
        }
        let blob = blobs::put(&mut tx, &content).await?;
        put(&mut tx, &folder, &names::sanitize(&name), &blob).await?;
        count += 1;
        next = pictures.recv().await;
    }
    Ok((tx, count))
}

/// Sends the archive's pictures in the order of its directory; ends early when nobody takes them.
fn read(file: &UploadedFile, pictures: &Sender<Picture>) -> Result<(), Refusal> {
    let bytes = std::fs::read(file.path())?;
    let mut archive = Archive::open(&bytes, Limits::default())?.ignoring_checksums();
    let fault = archive.fault().cloned();
    for entry in archive.entries().to_vec() {
        if entry.leads_out() {
            return Err(Refusal::LeadsOut);
        }
        if entry.is_dir || entry.is_symlink || !is_picture(&entry.name) {
            continue;
        }
        let content = archive.read(entry.index)?;
        let name = names::file_name(&entry.name).to_owned();
        if pictures.blocking_send((name, content)).is_err() {
            break;
        }
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// compat: a name without a dot is a type by itself, but not inside a folder.
fn is_picture(path: &str) -> bool {
    let has_type = !path.contains('/') || !names::extension(path).is_empty();
    has_type && mime::is_image(path) && !path.starts_with(MAC_FOLDER)
}

/// What is too large is told from what cannot be read.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Archive(error) if error.is_limit() => Error::text(413, error.to_string()),
        Refusal::Disk(error) => error.into(),
        refusal => {
            tracing::debug!(error = %refusal, "an archive of sprites was refused");
            Error::status(500)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_picture;

    #[test]
    fn pictures_are_told_by_their_names() {
        for picture in ["joy.png", "a/b/joy.WEBP", "png", ".png", "x__MACOSX/a.png"] {
            assert!(is_picture(picture), "{picture}");
        }
        for other in [
            "joy.txt",
            "a/png",
            "a/.png",
            "__MACOSX/a.png",
            "__MACOSX.png",
            "a.",
            "a/",
        ] {
            assert!(!is_picture(other), "{other}");
        }
    }
}
