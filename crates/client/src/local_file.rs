//! A file of this machine that is to be an input: opened once, checked, read off the async threads.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use vod_aigc_core::{MAX_BASE64_BYTES, Media, MediaFault, MediaFile};

/// How much of a file is read at once. A few of these are in memory while it is hashed or sent.
const PIECE: u64 = 256 * 1024;

/// An open file. This one is read, whatever its name refers to later.
#[derive(Debug, Clone)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    pub(crate) about: MediaFile,
    file: Arc<File>,
    modified: Option<SystemTime>,
}

impl LocalFile {
    /// Opens a file and reads its head.
    pub(crate) async fn open(path: &Path) -> Result<Self, InputError> {
        let path = path.to_owned();
        let failed = path.clone();
        apart(move || open(path)).await.unwrap_or_else(|error| Err(InputError::new(failed, unreadable(&error))))
    }

    /// The file as part of a request.
    pub(crate) async fn embed(&self) -> Result<Media, InputError> {
        let bytes = self.about.bytes;
        let media = self.read(move |reader| Media::read(reader.take(bytes.saturating_add(1)), bytes)).await?;
        if media.embedded_bytes() as u64 != bytes {
            return Err(self.refused(InputProblem::Changed));
        }
        self.unchanged().await?;
        Ok(media)
    }

    /// The MD5 of the whole file.
    pub(crate) async fn md5(&self) -> Result<[u8; 16], InputError> {
        let digest = self.read(|mut reader| {
            let (mut digest, mut piece) = (Md5::new(), vec![0; PIECE as usize]);
            loop {
                match reader.read(&mut piece)? {
                    0 => return Ok(digest.finalize().into()),
                    read => digest.update(&piece[..read]),
                }
            }
        });
        let digest = digest.await?;
        self.unchanged().await?;
        Ok(digest)
    }

    /// Sends the file piece by piece, until it ends or the receiver is gone.
    pub(crate) async fn send(&self, pieces: mpsc::Sender<io::Result<Bytes>>) {
        let mut at = 0;
        while at < self.about.bytes {
            let reader = Reader { file: self.file.clone(), at };
            let wanted = (self.about.bytes - at).min(PIECE);
            let piece = apart(move || {
                let mut piece = Vec::with_capacity(wanted as usize);
                reader.take(wanted).read_to_end(&mut piece).map(|_| Bytes::from(piece))
            });
            let piece = piece.await.and_then(|piece| piece);
            let read = piece.as_ref().map_or(0, |piece| piece.len() as u64);
            // A file that has become shorter, or cannot be read on, ends here: what waits for the rest of it breaks off.
            if pieces.send(piece).await.is_err() || read == 0 {
                return;
            }
            at += read;
        }
    }

    /// # Errors
    /// Where the file is another one than it was when it was opened.
    pub(crate) async fn unchanged(&self) -> Result<(), InputError> {
        let file = self.file.clone();
        let about = apart(move || file.metadata()).await.and_then(|about| about);
        let about = about.map_err(|error| self.refused(unreadable(&error)))?;
        match about.len() == self.about.bytes && about.modified().ok() == self.modified {
            true => Ok(()),
            false => Err(self.refused(InputProblem::Changed)),
        }
    }

    pub(crate) fn refused(&self, problem: InputProblem) -> InputError {
        InputError::new(self.path.clone(), problem)
    }

    async fn read<T: Send + 'static>(
        &self,
        how: impl FnOnce(Reader) -> io::Result<T> + Send + 'static,
    ) -> Result<T, InputError> {
        let reader = Reader { file: self.file.clone(), at: 0 };
        let read = apart(move || how(reader)).await.and_then(|read| read);
        read.map_err(|error| self.refused(unreadable(&error)))
    }
}

/// Reads at a place of its own: whatever else reads the file does not move it.
struct Reader {
    file: Arc<File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(&*self.file, bytes, self.at)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(&*self.file, bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn open(path: PathBuf) -> Result<LocalFile, InputError> {
    let judged = || -> Result<(File, Metadata, MediaFile), InputProblem> {
        // Asked before it is opened, because opening a pipe waits for its writer.
        let about = std::fs::metadata(&path).map_err(|error| unreadable(&error))?;
        if !about.is_file() {
            return Err(InputProblem::NotAFile);
        }
        let file = File::open(&path).map_err(|error| unreadable(&error))?;
        let about = file.metadata().map_err(|error| unreadable(&error))?;
        let media = MediaFile::read(BufReader::new(&file)).map_err(InputProblem::Unfit)?;
        Ok((file, about, media))
    };
    match judged() {
        Ok((file, about, media)) => {
            Ok(LocalFile { path, about: media, file: Arc::new(file), modified: about.modified().ok() })
        }
        Err(problem) => Err(InputError::new(path, problem)),
    }
}

fn unreadable(error: &io::Error) -> InputProblem {
    InputProblem::Unfit(MediaFault::Unreadable(error.to_string()))
}

/// Work that may take long, apart from the async threads.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)
}

/// Why a file cannot be an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    path: PathBuf,
    problem: InputProblem,
}

impl InputError {
    pub(crate) fn new(path: PathBuf, problem: InputProblem) -> Self {
        Self { path, problem }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What to do next, as one sentence without a full stop.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.problem {
            InputProblem::NotAFile | InputProblem::Unfit(_) => "name a file of the kind that its use asks for",
            InputProblem::Changed => "try again when the file is complete",
            InputProblem::DoesNotFit => "let the file be uploaded, or give a smaller one",
        })
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &InputProblem {
        &self.problem
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputProblem {
    /// It is no regular file.
    NotAFile,
    /// It cannot be read, or is not what its use asks for.
    Unfit(MediaFault),
    /// It was written to while it was read.
    Changed,
    /// It would have to be uploaded, and nothing is to be sent.
    DoesNotFit,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {} ", self.path.display())?;
        match &self.problem {
            InputProblem::NotAFile => write!(f, "is no file"),
            InputProblem::Unfit(fault) => write!(f, "{fault}"),
            InputProblem::Changed => write!(f, "was written to while it was read"),
            InputProblem::DoesNotFit => {
                write!(
                    f,
                    "must be uploaded, because requests hold at most {MAX_BASE64_BYTES} bytes of images and videos"
                )
            }
        }
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            InputProblem::Unfit(fault) => Some(fault),
            InputProblem::NotAFile | InputProblem::Changed | InputProblem::DoesNotFit => None,
        }
    }
}
