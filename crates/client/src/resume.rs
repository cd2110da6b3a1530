//! Finishing what an earlier process has left behind: every unfinished job of a store, at the same time.

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, debug_span};
use vod_aigc_core::{Action as _, AigcTask, CreateAigcVideoTaskRequest, Progress, PullUploadRequest, StartsTask};
use vod_aigc_store::{Billed, Cursor, JobFilter, JobRecord, JobStore, Row, StoreError};
use vod_aigc_transport::BoxFuture;

use crate::client::Client;
use crate::download::{DownloadError, Downloaded};
use crate::error::{SubmitError, WaitError};
use crate::finished::{Finished, Video};
use crate::policy::WaitPolicy;
use crate::result_file::ResultFile;
use crate::task::Task;
use crate::task_handle::TaskHandle;
use crate::wait::TaskEvent;

/// How many jobs are in flight at a time. Most of them only wait, and waits are polled together.
const IN_FLIGHT: usize = 1_000;
/// How many requests are in memory at a time: each can be 10 MB long.
const SUBMITS: usize = 16;
/// How many files are downloaded at a time.
const DOWNLOADS: usize = 4;
/// How many jobs are read at a time.
const PAGE: usize = 200;

/// Finishes every unfinished job of the client's store: see [`Client::resume_all`].
#[must_use = "nothing is resumed until it is awaited or streamed"]
pub struct ResumeAll<'a> {
    client: Client,
    filter: JobFilter,
    folder: Option<PathBuf>,
    wait: Option<WaitPolicy>,
    in_flight: usize,
    on_progress: OnProgress<'a>,
}

type OnProgress<'a> = Arc<dyn Fn(&TaskHandle, &Progress) + Send + Sync + 'a>;

/// What came of one job.
#[derive(Debug)]
#[non_exhaustive]
pub struct Resumed {
    /// The place of the job among those that were resumed, oldest first, from 0.
    pub index: usize,
    /// The job's idempotency key.
    pub key: String,
    /// The job as it was before; none where the store cannot read it.
    pub job: Option<JobRecord>,
    /// The result of the job, or why it failed.
    pub result: Result<ResumedTask, ResumeError>,
}

/// A job that is finished.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResumedTask {
    /// The task.
    pub task: TaskHandle,
    /// The files that it made.
    pub files: Vec<ResultFile>,
    /// The files that were downloaded; none where the job names no output and no folder was given.
    pub downloaded: Vec<Downloaded>,
    finished: Box<dyn Any + Send + Sync>,
}

impl ResumedTask {
    /// The result with its type; none where the task is of another kind.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{Finished, ResumedTask};
    /// # use vod_aigc_client::core::AigcVideoTask;
    /// # fn example(resumed: &ResumedTask) {
    /// let video: Option<&Finished<AigcVideoTask>> = resumed.finished();
    /// # }
    /// ```
    pub fn finished<K: AigcTask>(&self) -> Option<&Finished<K>> {
        self.finished.downcast_ref()
    }

    /// The video; none where the task made something else.
    pub fn video(&self) -> Option<&Video> {
        self.finished()
    }
}

/// Why a job could not be finished. `Display` says what happened, [`hint`](Self::hint) what to do next.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ResumeError {
    /// The job is sent to another server than the client's. Nothing was sent.
    OtherEndpoint(String),
    /// This build does not know the action. Nothing was sent.
    UnknownAction(String),
    /// The store cannot read the job. Nothing was sent.
    Unreadable(String),
    /// The submit gave no task.
    Submit(SubmitError),
    /// The task gave no result.
    Wait(WaitError),
    /// The result was not downloaded.
    Download {
        /// The task.
        task: Box<TaskHandle>,
        /// Why.
        error: DownloadError,
    },
}

impl ResumeError {
    /// A stable word for programs, for example `other_endpoint`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OtherEndpoint(_) => "other_endpoint",
            Self::UnknownAction(_) => "unknown_action",
            Self::Unreadable(_) => "unreadable_job",
            Self::Submit(error) => error.kind(),
            Self::Wait(error) => error.kind(),
            Self::Download { error, .. } => error.kind(),
        }
    }

    /// What to do next, as one sentence without a full stop; none where the message says all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherEndpoint(_) => Some("resume the job with a client of its endpoint"),
            Self::UnknownAction(_) => Some("enable the feature of the action's area"),
            Self::Unreadable(_) => Some("use the release that wrote the job"),
            Self::Submit(error) => error.hint(),
            Self::Wait(error) => error.hint(),
            Self::Download { error, .. } => error.hint(),
        }
    }

    /// Whether the job was billed, as far as this error says. The job's record may know more.
    pub fn billed(&self) -> Billed {
        match self {
            Self::OtherEndpoint(_) | Self::UnknownAction(_) | Self::Unreadable(_) => Billed::Unknown,
            Self::Submit(error) => error.billed(),
            Self::Wait(error) => error.billed(),
            Self::Download { .. } => Billed::Yes,
        }
    }
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherEndpoint(endpoint) => write!(f, "the job belongs to {endpoint}"),
            Self::UnknownAction(action) => write!(f, "this build does not know the action {action}"),
            Self::Unreadable(reason) => write!(f, "the job cannot be read: {reason}"),
            Self::Submit(error) => error.fmt(f),
            Self::Wait(error) => error.fmt(f),
            Self::Download { task, error } => {
                write!(f, "the result of task {} was not downloaded: {error}; it is billed", task.task_id)
            }
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OtherEndpoint(_) | Self::UnknownAction(_) | Self::Unreadable(_) => None,
            Self::Submit(error) => Some(error),
            Self::Wait(error) => Some(error),
            Self::Download { error, .. } => Some(error),
        }
    }
}

impl<'a> ResumeAll<'a> {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            filter: JobFilter::unfinished(),
            folder: None,
            wait: None,
            in_flight: IN_FLIGHT,
            on_progress: Arc::new(|_, _| {}),
        }
    }

    /// Only the jobs that this filter selects. Those that have ended are left out in any case.
    pub fn filter(mut self, filter: JobFilter) -> Self {
        self.filter = filter;
        self.filter.unfinished = true;
        self
    }

    /// Downloads the results of jobs that name no output into this folder, each named after its task. They are not downloaded
    /// otherwise.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Waits for each task by this policy, and not by the client's.
    pub fn wait_policy(mut self, policy: WaitPolicy) -> Self {
        self.wait = Some(policy);
        self
    }

    /// So many jobs in flight at a time, at least one. 1,000 where it is not set: waits are polled together and cost little.
    pub fn in_flight(mut self, jobs: usize) -> Self {
        self.in_flight = jobs.max(1);
        self
    }

    /// Calls `show` with what the polls say of each task.
    pub fn on_progress(mut self, show: impl Fn(&TaskHandle, &Progress) + Send + Sync + 'a) -> Self {
        self.on_progress = Arc::new(show);
        self
    }

    /// What came of each job, as soon as it is known. Dropping the stream leaves the other jobs as they are.
    ///
    /// # Errors
    /// When the store cannot be read. Jobs that were read before go on.
    pub fn stream(self) -> impl Stream<Item = Result<Resumed, StoreError>> + Send + 'a {
        let in_flight = self.in_flight;
        let store = self.client.store().cloned();
        let work = Arc::new(Work {
            endpoint: self.client.transport().endpoint().map(ToString::to_string).unwrap_or_default(),
            client: self.client,
            folder: self.folder,
            wait: self.wait,
            on_progress: self.on_progress,
            submits: Semaphore::new(SUBMITS),
            downloads: Semaphore::new(DOWNLOADS),
        });
        let rows = store.map(|store| rows(store, self.filter));
        let jobs = stream::iter(rows).flatten().enumerate().map(move |(index, row)| {
            let work = work.clone();
            async move {
                match row? {
                    Row::Job(job) => {
                        let result = work.resume(&job).await;
                        Ok(Resumed { index, key: job.key.clone(), job: Some(job), result })
                    }
                    Row::Unreadable(row) => {
                        let result = Err(ResumeError::Unreadable(row.reason));
                        Ok(Resumed { index, key: row.key, job: None, result })
                    }
                }
            }
        });
        jobs.buffer_unordered(in_flight)
    }
}

impl<'a> IntoFuture for ResumeAll<'a> {
    type Output = Result<Vec<Resumed>, StoreError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.stream().try_collect())
    }
}

impl fmt::Debug for ResumeAll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ResumeAll");
        shown.field("filter", &self.filter).field("folder", &self.folder).field("in_flight", &self.in_flight);
        shown.finish_non_exhaustive()
    }
}

/// The rows that a filter selects, page by page.
fn rows(store: Arc<dyn JobStore>, filter: JobFilter) -> impl Stream<Item = Result<Row, StoreError>> + Send {
    type Place = Option<Option<Cursor>>;
    let start: Place = Some(None);
    let pages = stream::try_unfold(start, move |place| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let Some(after) = place else { return Ok(None) };
            let page = store.page(&filter, after, PAGE).await?;
            Ok(Some((stream::iter(page.rows.into_iter().map(Ok)), page.next.map(Some))))
        }
    });
    pages.try_flatten()
}

/// What every job in flight shares.
struct Work<'a> {
    client: Client,
    endpoint: String,
    folder: Option<PathBuf>,
    wait: Option<WaitPolicy>,
    on_progress: OnProgress<'a>,
    submits: Semaphore,
    downloads: Semaphore,
}

impl Work<'_> {
    async fn resume(&self, job: &JobRecord) -> Result<ResumedTask, ResumeError> {
        if job.endpoint != self.endpoint {
            return Err(ResumeError::OtherEndpoint(job.endpoint.clone()));
        }
        self.dispatch(job).instrument(debug_span!("resume", key = job.key)).await
    }

    async fn resume_as<R: StartsTask>(&self, job: &JobRecord) -> Result<ResumedTask, ResumeError> {
        let task = self.submit::<R>(job).await.map_err(ResumeError::Submit)?;
        let mut wait = task.wait().on_event(|event| {
            if let TaskEvent::Progress(progress) = event {
                (self.on_progress)(task.handle(), progress);
            }
        });
        if let Some(policy) = self.wait {
            wait = wait.policy(policy);
        }
        let finished = wait.await.map_err(ResumeError::Wait)?;
        let downloaded = self
            .download(job, &finished)
            .await
            .map_err(|error| ResumeError::Download { task: Box::new(task.handle().clone()), error })?;
        Ok(ResumedTask {
            task: task.handle().clone(),
            files: finished.files().to_vec(),
            downloaded,
            finished: Box::new(finished),
        })
    }

    /// The job's task. Only a job without one needs its request, which the pages of a store leave out.
    async fn submit<R: StartsTask>(&self, job: &JobRecord) -> Result<Task<R::Task>, SubmitError> {
        if job.state.task_id().is_some() && job.claimed_task.is_none() {
            return self.client.resume_job_as::<R>(job.clone()).await;
        }
        let _permit = self.submits.acquire().await;
        let store = self.client.store().expect("the job comes from the store");
        let loaded = store.load(&job.key).await.map_err(|error| SubmitError::store(error, job))?;
        self.client.resume_job_as::<R>(loaded.unwrap_or_else(|| job.clone())).await
    }

    async fn download<K: AigcTask>(
        &self,
        job: &JobRecord,
        finished: &Finished<K>,
    ) -> Result<Vec<Downloaded>, DownloadError> {
        let _permit = self.downloads.acquire().await;
        let has_file = finished.files().iter().any(|file| file.url().is_some());
        match (&job.output, &self.folder) {
            (Some(path), _) => finished.download(path).await.map(|downloaded| vec![downloaded]),
            (None, Some(folder)) if has_file => finished.download_all(Path::new(folder)).await,
            (None, _) => Ok(Vec::new()),
        }
    }
}

/// Leads from the action of a job to the type of its request.
macro_rules! requests {
    ($($(#[$feature:meta])? $request:path),* $(,)?) => {
        impl Work<'_> {
            fn dispatch<'a>(&'a self, job: &'a JobRecord) -> BoxFuture<'a, Result<ResumedTask, ResumeError>> {
                $(
                    $(#[$feature])?
                    if job.action == <$request>::NAME {
                        return Box::pin(self.resume_as::<$request>(job));
                    }
                )*
                Box::pin(std::future::ready(Err(ResumeError::UnknownAction(job.action.clone()))))
            }
        }

        #[cfg(all(test, feature = "full"))]
        const RESUMABLE: &[&str] = &[$($(#[$feature])? <$request>::NAME),*];
    };
}

requests!(
    CreateAigcVideoTaskRequest,
    PullUploadRequest,
    #[cfg(feature = "audio")]
    vod_aigc_core::CreateAigcAudioCloneRequest,
    #[cfg(feature = "audio")]
    vod_aigc_core::CreateAigcAudioTaskRequest,
    #[cfg(feature = "elements")]
    vod_aigc_core::CreateAigcAdvancedCustomElementRequest,
    #[cfg(feature = "elements")]
    vod_aigc_core::CreateAigcCustomVoiceRequest,
    #[cfg(feature = "elements")]
    vod_aigc_core::CreateAigcSubjectRequest,
    #[cfg(feature = "face")]
    vod_aigc_core::DescribeAigcFaceInfoAsyncRequest,
    #[cfg(feature = "hunyuan-3d")]
    vod_aigc_core::CreateAigcHunyuan3DTaskRequest,
    #[cfg(feature = "image")]
    vod_aigc_core::CreateAigcImageTaskRequest,
    #[cfg(feature = "redraw")]
    vod_aigc_core::CreateAigcVideoRedrawTaskRequest,
    #[cfg(feature = "scene")]
    vod_aigc_core::CreateSceneAigcImageTaskRequest,
    #[cfg(feature = "scene")]
    vod_aigc_core::CreateSceneAigcVideoTaskRequest,
);

#[cfg(all(test, feature = "full"))]
mod tests {
    use super::*;

    #[test]
    fn the_job_of_every_action_that_starts_a_task_can_be_resumed() {
        let starting = vod_aigc_core::ACTIONS.iter().filter(|action| action.task.is_some());
        let mut missing = starting.map(|action| action.name).filter(|name| !RESUMABLE.contains(name)).peekable();
        assert!(missing.peek().is_none(), "{:?}", missing.collect::<Vec<_>>());
    }
}
