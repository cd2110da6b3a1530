//! An image that a video is made from, however it is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::generated::{AigcVideoTaskInputFileInfo, FileInfoType, FileUsage};

/// An image: behind a URL, stored in VOD, or as its bytes.
///
/// JPEG or PNG below 10 MB; as bytes also WebP, and all images of a request together at most
/// [`MAX_BASE64_BYTES`](crate::MAX_BASE64_BYTES). A text is taken as a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Image(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Url(String),
    FileId(String),
    Base64(String),
}

impl Image {
    /// An image that the service can fetch from a URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Source::Url(url.into()))
    }

    /// An image that is stored in VOD.
    pub fn file_id(file_id: impl Into<String>) -> Self {
        Self(Source::FileId(file_id.into()))
    }

    /// An image by its bytes; they travel inside the request, in Base64.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self(Source::Base64(STANDARD.encode(bytes)))
    }

    /// As an entry of `FileInfos`, with its role where the request should spell it out.
    pub(crate) fn into_file(self, usage: Option<FileUsage>) -> AigcVideoTaskInputFileInfo {
        let mut file = AigcVideoTaskInputFileInfo { usage, ..Default::default() };
        match self.0 {
            Source::Url(url) => (file.type_, file.url) = (Some(FileInfoType::Url), Some(url)),
            Source::FileId(id) => (file.type_, file.file_id) = (Some(FileInfoType::File), Some(id)),
            Source::Base64(text) => (file.type_, file.base64) = (Some(FileInfoType::Base64), Some(text)),
        }
        file
    }

    /// As the last frame: a URL and a file id have members of their own, bytes are an entry of `FileInfos`.
    pub(crate) fn into_last_frame(self) -> LastFrameImage {
        match self.0 {
            Source::Url(url) => LastFrameImage::Url(url),
            Source::FileId(id) => LastFrameImage::FileId(id),
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

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Source::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Source::FileId(id) => f.debug_tuple("FileId").field(id).finish(),
            // Megabytes of Base64 help nobody.
            Source::Base64(text) => write!(f, "Bytes({} bytes)", decoded_length(text)),
        }
    }
}

impl From<&Image> for Image {
    fn from(image: &Image) -> Self {
        image.clone()
    }
}

impl From<&str> for Image {
    fn from(url: &str) -> Self {
        Self::url(url)
    }
}

impl From<String> for Image {
    fn from(url: String) -> Self {
        Self::url(url)
    }
}

impl From<&String> for Image {
    fn from(url: &String) -> Self {
        Self::url(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_bytes_is_known_without_decoding() {
        for length in 0..10 {
            let text = STANDARD.encode(vec![7; length]);
            assert_eq!(decoded_length(&text), length, "{text}");
        }
    }
}
