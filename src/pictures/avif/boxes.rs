//! The container of an AVIF, ISO/IEC 14496-12 and 23008-12: which bytes are the picture, and how to see its colours.
//!
//! Every length is checked, and no list is longer than [`MOST`].

/// Most items, properties or pieces that are looked at.
const MOST: usize = 256;

/// What `auxC` calls transparency.
const ALPHA: [&[u8]; 2] = [
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0",
    b"urn:mpeg:hevc:2015:auxid:1\0",
];

/// Matrix coefficients (ISO/IEC 23091-2) and whether values use the full range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    /// By number: 1 is BT.709, 6 is BT.601.
    pub matrix: u16,
    /// 0 to 255 rather than 16 to 235.
    pub full_range: bool,
}

/// What is in the file.
#[derive(Debug, Default)]
pub(super) struct Container {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// The picture's AV1 data; `None` for other kinds of item.
    pub picture: Option<Vec<u8>>,
    /// The AV1 data of its transparency.
    pub alpha: Option<Vec<u8>>,
    /// Its colours, where the container tells; otherwise the AV1 data does.
    pub colours: Option<Colours>,
}

/// A reader of big-endian numbers.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of up to eight bytes; 0 for none.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(
            taken
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn small(&mut self, bytes: usize) -> Option<u32> {
        u32::try_from(self.number(bytes)?).ok()
    }

    /// Version and flags.
    fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.small(4)?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// Type and content of the next box.
    fn next(&mut self) -> Option<(&'a [u8], Reader<'a>)> {
        let size = self.number(4)?;
        let kind = self.take(4)?;
        let length = match size {
            0 => self.0.len(),
            1 => usize::try_from(self.number(8)?.checked_sub(16)?).ok()?,
            _ => usize::try_from(size.checked_sub(8)?).ok()?,
        };
        Some((kind, Reader(self.take(length)?)))
    }

    /// The first box of a type.
    fn find(mut self, kind: &[u8; 4]) -> Option<Reader<'a>> {
        while let Some((found, content)) = self.next() {
            if found == kind {
                return Some(content);
            }
        }
        None
    }

    /// All boxes.
    fn boxes(mut self) -> impl Iterator<Item = (&'a [u8], Reader<'a>)> {
        std::iter::from_fn(move || self.next()).take(MOST)
    }
}

impl Container {
    /// Reads a file; `None` when there is no main picture in it.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let mut meta = Reader(file).find(b"meta")?;
        meta.version()?;
        let mut primary = meta.find(b"pitm")?;
        let (version, _) = primary.version()?;
        let primary = primary.small(if version == 0 { 2 } else { 4 })?;
        let properties = properties(meta, primary);
        let mut container = Self {
            picture: is_av1(meta, primary).then(|| data(file, meta, primary)).flatten(),
            alpha: alpha(meta, primary).and_then(|item| data(file, meta, item)),
            ..Self::default()
        };
        for (kind, mut content) in properties {
            match kind {
                b"ispe" => {
                    content.version();
                    container.size = content.small(4).zip(content.small(4));
                }
                b"colr" if content.take(4) == Some(b"nclx") => container.colours = colours(content),
                _ => {}
            }
        }
        Some(container)
    }
}

fn colours(mut content: Reader<'_>) -> Option<Colours> {
    content.take(4)?;
    Some(Colours {
        matrix: u16::try_from(content.number(2)?).ok()?,
        full_range: content.number(1)? & 0x80 != 0,
    })
}

/// The properties of an item.
fn properties<'a>(meta: Reader<'a>, item: u32) -> Vec<(&'a [u8], Reader<'a>)> {
    let Some(all) = meta.find(b"iprp") else {
        return Vec::new();
    };
    let list: Vec<_> = all
        .find(b"ipco")
        .map(|list| list.boxes().collect())
        .unwrap_or_default();
    let places = all.boxes().filter(|(kind, _)| *kind == b"ipma");
    places
        .filter_map(|(_, content)| associations(content, item))
        .flatten()
        .filter_map(|place| list.get(place.checked_sub(1)?).copied())
        .collect()
}

/// The numbers of an item's properties, from 1.
fn associations(mut content: Reader<'_>, item: u32) -> Option<Vec<usize>> {
    let (version, flags) = content.version()?;
    let wide = flags & 1 != 0;
    for _ in 0..content.number(4)?.min(MOST as u64) {
        let id = content.small(if version == 0 { 2 } else { 4 })?;
        let mut places = Vec::new();
        for _ in 0..content.number(1)? {
            let place = content.number(if wide { 2 } else { 1 })?;
            places.push((place & if wide { 0x7fff } else { 0x7f }) as usize);
        }
        if id == item {
            return Some(places);
        }
    }
    None
}

/// Whether an item is AV1 data, rather than a grid of others.
fn is_av1(meta: Reader<'_>, item: u32) -> bool {
    let Some(mut list) = meta.find(b"iinf") else {
        return false;
    };
    let wide = list.version().is_some_and(|(version, _)| version > 0);
    list.take(if wide { 4 } else { 2 });
    list.boxes()
        .any(|(_, content)| described(content) == Some((item, *b"av01")))
}

/// Number and type of an `infe` box.
fn described(mut content: Reader<'_>) -> Option<(u32, [u8; 4])> {
    let (version, _) = content.version()?;
    let item = content.small(if version == 2 { 2 } else { 4 })?;
    content.take(2)?;
    Some((item, content.take(4)?.try_into().ok()?))
}

/// The item that holds the transparency of another.
fn alpha(meta: Reader<'_>, picture: u32) -> Option<u32> {
    let mut references = meta.find(b"iref")?;
    let (version, _) = references.version()?;
    let width = if version == 0 { 2 } else { 4 };
    references
        .boxes()
        .filter(|(kind, _)| *kind == b"auxl")
        .filter_map(|(_, mut content)| {
            let from = content.small(width)?;
            let count = content.number(2)?.min(MOST as u64);
            let mut to = (0..count).map_while(|_| content.small(width));
            to.any(|item| item == picture).then_some(from)
        })
        .find(|item| {
            properties(meta, *item).into_iter().any(|(kind, mut content)| {
                content.version();
                kind == b"auxC" && ALPHA.iter().any(|name| content.0.starts_with(name))
            })
        })
}

/// The bytes of an item.
fn data(file: &[u8], meta: Reader<'_>, item: u32) -> Option<Vec<u8>> {
    let mut content = meta.find(b"iloc")?;
    let (version, _) = content.version()?;
    let sizes = content.number(2)?;
    let width = |shift: u32| (sizes >> shift & 15) as usize;
    let (offset, length, base) = (width(12), width(8), width(4));
    let index = if version > 0 { width(0) } else { 0 };
    let (id, count) = if version < 2 { (2, 2) } else { (4, 4) };
    for _ in 0..content.number(count)?.min(MOST as u64) {
        let found = content.small(id)?;
        let method = if version > 0 { content.number(2)? & 15 } else { 0 };
        content.take(2)?;
        let start = content.number(base.min(8))?;
        let mut bytes = Vec::new();
        for _ in 0..content.number(2)?.min(MOST as u64) {
            content.take(index)?;
            let at = start.checked_add(content.number(offset.min(8))?)?;
            let length = content.number(length.min(8))?;
            if found != item {
                continue;
            }
            let source = match method {
                0 => file,
                1 => meta.find(b"idat")?.0,
                _ => return None,
            };
            let rest = source.get(usize::try_from(at).ok()?..)?;
            // No length is all that follows.
            let length = if length == 0 {
                rest.len()
            } else {
                usize::try_from(length).ok()?
            };
            bytes.extend_from_slice(rest.get(..length)?);
            if bytes.len() > file.len() {
                return None;
            }
        }
        if found == item {
            return Some(bytes);
        }
    }
    None
}
