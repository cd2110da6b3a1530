//! From a URL to a file: streamed beside its target, resumed where it breaks, checked, flushed, renamed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use md5::{Digest as _, Md5};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tracing::{debug, info};
use vod_aigc_store::JobState;
use vod_aigc_transport::{Endpoint, Fetched, FileRequest, RetryPolicy, SendError, SendErrorKind};

use crate::context::Context;
use crate::deferred::Deferred;
use crate::part::{Part, folder};
use crate::result_file::ResultFile;
use crate::task_handle::TaskHandle;

/// How patiently a file is downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadPolicy {
    /// The largest file that is downloaded, in bytes: a bound against a server that never stops.
    pub largest: u64,
    /// The connection may stay silent for so long.
    pub idle: Duration,
    /// How often it is tried, and how long is waited in between.
    pub retry: RetryPolicy,
}

impl Default for DownloadPolicy {
    /// At most 2 GiB; 15 s of silence; six attempts with waits from 500 ms to 10 s, none begun after two hours.
    fn default() -> Self {
        let retry = RetryPolicy {
            attempts: 6,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            total: Duration::from_secs(2 * 3600),
            ..RetryPolicy::READ
        };
        Self { largest: 2 << 30, idle: Duration::from_secs(15), retry }
    }
}

/// A file that is safely on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// Why a file was not downloaded. Under the target's name nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadError {
    /// The service gave no URL: the file is only stored in VOD.
    NoUrl,
    /// The target cannot be written.
    Target {
        /// The target.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The server could not be read from, or must not be.
    Fetch(SendError),
    /// The server answered with another status than one that brings the file.
    Status(u16),
    /// The file is longer or shorter than announced.
    Length {
        /// The bytes that came, or that the server announced.
        found: u64,
        /// The bytes that were announced, by the server or by the service.
        expected: u64,
    },
    /// The file has another MD5 than the service says.
    Checksum {
        /// That of what came, in hexadecimal.
        found: String,
        /// The service's.
        expected: String,
    },
    /// Nothing says how long the file is, so a broken connection would look like its end.
    NoLength,
    /// The connection broke in the middle of a stream, and the server does not go on where it broke.
    NotResumable,
    /// The file is longer than the policy allows.
    TooLarge {
        /// What it allows, in bytes.
        largest: u64,
    },
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => write!(f, "the service gave no URL; the file is stored in VOD under its file id"),
            Self::Target { path, problem } => write!(f, "{} cannot be written: {problem}", path.display()),
            Self::Fetch(error) if error.kind() == SendErrorKind::Refused => {
                write!(f, "the file's address must not be read from: {error}")
            }
            Self::Fetch(error) => write!(f, "the file could not be fetched: {error}"),
            Self::Status(status @ (403 | 404 | 410)) => {
                write!(f, "the file's address is no longer valid (HTTP status {status})")
            }
            Self::Status(status) => write!(f, "the file's server answered with HTTP status {status}"),
            Self::Length { found, expected } => write!(f, "the file has {found} bytes in place of {expected}"),
            Self::Checksum { found, expected } => write!(f, "the file's MD5 is {found} in place of {expected}"),
            Self::NoLength => write!(f, "neither the service nor the server says how long the file is"),
            Self::NotResumable => {
                write!(f, "the connection broke, and the server does not go on where it broke")
            }
            Self::TooLarge { largest } => write!(f, "the file has more than the {largest} bytes that are allowed"),
        }
    }
}

impl std::error::Error for DownloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Fetch(error) => Some(error),
            _ => None,
        }
    }
}

impl DownloadError {
    /// A stable word for programs, for example `checksum`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoUrl => "no_url",
            Self::Target { .. } => "target",
            Self::Fetch(_) => "fetch",
            Self::Status(_) => "status",
            Self::Length { .. } => "length",
            Self::Checksum { .. } => "checksum",
            Self::NoLength => "no_length",
            Self::NotResumable => "not_resumable",
            Self::TooLarge { .. } => "too_large",
        }
    }

    /// What to do next, as one sentence without a full stop.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoUrl => "fetch the file from VOD by its file id",
            Self::Target { .. } => "name a file that can be written, in a folder that exists",
            Self::Fetch(error) if error.kind() == SendErrorKind::Refused => "fetch the file from VOD by its file id",
            Self::Status(403 | 404 | 410) => "ask for the task again, which gives a new address",
            Self::Fetch(_)
            | Self::Status(_)
            | Self::Length { .. }
            | Self::Checksum { .. }
            | Self::NoLength
            | Self::NotResumable => "download it again",
            Self::TooLarge { .. } => "allow more bytes with `DownloadPolicy::largest`",
        })
    }

    /// Whether another attempt may go better.
    fn is_passing(&self) -> bool {
        match self {
            Self::Fetch(error) => error.kind() != SendErrorKind::Refused,
            // An answer to a range that was not asked for is followed by an attempt without one.
            Self::Status(status) => matches!(status, 206 | 408 | 416 | 429 | 500..),
            Self::Length { .. } | Self::Checksum { .. } => true,
            Self::NoUrl | Self::Target { .. } | Self::NoLength | Self::NotResumable | Self::TooLarge { .. } => false,
        }
    }
}

/// Whether a file could be written there: its folder exists and is no file, and it is no folder.
///
/// # Errors
/// Why not. A caller asks before it spends money.
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

/// A download, which begins when it is awaited: see [`ResultFile::download`].
#[must_use = "a download does nothing until it is awaited"]
pub struct Download<'a>(Deferred<'a, Setup<'a>, Result<Downloaded, DownloadError>>);

struct Setup<'a> {
    file: Option<ResultFile>,
    path: PathBuf,
    policy: DownloadPolicy,
    on_progress: Box<dyn FnMut(u64, Option<u64>) + Send + 'a>,
}

impl<'a> Download<'a> {
    pub(crate) fn new(file: Option<ResultFile>, path: &Path) -> Self {
        let (path, policy) = (path.to_owned(), DownloadPolicy::default());
        Self(Deferred::New(Setup { file, path, policy, on_progress: Box::new(|_, _| {}) }))
    }

    /// Downloads by another policy.
    pub fn policy(mut self, policy: DownloadPolicy) -> Self {
        self.0.set(|setup| setup.policy = policy);
        self
    }

    /// Calls `show` with the bytes so far and in all, where the server says it. A server that does not resume starts over, so the
    /// bytes so far may become fewer.
    pub fn on_progress(mut self, show: impl FnMut(u64, Option<u64>) + Send + 'a) -> Self {
        self.0.set(|setup| setup.on_progress = Box::new(show));
        self
    }
}

impl Future for Download<'_> {
    type Output = Result<Downloaded, DownloadError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll(context, |setup| Box::pin(setup.run()))
    }
}

impl Setup<'_> {
    async fn run(self) -> Result<Downloaded, DownloadError> {
        let file = self.file.ok_or(DownloadError::NoUrl)?;
        let downloaded = download(&file, &self.path, &self.policy, self.on_progress).await?;
        // A job with several files is done when all of them are there.
        if file.is_only() {
            record_download(file.context(), file.task(), &downloaded.path).await;
        }
        Ok(downloaded)
    }
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Download").finish_non_exhaustive()
    }
}

impl ResultFile {
    /// Downloads it to `path`: streamed to a name beside it, resumed where the connection breaks, its length and its MD5
    /// checked where they are known, flushed to the disk, then renamed. Under `path` there is either the whole file or what
    /// was there before.
    ///
    /// The file comes over https, without credentials, from public addresses only; from this machine where the
    /// endpoint is on it. An address that has ended is requested again once. Dropping the future ends the download and
    /// removes what has come.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{DownloadError, ResultFile};
    /// # async fn example(file: &ResultFile) -> Result<(), DownloadError> {
    /// let downloaded = file.download("panda.mp4").on_progress(|bytes, _| println!("{bytes}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What failed; the file stays where it is and can be downloaded again.
    pub fn download(&self, path: impl AsRef<Path>) -> Download<'static> {
        Download::new(Some(self.clone()), path.as_ref())
    }

    /// The whole file in memory, by the same rules and checks as [`download`](Self::download). It is not recorded in a store
    /// that the result was fetched.
    ///
    /// # Errors
    /// As [`download`](Self::download); [`DownloadError::TooLarge`] where the file has more than `largest` bytes.
    pub async fn bytes(&self, largest: u64) -> Result<Vec<u8>, DownloadError> {
        let policy = DownloadPolicy { largest, ..DownloadPolicy::default() };
        Ok(transfer(self, &policy, Vec::new(), |_, _| {}).await?.sink)
    }

    /// The file piece by piece, by the same rules as [`download`](Self::download): where the connection breaks, the stream goes on
    /// if the server can. Length and MD5 are checked at the end, so the last item may be an error: do not treat the pieces as the file
    /// before the stream has ended without one. It is not recorded in a store that the result was fetched.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{DownloadError, ResultFile};
    /// # async fn example(file: &ResultFile) -> Result<(), DownloadError> {
    /// use futures_util::TryStreamExt as _;
    ///
    /// let mut pieces = std::pin::pin!(file.stream(1 << 30));
    /// while let Some(piece) = pieces.try_next().await? {
    ///     println!("{} bytes", piece.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`download`](Self::download), and [`DownloadError::NotResumable`]; nothing follows.
    pub fn stream(&self, largest: u64) -> impl Stream<Item = Result<Bytes, DownloadError>> + Send + 'static {
        let policy = DownloadPolicy { largest, ..DownloadPolicy::default() };
        let (file, (pieces, received)) = (self.clone(), mpsc::channel(2));
        let work = Box::pin(async move { transfer(&file, &policy, pieces, |_, _| {}).await.map(drop) });
        unfold((Some(work), received, None), |(mut work, mut received, mut failed)| async move {
            loop {
                let Some(transfer) = &mut work else {
                    // What it sent before it ended comes first.
                    let item = received.recv().await.map(Ok).or_else(|| failed.take().map(Err))?;
                    return Some((item, (work, received, failed)));
                };
                tokio::select! {
                    biased;
                    Some(piece) = received.recv() => return Some((Ok(piece), (work, received, failed))),
                    ended = transfer => (work, failed) = (None, ended.err()),
                }
            }
        })
    }
}

/// Records that all that the task has made is on the disk.
pub(crate) async fn record_download(context: &Context, task: &TaskHandle, path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    context.note(task, &JobState::Downloaded { task_id: task.task_id.clone(), path }).await;
}

async fn download(
    source: &ResultFile,
    path: &Path,
    policy: &DownloadPolicy,
    show: impl FnMut(u64, Option<u64>),
) -> Result<Downloaded, DownloadError> {
    check_target(path).await?;
    let failed = |error: io::Error| DownloadError::Target { path: path.to_owned(), problem: error.to_string() };
    let part = Part::create(path).map_err(failed)?;
    let file = part.file().map_err(failed)?;
    let Transfer { sink: Target { mut file, .. }, found, .. } =
        transfer(source, policy, Target { file, path }, show).await?;
    file.flush().await.map_err(failed)?;
    part.keep(path).await.map_err(failed)?;
    info!(task_id = source.task().task_id, bytes = found, path = %path.display(), "downloaded");
    Ok(Downloaded { path: path.to_owned(), bytes: found })
}

/// Brings a file into a sink, over as many attempts as the policy has.
async fn transfer<'a, S: Sink>(
    source: &ResultFile,
    policy: &'a DownloadPolicy,
    sink: S,
    mut show: impl FnMut(u64, Option<u64>),
) -> Result<Transfer<'a, S>, DownloadError> {
    let mut transfer =
        Transfer { source: source.clone(), policy, sink, found: 0, etag: None, digest: None, retry_after: None };

    let transport = &source.context().transport;
    let start = transport.clock().now();
    let mut attempts = 0;
    let mut described_again = false;
    let task_id = source.task().task_id.as_str();
    debug!(task_id, "download");
    while let Err(error) = transfer.attempt(&mut show).await {
        attempts += 1;
        debug!(task_id, attempt = attempts, %error, "download attempt failed");
        let begins_anew = transfer.found > 0 && transfer.etag.is_none();
        if attempts >= policy.retry.attempts || (begins_anew && !S::CAN_BEGIN_ANEW) {
            return Err(error);
        }
        if matches!(error, DownloadError::Status(403 | 404 | 410)) && !std::mem::replace(&mut described_again, true) {
            // The address is signed and ends some day; the task knows a new one.
            transfer.source = transfer.source.describe_again().await.ok_or(error)?;
            continue;
        }
        let wait = policy.retry.wait(attempts, transfer.retry_after.take(), &**transport.random());
        let elapsed = transport.clock().now().duration_since(start).unwrap_or_default();
        if !error.is_passing() || elapsed + wait >= policy.retry.total {
            return Err(error);
        }
        transport.clock().sleep(wait).await;
    }
    Ok(transfer)
}

/// Where the bytes of a file go.
trait Sink {
    /// Whether `clear` can succeed.
    const CAN_BEGIN_ANEW: bool = true;

    /// Takes back what it has, because the file starts over.
    async fn clear(&mut self) -> Result<(), DownloadError>;

    /// Takes the next bytes.
    async fn append(&mut self, bytes: Bytes) -> Result<(), DownloadError>;
}

/// A file beside its target, whose path errors name.
struct Target<'a> {
    file: tokio::fs::File,
    path: &'a Path,
}

impl Target<'_> {
    fn unwritable(&self, error: &io::Error) -> DownloadError {
        DownloadError::Target { path: self.path.to_owned(), problem: error.to_string() }
    }
}

impl Sink for Target<'_> {
    async fn clear(&mut self) -> Result<(), DownloadError> {
        let emptied = async {
            self.file.flush().await?;
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        emptied.await.map(drop).map_err(|error| self.unwritable(&error))
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), DownloadError> {
        self.file.write_all(&bytes).await.map_err(|error| self.unwritable(&error))
    }
}

impl Sink for Vec<u8> {
    async fn clear(&mut self) -> Result<(), DownloadError> {
        Vec::clear(self);
        Ok(())
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), DownloadError> {
        self.extend_from_slice(&bytes);
        Ok(())
    }
}

/// The pieces of a stream. What was sent cannot be taken back.
impl Sink for mpsc::Sender<Bytes> {
    const CAN_BEGIN_ANEW: bool = false;

    async fn clear(&mut self) -> Result<(), DownloadError> {
        Err(DownloadError::NotResumable)
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), DownloadError> {
        // There is no receiver where the stream was dropped, and then this is not polled either.
        let _ = self.send(bytes).await;
        Ok(())
    }
}

/// A download under way, over as many attempts as it takes.
struct Transfer<'a, S> {
    source: ResultFile,
    policy: &'a DownloadPolicy,
    sink: S,
    /// How many bytes of the file are there.
    found: u64,
    /// The strong ETag of what is there; without one the next attempt starts over.
    etag: Option<String>,
    /// Of what is there, if the service says what it should be.
    digest: Option<Md5>,
    retry_after: Option<Duration>,
}

impl<S: Sink> Transfer<'_, S> {
    async fn attempt(&mut self, show: &mut impl FnMut(u64, Option<u64>)) -> Result<(), DownloadError> {
        if self.etag.is_none() {
            self.restart().await?;
        }
        let context = self.source.context().clone();
        let request = FileRequest {
            url: self.source.url().ok_or(DownloadError::NoUrl)?,
            offset: self.found,
            etag: self.etag.as_deref(),
            idle: self.policy.idle,
            loopback: context.transport.endpoint().is_some_and(Endpoint::is_loopback),
        };
        let mut fetched = context.http.fetch(request).await.map_err(DownloadError::Fetch)?;
        let announced = self.begin(&fetched).await?;
        let size = self.source.size().filter(|size| *size > 0);
        let largest = self.policy.largest;
        if [announced, size].into_iter().flatten().any(|bytes| bytes > largest) {
            return Err(DownloadError::TooLarge { largest });
        }
        if let (Some(found), Some(expected)) = (announced, size)
            && found != expected
        {
            self.etag = None;
            return Err(DownloadError::Length { found, expected });
        }
        if size.is_none() && self.digest.is_none() && !fetched.shows_its_end() {
            return Err(DownloadError::NoLength);
        }
        while let Some(chunk) = fetched.chunk().await.map_err(DownloadError::Fetch)? {
            if self.found + chunk.len() as u64 > largest {
                return Err(DownloadError::TooLarge { largest });
            }
            self.found += chunk.len() as u64;
            if let Some(digest) = &mut self.digest {
                digest.update(&chunk);
            }
            self.sink.append(chunk).await?;
            show(self.found, announced);
        }
        self.check(announced.or(size))
    }

    /// Makes sure that what comes continues what is there, and returns how long the whole file is said to be.
    async fn begin(&mut self, fetched: &Fetched) -> Result<Option<u64>, DownloadError> {
        match fetched.status() {
            200 => {
                self.restart().await?;
                self.etag = fetched.header("etag").filter(|etag| is_strong(etag)).map(str::to_owned);
                Ok(fetched.content_length())
            }
            206 if self.found > 0 && self.continues(fetched) => {
                let rest = || fetched.content_length().map(|rest| self.found + rest);
                // A server may send less than it was asked for.
                Ok(whole_length(fetched).or_else(rest))
            }
            status => {
                if matches!(status, 206 | 416) {
                    self.etag = None;
                }
                self.retry_after =
                    fetched.header("retry-after").and_then(|it| it.trim().parse().ok()).map(Duration::from_secs);
                Err(DownloadError::Status(status))
            }
        }
    }

    fn continues(&self, fetched: &Fetched) -> bool {
        let same = fetched.header("etag").is_none_or(|etag| Some(etag) == self.etag.as_deref());
        let range = fetched.header("content-range").and_then(|range| range.strip_prefix("bytes "));
        same && range.and_then(|range| range.split_once('-')).is_some_and(|(from, _)| from.parse() == Ok(self.found))
    }

    async fn restart(&mut self) -> Result<(), DownloadError> {
        if self.found > 0 {
            self.sink.clear().await?;
        }
        self.found = 0;
        self.etag = None;
        self.digest = self.source.md5().map(|_| Md5::new());
        Ok(())
    }

    /// Compares what is there with what was announced.
    fn check(&mut self, expected: Option<u64>) -> Result<(), DownloadError> {
        if let Some(expected) = expected
            && self.found != expected
        {
            // What is there is the file's beginning only while it is shorter.
            self.etag = self.etag.take().filter(|_| self.found < expected);
            return Err(DownloadError::Length { found: self.found, expected });
        }
        if let (Some(digest), Some(expected)) = (&self.digest, self.source.md5()) {
            let found = hex::encode(digest.clone().finalize());
            if !found.eq_ignore_ascii_case(expected) {
                let expected = expected.to_owned();
                self.etag = None;
                return Err(DownloadError::Checksum { found, expected });
            }
        }
        Ok(())
    }
}

/// How long the whole file is, as a part of it says.
fn whole_length(fetched: &Fetched) -> Option<u64> {
    fetched.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok()
}

/// Whether equal ETags mean equal bytes (RFC 9110, section 8.8.1).
fn is_strong(etag: &str) -> bool {
    etag.len() >= 2 && etag.starts_with('"') && etag.ends_with('"')
}
