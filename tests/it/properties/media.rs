//! Local files: any bytes are a file of a known type or a sentence, and nothing depends on more than what was read.

use std::io::Cursor;

use proptest::prelude::*;
use vod_aigc_core::{Delivery, Media, MediaFile, MediaType, MediaUse};

use super::cases;

/// How files of each type begin, and others.
fn start() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        &b"\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC0\0\x11\x08"[..],
        b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WEBPVP8L",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x18ftypmp42",
        b"ID3",
        b"\xFF\xFB\x90",
        b"",
    ])
    .prop_map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_bytes_are_a_file_or_a_sentence(
        start in start(),
        cut in 0..24_usize,
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let kept = start.len().saturating_sub(cut / 2 * (cut % 2));
        let bytes = [&start[..kept], &rest].concat();
        match MediaFile::read(Cursor::new(&bytes)) {
            Ok(file) => {
                prop_assert_eq!(file.bytes, bytes.len() as u64);
                prop_assert_eq!(MediaType::of(&bytes[..bytes.len().min(MediaType::HEAD)]), Ok(file.media_type));
                prop_assert!(file.pixels.is_none_or(|(width, height)| width > 0 && height > 0));
                for used in [MediaUse::Image, MediaUse::Sound, MediaUse::ElementImage, MediaUse::TemporarySubjectImage] {
                    for way in [Delivery::Inline, Delivery::Uploaded] {
                        if let Err(fault) = used.check(&file, way) {
                            prop_assert!(!fault.to_string().contains('\n'));
                        }
                    }
                }
            }
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
        prop_assert_eq!(Media::read(Cursor::new(&bytes), bytes.len() as u64).unwrap(), Media::bytes(&bytes));
    }
}
