//! The jobs of the store: `vod-aigc task list`, `task forget`, `task prune` and `vod-aigc resume`.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use vod_aigc_client::store::{ForgetError, Row, StateKind};
use vod_aigc_client::transport::{Billed, Clock as _, SystemClock};
use vod_aigc_client::{
    Client, JobFilter, JobRecord, JobState, JobStore, Progress, ResumeError, Resumed, TaskHandle, forget_job,
};

use crate::failure::Failure;
use crate::progress::{ProgressDisplay, say};
use crate::settings::Connection;
use crate::task::{Output, Submit, Wait, document_of};
use crate::{Interruption, print, print_json};

/// How many jobs are read at a time.
const PAGE: usize = 1_000;

/// List the jobs of the store. Nothing is sent.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only jobs of this state; may be repeated
    #[arg(long, value_name = "STATE")]
    state: Vec<StateKind>,
    /// Only jobs with this label
    #[arg(long)]
    label: Option<String>,
    /// Only jobs of this model, for example Kling:2.1
    #[arg(long)]
    model: Option<String>,
    /// Only so many jobs, the latest; all where it is 0
    #[arg(long, default_value_t = PAGE, value_name = "NUMBER")]
    limit: usize,
}

impl List {
    pub(crate) async fn run(&self, connection: &Connection, json: bool) -> Result<(), Failure> {
        let store = connection.store().await?;
        let mut filter = JobFilter::all();
        (filter.label, filter.model) = (self.label.clone(), self.model.clone());
        filter = self.state.iter().copied().fold(filter, JobFilter::state);
        if self.limit == 0 {
            return print_all(&*store, &filter, json).await;
        }
        let page = store.page(&filter.newest_first(), None, self.limit).await?;
        if page.next.is_some() {
            say(format_args!("the latest {} jobs; --limit 0 lists all", page.rows.len()));
        }
        // Oldest first.
        let rows = page.rows.iter().rev();
        match json {
            true => print_json(&rows.map(row_document).collect::<Vec<_>>()),
            false => rows.map(row_line).try_for_each(print),
        }
    }
}

/// Prints every job that the filter selects, one page after the other.
async fn print_all(store: &dyn JobStore, filter: &JobFilter, json: bool) -> Result<(), Failure> {
    let (mut after, mut separator) = (None, "[");
    loop {
        let page = store.page(filter, after, PAGE).await?;
        for row in &page.rows {
            match json {
                true => print(format_args!("{separator}{}", row_document(row)))?,
                false => print(row_line(row))?,
            }
            separator = ",";
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    match json {
        true => print(if separator == "[" { "[]" } else { "]" }),
        false => Ok(()),
    }
}

fn row_line(row: &Row) -> String {
    let (task_id, model, state) = match row {
        Row::Job(job) => (job.state.task_id(), job.model.as_str(), job.state.to_string()),
        Row::Unreadable(job) => (job.task_id.as_deref(), "-", format!("unreadable: {}", job.reason)),
    };
    format!("{}  {}  {model}  {state}", row.key().escape_debug(), task_id.unwrap_or("-"))
}

fn row_document(row: &Row) -> Value {
    match row {
        Row::Job(job) => describe(job),
        Row::Unreadable(job) => json!({
            "key": job.key,
            "state": "unreadable",
            "description": format!("unreadable: {}", job.reason),
            "billed": Billed::Unknown.as_str(),
            "task_id": job.task_id,
        }),
    }
}

/// Delete the jobs that ended long ago.
#[derive(Debug, clap::Args)]
pub(crate) struct Prune {
    /// Only jobs that ended so long ago
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Duration,
}

impl Prune {
    pub(crate) async fn run(&self, connection: &Connection, json: bool) -> Result<(), Failure> {
        let store = connection.store().await?;
        let deleted = store.prune(now().saturating_sub(self.older_than.as_secs())).await?;
        match json {
            true => print_json(&json!({ "deleted": deleted })),
            false => print(format_args!("{deleted} jobs deleted")),
        }
    }
}

/// Gives a job up, and prints what was known of it. Nothing is sent.
pub(crate) async fn forget(connection: &Connection, key: &str, json: bool) -> Result<(), Failure> {
    let store = connection.store().await?;
    let job = forget_job(&*store, key, now()).await.map_err(|error| match error {
        ForgetError::Store(error) => error.into(),
        error => Failure::usage(format!("job {}: {error}", key.escape_debug())).with_key(Some(key)),
    })?;
    if json {
        let mut document = describe(&job);
        document["forgotten"] = true.into();
        return print_json(&document);
    }
    let said = match job.state.billed() {
        Billed::No => "it was not billed",
        Billed::Yes => "it was billed, and its task is not stopped",
        Billed::Unknown => "whether it was billed is not known",
    };
    print(format_args!(
        "job {} is forgotten; it was {}; {said}; the same command with the same key makes a new job, which is billed",
        key.escape_debug(),
        job.state
    ))
}

/// What names the task of a job, once one was started. Its age is left out, so that it is polled at once.
pub(crate) fn handle_of(job: &JobRecord) -> Option<TaskHandle> {
    let mut handle = TaskHandle::of_job(job)?;
    handle.submitted_at = None;
    Some(handle)
}

/// Finish every job that a crash, an interruption or an outage has left behind: submits, waits and downloads.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    submit: Submit,
    #[command(flatten)]
    wait: Wait,
}

impl Resume {
    /// Works on all jobs at the same time, and says at the end what came of each.
    pub(crate) async fn run(
        self,
        connection: &Connection,
        json: bool,
        interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        // Without the store nothing is known of the jobs that it holds.
        let store = connection.store().await.map_err(Failure::unresolved)?;
        let client = match connection.client() {
            Ok(client) => client.store(store.clone()).submit_policy(self.submit.policy()).build(),
            Err(failure) => return Err(of_unfinished(failure, &*store).await),
        };
        let mut ended = Ended::default();
        let display = Mutex::new(ProgressDisplay::new());
        let show = move |task: &TaskHandle, progress: &Progress| {
            let mut display = display.lock().unwrap_or_else(PoisonError::into_inner);
            display.line(format!("task {}: {progress}", task.task_id));
        };
        let jobs = client.resume_all().wait_policy(self.wait.policy()).folder(".").on_progress(show).stream();
        let is_interrupted = {
            let mut jobs = pin!(jobs.take_until(interruption));
            while let Some(resumed) = jobs.next().await {
                ended.add(resumed.map_err(|error| Failure::from(error).unresolved())?);
            }
            jobs.is_stopped()
        };
        if is_interrupted {
            ended.add_interrupted(&*store, &client).await?;
        }
        ended.report(&*store, json).await
    }
}

/// What came of the jobs that have ended.
#[derive(Default)]
struct Ended {
    /// A document for each job, with its place in the order of the store and its key.
    documents: Vec<((usize, String), Value)>,
    gravest: Option<Failure>,
}

impl Ended {
    fn add(&mut self, resumed: Resumed) {
        let Resumed { index, key, job, result, .. } = resumed;
        let output = Output::to(job.as_ref().and_then(|job| job.output.clone()));
        let place = (index, key);
        match result {
            Ok(done) => {
                let path = done.downloaded.first().map(|file| file.path.as_path());
                let mut document = document_of(&done.task, "succeeded", done.video().map(|video| (video, path)));
                let files = done.downloaded.iter().map(|file| file.path.display().to_string());
                document["files"] = files.collect::<Vec<_>>().into();
                self.documents.push((place, document));
            }
            Err(ResumeError::OtherEndpoint(endpoint)) => {
                say(format_args!("job {} belongs to {endpoint}; resume it with --endpoint", place.1.escape_debug()));
            }
            Err(error) => {
                let failure = match (&error, &job) {
                    (ResumeError::Wait(wait), _) => {
                        let task = wait.task().clone();
                        Failure::from(error).of_task(&task, &output)
                    }
                    (ResumeError::Download { task, .. }, _) => {
                        let task = task.clone();
                        Failure::from(error).of_task(&task, &output)
                    }
                    (_, Some(job)) => Failure::from(error).of_job(job, &output),
                    (_, None) => Failure::from(error),
                };
                self.fail(place, failure);
            }
        }
    }

    fn fail(&mut self, place: (usize, String), failure: Failure) {
        say(format_args!("job {}: {}", place.1.escape_debug(), failure.message()));
        let document = failure.document(&place.1);
        self.documents.push((place, document));
        if self.gravest.as_ref().is_none_or(|gravest| gravest.gravity() < failure.gravity()) {
            self.gravest = Some(failure);
        }
    }

    /// The jobs that were in flight when a person stopped the command.
    async fn add_interrupted(&mut self, store: &dyn JobStore, client: &Client) -> Result<(), Failure> {
        let known: HashSet<String> = self.documents.iter().map(|((_, key), _)| key.clone()).collect();
        let endpoint = client.transport().endpoint().map(ToString::to_string).unwrap_or_default();
        let (filter, mut after) = (JobFilter::unfinished().endpoint(endpoint), None);
        loop {
            let page = store.page(&filter, after, PAGE).await.map_err(|error| Failure::from(error).unresolved())?;
            for job in page.jobs().filter(|job| !known.contains(&job.key)) {
                let failure = match job.state.task_id() {
                    Some(_) => Failure::interrupted(),
                    None => Failure::interrupted_submit(job.session_id()),
                };
                let failure = failure.of_job(job, &Output::to(job.output.clone()));
                self.fail((usize::MAX, job.key.clone()), failure);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Prints what came of each job, in the order of the store.
    async fn report(mut self, store: &dyn JobStore, json: bool) -> Result<(), Failure> {
        self.documents.sort_by_key(|((index, _), _)| *index);
        let documents = || self.documents.iter().map(|(_, document)| document);
        let printed = match json {
            true => print_json(&documents().collect::<Vec<_>>()),
            false => {
                let files = documents().filter_map(|document| document["files"].as_array()).flatten();
                files.filter_map(Value::as_str).try_for_each(print)
            }
        };
        match (self.gravest, printed) {
            (Some(failure), _) => Err(failure.already_described()),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => {
                let mut jobs = Vec::new();
                for ((_, key), _) in &self.documents {
                    jobs.extend(store.load(key).await.ok().flatten());
                }
                Err(failure.of_jobs(&jobs))
            }
        }
    }
}

/// The failure of a command that could not go on with the unfinished jobs of the store.
async fn of_unfinished(failure: Failure, store: &dyn JobStore) -> Failure {
    let with_unknown_bill = JobFilter::all().state(StateKind::Sending).state(StateKind::Unresolved);
    for filter in [with_unknown_bill, JobFilter::unfinished()] {
        match store.page(&filter, None, 1).await {
            Ok(page) if page.jobs().next().is_none() => {}
            Ok(page) => return failure.of_jobs(&page.jobs().cloned().collect::<Vec<_>>()),
            Err(_) => return failure.unresolved(),
        }
    }
    failure
}

fn describe(job: &JobRecord) -> Value {
    let (state, path) = match &job.state {
        JobState::Downloaded { path, .. } => ("downloaded", Some(path)),
        // The word of the first releases.
        JobState::Sending => ("unknown", None),
        state => (state.kind().as_str(), None),
    };
    json!({
        "key": job.key,
        "state": state,
        "description": job.state.to_string(),
        "billed": job.state.billed().as_str(),
        "task_id": job.state.task_id(),
        "session_id": job.session_id(),
        "request_id": job.request_id,
        "model": job.model,
        "label": job.label,
        "sub_app_id": job.sub_app_id,
        "endpoint": job.endpoint,
        "created": job.created,
        "first_sent": job.first_sent,
        "output": path.or(job.output.as_ref()),
    })
}

fn now() -> u64 {
    SystemClock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
