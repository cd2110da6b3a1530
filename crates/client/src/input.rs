//! A local image as an input of a request.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;
use vod_aigc_core::{Image, MAX_BASE64_BYTES};

/// Reads an image from a file; its bytes travel inside the request.
///
/// # Errors
/// A file that is missing, unreadable, no file, empty, or larger than [`MAX_BASE64_BYTES`]. Nothing has been sent.
pub async fn read_image(path: impl AsRef<Path>) -> Result<Image, InputError> {
    let path = path.as_ref();
    let refused = |problem| InputError { path: path.to_owned(), problem };
    let unreadable = |error: io::Error| refused(Problem::Unreadable(error.to_string()));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let about = file.metadata().await.map_err(unreadable)?;
    if !about.is_file() {
        return Err(refused(Problem::NotAFile));
    }
    // The file may grow while it is read, so the length at the start is no bound.
    let mut bytes = Vec::new();
    file.take(MAX_BASE64_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    match bytes.len() {
        0 => Err(refused(Problem::Empty)),
        length if length > MAX_BASE64_BYTES => Err(refused(Problem::TooLarge(about.len().max(length as u64)))),
        _ => Ok(Image::bytes(bytes)),
    }
}

/// Why a file cannot be an input. Nothing has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Unreadable(String),
    NotAFile,
    Empty,
    TooLarge(u64),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the image {} ", self.path.display())?;
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Problem::NotAFile => write!(f, "is no file"),
            Problem::Empty => write!(f, "is empty"),
            Problem::TooLarge(bytes) => {
                write!(
                    f,
                    "has {bytes} bytes; a request takes at most {MAX_BASE64_BYTES}, give a URL or a VOD file instead"
                )
            }
        }
    }
}

impl std::error::Error for InputError {}
