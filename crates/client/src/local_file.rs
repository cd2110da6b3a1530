//! A file of this machine that is to be an input: opened once, judged, read off the async threads.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use vod_aigc_core::{Media, MediaFault, MediaFile};
use vod_aigc_transport::Pieces;

use crate::input::{InputError, InputProblem};

/// How much of a file is in memory at once while it is hashed or sent, twice.
const PIECE: usize = 256 * 1024;

/// An open file. Whatever comes to stand under its name, this one is what is read.
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
        let this = self.clone();
        let media =
            apart(move || this.rewound().and_then(|file| Media::read(file.take(this.about.bytes.saturating_add(1)))));
        let media = media.await.and_then(|media| media).map_err(|error| self.refused(unreadable(&error)))?;
        if media.embedded_bytes() as u64 != self.about.bytes {
            return Err(self.refused(InputProblem::Changed));
        }
        self.unchanged().await?;
        Ok(media)
    }

    /// The MD5 of the whole file.
    pub(crate) async fn md5(&self) -> Result<[u8; 16], InputError> {
        let this = self.clone();
        let digest = apart(move || -> io::Result<[u8; 16]> {
            let (mut file, mut digest, mut piece) = (this.rewound()?, Md5::new(), vec![0; PIECE]);
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(digest.finalize().into()),
                    read => digest.update(&piece[..read]),
                }
            }
        });
        let digest = digest.await.and_then(|digest| digest).map_err(|error| self.refused(unreadable(&error)))?;
        self.unchanged().await?;
        Ok(digest)
    }

    /// The pieces of the file as they are read. Reading ends where nobody takes them any more; it must have ended before
    /// the file is read again.
    pub(crate) fn pieces(&self) -> (Pieces, JoinHandle<()>) {
        let (sender, pieces) = mpsc::channel(1);
        let this = self.clone();
        let reading = spawn_blocking(move || {
            if let Err(error) = this.send(&sender) {
                // Nobody may be there to hear it.
                let _ = sender.blocking_send(Err(error));
            }
        });
        (pieces, reading)
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

    fn rewound(&self) -> io::Result<&File> {
        let mut file = &*self.file;
        file.rewind()?;
        Ok(file)
    }

    fn send(&self, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let mut file = self.rewound()?.take(self.about.bytes);
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
            if read == 0 || sender.blocking_send(Ok(piece.into())).is_err() {
                return Ok(());
            }
        }
    }
}

fn open(path: PathBuf) -> Result<LocalFile, InputError> {
    let judged = || -> Result<(File, Metadata, MediaFile), InputProblem> {
        // Asked before it is opened, because opening a pipe waits for whoever writes to it.
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
