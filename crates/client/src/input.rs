//! Local files as inputs of a request: inside it where they fit, uploaded where they do not.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use vod_aigc_core::{
    Delivery, FileCategory, MAX_BASE64_BYTES, MAX_REQUEST_BYTES, Media, MediaFault, MediaUse, RequestError,
    VideoRequest, VideoRequestBuilder,
};

use crate::client::Client;
use crate::context::Context;
use crate::deferred::Deferred;
use crate::local_file::{InputError, InputProblem, LocalFile};
use crate::upload::{UploadError, UploadPolicy, Uploaded, upload};

/// What a request holds beside what is known of it here: its SessionId, and for each file the names around it.
const FRAME: usize = 4096;

/// The files that a video is made from, each by its path or its URL, in their order.
///
/// What begins with `https://` or `http://` is a URL and goes out as it is. A path is a local file: JPEG, PNG, WebP, MP4,
/// MOV, WAV or MP3, detected by its content. It travels inside the request where all of them fit, at most
/// [`MAX_BASE64_BYTES`] together; those that do not fit, and sounds, are uploaded first, the largest ones.
#[derive(Debug, Clone, Default)]
#[must_use = "inputs do nothing until they are attached to a request"]
pub struct Inputs {
    entries: Vec<(Role, PathBuf)>,
    upload_always: bool,
    policy: UploadPolicy,
}

impl Inputs {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An image to make the video from, its role left to the service: the first frame.
    pub fn image(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::Image, file)
    }

    /// The first frame, with its role spelled out.
    pub fn first_frame(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::FirstFrame, file)
    }

    /// The last frame. Needs a first image.
    pub fn last_frame(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::LastFrame, file)
    }

    /// A file to take subjects, style or motion from. A local file may also be a video or a sound; a URL is an image's.
    pub fn reference(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::Reference, file)
    }

    /// A video to take subjects, style or motion from, or to edit.
    pub fn video(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::Video, file)
    }

    /// A sound to work with.
    pub fn sound(self, file: impl AsRef<Path>) -> Self {
        self.with(Role::Sound, file)
    }

    /// Uploads every local file, also one that would fit into the request.
    pub fn upload_always(mut self, always: bool) -> Self {
        self.upload_always = always;
        self
    }

    /// How patiently files are uploaded.
    pub fn upload_policy(mut self, policy: UploadPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The request with its files inside. Nothing is sent.
    ///
    /// # Errors
    /// As [`Client::attach`], and where a file would have to be uploaded.
    pub async fn embed(self, builder: VideoRequestBuilder) -> Result<VideoRequest, AttachError> {
        self.attach(builder, None, |_, _, _| {}).await
    }

    async fn attach(
        self,
        builder: VideoRequestBuilder,
        context: Option<&Context>,
        mut show: impl FnMut(&Path, u64, u64) + Send,
    ) -> Result<VideoRequest, AttachError> {
        let plan = self.plan(&builder).await?;
        // What the table refuses is refused before anything is read whole or uploaded.
        let probe = plan.iter().fold(builder.clone(), |builder, (role, source)| match source {
            Source::Url(url) => role.add(builder, Media::url(url)),
            Source::Embed(_) | Source::Upload(_) => role.add(builder, Media::file_id("0")),
        });
        probe.build().map_err(AttachError::Refused)?;

        let mut built = builder;
        for (role, source) in plan {
            let media = match (source, context) {
                (Source::Url(url), _) => Media::url(url),
                (Source::Embed(file), _) => file.embed().await?,
                (Source::Upload(file), None) => return Err(file.refused(InputProblem::DoesNotFit).into()),
                (Source::Upload(file), Some(context)) => {
                    let path = file.path.clone();
                    let uploaded = upload(context, file, &self.policy, |sent, all| show(&path, sent, all)).await;
                    uploaded.map_err(|error| AttachError::Upload { path, error })?.into()
                }
            };
            built = role.add(built, media);
        }
        built.build().map_err(AttachError::Refused)
    }

    /// Opens and checks every file, and decides which way it goes.
    async fn plan(&self, builder: &VideoRequestBuilder) -> Result<Vec<(Role, Source)>, AttachError> {
        let mut plan = Vec::new();
        // Those that could travel inside, by place in the plan, with why they could not be uploaded.
        let mut fitting: Vec<(usize, u64, Option<MediaFault>)> = Vec::new();
        for (role, place) in &self.entries {
            if let Some(url) = place.to_str().filter(|it| it.starts_with("https://") || it.starts_with("http://")) {
                plan.push((*role, Source::Url(url.to_owned())));
                continue;
            }
            let file = LocalFile::open(place).await?;
            let role = role.of(&file.about.media_type.category());
            let stored = role.media_use().check(&file.about, Delivery::Uploaded);
            let embedded = role.media_use().check(&file.about, Delivery::Inline);
            match (embedded, stored) {
                (Ok(()), stored) if !self.upload_always => {
                    fitting.push((plan.len(), file.about.bytes, stored.err()));
                }
                (_, Err(fault)) => return Err(file.refused(InputProblem::Unfit(fault)).into()),
                (_, Ok(())) => {}
            }
            plan.push((role, Source::Upload(file)));
        }
        // First those that have no other way, then the smallest, so that as few as possible are uploaded.
        fitting.sort_by_key(|(_, bytes, fault)| (fault.is_none(), *bytes));
        let mut room = Room::beside(builder);
        for (index, bytes, fault) in fitting {
            let (_, source) = &mut plan[index];
            if room.take(bytes) {
                if let Source::Upload(file) = source {
                    *source = Source::Embed(file.clone());
                }
            } else if let (Source::Upload(file), Some(fault)) = (source, fault) {
                return Err(file.refused(InputProblem::Unfit(fault)).into());
            }
        }
        Ok(plan)
    }

    fn with(mut self, role: Role, file: impl AsRef<Path>) -> Self {
        self.entries.push((role, file.as_ref().to_owned()));
        self
    }
}

impl Client {
    /// Finishes a request with its local files: those that fit travel inside it, the others are uploaded and used by their
    /// file ids. The files and the request are checked before anything is sent.
    ///
    /// An uploaded file stays in VOD and costs storage until it is deleted. What a [`Job`](crate::Job) is known by is what
    /// its files hold and not their ids, so the same key with the same files is the same job although they were uploaded
    /// twice.
    ///
    /// # Errors
    /// A file that cannot be an input, every rule that the request breaks, or an upload that failed. No task was started.
    pub fn attach(&self, builder: VideoRequestBuilder, inputs: Inputs) -> Attach<'static> {
        let context = self.context().clone();
        Attach(Deferred::New(Setup { context, builder, inputs, on_progress: Box::new(|_, _, _| {}) }))
    }
}

/// A request that is finished with its local files when it is awaited: see [`Client::attach`].
#[must_use = "nothing is attached until it is awaited"]
pub struct Attach<'a>(Deferred<'a, Setup<'a>, Result<VideoRequest, AttachError>>);

struct Setup<'a> {
    context: Arc<Context>,
    builder: VideoRequestBuilder,
    inputs: Inputs,
    on_progress: OnProgress<'a>,
}

type OnProgress<'a> = Box<dyn FnMut(&Path, u64, u64) + Send + 'a>;

impl<'a> Attach<'a> {
    /// Calls `show` for each file that is uploaded with its path, the bytes so far and in all. An upload that breaks starts over,
    /// so the bytes so far may become fewer.
    pub fn on_progress(mut self, show: impl FnMut(&Path, u64, u64) + Send + 'a) -> Self {
        self.0.set(|setup| setup.on_progress = Box::new(show));
        self
    }
}

impl Future for Attach<'_> {
    type Output = Result<VideoRequest, AttachError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll(context, |Setup { context, builder, inputs, on_progress }| {
            Box::pin(async move { inputs.attach(builder, Some(&*context), on_progress).await })
        })
    }
}

impl fmt::Debug for Attach<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Attach").finish_non_exhaustive()
    }
}

/// What a file is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Image,
    FirstFrame,
    LastFrame,
    Reference,
    Video,
    Sound,
}

impl Role {
    /// The role of a local file, whose content is known.
    fn of(self, category: &FileCategory) -> Self {
        match (self, category) {
            (Self::Reference, FileCategory::Video) => Self::Video,
            (Self::Reference, FileCategory::Audio) => Self::Sound,
            _ => self,
        }
    }

    fn media_use(self) -> MediaUse {
        match self {
            Self::Image | Self::FirstFrame | Self::Reference => MediaUse::Image,
            Self::LastFrame => MediaUse::LastFrame,
            Self::Video => MediaUse::Video,
            Self::Sound => MediaUse::Sound,
        }
    }

    fn add(self, builder: VideoRequestBuilder, media: Media) -> VideoRequestBuilder {
        match self {
            Self::Image => builder.image(media),
            Self::FirstFrame => builder.first_frame(media),
            Self::LastFrame => builder.last_frame(media),
            Self::Reference => builder.reference(media),
            Self::Video => builder.video(media),
            Self::Sound => builder.sound(media),
        }
    }
}

/// Where an input comes from.
enum Source {
    Url(String),
    Embed(LocalFile),
    Upload(LocalFile),
}

/// How much a request still takes.
struct Room {
    /// Of files, before they are encoded.
    files: u64,
    /// Of everything.
    request: u64,
}

impl Room {
    fn beside(builder: &VideoRequestBuilder) -> Self {
        let request = builder.request();
        let length = serde_json::to_string(request).map_or(usize::MAX, |body| body.len().saturating_add(FRAME));
        Self {
            files: MAX_BASE64_BYTES.saturating_sub(request.embedded_bytes()) as u64,
            request: MAX_REQUEST_BYTES.saturating_sub(length) as u64,
        }
    }

    /// Takes room for a file of so many bytes, if there is.
    fn take(&mut self, bytes: u64) -> bool {
        let encoded = bytes.div_ceil(3).saturating_mul(4).saturating_add(FRAME as u64);
        let fits = bytes <= self.files && encoded <= self.request;
        if fits {
            self.files -= bytes;
            self.request -= encoded;
        }
        fits
    }
}

impl From<Uploaded> for Media {
    fn from(uploaded: Uploaded) -> Self {
        Self::from(&uploaded)
    }
}

impl From<&Uploaded> for Media {
    fn from(uploaded: &Uploaded) -> Self {
        Self::uploaded(&uploaded.file_id, format!("md5:{}:{}", uploaded.md5, uploaded.bytes))
    }
}

/// Why a request was not finished with its files. No task was started.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AttachError {
    /// A file cannot be an input. Nothing of it was sent.
    Input(InputError),
    /// The request breaks rules or limits. Nothing was sent, unless this is found only after an upload.
    Refused(RequestError),
    /// A file was not uploaded.
    Upload {
        /// The file.
        path: PathBuf,
        /// Why.
        error: UploadError,
    },
}

impl AttachError {
    /// A stable word for programs, for example `upload`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Refused(_) => "invalid_request",
            Self::Upload { .. } => "upload",
        }
    }

    /// What to do next, as one sentence without a full stop; none where the message says all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Refused(_) => None,
            Self::Upload { error, .. } => error.hint(),
        }
    }
}

impl From<InputError> for AttachError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "{error}; nothing was billed"),
            Self::Refused(error) => write!(f, "{error}; nothing was billed"),
            Self::Upload { path, error } => {
                write!(f, "{} was not uploaded: {error}; no video was billed", path.display())
            }
        }
    }
}

impl std::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Input(error) => error,
            Self::Refused(error) => error,
            Self::Upload { error, .. } => error,
        })
    }
}
