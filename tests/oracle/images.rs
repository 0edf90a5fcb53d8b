//! Compares images: two encoders never agree on bytes, so format, size, card text and coarse colours are compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, imageops::FilterType};

/// Side of the grid on which colours are compared, and the largest difference allowed per channel of a cell.
const GRID: u32 = 4;
const TOLERANCE: u8 = 14;

/// What can be seen of an image without its exact bytes.
#[derive(Debug, PartialEq)]
pub struct Seen {
    /// `png 512x768`.
    pub form: String,
    /// Mean RGB of each cell of a coarse grid.
    pub cells: Vec<[u8; 3]>,
    /// Keyword and decoded text of each PNG `tEXt` chunk, in order.
    pub texts: Vec<(String, String)>,
}

/// Looks at a body; `None` when it is not an image that can be decoded.
pub fn look(body: &[u8]) -> Option<Seen> {
    let format = image::guess_format(body).ok()?;
    let decoded = image::load_from_memory_with_format(body, format).ok()?;
    let name = format.extensions_str().first().copied().unwrap_or("?");
    let form = format!("{name} {}x{}", decoded.width(), decoded.height());
    let small = decoded.resize_exact(GRID, GRID, FilterType::Triangle).to_rgb8();
    let cells = small.pixels().map(|pixel| pixel.0).collect();
    let texts = if format == ImageFormat::Png {
        texts(body)
    } else {
        Vec::new()
    };
    Some(Seen { form, cells, texts })
}

/// Are the coarse colours alike?
pub fn alike(one: &Seen, other: &Seen) -> bool {
    let near = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= TOLERANCE);
    one.cells.len() == other.cells.len() && one.cells.iter().zip(&other.cells).all(near)
}

/// Are two `#rrggbb` colours within the tolerance?
pub fn near_colours(one: &str, other: &str) -> bool {
    let channels = |text: &str| {
        let digits = text.strip_prefix('#')?;
        (digits.len() == 6)
            .then(|| u32::from_str_radix(digits, 16).ok())
            .flatten()
    };
    match (channels(one), channels(other)) {
        (Some(a), Some(b)) => a
            .to_be_bytes()
            .iter()
            .zip(b.to_be_bytes())
            .all(|(a, b)| a.abs_diff(b) <= TOLERANCE),
        _ => false,
    }
}

/// The `tEXt` chunks of a PNG; base64 texts (cards) are decoded.
fn texts(png: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = png.get(8..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(data) = tail.get(..length) else { break };
        if &head[4..] == b"tEXt"
            && let Some(nul) = data.iter().position(|byte| *byte == 0)
        {
            let text = &data[nul + 1..];
            let text = STANDARD.decode(text).unwrap_or_else(|_| text.to_vec());
            found.push((
                String::from_utf8_lossy(&data[..nul]).into(),
                String::from_utf8_lossy(&text).into(),
            ));
        }
        rest = tail.get(length + 4..).unwrap_or_default();
    }
    found
}
