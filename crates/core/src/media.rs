//! An image, a video or a sound that a video is made from, however it is given.

#[cfg(feature = "media")]
use std::io::{self, Read};

#[cfg(feature = "media")]
use base64::{Engine as _, engine::general_purpose::STANDARD};

#[cfg(feature = "media")]
use crate::generated::MAX_BASE64_BYTES;
use crate::generated::{AigcVideoTaskInputFileInfo, FileInfoType, FileUsage};

/// An input: behind a URL, stored in VOD, or as its bytes. A text is taken as a URL.
///
/// Images are JPEG or PNG of at most [`MAX_IMAGE_BYTES`](crate::MAX_IMAGE_BYTES); as bytes also WebP, and all inputs of a
/// request together at most [`MAX_BASE64_BYTES`](crate::MAX_BASE64_BYTES). A local file is checked by `MediaUse::check`,
/// with the feature `media`.
#[derive(Clone, PartialEq, Eq)]
pub struct Media(Source);

/// A [`Media`] that is an image.
pub type Image = Media;

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Url(String),
    FileId { id: String, content: Option<String> },
    Base64(String),
}

impl Media {
    /// A file that the service can fetch from a URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Source::Url(url.into()))
    }

    /// A file that is stored in VOD.
    pub fn file_id(file_id: impl Into<String>) -> Self {
        Self(Source::FileId { id: file_id.into(), content: None })
    }

    /// A file that was stored in VOD for this request. Every upload gets an id of its own; `content` is the same for the
    /// same bytes, and so is a request that holds it: see [`VideoRequest::by_content`](crate::VideoRequest::by_content).
    pub fn uploaded(file_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self(Source::FileId { id: file_id.into(), content: Some(content.into()) })
    }

    /// A file by the Base64 of its bytes, which travels inside the request as it is.
    pub fn base64(text: impl Into<String>) -> Self {
        Self(Source::Base64(text.into()))
    }

    /// A file by its bytes; they travel inside the request, in Base64.
    #[cfg(feature = "media")]
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self(Source::Base64(STANDARD.encode(bytes)))
    }

    /// A file by all that `reader` gives; it travels inside the request, in Base64, which is all that is kept of it.
    /// `length` is how many bytes are expected, so that room for them is made once.
    ///
    /// # Errors
    /// Those of the reader.
    #[cfg(feature = "media")]
    pub fn read(mut reader: impl Read, length: u64) -> io::Result<Self> {
        // Whole groups of three bytes, so that padding is at the end only.
        const PIECE: usize = 48 * 1024;
        let expected = usize::try_from(length).map_or(MAX_BASE64_BYTES, |length| length.min(MAX_BASE64_BYTES));
        let (mut text, mut piece) = (String::with_capacity(expected.div_ceil(3) * 4), Vec::with_capacity(PIECE));
        while reader.by_ref().take(PIECE as u64).read_to_end(&mut piece)? > 0 {
            STANDARD.encode_string(&piece, &mut text);
            piece.clear();
        }
        Ok(Self::base64(text))
    }

    /// How many bytes of it travel inside the request, before they are encoded.
    pub fn embedded_bytes(&self) -> usize {
        match &self.0 {
            Source::Base64(text) => decoded_length(text),
            Source::Url(_) | Source::FileId { .. } => 0,
        }
    }

    /// The file id and the content of one that was uploaded.
    pub(crate) fn content(&self) -> Option<(&String, &String)> {
        match &self.0 {
            Source::FileId { id, content } => Some((id, content.as_ref()?)),
            _ => None,
        }
    }

    /// As an entry of `FileInfos`, with its role where the request should spell it out.
    pub(crate) fn into_file(self, usage: Option<FileUsage>) -> AigcVideoTaskInputFileInfo {
        let mut file = AigcVideoTaskInputFileInfo { usage, ..Default::default() };
        match self.0 {
            Source::Url(url) => (file.type_, file.url) = (Some(FileInfoType::Url), Some(url)),
            Source::FileId { id, .. } => (file.type_, file.file_id) = (Some(FileInfoType::File), Some(id)),
            Source::Base64(text) => (file.type_, file.base64) = (Some(FileInfoType::Base64), Some(text)),
        }
        file
    }

    /// As the last frame: a URL and a file id have members of their own, bytes are an entry of `FileInfos`.
    pub(crate) fn into_last_frame(self) -> LastFrameImage {
        match self.0 {
            Source::Url(url) => LastFrameImage::Url(url),
            Source::FileId { id, .. } => LastFrameImage::FileId(id),
            Source::Base64(_) => LastFrameImage::File(Box::new(self.into_file(Some(FileUsage::LastFrame)))),
        }
    }
}

/// Where a last frame goes in the request.
pub(crate) enum LastFrameImage {
    Url(String),
    FileId(String),
    File(Box<AigcVideoTaskInputFileInfo>),
}

/// How many bytes a Base64 text holds.
pub(crate) fn decoded_length(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Source::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Source::FileId { id, .. } => f.debug_tuple("FileId").field(id).finish(),
            // Megabytes of Base64 are of no use.
            Source::Base64(text) => write!(f, "Bytes({} bytes)", decoded_length(text)),
        }
    }
}

impl From<&Media> for Media {
    fn from(media: &Media) -> Self {
        media.clone()
    }
}

impl From<&str> for Media {
    fn from(url: &str) -> Self {
        Self::url(url)
    }
}

impl From<String> for Media {
    fn from(url: String) -> Self {
        Self::url(url)
    }
}

impl From<&String> for Media {
    fn from(url: &String) -> Self {
        Self::url(url)
    }
}

#[cfg(all(test, feature = "media"))]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_bytes_is_known_without_decoding() {
        for length in 0..10 {
            let text = STANDARD.encode(vec![7; length]);
            assert_eq!(decoded_length(&text), length, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_read_is_the_same_as_its_bytes() {
        for length in [0, 1, 48 * 1024 - 1, 48 * 1024, 48 * 1024 + 1, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            for expected in [0, length as u64, u64::MAX] {
                let media = Media::read(bytes.as_slice(), expected).expect("memory can be read");
                assert_eq!(media, Media::bytes(&bytes));
                assert_eq!(media.embedded_bytes(), length);
            }
        }
    }
}
