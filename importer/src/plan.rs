//! What stands in the way of an import, found out before anything is written.

use std::collections::{HashMap, HashSet};

use futures_util::{Stream, TryStreamExt};
use squaretable::store::{Tx, characters, chats, vectors};
use squaretable::user_folder::What;
use squaretable_compat::layout::{DocumentKind, Place};
use squaretable_compat::names;

use crate::read;
use crate::scan::Found;
use crate::stored::{self, Standing, Stored};

/// What the account holds that the source does not have in the same form.
#[derive(Debug, Default)]
pub struct Conflicts {
    /// Paths at which both hold something, and not the same.
    pub paths: HashSet<String>,
    /// Files that the account holds and the source does not know.
    pub others: usize,
}

impl Conflicts {
    /// Whether the account holds nothing that could be mixed up with the source.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.others == 0
    }

    /// Compares every file that has a counterpart in the account. Default content that nobody touched is no conflict,
    /// nor are the account's backups.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(tx: &mut Tx, stored: &Stored, files: &[Found]) -> anyhow::Result<Self> {
        let mut conflicts = Self::default();
        let mut known = HashSet::with_capacity(files.len());
        for found in files {
            let path = found.place.path();
            if stored.get(&path).is_some() && !stored.is_default(&path) && !is_same(tx, stored, found).await?
            {
                conflicts.paths.insert(path.clone());
            }
            known.insert(path);
        }
        conflicts.others = stored
            .paths()
            .filter(|path| {
                !known.contains(*path) && !path.starts_with("backups/") && !stored.is_default(path)
            })
            .count();
        Ok(conflicts)
    }
}

async fn is_same(tx: &mut Tx, stored: &Stored, found: &Found) -> anyhow::Result<bool> {
    // A file that cannot be read is no conflict: it will be rejected.
    let Ok(content) = read::read(found, stored.get(&found.place.path())) else {
        return Ok(true);
    };
    let standing = match content.standing {
        Standing::Ask => compare(tx, stored, found, content.bytes.as_deref()).await?,
        standing => standing,
    };
    Ok(standing != Standing::Differs)
}

/// Compares with what must be put together first; without `bytes`, with the file on disk, piece by piece.
///
/// # Errors
/// The database failed, or the file cannot be read any more.
pub async fn compare(
    tx: &mut Tx,
    stored: &Stored,
    found: &Found,
    bytes: Option<&[u8]>,
) -> anyhow::Result<Standing> {
    let Some(known) = stored.get(&found.place.path()) else {
        return Ok(Standing::New);
    };
    let same = match (&known.what, &found.place, bytes) {
        (What::Chat(chat), _, Some(bytes)) => chats::file(tx, chat).await? == bytes,
        (What::Chat(chat), _, None) => {
            let stored = sum(chats::pieces(tx, chat)).await?;
            on_disk(found).await? == stored
        }
        (What::Vectors(index), _, Some(bytes)) => {
            sum(vectors::pieces(tx, index)).await? == *blake3::hash(bytes).as_bytes()
        }
        (What::Vectors(index), _, None) => {
            let stored = sum(vectors::pieces(tx, index)).await?;
            on_disk(found).await? == stored
        }
        (What::Card(_), Place::Character { avatar }, Some(bytes)) => {
            match characters::get(tx, avatar).await? {
                Some(character) => characters::file(tx, &character).await? == bytes,
                None => return Ok(Standing::New),
            }
        }
        _ => false,
    };
    Ok(stored::standing(known, same, found.modified_at))
}

/// BLAKE3 of what is composed in pieces.
async fn sum(
    pieces: impl Stream<Item = squaretable::error::Result<impl AsRef<[u8]>>>,
) -> anyhow::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(piece.as_ref());
    }
    Ok(*hasher.finalize().as_bytes())
}

/// BLAKE3 of a file of the source.
async fn on_disk(found: &Found) -> anyhow::Result<[u8; 32]> {
    let disk = found.disk.clone();
    let hash = tokio::task::spawn_blocking(move || read::hash(&disk)).await?;
    hash.map_err(anyhow::Error::msg)
}

/// Gives files that stand in the way a free name. A card takes its chats along, so that they stay its own; the files of
/// the root, which exist only once, stay as they are and yield to the account's. `earlier` names what an interrupted
/// run called the files (by their paths in the source).
pub fn rename(
    files: &mut [Found],
    stored: &Stored,
    conflicts: &Conflicts,
    earlier: &HashMap<String, String>,
) {
    let mut taken: HashSet<String> = files.iter().map(|found| found.place.path()).collect();
    let mut free = |folder: &str, name: &str| {
        let extension = names::extension(name);
        let stem = name.strip_suffix(extension).unwrap_or(name);
        let candidates = (2_u32..).map(|n| format!("{stem} ({n}){extension}"));
        let mut free = candidates.filter(|name| {
            let path = format!("{folder}/{name}");
            stored.get(&path).is_none() && taken.insert(path)
        });
        free.next().unwrap_or_else(|| name.to_owned())
    };
    let mut folders: HashMap<String, String> = HashMap::new();
    for found in files.iter_mut() {
        let Place::Character { avatar } = &found.place else {
            continue;
        };
        let earlier = earlier
            .get(&found.entry.path)
            .and_then(|path| path.strip_prefix("characters/"))
            .map(str::to_owned);
        let name = match earlier {
            Some(name) if name != *avatar => name,
            Some(_) => continue,
            None if conflicts.paths.contains(&found.place.path()) => free("characters", avatar),
            None => continue,
        };
        let base = |avatar: &str| avatar.strip_suffix(".png").unwrap_or(avatar).to_owned();
        folders.insert(base(avatar), base(&name));
        found.place = Place::Character { avatar: name };
    }
    for found in files {
        if let Some(path) = earlier.get(&found.entry.path) {
            found.place = Place::classify(path).unwrap_or_else(|_| found.place.clone());
            continue;
        }
        let in_the_way = conflicts.paths.contains(&found.place.path());
        found.place = match found.place.clone() {
            Place::Chat { folder, file } if folders.contains_key(&folder) => Place::Chat {
                folder: folders[&folder].clone(),
                file,
            },
            place if in_the_way => beside(place, &mut free),
            place => place,
        };
    }
}

/// The place of a file under a free name in the same folder; what exists only once stays where it is.
fn beside(place: Place, free: &mut impl FnMut(&str, &str) -> String) -> Place {
    match place {
        Place::Chat { folder, file } => {
            let file = free(&format!("chats/{folder}"), &file);
            Place::Chat { folder, file }
        }
        Place::GroupChat { file } => Place::GroupChat {
            file: free("group chats", &file),
        },
        Place::RootChat { file } => Place::RootChat {
            file: free("chats", &file),
        },
        Place::Document { kind, name } if kind != DocumentKind::Root => {
            let name = free(kind.folder(), &name);
            Place::Document { kind, name }
        }
        Place::File { path } => match path.rsplit_once('/') {
            Some((folder, name)) => {
                let name = free(folder, name);
                Place::File {
                    path: format!("{folder}/{name}"),
                }
            }
            None => Place::File { path },
        },
        place => place,
    }
}
