use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use crate::buffer::from_base64;

use super::{Error, SIGNATURE, compose, dimensions, is_animated, push_chunk, read_card, strip_card};

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_chunk(&mut out, *kind, data).expect("short data fits in a chunk");
    out
}

fn text(keyword: &str, content: &str) -> Vec<u8> {
    chunk(b"tEXt", format!("{keyword}\0{content}").as_bytes())
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = chunk(b"IHDR", &[1; 13]);
    [SIGNATURE.to_vec(), header, chunks.concat(), chunk(b"IEND", &[])].concat()
}

fn hex_body(image: &[u8]) -> String {
    hex::encode(&image[33..image.len() - 12])
}

#[test]
fn the_first_ccv3_chunk_wins_then_the_first_chara_chunk() {
    let both = [text("chara", "MQ=="), text("CCV3", "Mg=="), text("ccv3", "Mw==")];
    assert_eq!(read_card(&png(&both)), Ok(b"2".to_vec()));
    assert_eq!(
        read_card(&png(&[text("Chara", "MQ=="), text("chara", "Mg==")])),
        Ok(b"1".to_vec())
    );
}

#[test]
fn a_png_without_a_card_has_no_metadata() {
    assert_eq!(read_card(&png(&[])), Err(Error::NoCard));
    assert_eq!(read_card(&png(&[text("x", "y")])), Err(Error::NoCard));
    assert_eq!(
        read_card(&png(&[chunk(b"zTXt", b"chara\0\0MQ==")])),
        Err(Error::NoCard)
    );
    let after_end = [png(&[]), text("chara", "MQ==")].concat();
    assert_eq!(read_card(&after_end), Err(Error::NoCard));
}

#[test]
fn an_empty_or_unterminated_text_reads_as_empty() {
    assert_eq!(read_card(&png(&[chunk(b"tEXt", b"chara")])), Ok(Vec::new()));
    assert_eq!(read_card(&png(&[text("chara", "")])), Ok(Vec::new()));
}

#[test]
fn a_nul_in_any_text_chunk_makes_the_card_unreadable() {
    let image = png(&[text("x", "y\0z"), text("chara", "MQ==")]);
    assert_eq!(read_card(&image), Err(Error::Nul));
    assert_eq!(compose(&image, b"{}"), Err(Error::Nul));
}

#[test]
fn damaged_files_are_refused() {
    let card = text("chara", "MQ==");
    let whole = png(std::slice::from_ref(&card));
    assert_eq!(read_card(b""), Err(Error::Signature));
    assert_eq!(read_card(&SIGNATURE), Err(Error::Truncated));
    assert_eq!(
        read_card(&[&SIGNATURE[..], &card[..]].concat()),
        Err(Error::Header)
    );
    assert_eq!(read_card(&whole[..whole.len() - 12]), Err(Error::Truncated));
    assert_eq!(read_card(&whole[..whole.len() - 5]), Err(Error::Truncated));
    let mut flipped = card;
    *flipped.last_mut().expect("a chunk has bytes") ^= 1;
    assert_eq!(read_card(&png(&[flipped])), Err(Error::Checksum("tEXt".into())));
    let huge = [b"\xff\xff\xff\xfftEXt".to_vec()];
    assert_eq!(read_card(&png(&huge)), Err(Error::Truncated));
}

#[test]
fn the_end_chunk_needs_no_checksum() {
    let whole = png(&[text("chara", "MQ==")]);
    assert_eq!(read_card(&whole[..whole.len() - 4]), Ok(b"1".to_vec()));
}

#[test]
fn text_that_is_not_utf8_gets_replacement_characters() {
    let broken = png(&[text("chara", "Iv/igiI=")]);
    assert_eq!(read_card(&broken), Ok("\"\u{fffd}\u{fffd}\"".as_bytes().to_vec()));
}

#[test]
fn base64_is_read_leniently() {
    let cases: [(&str, &[u8]); 12] = [
        ("YWI=YWI=", b"ab"),
        ("YW Jj\nYQ", b"abca"),
        ("YWJjZ", b"abc"),
        ("YQ==YQ==", b"a"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("=YWJj", b""),
        ("YWJj====", b"abc"),
        ("Y=W=J=j", b""),
        ("YW\u{e9}Jj", b"abc"),
        ("YWJj YW=Jj", b"abca"),
        ("YWJ", b"ab"),
        ("YX", b"a"),
    ];
    for (encoded, decoded) in cases {
        assert_eq!(from_base64(encoded.as_bytes()), decoded, "{encoded:?}");
    }
}

#[test]
fn composing_replaces_the_card_and_keeps_other_text() {
    let image = png(&[text("chara", "MQ=="), text("Comment", "hi"), text("CcV3", "x")]);
    let composed =
        compose(&image, "{\"spec\":\"a\",\"b\":\"\u{e9}\"}".as_bytes()).expect("a valid PNG composes");
    let expected = concat!(
        "0000000a74455874436f6d6d656e74006869a2a25866",
        "000000227445587463686172610065794a7a6347566a496a6f6959534973496d49694f694c4471534a396d0bbf0a",
        "0000004d74455874636376330065794a7a6347566a496a6f6959326868636d4666593246795a4639324d794973496d49694f694c",
        "4471534973496e4e775a574e66646d567963326c7662694936496a4d754d434a39e2163dc3",
    );
    assert_eq!(hex_body(&composed), expected);
}

#[test]
fn text_that_is_no_object_gets_no_ccv3_chunk() {
    let image = png(&[]);
    for (card, body) in [
        ("nope", "0000000e74455874636861726100626d39775a513d3d5fefa5f2"),
        ("5", "0000000a744558746368617261004e513d3dab162493"),
        ("null", "0000000e74455874636861726100626e567362413d3d4b9cd71e"),
        (
            "[1]",
            "0000000a74455874636861726100577a46646c63dcea00000009744558746363763300577a466435ba9487",
        ),
    ] {
        assert_eq!(
            hex_body(&compose(&image, card.as_bytes()).expect("composes")),
            body,
            "{card}"
        );
    }
    assert_eq!(compose(&image, b""), Err(Error::EmptyCard));
}

#[test]
fn bytes_after_the_end_are_dropped() {
    let image = [png(&[]), b"junk".to_vec()].concat();
    assert_eq!(strip_card(&image), Ok(png(&[])));
}

#[test]
fn header_facts_are_read_without_pixels() {
    assert_eq!(dimensions(&png(&[])), Some((0x0101_0101, 0x0101_0101)));
    assert_eq!(dimensions(b"GIF89a"), None);
    assert!(is_animated(&png(&[chunk(b"acTL", &[0; 8]), chunk(b"IDAT", &[])])));
    assert!(!is_animated(&png(&[
        chunk(b"IDAT", &[]),
        chunk(b"acTL", &[0; 8])
    ])));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let mut image = SIGNATURE.to_vec();
        image.extend(&bytes);
        prop_assert!(read_card(&bytes).is_err());
        let _ = (read_card(&image), strip_card(&image), dimensions(&image), is_animated(&image));
    }

    #[test]
    fn mutated_cards_never_panic_and_never_read_as_another_card(at in 8..200_usize, value in any::<u8>()) {
        let whole = compose(&png(&[chunk(b"IDAT", &[7; 20])]), b"{\"name\":\"x\"}").expect("composes");
        let original = read_card(&whole).expect("reads back");
        let mut image = whole;
        let at = at.min(image.len() - 1);
        image[at] = value;
        if let Ok(card) = read_card(&image) {
            prop_assert_eq!(card, original);
        }
    }

    #[test]
    fn a_written_card_reads_back_and_can_be_removed(card in "[^\\x00]{1,60}") {
        let image = png(&[chunk(b"IDAT", &[1, 2, 3])]);
        let composed = compose(&image, card.as_bytes()).expect("composes");
        if crate::json::parse(card.as_bytes()).is_err() {
            prop_assert_eq!(read_card(&composed).expect("reads back"), card.into_bytes());
        }
        prop_assert_eq!(strip_card(&composed).expect("strips"), image);
    }
}
