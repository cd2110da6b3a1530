//! Reads what a player would from an MP4 file: its size and its length.

/// Width and height in pixels, and the length in seconds.
pub(super) fn about(file: &[u8]) -> (u32, u32, f64) {
    assert_eq!(&file[4..8], b"ftyp", "it begins like an MP4 file");
    let movie = content(file, b"moov");
    let header = content(movie, b"mvhd");
    // Version, flags and two times, in 32 or 64 bits each, come before.
    let (timescale, length) = match header[0] {
        0 => (number(header, 12, 4), number(header, 16, 4)),
        _ => (number(header, 20, 4), number(header, 24, 8)),
    };
    // Width and height are last, as 16.16 fixed-point numbers.
    let track = content(content(movie, b"trak"), b"tkhd");
    let side = |from_end: usize| (number(track, track.len() - from_end, 4) >> 16) as u32;
    (side(8), side(4), length as f64 / timescale as f64)
}

/// What is in the first box of this name.
fn content<'a>(mut boxes: &'a [u8], name: &[u8; 4]) -> &'a [u8] {
    while boxes.len() >= 8 {
        let (this, next) = boxes.split_at(number(boxes, 0, 4) as usize);
        if &this[4..8] == name {
            return &this[8..];
        }
        boxes = next;
    }
    panic!("no box {}", name.escape_ascii());
}

fn number(bytes: &[u8], start: usize, length: usize) -> u64 {
    bytes[start..start + length].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
