//! CharX archives: a ZIP of `card.json` and the pictures that its `data.assets` names.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::members::{by_suffix, normal_path, unless_broken};
use crate::zip::{Archive, Limits, ZipError, skip_prefix};
use crate::{json, names};

/// How an asset's URI says that it lies in the archive. The first is a spelling mistake of RisuAI.
const EMBEDDED: [&str; 3] = ["embeded://", "embedded://", "__asset:"];

/// Extensions of the assets that are pictures.
const PICTURES: [&str; 9] = ["png", "jpg", "jpeg", "webp", "gif", "apng", "avif", "bmp", "jfif"];

/// What a CharX archive holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Charx {
    /// The content of `card.json`, for [`super::import::from_charx`].
    pub card: Value,
    /// The pictures that the rest refers to by index, each once.
    pub pictures: Vec<Vec<u8>>,
    /// The character's picture.
    pub icon: Option<usize>,
    /// The other pictures, in the order of the card. One may replace another of the same place and name.
    pub assets: Vec<Asset>,
}

/// A picture that is stored beside the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Where it belongs.
    pub place: Place,
    /// Its name without the extension; lower-case letters, digits and separators.
    pub base_name: String,
    /// `<base_name>.<extension>`.
    pub file_name: String,
    /// Index in [`Charx::pictures`].
    pub picture: usize,
}

/// Which folder an asset belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// An expression of the character.
    Sprite,
    /// A background of the character.
    Background,
    /// Anything else: the character's gallery.
    Gallery,
}

impl Place {
    /// The folder below the user's root, for a character of this name.
    #[must_use]
    pub fn folder(self, character: &str) -> String {
        match self {
            Self::Sprite => format!("characters/{character}"),
            Self::Background => format!("characters/{character}/backgrounds"),
            Self::Gallery => format!("user/images/{character}"),
        }
    }

    /// Whether a file of the same base name is replaced whatever its extension is.
    #[must_use]
    pub fn replaces_base_name(self) -> bool {
        self != Self::Gallery
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sprite => "sprite",
            Self::Background => "background",
            Self::Gallery => "misc",
        }
    }
}

/// Why a file is no CharX card.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// There is no `card.json`.
    #[error("the archive has no card.json")]
    NoCard,
    /// `card.json` is not JSON.
    #[error("card.json is not JSON: {0}")]
    Json(#[from] json::Error),
}

/// An asset of the card that lies in the archive.
struct Embedded {
    kind: String,
    name: String,
    extension: &'static str,
    path: String,
    order: usize,
}

/// Reads a CharX file; what stands before the archive in it is skipped.
///
/// Assets that are no pictures, lie elsewhere or cannot be read are left out.
///
/// # Errors
/// See [`Error`]. More assets than `limits.entries` count as too many entries.
pub fn read(file: &[u8], limits: Limits) -> Result<Charx, Error> {
    let mut archive = Archive::open(skip_prefix(file), limits)?.ignoring_checksums();
    let text = by_suffix(&mut archive, "card.json")?.ok_or(Error::NoCard)?;
    let card = json::parse(&text)?;
    drop(text);
    let embedded = embedded(&card, limits)?;
    let icon = icon(&embedded);
    let others: Vec<&Embedded> = embedded
        .iter()
        .filter(|asset| !matches!(asset.kind.as_str(), "icon" | "user_icon"))
        .collect();
    let wanted = others.iter().copied().chain(icon);
    let wanted: HashSet<&str> = wanted.map(|asset| asset.path.as_str()).collect();
    let (pictures, found) = extract(&mut archive, wanted)?;
    let assets = others
        .iter()
        .filter_map(|asset| Some(stored(asset, *found.get(asset.path.as_str())?)))
        .collect();
    let icon = icon.and_then(|asset| found.get(asset.path.as_str()).copied());
    drop(found);
    Ok(Charx {
        card,
        pictures,
        icon,
        assets,
    })
}

/// The pictures of the card that lie in the archive.
fn embedded(card: &Value, limits: Limits) -> Result<Vec<Embedded>, ZipError> {
    let assets = card.get("data").and_then(|data| data.get("assets"));
    let Some(assets) = assets.and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    if assets.len() > limits.entries {
        return Err(ZipError::TooManyEntries {
            found: assets.len(),
            limit: limits.entries,
        });
    }
    let text = |asset: &Value, key: &str| asset.get(key).and_then(Value::as_str).map(str::to_owned);
    let found = assets.iter().enumerate().filter_map(|(order, asset)| {
        let path = embedded_path(asset.get("uri")?.as_str()?)?;
        let given = text(asset, "ext").map(|ext| extension(&ext)).unwrap_or_default();
        let extension = if given.is_empty() {
            extension(names::extension(&path))
        } else {
            given
        };
        Some(Embedded {
            kind: text(asset, "type").unwrap_or_default().to_lowercase(),
            name: text(asset, "name").unwrap_or_default(),
            extension: PICTURES.into_iter().find(|known| *known == extension)?,
            path,
            order,
        })
    });
    Ok(found.collect())
}

fn embedded_path(uri: &str) -> Option<String> {
    let uri = json::js_trim(uri);
    EMBEDDED.iter().find_map(|prefix| {
        let start = uri.get(..prefix.len())?;
        if start.eq_ignore_ascii_case(prefix) {
            normal_path(&uri[prefix.len()..])
        } else {
            None
        }
    })
}

/// An extension in lower case and without its dot.
fn extension(text: &str) -> String {
    let lower = json::js_trim(text).to_lowercase();
    lower.strip_prefix('.').unwrap_or(&lower).to_owned()
}

/// The icon named `main`, or the first one.
fn icon(embedded: &[Embedded]) -> Option<&Embedded> {
    let icons = || embedded.iter().filter(|asset| asset.kind == "icon");
    icons()
        .find(|asset| asset.name.to_lowercase() == "main")
        .or_else(|| icons().next())
}

/// Pictures, and which of them each path names.
type Extracted<'a> = (Vec<Vec<u8>>, HashMap<&'a str, usize>);

/// Takes the first readable entry of each wanted path out, and says where each went.
fn extract<'a>(archive: &mut Archive<'_>, mut wanted: HashSet<&'a str>) -> Result<Extracted<'a>, ZipError> {
    let (mut pictures, mut found) = (Vec::new(), HashMap::new());
    for index in 0..archive.entries().len() {
        let Some(entry) = archive.entries().get(index).filter(|entry| !entry.leads_out()) else {
            break;
        };
        let path = normal_path(&entry.name).filter(|_| !entry.is_symlink);
        let Some(path) = path.and_then(|path| wanted.get(path.as_str()).copied()) else {
            continue;
        };
        if let Some(picture) = unless_broken(archive.read(index))? {
            found.insert(path, pictures.len());
            pictures.push(picture);
            wanted.remove(path);
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok((pictures, found))
}

fn stored(asset: &Embedded, picture: usize) -> Asset {
    let place = match asset.kind.as_str() {
        "emotion" | "expression" => Place::Sprite,
        "background" => Place::Background,
        _ => Place::Gallery,
    };
    let base_name = base_name(asset, place);
    Asset {
        place,
        file_name: format!("{base_name}.{}", asset.extension),
        base_name,
        picture,
    }
}

/// The asset's name in lower case, each run of other characters one separator.
///
/// compat: sprites take a hyphen, since what stands before it is their expression.
fn base_name(asset: &Embedded, place: Place) -> String {
    let separator = if place == Place::Sprite { '-' } else { '_' };
    let name = without_extension(&asset.name, asset.extension);
    let mut base = String::new();
    for c in json::js_trim(name).to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            base.push(c);
        } else if !base.ends_with(separator) {
            base.push(separator);
        }
    }
    let base = names::sanitize(base.trim_matches(separator));
    if base.is_empty() {
        format!("{}-{}", place.name(), asset.order)
    } else {
        base
    }
}

/// The name without the extension of a picture, should it have one.
fn without_extension<'a>(name: &'a str, extension: &str) -> &'a str {
    std::iter::once(extension)
        .chain(PICTURES)
        .find_map(|extension| {
            let stem = name.len().checked_sub(extension.len() + 1)?;
            let end = name.get(stem..)?.strip_prefix('.')?;
            end.eq_ignore_ascii_case(extension).then(|| &name[..stem])
        })
        .unwrap_or(name)
}

#[cfg(test)]
mod tests;
