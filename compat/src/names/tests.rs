use proptest::prelude::*;

use super::*;

#[test]
fn sanitize_as_the_original() {
    let cases = [
        ("a/b?c.png", "abc.png", "a_b_c.png"),
        ("..", "", "_"),
        ("...", "", "_"),
        ("CON.txt", "", "_"),
        ("con ", "con", "con_"),
        ("COM1.", "", "_"),
        ("com10", "com10", "com10"),
        ("lpt0.x", "", "_"),
        ("nul.\u{2028}", "nul.\u{2028}", "nul.\u{2028}"),
        ("foo. .", "foo", "foo_"),
        ("  lead", "  lead", "  lead"),
        ("a\x7fb\u{85}c", "a\x7fbc", "a\x7fb_c"),
        (".hidden", ".hidden", ".hidden"),
        ("it's #1 & 100%", "it's #1 & 100%", "it's #1 & 100%"),
        ("", "", ""),
    ];
    for (name, plain, replaced) in cases {
        assert_eq!(sanitize(name), plain, "{name:?}");
        assert_eq!(sanitize_with(name, "_"), replaced, "{name:?}");
    }
}

#[test]
fn sanitize_cuts_at_a_character() {
    assert_eq!(sanitize(&"é".repeat(130)).len(), 254);
    assert_eq!(sanitize(&"😀".repeat(70)).len(), 252);
    assert_eq!(sanitize(&"x".repeat(300)).len(), 255);
}

#[test]
fn path_parts_as_node() {
    let cases = [
        ("a.b.c", "a.b.c", "a.b", ".c"),
        (".a", ".a", ".a", ""),
        ("..", "..", "..", ""),
        ("...", "...", "..", "."),
        ("a.", "a.", "a", "."),
        ("/x/y.png/", "y.png", "y", ".png"),
        (".a.b", ".a.b", ".a", ".b"),
        ("/", "", "", ""),
        ("", "", "", ""),
    ];
    for (path, file, base, ext) in cases {
        assert_eq!(
            (file_name(path), base_name(path), extension(path)),
            (file, base, ext),
            "{path:?}"
        );
    }
}

#[test]
fn guards_and_internal_names() {
    assert!(contains_separator("a/b") && contains_separator("a\0") && !contains_separator("..\\a"));
    assert_eq!(strip_png("a.pngb.png"), "ab.png");
    assert_eq!(strip_png("x.PNG"), "x.PNG");
}

#[test]
fn asset_names() {
    assert_eq!(asset_name("1699_note-v1.txt"), Ok(()));
    for (name, start) in [
        ("", "Illegal"),
        ("a b.txt", "Illegal"),
        ("é.txt", "Illegal"),
        ("a.HTML", "Forbidden"),
        ("x.sh", "Forbidden"),
        (".gitignore", "Filename cannot"),
        ("..", "Filename cannot"),
        ("con.txt", "Reserved"),
        ("a.", "Reserved"),
    ] {
        assert!(asset_name(name).unwrap_err().starts_with(start), "{name:?}");
    }
    assert_eq!(asset_name(&"a".repeat(256)), Err("Reserved or long filename."));
}

#[test]
fn unique_names_count_from_one() {
    assert_eq!(unique_name("a", |name| name == "a (1)").as_deref(), Some("a (2)"));
    assert_eq!(unique_name("a", |_| true), None);
}

#[test]
fn slugs() {
    for (text, slug) in [
        ("Héllo Wörld!", "hello-world"),
        ("İstanbul", "istanbul"),
        ("ŉx", "nx"),
        ("\u{feff} A  b ", "a-b"),
        ("e\u{301}n\u{303}", "en"),
        ("--a--", "a"),
        ("日本", ""),
        ("Straße", "strasse"),
        ("a\u{20d0}b", "ab"),
        ("\u{212a}", "k"),
    ] {
        assert_eq!(slugify(text), slug, "{text:?}");
    }
}

#[test]
fn backup_keys() {
    assert_eq!(backup_key("Seraphina"), "seraphina");
    assert_eq!(backup_key("A.B (2)"), "a_b__2_");
    assert_eq!(
        backup_key("日本"),
        format!("___{}", &hex::encode(Sha256::digest("日本"))[..8])
    );
    assert!(backup_key("😀").starts_with("___"));
    assert_eq!(backup_key("a/b"), "ab");
}

proptest! {
    #[test]
    fn sanitized_names_are_safe_and_stable(name in ".{0,300}") {
        let once = sanitize(&name);
        prop_assert!(once.len() <= 255);
        prop_assert!(!once.contains(['/', '?', '<', '>', '\\', ':', '*', '|', '"', '\0']));
        prop_assert!(once != "." && once != "..");
        // The cut may leave a dot or a space at the end, and trimming may leave a device name: the original's order.
        if once.len() < 252 && !is_windows_device(&once) {
            prop_assert_eq!(&sanitize(&once), &once);
        }
    }

    #[test]
    fn slugs_are_stable(text in ".{0,60}") {
        let slug = slugify(&text);
        prop_assert_eq!(slugify(&slug), slug);
    }
}
