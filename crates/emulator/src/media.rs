//! What the emulator serves: a test card as an MP4 file and as a JPEG picture, a tone as a WAV file and a cube as a glTF
//! file.

mod glb;
mod h264;
mod mp4;
mod wav;

use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder};

pub(crate) use wav::SAMPLING_RATE;

/// Of every film.
pub(crate) const FRAMES_A_SECOND: u32 = 24;

/// Width and height in pixels. Both are even, as 4:2:0 video needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Size {
    /// The frame whose short side is `short_side` and whose shape is `ratio`, width to height. The
    /// long side is rounded to an even number.
    pub(crate) fn new(short_side: u16, ratio: Ratio) -> Self {
        let (small, large) = ratio.sides();
        let pairs = (u32::from(short_side) * large + small) / (2 * small);
        let long_side = 2 * pairs as u16;
        if ratio.width < ratio.height {
            Self { width: short_side, height: long_side }
        } else {
            Self { width: long_side, height: short_side }
        }
    }

    /// A film whose shorter side is as many pixels as `720P` says, 1440 for `2K` and 2160 for `4K`. `None` if there is no
    /// such size up to 4K.
    pub(crate) fn of_film(resolution: &str, ratio: &str) -> Option<Self> {
        let short_side: u16 = match resolution {
            "2K" | "2k" => 1440,
            "4K" | "4k" => 2160,
            other => other.strip_suffix(['P', 'p'])?.parse().ok()?,
        };
        let is_even = short_side.is_multiple_of(2);
        ((128..=2160).contains(&short_side) && is_even).then_some(Self::new(short_side, Ratio::parse(ratio)?))
    }

    /// A picture whose longer side is as many times 1024 as `2K` says, or whose shorter side is as many pixels as `720P`
    /// says. `None` if there is no such size up to 4K.
    pub(crate) fn of_picture(resolution: &str, ratio: &str) -> Option<Self> {
        let ratio = Ratio::parse(ratio)?;
        let number = |unit: [char; 2], most: u16| {
            let number: u16 = resolution.strip_suffix(unit)?.parse().ok()?;
            (1..=most).contains(&number).then_some(number)
        };
        if let Some(short_side) = number(['P', 'p'], 2160).filter(|short_side| *short_side >= 16) {
            return Some(Self::new(short_side.next_multiple_of(2), ratio));
        }
        let long_side = u32::from(number(['K', 'k'], 4)?) * 1024;
        let (small, large) = ratio.sides();
        let pairs = long_side * small / (2 * large);
        Some(Self::new(2 * pairs as u16, ratio))
    }
}

/// An aspect ratio, from 1:4 to 4:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    width: u8,
    height: u8,
}

impl Ratio {
    /// The smaller number, and the larger.
    fn sides(self) -> (u32, u32) {
        (u32::from(self.width.min(self.height)), u32::from(self.width.max(self.height)))
    }

    /// Reads `16:9`. `None` is a text of another form or a shape outside the range.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.split_once(':')?;
        let (width, height): (u8, u8) = (width.parse().ok()?, height.parse().ok()?);
        let (small, large) = (u16::from(width.min(height)), u16::from(width.max(height)));
        (small > 0 && large <= 4 * small).then_some(Self { width, height })
    }
}

/// An MP4 file (H.264, 24 frames a second) that shows the test card for `duration`.
///
/// The index comes before the media data, so that a player can start before it has all of it.
pub(crate) fn video(size: Size, duration: Duration) -> Vec<u8> {
    let stream = h264::Encoder::new(size, |x, y| card(size, x, y));
    mp4::file(size, duration, &stream)
}

/// A tone as a WAV file.
pub(crate) fn sound(length: Duration) -> Vec<u8> {
    wav::file(length)
}

/// A cube as a binary glTF file.
pub(crate) fn body() -> Vec<u8> {
    glb::file()
}

/// The test card as a JPEG picture.
pub(crate) fn cover(size: Size) -> Vec<u8> {
    let row = |y| -> Vec<u8> { (0..size.width).flat_map(|x| card(size, x, y)).collect() };
    let greys_at = usize::from(first_grey_row(size));
    let mut pixels = row(0).repeat(greys_at);
    pixels.extend(row(size.height).repeat(usize::from(size.height) - greys_at));

    let mut file = Vec::new();
    Encoder::new(&mut file, 80)
        .encode(&pixels, size.width, size.height, ColorType::Rgb)
        .expect("the buffer has three bytes for each pixel and a vector takes any length");
    file
}

/// The red, green and blue of one point: colour bars, with grey steps from black to white under
/// them, so that a mirrored, turned or wrongly ranged picture shows.
fn card(size: Size, x: u16, y: u16) -> [u8; 3] {
    const BARS: [[u8; 3]; 8] = [
        [191, 191, 191],
        [191, 191, 0],
        [0, 191, 191],
        [0, 191, 0],
        [191, 0, 191],
        [191, 0, 0],
        [0, 0, 191],
        [0, 0, 0],
    ];
    let column = usize::from(x.min(size.width - 1)) * BARS.len() / usize::from(size.width);
    if y < first_grey_row(size) { BARS[column] } else { [(column * 255 / 7) as u8; 3] }
}

/// Where the greys begin: about three quarters down, on a border between macroblocks.
fn first_grey_row(size: Size) -> u16 {
    size.height / 4 * 3 / 16 * 16
}

#[cfg(test)]
mod tests {
    use vod_aigc_core::Resolution;

    use super::*;

    const RATIOS: [&str; 8] = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "2:3", "3:2"];
    const MILLISECONDS: [u64; 5] = [5000, 1000, 8000, 3000, 5100];

    /// The boxes in `bytes`, walked by their size fields and without the library that wrote them.
    fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
            let kind = String::from_utf8(bytes[4..8].to_vec()).expect("a four-letter code");
            found.push((kind, &bytes[8..length]));
            bytes = &bytes[length..];
        }
        found
    }

    fn inside<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
        path.iter().fold(bytes, |bytes, wanted| {
            boxes(bytes)
                .into_iter()
                .find_map(|(kind, body)| (kind == *wanted).then_some(body))
                .unwrap_or_else(|| panic!("no {wanted} box"))
        })
    }

    fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
        bytes[at..at + length].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    #[test]
    fn every_resolution_and_ratio_has_its_exact_size_and_length() {
        for resolution in Resolution::ALL {
            let short_side = resolution.short_side();
            for (ratio, milliseconds) in RATIOS.into_iter().zip(MILLISECONDS.into_iter().cycle()) {
                let ratio = Ratio::parse(ratio).expect("a documented ratio");
                let size = Size::new(short_side, ratio);
                assert_eq!(size.width.min(size.height), short_side);
                let (across, down) = (u32::from(ratio.width), u32::from(ratio.height));
                let error = (u32::from(size.width) * down).abs_diff(u32::from(size.height) * across);
                assert!(error <= across.min(down), "{size:?} is not the nearest even size");
                assert!(error == 0 || short_side == 768, "only 768 has no exact 16:9");

                let file = video(size, Duration::from_millis(milliseconds));
                let kinds: Vec<String> = boxes(&file).into_iter().map(|(kind, _)| kind).collect();
                assert_eq!(kinds, ["ftyp", "moov", "mdat"]);

                let movie = inside(&file, &["moov", "mvhd"]);
                let media = inside(&file, &["moov", "trak", "mdia", "mdhd"]);
                for header in [movie, media] {
                    let (scale, length) = (number(header, 20, 4), number(header, 24, 8));
                    assert_eq!(length * 1000, scale * milliseconds);
                }
                let track = inside(&file, &["moov", "trak", "tkhd"]);
                assert_eq!(number(track, 28, 8), number(movie, 24, 8));
                assert_eq!(number(track, 88, 4), u64::from(size.width) << 16);
                assert_eq!(number(track, 92, 4), u64::from(size.height) << 16);

                let table = inside(&file, &["moov", "trak", "mdia", "minf", "stbl"]);
                let entry = &inside(table, &["stsd"])[8..];
                let picture = inside(entry, &["avc1"]);
                assert_eq!(number(picture, 24, 2), u64::from(size.width));
                assert_eq!(number(picture, 26, 2), u64::from(size.height));
                let configuration = inside(&picture[78..], &["avcC"]);
                assert_eq!(configuration[1..4], configuration[9..12], "avcC repeats the SPS");

                let times = inside(table, &["stts"]);
                let length: u64 = (0..number(times, 4, 4) as usize)
                    .map(|entry| number(times, 8 + entry * 8, 4) * number(times, 12 + entry * 8, 4))
                    .sum();
                assert_eq!(length, number(media, 24, 8));

                let sizes = inside(table, &["stsz"]);
                let bytes: u64 =
                    (0..number(sizes, 8, 4) as usize).map(|sample| number(sizes, 12 + sample * 4, 4)).sum();
                let data = inside(&file, &["mdat"]);
                assert_eq!(bytes, data.len() as u64);
                let offset = number(inside(table, &["stco"]), 8, 4) as usize;
                assert_eq!(&file[offset..], data);
            }
        }
    }

    #[test]
    fn a_cover_has_the_size_of_its_video() {
        let size = Size::new(720, Ratio::parse("9:16").expect("a ratio"));
        let file = cover(size);
        assert_eq!(file[..2], [0xFF, 0xD8]);
        let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a baseline frame header");
        assert_eq!(number(&file, frame + 5, 2), 1280);
        assert_eq!(number(&file, frame + 7, 2), 720);
    }
}
