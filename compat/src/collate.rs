//! The orders in which the original lists names.
//!
//! - *Locale order* (`localeCompare`, `Intl.Collator`): presets and worlds in settings, `/api/worldinfo/list`, image
//!   folders, workflows. Case and accents decide last; punctuation before digits before letters.
//! - *Code unit order* (JavaScript's `sort()` without a comparator).
//! - *Byte order*: whatever comes straight from a directory listing. It is Rust's own order of strings.

use std::cmp::Ordering;

use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed};

/// Compares names in locale order (ICU root collation with default options, as Node with an English locale).
#[derive(Debug)]
pub struct Locale {
    collator: CollatorBorrowed<'static>,
}

impl Locale {
    /// Sets the collator up from the tables compiled into the program.
    pub fn new() -> Self {
        let collator = Collator::try_new(Default::default(), CollatorOptions::default());
        Self {
            collator: collator.expect("the root collation is compiled in"),
        }
    }

    /// `a.localeCompare(b)`; canonically equivalent names are equal.
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        self.collator.compare(a, b)
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self::new()
    }
}

/// Sorts by the name that `key` takes from an item, in locale order; equal names keep their order.
pub fn locale_sort<T>(items: &mut [T], key: impl Fn(&T) -> &str) {
    let locale = Locale::new();
    items.sort_by(|a, b| locale.compare(key(a), key(b)));
}

/// JavaScript's `<` on strings: by UTF-16 code unit, so that U+FFFD comes after an emoji.
pub fn utf16_cmp(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Node 20: `names.sort(Intl.Collator().compare)`.
    const NODE_ORDER: [&str; 21] = [
        "", " a", "_b", "-a", "#1", "😀", "1", "10", "2", "a", "A", "á", "a-b", "ab", "B", "ß", "z", "Ω",
        "я", "あ", "日本",
    ];

    #[test]
    fn locale_order_as_node() {
        let mut names = NODE_ORDER;
        names.sort_unstable();
        assert_ne!(names, NODE_ORDER);
        locale_sort(&mut names, |name| name);
        assert_eq!(names, NODE_ORDER);
    }

    #[test]
    fn equal_names_keep_their_order() {
        let mut names = ["e\u{301}", "é"];
        locale_sort(&mut names, |name| name);
        assert_eq!(names, ["e\u{301}", "é"]);
    }

    #[test]
    fn code_units_put_emoji_before_the_last_plane_zero_characters() {
        assert_eq!(utf16_cmp("😀", "\u{FFFD}"), Ordering::Less);
        assert_eq!("😀".cmp("\u{FFFD}"), Ordering::Greater);
    }
}
