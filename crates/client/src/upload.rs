//! From a local file to a file id: a place with temporary keys, one PUT to object storage, the commit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{Either, select};
use tokio::sync::mpsc;
use tracing::{debug, info};
use vod_aigc_core::{
    Action, ApplyUploadRequest, ApplyUploadResponse, CommitUploadRequest, Delivery, MediaType, MediaUse, OnRead, Secret,
};
use vod_aigc_transport::signer::{CosRequest, Credential};
use vod_aigc_transport::{Endpoint, Error, ErrorKind, FileToStore, RawReply, RetryPolicy, SendError, SendErrorKind};

use crate::client::Client;
use crate::context::Context;
use crate::deferred::Deferred;
use crate::local_file::{InputError, InputProblem, LocalFile};
use crate::time::seconds;

/// How long a signature is valid before the moment at which it is made, for clocks that differ.
const EARLIER: u64 = 60;
/// Keys that end sooner than this are not begun with.
const LEFT: u64 = 60;

/// How patiently a file is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPolicy {
    /// The longest time in which nothing leaves or comes.
    pub idle: Duration,
    /// How often each of the three steps is tried, and how long is waited in between.
    pub retry: RetryPolicy,
}

impl Default for UploadPolicy {
    /// 60 s of silence; five attempts with waits from 500 ms to 10 s, none begun after two hours.
    fn default() -> Self {
        let retry = RetryPolicy {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            total: Duration::from_secs(2 * 3600),
            ..RetryPolicy::READ
        };
        Self { idle: Duration::from_secs(60), retry }
    }
}

/// A file that is stored in VOD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// What requests name it by.
    pub file_id: String,
    /// Where it can be fetched, for members that take URLs only. `None` where the service did not say.
    pub url: Option<String>,
    /// What it is.
    pub media_type: MediaType,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Its MD5 in hexadecimal.
    pub md5: String,
}

impl Client {
    /// Uploads a local file of any of the known types into this client's sub-application. It stays there, and costs
    /// storage, until it is deleted.
    ///
    /// The file goes to object storage in one request, which takes files of up to 5 GB, so nothing is ever sent in
    /// parts. Storage compares its MD5, and keeps nothing of a request that broke; then the whole file is sent again, with
    /// new keys where the old ones have ended. Only a file that is there whole, and that no process has written to
    /// meanwhile, is committed and gets an id. Dropping the future before that leaves nothing that has one.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{Client, UploadError};
    /// # async fn example(client: &Client) -> Result<(), UploadError> {
    /// let film = client.upload("film.mp4").on_progress(|sent, all| println!("{sent} of {all}")).await?;
    /// println!("{}", film.file_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What failed, and whether a file may have been created.
    pub fn upload(&self, path: impl AsRef<Path>) -> Upload<'static> {
        Upload(Deferred::New(Setup {
            context: self.context().clone(),
            path: path.as_ref().to_owned(),
            used: MediaUse::Other,
            policy: UploadPolicy::default(),
            on_progress: Box::new(|_, _| {}),
        }))
    }
}

/// An upload, which begins when it is awaited: see [`Client::upload`].
#[must_use = "an upload does nothing until it is awaited"]
pub struct Upload<'a>(Deferred<'a, Setup<'a>, Result<Uploaded, UploadError>>);

struct Setup<'a> {
    context: Arc<Context>,
    path: PathBuf,
    used: MediaUse,
    policy: UploadPolicy,
    on_progress: Box<dyn FnMut(u64, u64) + Send + 'a>,
}

impl<'a> Upload<'a> {
    /// Checks the file against the limits of this use on types, bytes and pixels, before anything is sent.
    pub fn used_as(mut self, used: MediaUse) -> Self {
        self.0.set(|setup| setup.used = used);
        self
    }

    /// Uploads by another policy.
    pub fn policy(mut self, policy: UploadPolicy) -> Self {
        self.0.set(|setup| setup.policy = policy);
        self
    }

    /// Calls `show` with the bytes so far and in all. An upload that breaks starts over, so the bytes so far may become fewer.
    pub fn on_progress(mut self, show: impl FnMut(u64, u64) + Send + 'a) -> Self {
        self.0.set(|setup| setup.on_progress = Box::new(show));
        self
    }
}

impl Future for Upload<'_> {
    type Output = Result<Uploaded, UploadError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll(context, |setup| {
            Box::pin(async move {
                let file = LocalFile::open(&setup.path).await?;
                setup
                    .used
                    .check(&file.about, Delivery::Uploaded)
                    .map_err(|fault| file.refused(InputProblem::Unfit(fault)))?;
                upload(&setup.context, file, &setup.policy, setup.on_progress).await
            })
        })
    }
}

impl fmt::Debug for Upload<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upload").finish_non_exhaustive()
    }
}

/// Uploads a file that has been checked.
pub(crate) async fn upload(
    context: &Context,
    file: LocalFile,
    policy: &UploadPolicy,
    show: impl FnMut(u64, u64),
) -> Result<Uploaded, UploadError> {
    let md5 = file.md5().await?;
    debug!(path = %file.path.display(), bytes = file.about.bytes, "upload");
    let mut transfer = Transfer { context, file, md5, policy, show };
    let place = transfer.store().await?;
    transfer.file.unchanged().await?;
    let Transfer { file, .. } = transfer;

    let mut action = CommitUploadRequest::new(place.session);
    action.sub_app_id = Some(context.sub_app_id);
    let mut lost = false;
    let committed = repeated(context, policy, || action.clone(), |error| lost |= no_answer(error)).await;
    let committed = committed.map_err(|error| UploadError::Commit { error, may_exist: lost })?;
    let file_id = committed.file_id.filter(|id| !id.is_empty()).ok_or(UploadError::NoFileId)?;
    info!(file_id, bytes = file.about.bytes, "uploaded");
    let url = committed.media_url.filter(|url| !url.is_empty());
    Ok(Uploaded { file_id, url, media_type: file.about.media_type, bytes: file.about.bytes, md5: hex::encode(md5) })
}

/// A file on its way to storage, over as many attempts as it takes.
struct Transfer<'a, Show> {
    context: &'a Context,
    file: LocalFile,
    md5: [u8; 16],
    policy: &'a UploadPolicy,
    show: Show,
}

impl<Show: FnMut(u64, u64)> Transfer<'_, Show> {
    /// Puts the file into storage, and returns where it is.
    async fn store(&mut self) -> Result<Place, UploadError> {
        let transport = &self.context.transport;
        let retry = &self.policy.retry;
        let start = transport.clock().now();
        let mut place = self.apply().await?;
        let (mut attempts, mut denied) = (0, false);
        loop {
            let Err(error) = self.attempt(&place).await else { return Ok(place) };
            // A file that was written to would fail each time, as one whose MD5 is another.
            self.file.unchanged().await?;
            attempts += 1;
            let elapsed = transport.clock().now().duration_since(start).unwrap_or_default();
            let wait = retry.wait(attempts, None, &**transport.random());
            // Keys that storage does not accept are exchanged once; that it accepts no others says something else.
            let hopeless = error.is_denial() && std::mem::replace(&mut denied, true);
            if hopeless || !error.is_passing() || attempts >= retry.attempts || elapsed + wait >= retry.total {
                return Err(error);
            }
            transport.clock().sleep(wait).await;
            if error.is_denial() || place.ends_before(seconds(transport.now()) + LEFT) {
                place = self.apply().await?;
            }
        }
    }

    async fn apply(&mut self) -> Result<Place, UploadError> {
        let mut action = ApplyUploadRequest::new(self.file.about.media_type.extension());
        action.sub_app_id = Some(self.context.sub_app_id);
        action.media_name = self.file.path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
        // A place that is never used is nothing, so one more may be asked for.
        let reply = repeated(self.context, self.policy, || action.clone(), |_| {}).await.map_err(UploadError::Apply)?;
        Place::of(reply, self.context.cos_endpoint.as_ref())
    }

    async fn attempt(&mut self, place: &Place) -> Result<(), UploadError> {
        let bytes = self.file.about.bytes;
        let (sender, pieces) = mpsc::channel(1);
        let headers = place.headers(&self.file, &self.md5, self.context.transport.now());
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let file = FileToStore {
            url: &place.url,
            headers: &headers,
            length: bytes,
            pieces,
            idle: self.policy.idle,
            loopback: self.context.cos_endpoint.as_ref().is_some_and(Endpoint::is_loopback),
        };
        let show = &mut self.show;
        let reply = pin!(self.context.http.store(file, |sent| show(sent, bytes)));
        // An answer that comes early ends the sending, and with it the connection that still waits for the rest.
        let reply = match select(reply, pin!(self.file.send(sender))).await {
            Either::Left((reply, _)) => reply,
            Either::Right(((), reply)) => reply.await,
        };
        judge(&reply.map_err(UploadError::Store)?, &hex::encode(self.md5))
    }
}

/// Whether storage has kept the file.
fn judge(reply: &RawReply, md5: &str) -> Result<(), UploadError> {
    if reply.status != 200 {
        let code = str::from_utf8(&reply.body).ok().and_then(|xml| xml.split_once("<Code>")?.1.split_once("</Code>"));
        let word = |code: &str| (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = code.map(|(code, _)| code.to_owned()).filter(|code| word(code));
        return Err(UploadError::Status { status: reply.status, code });
    }
    let etag = reply.header("etag").unwrap_or_default().trim_matches('"');
    // Storage has compared the MD5 itself; where it encrypts what it keeps, the ETag is no MD5 of ours.
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_md5 && !etag.eq_ignore_ascii_case(md5) {
        true => Err(UploadError::Checksum { found: etag.to_owned(), expected: md5.to_owned() }),
        false => Ok(()),
    }
}

/// Where a file may be put, with the keys to there.
struct Place {
    url: String,
    host: String,
    /// Not yet encoded for the URL.
    path: String,
    credential: Credential,
    /// When the keys end, in seconds since 1970-01-01 UTC.
    expires: u64,
    session: Secret,
}

impl Place {
    fn of(reply: ApplyUploadResponse, endpoint: Option<&Endpoint>) -> Result<Self, UploadError> {
        let keys = reply.temp_certificate.unwrap_or_default();
        let given = |name, value: Option<String>| value.filter(|it| !it.is_empty()).ok_or(UploadError::Reply(name));
        // They become parts of a host name, which must stay one of storage.
        let label = |name, value: Option<String>| {
            let is_label =
                |it: &String| it.len() <= 63 && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            given(name, value.filter(is_label))
        };
        let bucket = label("StorageBucket", reply.storage_bucket)?;
        let region = label("StorageRegion", reply.storage_region)?;
        let key = given("MediaStoragePath", reply.media_storage_path)?;
        let key = key.trim_start_matches('/');
        let session = reply.vod_session_key.filter(|session| !session.expose().is_empty());
        let session = session.ok_or(UploadError::Reply("VodSessionKey"))?;

        let secret_key = keys.secret_key.ok_or(UploadError::Reply("TempCertificate.SecretKey"))?;
        let credential = Credential::new(given("TempCertificate.SecretId", keys.secret_id)?, secret_key.expose());
        let credential = credential.map_err(|_| UploadError::Reply("TempCertificate"))?;
        let token = keys.token.as_ref().map(|token| token.expose()).filter(|token| !token.is_empty());
        let credential = match token {
            Some(token) => credential.with_token(token).map_err(|_| UploadError::Reply("TempCertificate.Token"))?,
            None => credential,
        };
        let expires = keys.expired_time.unwrap_or(u64::MAX);

        let (root, host, path) = match endpoint {
            Some(endpoint) => (endpoint.to_string(), endpoint.host().to_owned(), format!("/cos/{bucket}/{key}")),
            None => {
                let host = format!("{bucket}.cos.{region}.myqcloud.com");
                (format!("https://{host}"), host, format!("/{key}"))
            }
        };
        Ok(Self { url: root + &encoded(&path), host, path, credential, expires, session })
    }

    fn ends_before(&self, time: u64) -> bool {
        self.expires < time
    }

    /// All headers of the request, signed.
    fn headers(&self, file: &LocalFile, md5: &[u8; 16], now: SystemTime) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-length", file.about.bytes.to_string()),
            ("content-md5", STANDARD.encode(md5)),
            ("content-type", file.about.media_type.content_type().to_owned()),
            ("host", self.host.clone()),
        ];
        headers.extend(self.credential.token().map(|token| ("x-cos-security-token", token.to_owned())));
        let signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = CosRequest { method: "PUT", path: &self.path, headers: &signed };
        let now = seconds(now);
        // It is compared when the request begins, however long the body then takes.
        let valid = (now.saturating_sub(EARLIER), self.expires.min(now + 3600));
        let authorization = request.authorization(&self.credential, valid);
        headers.push(("authorization", authorization));
        headers
    }
}

/// A path with everything percent-encoded but slashes and the unreserved characters of RFC 3986.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Calls an action again while there is no answer of the service, or one that says to try again. Both actions of an upload
/// may be: the vendor's own upload packages repeat them with the same members.
async fn repeated<A: Action>(
    context: &Context,
    policy: &UploadPolicy,
    action: impl Fn() -> A,
    mut failed: impl FnMut(&Error),
) -> Result<A::Reply, Error> {
    let transport = &context.transport;
    let start = transport.clock().now();
    let mut attempts = 0;
    loop {
        let error = match context.transport.call(action()).await {
            Ok(reply) => return Ok(reply.value),
            Err(error) => error,
        };
        failed(&error);
        attempts += 1;
        let passing = no_answer(&error) || error.code().is_some_and(|code| code.facts().on_read == OnRead::Retry);
        let wait = policy.retry.wait(attempts, error.retry_after(), &**transport.random());
        let elapsed = transport.clock().now().duration_since(start).unwrap_or_default();
        if !passing || attempts >= policy.retry.attempts || elapsed + wait >= policy.retry.total {
            return Err(error);
        }
        transport.clock().sleep(wait).await;
    }
}

/// Whether the service's own answer is missing.
fn no_answer(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Send | ErrorKind::Reply)
}

/// Why a file has no file id.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum UploadError {
    /// The file cannot be read or used, or was written to meanwhile.
    Input(InputError),
    /// The service gave no place to upload to.
    Apply(Error),
    /// A member of the service's reply is missing or cannot be used.
    Reply(&'static str),
    /// Storage could not be reached, or must not be.
    Store(SendError),
    /// Storage answered with another status than one that keeps the file.
    Status {
        /// The status.
        status: u16,
        /// The code of storage.
        code: Option<String>,
    },
    /// Storage says that it has kept another file.
    Checksum {
        /// The MD5 of what it has kept, in hexadecimal.
        found: String,
        /// That of the file.
        expected: String,
    },
    /// The service took the commit and named no file id.
    NoFileId,
    /// The file is in storage, and was not committed.
    Commit {
        /// Why not.
        error: Error,
        /// Whether it may have been committed all the same, because an answer was lost.
        may_exist: bool,
    },
}

impl UploadError {
    /// A stable word for programs, for example `checksum`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Apply(_) => "apply",
            Self::Reply(_) => "reply",
            Self::Store(_) => "storage",
            Self::Status { .. } => "storage_status",
            Self::Checksum { .. } => "checksum",
            Self::NoFileId => "no_file_id",
            Self::Commit { .. } => "commit",
        }
    }

    /// What to do next, as one sentence without a full stop.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Input(error) => error.hint(),
            Self::NoFileId | Self::Commit { may_exist: true, .. } => Some("look for the file in the VOD console"),
            Self::Apply(error) | Self::Commit { error, .. } => error.hint(),
            Self::Store(error) if error.kind() == SendErrorKind::Refused => Some("check the endpoint"),
            Self::Reply(_) | Self::Store(_) | Self::Status { .. } | Self::Checksum { .. } => Some("upload it again"),
        }
    }

    /// Whether another attempt may go better.
    fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.kind() != SendErrorKind::Refused,
            Self::Status { status, code } => {
                let again = ["BadDigest", "InvalidDigest", "RequestTimeout", "RequestTimeOut", "IncompleteBody"];
                matches!(status, 408 | 429 | 500..)
                    || self.is_denial()
                    || code.as_deref().is_some_and(|it| again.contains(&it))
            }
            Self::Checksum { .. } => true,
            Self::Input(_) | Self::Apply(_) | Self::Reply(_) | Self::NoFileId | Self::Commit { .. } => false,
        }
    }

    /// Whether storage did not accept the keys, of which others may be had.
    fn is_denial(&self) -> bool {
        matches!(self, Self::Status { status: 401 | 403, .. })
    }
}

impl From<InputError> for UploadError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "{error}")?,
            Self::Apply(error) => write!(f, "{error}")?,
            Self::Reply(member) => write!(f, "the service's reply has no {member} that can be used")?,
            Self::Store(error) if error.kind() == SendErrorKind::Refused => {
                write!(f, "storage must not be written to: {error}")?;
            }
            Self::Store(error) => write!(f, "storage got no whole file: {error}")?,
            Self::Status { status, code } => {
                write!(f, "storage answered with HTTP status {status}")?;
                if let Some(code) = code {
                    write!(f, " and {code}")?;
                }
            }
            Self::Checksum { found, expected } => {
                write!(f, "storage has a file with MD5 {found} in place of {expected}")?;
            }
            Self::NoFileId => write!(f, "the service took the upload and named no file id")?,
            Self::Commit { error, .. } => write!(f, "{error}")?,
        }
        match self {
            Self::NoFileId | Self::Commit { may_exist: true, .. } => {
                write!(f, "; whether there is a file in VOD now, which costs storage, is unknown")
            }
            _ => write!(f, "; there is no file in VOD"),
        }
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input(error) => Some(error),
            Self::Apply(error) | Self::Commit { error, .. } => Some(error),
            Self::Store(error) => Some(error),
            Self::Reply(_) | Self::Status { .. } | Self::Checksum { .. } | Self::NoFileId => None,
        }
    }
}
