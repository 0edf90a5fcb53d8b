use super::*;

const PLAIN: &[u8] = include_bytes!("../../../tests/oracle/pictures/plain.avif");
const CLEAR: &[u8] = include_bytes!("../../../tests/oracle/pictures/alpha.avif");
const DEEP: &[u8] = include_bytes!("../../../tests/oracle/pictures/deep.avif");
const DEEPER: &[u8] = include_bytes!("../../../tests/oracle/pictures/deep12.avif");
const GREY: &[u8] = include_bytes!("../../../tests/oracle/pictures/grey.avif");

/// The colours in the middle of the four quarters, by rows.
fn quarters(file: &[u8]) -> [[u8; 4]; 4] {
    let picture = decode(file).unwrap().into_rgba8();
    let (w, h) = picture.dimensions();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| picture.get_pixel(w * x / 4, h * y / 4).0)
}

fn near(found: [[u8; 4]; 4], expected: [[u8; 4]; 4]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!(found.abs_diff(*expected) <= 4, "{found} is not {expected}");
    }
}

const COLOURS: [[u8; 4]; 4] = [
    [220, 40, 40, 255],
    [40, 200, 60, 255],
    [50, 60, 210, 255],
    [230, 220, 90, 255],
];

#[test]
fn eight_ten_and_twelve_bits_show_the_same_colours() {
    for file in [PLAIN, DEEP, DEEPER] {
        assert!(is_avif(file));
        assert_eq!(size(file), Some((96, 64)));
        near(quarters(file), COLOURS);
    }
    near(
        quarters(GREY),
        [40_u8, 200, 60, 220].map(|grey| [grey, grey, grey, 255]),
    );
}

#[test]
fn transparency_is_a_second_frame() {
    let mut expected = COLOURS;
    expected[0][3] = 0;
    expected[2][3] = 0;
    assert_eq!(size(CLEAR), Some((95, 63)));
    near(quarters(CLEAR), expected);
}

#[test]
fn what_promises_too_much_or_is_cut_is_refused() {
    let at = PLAIN.windows(4).position(|window| window == b"ispe").unwrap() + 8;
    let mut huge = PLAIN.to_vec();
    huge[at..at + 8].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    assert!(matches!(decode(&huge), Err(Undecodable::TooLarge)));
    for length in 0..PLAIN.len() - 1 {
        assert!(decode(&PLAIN[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_grid_of_tiles_is_refused_but_has_a_size() {
    let at = PLAIN.windows(4).position(|window| window == b"av01").unwrap();
    let mut grid = PLAIN.to_vec();
    grid[at..at + 4].copy_from_slice(b"grid");
    assert_eq!(size(&grid), Some((96, 64)));
    assert!(matches!(decode(&grid), Err(Undecodable::Avif(_))));
}

#[test]
fn time_is_bounded() {
    let container = Container::read(PLAIN).unwrap();
    let over = frame(&container.picture.unwrap(), Instant::now());
    assert!(matches!(over, Err(Undecodable::Av1(_))));
}
