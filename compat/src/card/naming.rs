//! Which file names a new card may get.

use crate::{json, names};

use super::coerce;

/// The internal names to try for a new card, in order: `name`, `name1`, ... `name9999`; `name` is sanitised first.
///
/// compat: when all are taken the original falls back to the first one and overwrites that card; here the caller
/// decides.
pub fn internal_names(name: &str) -> impl Iterator<Item = String> {
    let base = names::sanitize(name);
    (0..10_000).map(move |number| {
        if number == 0 {
            base.clone()
        } else {
            format!("{base}{number}")
        }
    })
}

/// The file names to try for a copy of a card (`POST /api/characters/duplicate`), in order and without end.
///
/// `X.png` is copied to `X_1.png`, `X_1.png` to `X_2.png`. `file_name` is sanitised already.
///
/// compat: what counts as a number is JavaScript's notion, so `X_.png` gives `X_NaN.png` (and, where the original
/// would then try that name for ever, counting goes on from 1).
pub fn duplicate_names(file_name: &str) -> impl Iterator<Item = String> {
    let extension = names::extension(file_name).to_owned();
    let stem = &file_name[..file_name.len() - extension.len()];
    let (base, first) = match stem.rsplit_once('_') {
        Some((base, number)) if !coerce::number_of_text(number).is_nan() => {
            (base, coerce::parse_int(number) + 1.0)
        }
        _ => (stem, 1.0),
    };
    let base = base.to_owned();
    let start = if first.is_nan() { 1.0 } else { first + 1.0 };
    let numbers = std::iter::once(first).chain((0_u32..).map(move |more| start + f64::from(more)));
    numbers.map(move |number| format!("{base}_{}{extension}", json::js_number(number)))
}

#[cfg(test)]
mod tests {
    use super::{duplicate_names, internal_names};

    #[test]
    fn a_number_follows_the_name_directly() {
        let all: Vec<_> = internal_names("a/b").collect();
        assert_eq!(all[..3], ["ab", "ab1", "ab2"]);
        assert_eq!((all.len(), all[9999].as_str()), (10_000, "ab9999"));
    }

    #[test]
    fn copies_count_from_the_number_at_the_end() {
        let cases = [
            ("X.png", ["X_1.png", "X_2.png"]),
            ("X_1.png", ["X_2.png", "X_3.png"]),
            ("a_b_9.png", ["a_b_10.png", "a_b_11.png"]),
            ("5.png", ["5_1.png", "5_2.png"]),
            ("X_1e3.png", ["X_2.png", "X_3.png"]),
            ("X_-3.png", ["X_-2.png", "X_-1.png"]),
            ("X_0x10.png", ["X_17.png", "X_18.png"]),
            ("X_.png", ["X_NaN.png", "X_1.png"]),
            (".png", [".png_1", ".png_2"]),
        ];
        for (name, copies) in cases {
            assert_eq!(
                duplicate_names(name).take(2).collect::<Vec<_>>(),
                copies,
                "{name}"
            );
        }
    }
}
