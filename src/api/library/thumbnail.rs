//! `/thumbnail`: small versions of backgrounds, characters and personas.

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use squaretable_compat::names;

use crate::app::App;
use crate::config::content::{ThumbnailFormat, Thumbnails};
use crate::error::{Error, Result};
use crate::pictures::{self, Encoding, Shape, off_thread};
use crate::routes::Routes;
use crate::served::Source;
use crate::store::blobs;
use crate::store::thumbnails::{self, Key, Thumbnail};
use crate::tenant::Tenant;

use crate::api::stored::{Original, contained, respond};

/// Extensions of animations and videos, which have no thumbnail.
const MOVING: [&str; 7] = [".apng", ".mp4", ".webm", ".avi", ".mkv", ".flv", ".gif"];

/// What a thumbnail shows; decides on folder and shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chat background.
    Background,
    /// A character.
    Avatar,
    /// A persona.
    Persona,
}

impl Kind {
    /// From the word in a request.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Background, Self::Avatar, Self::Persona]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }

    /// The word in requests and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "bg",
            Self::Avatar => "avatar",
            Self::Persona => "persona",
        }
    }

    /// Folder of the pictures below the user's root.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Background => "backgrounds",
            Self::Avatar => "characters",
            Self::Persona => "User Avatars",
        }
    }

    /// Width and height by configuration, in pixels.
    #[must_use]
    pub fn dimensions(self, config: &Thumbnails) -> (u32, u32) {
        match self {
            Self::Background => config.background,
            Self::Avatar => config.avatar,
            Self::Persona => config.persona,
        }
    }

    fn shape(self, config: &Thumbnails) -> Shape {
        let (width, height) = self.dimensions(config);
        match self {
            Self::Background => Shape::Area(width, height),
            Self::Avatar | Self::Persona => Shape::Cover(width, height),
        }
    }
}

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/thumbnail/", get)
}

/// `GET /thumbnail/?type=bg|avatar|persona&file=<name>[&animated=true]`: the thumbnail, or the picture itself where
/// there is none to be had.
///
/// compat: the content type follows the file's name, whatever format the thumbnail has.
async fn get(
    State(app): State<App>,
    tenant: Tenant,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response> {
    let file = single(&query, "file").ok_or(Error::bad_request())?;
    let kind = single(&query, "type")
        .and_then(Kind::parse)
        .ok_or(Error::bad_request())?;
    if names::sanitize(file) != file {
        return Err(Error::forbidden());
    }
    if file.is_empty() {
        // compat: the folder itself, which is not sent.
        return Err(Error::status(500));
    }
    let config = &app.config().content.thumbnails;
    let extension = names::extension(file).to_ascii_lowercase();
    if config.enabled && !MOVING.contains(&extension.as_str()) {
        let form = form(kind, config);
        let key = Key {
            kind: kind.as_str(),
            folder: kind.folder(),
            name: file,
            form: &form,
        };
        if let Some(thumbnail) = find_or_make(&tenant, key, kind.shape(config), config).await? {
            let (size, modified) = (thumbnail.image.len() as u64, thumbnail.created_at);
            let image = Source::Bytes(thumbnail.image);
            return Ok(contained(respond(&headers, file, size, modified, image).await));
        }
    }
    let original = Original::find(&mut tenant.begin().await?, kind.folder(), file).await?;
    original
        .ok_or(Error::not_found())?
        .serve(&tenant, &headers, file)
        .await
        .map(contained)
}

/// The thumbnail for `key`, made and kept if there is none yet; `None` for a picture that cannot be decoded. 404 where
/// there is no picture.
async fn find_or_make(
    tenant: &Tenant,
    key: Key<'_>,
    shape: Shape,
    config: &Thumbnails,
) -> Result<Option<Thumbnail>> {
    let mut tx = tenant.begin().await?;
    let source = match thumbnails::find(&mut tx, key).await? {
        None => return Err(Error::not_found()),
        Some((_, Some(thumbnail))) => return Ok(Some(thumbnail)),
        Some((source, None)) => source,
    };
    if source.size > pictures::MAX_ENCODED {
        return Ok(None);
    }
    let picture = blobs::read(&mut tx, &source).await?;
    // Making one takes a while: no connection waits for it.
    tx.commit().await?;
    let encoding = encoding(config);
    let made = match off_thread(move || pictures::thumbnail(&picture, shape, encoding)).await? {
        Ok(made) => Bytes::from(made),
        Err(error) => {
            tracing::debug!(kind = key.kind, name = key.name, %error, "no thumbnail for this picture");
            return Ok(None);
        }
    };
    let mut tx = tenant.begin().await?;
    let thumbnail = thumbnails::put(&mut tx, key, &source, made).await?;
    tx.commit().await?;
    Ok(Some(thumbnail))
}

/// The value of a parameter that is given exactly once, as the original's parser makes a list of several.
pub(super) fn single<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = query
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.as_str());
    values.next().filter(|_| values.next().is_none())
}

fn encoding(config: &Thumbnails) -> Encoding {
    match config.format {
        ThumbnailFormat::Jpeg => Encoding::Jpeg(config.quality),
        ThumbnailFormat::Png => Encoding::Png,
    }
}

/// What else than the picture decides on a thumbnail's bytes: `160x90 jpeg 95`.
fn form(kind: Kind, config: &Thumbnails) -> String {
    let (width, height) = kind.dimensions(config);
    match encoding(config) {
        Encoding::Jpeg(quality) => format!("{width}x{height} jpeg {quality}"),
        Encoding::Png => format!("{width}x{height} png"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_when_it_is_given_once() {
        let query: Vec<_> = [("a", "1"), ("b", "2"), ("b", "3")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec();
        assert_eq!(single(&query, "a"), Some("1"));
        assert_eq!(single(&query, "b"), None);
        assert_eq!(single(&query, "c"), None);
    }

    #[test]
    fn the_form_names_everything_that_changes_a_thumbnail() {
        let mut config = Thumbnails::default();
        assert_eq!(form(Kind::Background, &config), "160x90 jpeg 95");
        config.format = ThumbnailFormat::Png;
        assert_eq!(form(Kind::Persona, &config), "96x144 png");
    }
}
