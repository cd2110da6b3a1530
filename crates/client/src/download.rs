//! From a URL to a file: streamed beside its target, checked, flushed, renamed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use vod_aigc_transport::{HttpClient, SendError};

/// The largest video that is downloaded, in bytes: a bound against a server that never stops.
const LARGEST: u64 = 2 << 30;

/// The connection may stay silent for so long.
const IDLE: Duration = Duration::from_secs(15);

/// A video that is safely on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// Why a video was not downloaded. Under the target's name nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadError {
    /// The service gave no URL: the video is only stored in VOD.
    NoUrl,
    /// The target cannot be written.
    Target {
        /// The target.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The server could not be read from.
    Fetch(SendError),
    /// The server answered with another status than 200.
    Status(u16),
    /// The file is longer or shorter than announced.
    Length {
        /// The bytes that came.
        found: u64,
        /// The bytes that were announced.
        expected: u64,
    },
    /// The file is longer than anything that is downloaded.
    TooLarge,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => write!(f, "the service gave no URL; the video is stored in VOD under its file id"),
            Self::Target { path, problem } => write!(f, "{} cannot be written: {problem}", path.display()),
            Self::Fetch(error) => write!(f, "the video could not be fetched: {error}; download it again"),
            Self::Status(status @ (403 | 404 | 410)) => {
                write!(f, "the video's address is no longer valid (HTTP status {status}); ask for the task again")
            }
            Self::Status(status) => {
                write!(f, "the video's server answered with HTTP status {status}; download it again")
            }
            Self::Length { found, expected } => {
                write!(f, "the video has {found} bytes in place of {expected}; download it again")
            }
            Self::TooLarge => write!(f, "the video has more than {LARGEST} bytes"),
        }
    }
}

impl std::error::Error for DownloadError {}

/// Whether a file could be written there: its folder exists and is no file, and it is no folder.
///
/// # Errors
/// Why not. A caller asks before it spends money on a video.
pub async fn check_target(path: &Path) -> Result<(), DownloadError> {
    let refused = |problem: String| DownloadError::Target { path: path.to_owned(), problem };
    if tokio::fs::metadata(path).await.is_ok_and(|about| about.is_dir()) || path.file_name().is_none() {
        return Err(refused("it is a directory; name a file in it".to_owned()));
    }
    let folder = folder(path);
    match tokio::fs::metadata(folder).await {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(refused(format!("{} is no directory", folder.display()))),
        Err(error) => Err(refused(format!("{}: {error}", folder.display()))),
    }
}

pub(crate) async fn download(
    http: &HttpClient,
    url: &str,
    size: Option<u64>,
    path: &Path,
    mut show: impl FnMut(u64, Option<u64>),
) -> Result<Downloaded, DownloadError> {
    check_target(path).await?;
    let failed = |error: io::Error| DownloadError::Target { path: path.to_owned(), problem: error.to_string() };

    let mut fetched = http.fetch(vod_aigc_transport::FileRequest { url, offset: 0, etag: None, idle: IDLE, loopback: true }).await.map_err(DownloadError::Fetch)?;
    if fetched.status() != 200 {
        return Err(DownloadError::Status(fetched.status()));
    }
    let announced = fetched.content_length();
    // Beside the target, because only within one file system a rename is one step. Dropping it removes it.
    let temporary = temporary_beside(path).map_err(failed)?;
    let (file, temporary) = temporary.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut found = 0;
    while let Some(chunk) = fetched.chunk().await.map_err(DownloadError::Fetch)? {
        found += chunk.len() as u64;
        if found > LARGEST {
            return Err(DownloadError::TooLarge);
        }
        file.write_all(&chunk).await.map_err(failed)?;
        show(found, announced);
    }
    for expected in [announced, size].into_iter().flatten() {
        if found != expected {
            return Err(DownloadError::Length { found, expected });
        }
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder(path)).await.map_err(failed)?;
    Ok(Downloaded { path: path.to_owned(), bytes: found })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn temporary_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any file that a person makes: the process's umask applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

/// Makes the new name durable, where the system can.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    tokio::fs::File::open(folder).await?.sync_all().await?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
