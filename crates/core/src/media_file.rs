//! What a local file is, detected by its content, and whether it can be used as an input.

use std::fmt;
use std::io::{self, BufRead, Read as _, Seek, SeekFrom};

use crate::generated::{
    FileCategory, MAX_ELEMENT_IMAGE_BYTES, MAX_ELEMENT_RATIO_PERCENT, MAX_ELEMENT_VIDEO_BYTES, MAX_IMAGE_BYTES,
    MAX_REDRAW_VIDEO_BYTES, MAX_SUBJECT_IMAGE_BYTES, MAX_SUBJECT_RATIO_PERCENT, MAX_SUBJECT_VIDEO_BYTES,
    MAX_UPLOAD_BYTES, MAX_VOICE_SAMPLE_BYTES, MIN_ELEMENT_IMAGE_PIXELS, MIN_TEMPORARY_SUBJECT_PIXELS,
};

/// A file as far as its head shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaFile {
    /// What it is.
    pub media_type: MediaType,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Width and height of an image.
    pub pixels: Option<(u32, u32)>,
}

impl MediaFile {
    /// Reads as much of a file as shows what it is. Nothing is decoded.
    ///
    /// # Errors
    /// A file that cannot be read, is empty, is of another type, or is an image whose header has no size.
    pub fn read(mut reader: impl BufRead + Seek) -> Result<Self, MediaFault> {
        let unreadable = |error: io::Error| MediaFault::Unreadable(error.to_string());
        let bytes = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        reader.rewind().map_err(unreadable)?;
        let mut head = Vec::new();
        reader.by_ref().take(MediaType::HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
        let media_type = MediaType::of(&head)?;
        let pixels = match media_type.category() {
            FileCategory::Image => Some(pixels(&mut reader).ok_or(MediaFault::Damaged(media_type))?),
            _ => None,
        };
        Ok(Self { media_type, bytes, pixels })
    }
}

/// Width and height from an image's header.
fn pixels(reader: &mut (impl BufRead + Seek)) -> Option<(u32, u32)> {
    reader.rewind().ok()?;
    let size = imagesize::reader_size(reader).ok()?;
    let side = |pixels: usize| u32::try_from(pixels).ok().filter(|pixels| *pixels > 0);
    Some((side(size.width)?, side(size.height)?))
}

/// A type of file that can be an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaType {
    /// A JPEG image.
    Jpeg,
    /// A PNG image.
    Png,
    /// A WebP image.
    WebP,
    /// An MPEG-4 video.
    Mp4,
    /// A QuickTime video.
    Mov,
    /// A sound in WAVE form.
    Wav,
    /// An MPEG layer 3 sound.
    Mp3,
}

impl MediaType {
    /// How many bytes of a file show its type.
    pub const HEAD: usize = 16;

    /// The type of a file that begins with these bytes; its name plays no part.
    ///
    /// # Errors
    /// No bytes, or those of another type, which is named where it is a common one.
    pub fn of(head: &[u8]) -> Result<Self, MediaFault> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::WebP),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Ok(Self::Wav),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand {
                [b'q', b't', b' ', b' ', ..] => Ok(Self::Mov),
                [b'a', b'v', b'i', ..] => Err(MediaFault::Other("an AVIF image")),
                [b'h', b'e', ..] | [b'm', b'i' | b's', b'f', b'1', ..] => Err(MediaFault::Other("a HEIF image")),
                [b'M', b'4', b'A' | b'B', ..] => Err(MediaFault::Other("an M4A sound")),
                _ => Ok(Self::Mp4),
            },
            // QuickTime files of before there were brands.
            [_, _, _, _, b'm', b'o', b'o', b'v', ..] | [_, _, _, _, b'm', b'd', b'a', b't', ..] => Ok(Self::Mov),
            [b'I', b'D', b'3', ..] => Ok(Self::Mp3),
            // A frame of layer 3, with a bit rate and a sample rate that exist.
            [0xFF, second, third, ..]
                if second & 0xE6 == 0xE2 && second & 0x18 != 0x08 && third >> 4 != 15 && third & 0x0C != 0x0C =>
            {
                Ok(Self::Mp3)
            }
            [] => Err(MediaFault::Empty),
            _ => Err(MediaFault::Other(other(head))),
        }
    }

    /// Whether it is an image, a video or a sound.
    pub fn category(self) -> FileCategory {
        match self {
            Self::Jpeg | Self::Png | Self::WebP => FileCategory::Image,
            Self::Mp4 | Self::Mov => FileCategory::Video,
            Self::Wav | Self::Mp3 => FileCategory::Audio,
        }
    }

    /// The end of such a file's name, which is the service's word for the type.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }

    /// The value of a `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What else people give, so that the error can say it.
fn other(head: &[u8]) -> &'static str {
    let start = head.trim_ascii_start();
    match head {
        [b'G', b'I', b'F', b'8', ..] => "a GIF image",
        [b'B', b'M', ..] => "a BMP image",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF image",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => "an AVI video",
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "a WebM or Matroska video",
        [b'F', b'L', b'V', ..] => "an FLV video",
        [b'O', b'g', b'g', b'S', ..] => "an Ogg file",
        [b'f', b'L', b'a', b'C', ..] => "a FLAC sound",
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => "an AAC sound",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        _ if start.starts_with(b"<svg") || start.starts_with(b"<?xml") => "an SVG or XML text",
        _ if start.starts_with(b"<") => "an HTML page",
        _ if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => "a text",
        _ => "something else",
    }
}

/// How a file gets to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum Delivery {
    /// Inside the request, in Base64.
    Inline,
    /// Uploaded, and used by its file id or its URL.
    Uploaded,
}

/// What a file is to be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaUse {
    /// An image that a video is made from: the first frame or a reference.
    Image,
    /// The last frame of a video.
    LastFrame,
    /// A video that a video is made from.
    Video,
    /// A sound that a video is made with.
    Sound,
    /// A picture of a Vidu subject that is created.
    SubjectImage,
    /// A picture of a Vidu subject of one request.
    TemporarySubjectImage,
    /// A video of a Vidu subject.
    SubjectVideo,
    /// A picture of a Kling element.
    ElementImage,
    /// A video of a Kling element.
    ElementVideo,
    /// A sound that a voice is cloned from.
    VoiceSample,
    /// A video that is redrawn.
    RedrawVideo,
    /// Whatever it is stored for.
    Other,
}

/// What a use asks of a file. A number that no source states bounds nothing.
struct Limits {
    what: &'static str,
    /// The types that may travel inside a request.
    embedded: &'static [MediaType],
    /// The types that may be uploaded.
    stored: &'static [MediaType],
    bytes: u64,
    /// The least width and height.
    pixels: usize,
    /// The longer side in percent of the shorter one.
    ratio: usize,
}

impl MediaUse {
    /// Checks a file for this use and this delivery. This is the only place where files are checked.
    ///
    /// # Errors
    /// The first limit that it breaks, and what is allowed.
    pub fn check(self, file: &MediaFile, delivery: Delivery) -> Result<(), MediaFault> {
        let limits = self.limits();
        let (allowed, other) = match delivery {
            Delivery::Inline => (limits.embedded, limits.stored),
            Delivery::Uploaded => (limits.stored, limits.embedded),
        };
        if !allowed.contains(&file.media_type) {
            let (what, only) = (limits.what, other.contains(&file.media_type));
            return Err(MediaFault::Type { what, found: file.media_type, allowed, delivery: only.then_some(delivery) });
        }
        if file.bytes > limits.bytes {
            return Err(MediaFault::Bytes { what: limits.what, found: file.bytes, most: limits.bytes });
        }
        if let Some((width, height)) = file.pixels {
            let (short, long) = (width.min(height) as u128, width.max(height) as u128);
            if short < limits.pixels as u128 {
                return Err(MediaFault::Pixels { what: limits.what, width, height, least: limits.pixels });
            }
            if long * 100 > short * limits.ratio as u128 {
                return Err(MediaFault::Ratio { what: limits.what, width, height, most: limits.ratio });
            }
        }
        Ok(())
    }

    fn limits(self) -> Limits {
        use MediaType::{Jpeg, Mov, Mp3, Mp4, Png, Wav, WebP};
        let any = Limits {
            what: "an upload",
            embedded: &[],
            stored: &[Jpeg, Png, WebP, Mp4, Mov, Wav, Mp3],
            bytes: MAX_UPLOAD_BYTES,
            pixels: 0,
            ratio: usize::MAX,
        };
        let images = Limits { embedded: &[Jpeg, Png, WebP], bytes: MAX_IMAGE_BYTES as u64, ..any };
        let videos = Limits { stored: &[Mp4, Mov], ..any };
        let sounds = Limits { stored: &[Wav, Mp3], ..any };
        match self {
            Self::Image => Limits { what: "an image", stored: &[Jpeg, Png], ..images },
            Self::LastFrame => Limits { what: "a last frame", stored: &[Jpeg, Png, WebP], ..images },
            Self::Video => Limits { what: "a video", embedded: &[Mp4, Mov], ..videos },
            // The description names images and videos as Base64, and no sounds.
            Self::Sound => Limits { what: "a sound", ..sounds },
            Self::SubjectImage => Limits {
                what: "a picture of a subject",
                stored: &[Jpeg, Png, WebP],
                bytes: MAX_SUBJECT_IMAGE_BYTES as u64,
                ratio: MAX_SUBJECT_RATIO_PERCENT,
                ..any
            },
            Self::TemporarySubjectImage => Limits {
                what: "a picture of a temporary subject",
                stored: &[Jpeg, Png, WebP],
                pixels: MIN_TEMPORARY_SUBJECT_PIXELS,
                ratio: MAX_SUBJECT_RATIO_PERCENT,
                ..any
            },
            Self::SubjectVideo => {
                Limits { what: "a video of a subject", bytes: MAX_SUBJECT_VIDEO_BYTES as u64, ..videos }
            }
            Self::ElementImage => Limits {
                what: "a picture of an element",
                stored: &[Jpeg, Png],
                bytes: MAX_ELEMENT_IMAGE_BYTES as u64,
                pixels: MIN_ELEMENT_IMAGE_PIXELS,
                ratio: MAX_ELEMENT_RATIO_PERCENT,
                ..any
            },
            Self::ElementVideo => {
                Limits { what: "a video of an element", bytes: MAX_ELEMENT_VIDEO_BYTES as u64, ..videos }
            }
            Self::VoiceSample => Limits { what: "a voice sample", bytes: MAX_VOICE_SAMPLE_BYTES as u64, ..sounds },
            Self::RedrawVideo => Limits { what: "a video to redraw", bytes: MAX_REDRAW_VIDEO_BYTES as u64, ..videos },
            Self::Other => any,
        }
    }
}

/// Why a file cannot be an input: which rule, and what is allowed. Displays as the end of a sentence that names the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaFault {
    /// It cannot be read.
    Unreadable(String),
    /// It has no bytes.
    Empty,
    /// It is of no supported type; what it looks like instead.
    Other(&'static str),
    /// It begins as an image of this type, and its width and height cannot be read.
    Damaged(MediaType),
    /// It is of a type that its use does not take.
    Type {
        /// The use.
        what: &'static str,
        /// The type.
        found: MediaType,
        /// The types that it takes.
        allowed: &'static [MediaType],
        /// The delivery that does not take it, where the other does.
        delivery: Option<Delivery>,
    },
    /// It is too large.
    Bytes {
        /// The use.
        what: &'static str,
        /// Its length in bytes.
        found: u64,
        /// The longest that is allowed.
        most: u64,
    },
    /// It is an image with too few pixels.
    Pixels {
        /// The use.
        what: &'static str,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The least that each side must have.
        least: usize,
    },
    /// It is an image that is too long for its width, or too wide for its height.
    Ratio {
        /// The use.
        what: &'static str,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The longer side in percent of the shorter one, at most.
        most: usize,
    },
}

impl fmt::Display for MediaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Empty => write!(f, "is empty"),
            Self::Other(found) => {
                write!(f, "looks like {found}; give a JPEG, PNG, WebP, MP4, MOV, WAV or MP3 file")
            }
            Self::Damaged(found) => {
                write!(f, "begins as {found}, but has no width and height; it may be damaged, save it again")
            }
            Self::Type { what, found, allowed: [], .. } => {
                write!(f, "is {found}; {what} cannot travel inside a request, upload it")
            }
            Self::Type { what, found, allowed, delivery } => {
                let names: Vec<_> = allowed.iter().map(|it| it.name()).collect();
                write!(f, "is {found}; {what} ")?;
                match delivery {
                    Some(Delivery::Inline) => write!(f, "inside a request ")?,
                    Some(Delivery::Uploaded) => write!(f, "that is uploaded ")?,
                    None => {}
                }
                write!(f, "must be {}, convert it", names.join(" or "))
            }
            Self::Bytes { what, found, most } => {
                write!(f, "has {found} bytes; {what} has at most {most}, make it smaller")
            }
            Self::Pixels { what, width, height, least } => {
                write!(f, "has {width} × {height} pixels; each side of {what} has at least {least}, make it larger")
            }
            Self::Ratio { what, width, height, most } => {
                let (whole, tenths) = (most / 100, most % 100 / 10);
                write!(
                    f,
                    "has {width} × {height} pixels; {what} is at most {whole}.{tenths} times as long as wide or as wide \
                     as long, crop it"
                )
            }
        }
    }
}

impl std::error::Error for MediaFault {}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file
    }

    fn file(media_type: MediaType, bytes: u64, pixels: Option<(u32, u32)>) -> MediaFile {
        MediaFile { media_type, bytes, pixels }
    }

    #[test]
    fn the_content_tells_the_type() {
        for (head, expected) in [
            (&b"\xFF\xD8\xFF\xE0"[..], MediaType::Jpeg),
            (b"\x89PNG\r\n\x1A\n", MediaType::Png),
            (b"RIFF\0\0\0\0WEBPVP8 ", MediaType::WebP),
            (b"RIFF\0\0\0\0WAVEfmt ", MediaType::Wav),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", MediaType::Mp4),
            (b"\0\0\0\x18ftypmp42", MediaType::Mp4),
            (b"\0\0\0\x14ftypqt  ", MediaType::Mov),
            (b"\0\0\0\x08moov", MediaType::Mov),
            (b"\0\0\0\x08mdat", MediaType::Mov),
            (b"ID3\x04", MediaType::Mp3),
            (b"\xFF\xFB\x90\x64", MediaType::Mp3),
            (b"\xFF\xF3\x44\xC4", MediaType::Mp3),
        ] {
            assert_eq!(MediaType::of(head), Ok(expected), "{head:?}");
        }
    }

    #[test]
    fn another_type_is_named() {
        for (head, words) in [
            (&b"GIF89a"[..], "a GIF image"),
            (b"BM\0\0\0\0", "a BMP image"),
            (b"II*\0", "a TIFF image"),
            (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
            (b"\x1A\x45\xDF\xA3", "a WebM or Matroska video"),
            (b"OggS", "an Ogg file"),
            (b"fLaC", "a FLAC sound"),
            (b"\xFF\xF1\x50\x80", "an AAC sound"),
            (b"%PDF-1.7", "a PDF document"),
            (b"PK\x03\x04", "a ZIP archive"),
            (b"\0\0\0\x20ftypavif", "an AVIF image"),
            (b"\0\0\0\x20ftypheic", "a HEIF image"),
            (b"\0\0\0\x20ftypM4A ", "an M4A sound"),
            (b"<?xml version", "an SVG or XML text"),
            (b"\n<!DOCTYPE html>", "an HTML page"),
            (b"{\"a\": 1}", "a text"),
            (b"\xFF\xFF\xFF\xFF", "something else"),
            (b"\0", "something else"),
        ] {
            assert_eq!(MediaType::of(head), Err(MediaFault::Other(words)), "{head:?}");
        }
        assert_eq!(MediaType::of(b""), Err(MediaFault::Empty));
        let sentence = MediaType::of(b"GIF89a").expect_err("a GIF").to_string();
        assert_eq!(sentence, "looks like a GIF image; give a JPEG, PNG, WebP, MP4, MOV, WAV or MP3 file");
    }

    #[test]
    fn an_image_says_its_pixels_without_being_decoded() {
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC0\0\x11\x08\x01\x00\x02\x80\x03";
        let vp8x = b"RIFF\x1E\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x7F\x02\0\xFF\0\0";
        let lossless = b"RIFF\x1E\0\0\0WEBPVP8L\x0A\0\0\0\x2F\x7F\xC2\x3F\0";
        for file in [&png(640, 256)[..], jpeg, vp8x, lossless] {
            let found = MediaFile::read(Cursor::new(file)).expect("an image");
            assert_eq!((found.pixels, found.bytes), (Some((640, 256)), file.len() as u64), "{file:?}");
        }
        for damaged in [&png(0, 9)[..], &png(9, 9)[..20], b"\xFF\xD8\xFF\xE0\0\x04\0\0", b"RIFF\0\0\0\0WEBPVP8 "] {
            let error = MediaFile::read(Cursor::new(damaged)).expect_err("no size");
            assert!(matches!(error, MediaFault::Damaged(_)), "{error:?}");
        }
    }

    #[test]
    fn a_limit_holds_to_the_byte_and_the_pixel() {
        use MediaType::{Jpeg, Mp3, Mp4, Png};
        let pass = |used: MediaUse, media_type, bytes, pixels| {
            used.check(&file(media_type, bytes, pixels), Delivery::Uploaded).map_err(|fault| fault.to_string())
        };
        for (used, media_type, most) in [
            (MediaUse::Image, Png, MAX_IMAGE_BYTES as u64),
            (MediaUse::LastFrame, Jpeg, MAX_IMAGE_BYTES as u64),
            (MediaUse::Video, Mp4, MAX_UPLOAD_BYTES),
            (MediaUse::Sound, Mp3, MAX_UPLOAD_BYTES),
            (MediaUse::SubjectImage, Png, MAX_SUBJECT_IMAGE_BYTES as u64),
            (MediaUse::SubjectVideo, Mp4, MAX_SUBJECT_VIDEO_BYTES as u64),
            (MediaUse::ElementImage, Png, MAX_ELEMENT_IMAGE_BYTES as u64),
            (MediaUse::ElementVideo, Mp4, MAX_ELEMENT_VIDEO_BYTES as u64),
            (MediaUse::VoiceSample, Mp3, MAX_VOICE_SAMPLE_BYTES as u64),
            (MediaUse::RedrawVideo, Mp4, MAX_REDRAW_VIDEO_BYTES as u64),
        ] {
            assert_eq!(pass(used, media_type, most, None), Ok(()));
            let error = pass(used, media_type, most + 1, None).expect_err("one byte more");
            assert!(error.contains(&format!("has {} bytes", most + 1)) && error.contains(&most.to_string()), "{error}");
        }
        for (used, good, bad) in [
            (MediaUse::TemporarySubjectImage, (128, 512), (127, 500)),
            (MediaUse::TemporarySubjectImage, (512, 128), (513, 128)),
            (MediaUse::SubjectImage, (1, 4), (1, 5)),
            (MediaUse::ElementImage, (300, 300), (300, 299)),
            (MediaUse::ElementImage, (300, 750), (300, 751)),
            (MediaUse::ElementImage, (u32::MAX, u32::MAX), (u32::MAX, 300)),
        ] {
            assert_eq!(pass(used, Png, 1, Some(good)), Ok(()), "{good:?}");
            let error = pass(used, Png, 1, Some(bad)).expect_err("beyond the limit");
            assert!(error.contains(&format!("has {} × {} pixels", bad.0, bad.1)), "{error}");
        }
    }

    #[test]
    fn each_use_takes_its_types_on_its_ways() {
        let says = |used: MediaUse, media_type, delivery| {
            used.check(&file(media_type, 1, None), delivery).expect_err("not allowed").to_string()
        };
        assert_eq!(
            says(MediaUse::Image, MediaType::Mp4, Delivery::Inline),
            "is MP4; an image must be JPEG or PNG or WebP, convert it"
        );
        assert_eq!(
            says(MediaUse::Image, MediaType::WebP, Delivery::Uploaded),
            "is WebP; an image that is uploaded must be JPEG or PNG, convert it"
        );
        assert_eq!(
            says(MediaUse::Sound, MediaType::Mp3, Delivery::Inline),
            "is MP3; a sound cannot travel inside a request, upload it"
        );
        assert_eq!(MediaUse::LastFrame.check(&file(MediaType::WebP, 1, None), Delivery::Uploaded), Ok(()));
        for media_type in [MediaType::WebP, MediaType::Wav, MediaType::Mov] {
            assert_eq!(MediaUse::Other.check(&file(media_type, 1, None), Delivery::Uploaded), Ok(()));
        }
    }
}
