//! The submit protocol: a job is billed once, whatever is lost on the way.
//!
//! | what is known | what is done |
//! |---|---|
//! | nothing was sent, or every send is known to have started nothing | write `Sending` down, then send |
//! | a send whose outcome is unknown, also after a crash | look for its task, then send the same bytes with the same id |
//! | the service says that it knows the id | look for its task; never send again |
//! | the task is not found in time | hold the job and say so; never a new id on a timer |
//! | the action takes no id, and the outcome of a send is unknown | hold the job at once: there is nothing to look by |
//!
//! A new `SessionId` is taken in one case only: the service says that it knows the id, every send under it is known to have
//! been refused, and nobody else can have used it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use vod_aigc_core::{
    Action as _, DescribeTasksRequest, Effect, ErrorClass, OnCreate, SortBy, SortOrder, TaskSimpleInfo, TimeRange,
};
use vod_aigc_transport::{Call, Error, Sent};

use crate::client::iso;
use crate::job::{is_request, with_session_id};
use crate::journal::{JobRecord, JobState, JournalError};
use crate::{Client, SubmitError, TaskHandle};

/// How patiently a submit goes about what the service refuses for now or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitPolicy {
    /// How often a request is sent again after an unknown outcome, each time after a look for its task.
    pub resends: u32,
    /// How often it is sent again while the service refuses it for its frequency or for want of capacity, and at most
    /// twice of these while nothing of it can leave.
    pub refusals: u32,
    /// The first wait between two steps; each further one is twice as long, up to a minute.
    pub first_wait: Duration,
    /// How long a task is looked for, after the last send, before the job is held.
    pub look_for: Duration,
}

impl SubmitPolicy {
    const LONGEST_WAIT: Duration = Duration::from_secs(60);
    /// How often at the most a server is tried again that cannot be reached.
    const UNREACHABLE: u32 = 2;
    /// The service knows an id for 72 h; after this no send is safe any more.
    const SAFE: Duration = Duration::from_secs(71 * 3600);
    /// The service lists the tasks of three days.
    const LISTED: Duration = Duration::from_secs(72 * 3600);

    fn wait(&self, step: u32) -> Duration {
        self.first_wait.saturating_mul(1_u32.checked_shl(step).unwrap_or(u32::MAX)).min(Self::LONGEST_WAIT)
    }
}

impl Default for SubmitPolicy {
    /// Three resends, five refusals, waits from 2 s, two minutes of looking.
    fn default() -> Self {
        Self { resends: 3, refusals: 5, first_wait: Duration::from_secs(2), look_for: Duration::from_secs(120) }
    }
}

/// A job whose outcome is unknown and could not be found out yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// What the job is known by.
    pub key: String,
    /// The `SessionId` of its last send; none where the action takes none.
    pub session_id: Option<String>,
    /// The service's id of the last request that it answered.
    pub request_id: Option<String>,
    /// When it was first sent, in seconds since 1970-01-01 UTC.
    pub first_sent: Option<u64>,
    /// What is known.
    pub reason: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the outcome is unknown and money may have been spent: {}; job {}", self.reason, self.key)?;
        if let Some(session_id) = &self.session_id {
            write!(f, ", SessionId {session_id}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, ", RequestId {request_id}")?;
        }
        write!(f, "; next: ")?;
        match self.session_id {
            Some(_) => write!(f, "resume the job within 71 hours of its first send")?,
            None => write!(f, "look for the task in the service's console")?,
        }
        write!(f, "; a new submit would be billed again")
    }
}

/// One run of the protocol for one job.
pub(crate) struct Submit<'a> {
    client: &'a Client,
    record: JobRecord,
    /// The request without its `SessionId`; none where the journal could not keep it.
    body: Option<Arc<String>>,
    resends: u32,
    refusals: u32,
    looks: u32,
    /// Whether the service has said that it knows the id.
    taken: bool,
    /// How long the last answer that was none has asked to wait before the next send.
    asked: Option<Duration>,
}

impl<'a> Submit<'a> {
    /// Begins, or goes on with what the journal holds under the job's key.
    pub(crate) fn begin(client: &'a Client, planned: JobRecord, body: Arc<String>) -> Result<Self, SubmitError> {
        let record = match client.journal() {
            Some(journal) => journal.plan(&planned).map_err(|error| SubmitError::journal(error, &planned))?,
            None => planned.clone(),
        };
        if !record.is_same_job(&planned) {
            return Err(SubmitError::KeyTaken { key: record.key });
        }
        Ok(Self::new(client, record, Some(body)))
    }

    /// Goes on with a job of the journal.
    pub(crate) fn resume(client: &'a Client, record: JobRecord) -> Self {
        let body = record.body.clone().filter(|body| is_request(body));
        Self::new(client, record, body)
    }

    fn new(client: &'a Client, record: JobRecord, body: Option<Arc<String>>) -> Self {
        Self { client, record, body, resends: 0, refusals: 0, looks: 0, taken: false, asked: None }
    }

    /// Runs until there is a task, a definite refusal, or nothing more to do but to hold the job.
    pub(crate) async fn run(mut self) -> Result<TaskHandle, SubmitError> {
        loop {
            let step = match &self.record.state {
                JobState::Planned => self.send().await,
                // A submit under the key of a refused job is a new try at the same thing.
                JobState::Refused { .. } => self.save(JobState::Planned),
                JobState::Sending | JobState::Held { .. } => self.recover().await,
                state => return Ok(self.task(state.task_id().unwrap_or_default())),
            };
            match step {
                Ok(()) => {}
                // Another process was faster: its record says how to go on.
                Err(SubmitError::Journal { error: JournalError::Changed, .. }) => self.reload()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the request once, after it is written down that it is being sent.
    async fn send(&mut self) -> Result<(), SubmitError> {
        let Some(body) = &self.body else {
            return Err(SubmitError::NotKept { key: self.record.key.clone() });
        };
        let session_id = self.record.session_id();
        let body = with_session_id(body, session_id.as_deref());
        let (service, version) = (DescribeTasksRequest::SERVICE, DescribeTasksRequest::VERSION);
        let call = Call::new(self.record.action.clone(), service, version, Effect::Paid, body);
        let call = call.with_session_id(session_id);
        let was_unknown = !matches!(self.record.state, JobState::Planned);

        // The turn comes first: what is written down as being sent is sent at once, and can be looked for by its time.
        self.client.transport().admit(&call).await;
        let now = self.now();
        self.save_with(JobState::Sending, |record| {
            // What was sent before and is known to have started nothing is not looked for.
            record.first_sent = record.first_sent.filter(|_| was_unknown).or(Some(now));
            record.last_sent = Some(now);
        })?;

        let offset = self.offset();
        let sent = self.client.transport().attempt::<Value>(&call).await;
        self.correct_times(now, self.offset() - offset);
        let error = match sent {
            Ok(reply) => {
                self.record.request_id = reply.request_id.or(self.record.request_id.take());
                return match reply.value["TaskId"].as_str().filter(|id| is_id(id)) {
                    Some(task_id) => self.accept(task_id.to_owned()),
                    None => Ok(()),
                };
            }
            Err(error) => error,
        };
        if let Some(request_id) = error.request_id() {
            self.record.request_id = Some(request_id.to_owned());
        }
        match error.code().map(|code| code.facts().on_create) {
            None if error.sent() == Sent::No => self.not_sent(error, was_unknown).await,
            Some(OnCreate::Again) => {
                self.record.refused_before = true;
                self.not_sent(error, was_unknown).await
            }
            Some(OnCreate::Refused) if !was_unknown => {
                self.record.refused_before = true;
                let code = error.code().map(ToString::to_string).unwrap_or_default();
                self.save(JobState::Refused { code })?;
                Err(SubmitError::Call(error))
            }
            // A later refusal does not undo an earlier send that may have been accepted.
            Some(OnCreate::Refused) => {
                self.resends = self.client.submit_policy().resends;
                Ok(())
            }
            Some(OnCreate::Taken)
                if !was_unknown
                    && self.record.refused_before
                    && !self.record.shared
                    && self.record.session.is_some() =>
            {
                self.rotate().await
            }
            Some(OnCreate::Taken) => {
                self.taken = true;
                Ok(())
            }
            // A code that says nothing definite, no reply at all, or one that cannot be read.
            Some(OnCreate::Unclear) | None => {
                self.asked = asked_wait(&error);
                Ok(())
            }
        }
    }

    /// Nothing was started by this send. Waits and lets the loop send again, unless patience is at its end.
    async fn not_sent(&mut self, error: Error, was_unknown: bool) -> Result<(), SubmitError> {
        if !was_unknown {
            self.save(JobState::Planned)?;
        }
        let pause = self.client.submit_policy().wait(self.refusals);
        self.refusals += 1;
        let most = self.client.submit_policy().refusals;
        let patient = match (error.kind(), error.class()) {
            // The transport has corrected its clock once already.
            (_, Some(ErrorClass::Clock)) => false,
            (kind, _) if kind != vod_aigc_transport::ErrorKind::Send && error.code().is_none() => false,
            // Nobody should have to wait for a minute to learn that an address is wrong.
            _ if error.sent() == Sent::No => self.refusals <= most.min(SubmitPolicy::UNREACHABLE),
            _ => self.refusals <= most,
        };
        if !patient {
            return if was_unknown { self.hold(error.to_string()) } else { Err(SubmitError::Call(error)) };
        }
        self.sleep(asked_wait(&error).unwrap_or(pause)).await;
        Ok(())
    }

    /// Takes a new `SessionId`: the old one is used up and has started nothing.
    async fn rotate(&mut self) -> Result<(), SubmitError> {
        if let Ok(Some(task)) = self.look().await {
            return self.accept(task);
        }
        if self.record.attempt >= JobRecord::LAST_ATTEMPT {
            return self.hold("a hundred session ids have been used up");
        }
        self.save_with(JobState::Planned, |record| {
            record.attempt += 1;
            record.refused_before = false;
        })?;
        Ok(())
    }

    /// The outcome of a send is unknown: looks for its task, then sends the same again or waits for the next look.
    async fn recover(&mut self) -> Result<(), SubmitError> {
        if self.record.session.is_none() {
            return self.hold(format!(
                "{} takes no SessionId, so that its task cannot be told from others and the request cannot be sent again",
                self.record.action
            ));
        }
        let found = self.look().await;
        if let Ok(Some(task_id)) = found {
            return self.accept(task_id);
        }
        let first_sent = self.record.first_sent.unwrap_or_default();
        if self.now().saturating_sub(first_sent) >= SubmitPolicy::SAFE.as_secs() {
            return self.hold("the service no longer knows the id, so that nothing can be sent again; look for the task in its console");
        }
        let policy = *self.client.submit_policy();
        if !self.taken && self.resends < policy.resends && self.body.is_some() {
            // The first look has taken its time already.
            let pause = self.resends.checked_sub(1).map(|step| policy.wait(step));
            if let Some(pause) = self.asked.take().or(pause) {
                self.sleep(pause).await;
            }
            self.resends += 1;
            return self.send().await;
        }
        // A send in the future was timed by a clock that was wrong: waiting for it to come would never end.
        let since = self.now().checked_sub(self.record.last_sent.unwrap_or_default()).unwrap_or(u64::MAX);
        let looked = self.looks;
        self.looks += 1;
        if since >= policy.look_for.as_secs() && looked > 0 {
            return self.hold(match (&found, self.taken) {
                (Err(error), _) => format!("its task could not be looked for: {error}"),
                (_, true) => "the service knows the id, and its task is not listed yet".to_owned(),
                (_, false) => "no send was answered, and no task of it is listed".to_owned(),
            });
        }
        self.sleep(policy.wait(looked)).await;
        Ok(())
    }

    /// Looks for a task with the job's `SessionId`, of any attempt, in all pages of the list.
    async fn look(&self) -> Result<Option<String>, Error> {
        const PAGE: u64 = 100;
        const MOST_PAGES: usize = 200;
        /// Clocks differ, and a request may be late: the window is wider than the sends.
        const MARGIN: u64 = 600;
        let (Some(mut first), Some(last)) = (self.record.first_sent, self.record.last_sent) else {
            return Ok(None);
        };
        if self.taken || first > self.now() {
            // Another host, or a process whose journal is lost, may have sent it at any time; and a send in the future was
            // timed by a clock that was wrong. The task may be as old as anything that is listed.
            first = self.now().saturating_sub(SubmitPolicy::LISTED.as_secs());
        }
        let mut request = DescribeTasksRequest::default();
        let mut window = TimeRange::default();
        window.after = Some(iso(first.saturating_sub(MARGIN)));
        window.before = Some(iso(last.saturating_add(MARGIN)));
        request.create_time = Some(window);
        request.sub_app_id = Some(self.record.sub_app_id);
        request.limit = Some(PAGE);
        request.sort = Some(SortBy::new("CreateTime", SortOrder::Asc));
        for _ in 0..MOST_PAGES {
            let page = self.client.call(request.clone()).await?.value;
            let ours = |task: &&TaskSimpleInfo| task.session_id.as_deref().is_some_and(|id| self.record.owns(id));
            let found = page
                .task_set
                .iter()
                .flatten()
                .filter(ours)
                .find_map(|task| task.task_id.clone().filter(|id| is_id(id)));
            if found.is_some() {
                return Ok(found);
            }
            let next = page.scroll_token.filter(|token| !token.is_empty());
            // A token that comes again would lead around in a circle.
            if next.is_none() || next == request.scroll_token {
                break;
            }
            request.scroll_token = next;
        }
        Ok(None)
    }

    fn accept(&mut self, task_id: String) -> Result<(), SubmitError> {
        let state = JobState::Accepted { task_id: task_id.clone() };
        match self.save(state.clone()) {
            // Whoever changed the record meanwhile has found the same task, or will.
            Err(SubmitError::Journal { error: JournalError::Changed, .. }) => {
                self.record.state = state;
                Ok(())
            }
            Err(SubmitError::Journal { error, .. }) => {
                Err(SubmitError::Unrecorded { task: Box::new(self.task(&task_id)), error })
            }
            saved => saved,
        }
    }

    fn hold(&mut self, reason: impl Into<String>) -> Result<(), SubmitError> {
        let reason = reason.into();
        self.save(JobState::Held { reason: reason.clone() })?;
        Err(SubmitError::Held(Box::new(Held {
            key: self.record.key.clone(),
            session_id: self.record.session_id(),
            request_id: self.record.request_id.clone(),
            first_sent: self.record.first_sent,
            reason,
        })))
    }

    fn task(&self, task_id: &str) -> TaskHandle {
        let mut handle = TaskHandle::new(task_id, self.record.sub_app_id);
        handle.key = Some(self.record.key.clone());
        handle.session_id = self.record.session_id();
        handle.request_id = self.record.request_id.clone();
        handle.model = Some(self.record.model.clone());
        handle.off_peak = self.record.off_peak;
        handle.submitted_at = self.record.last_sent;
        handle
    }

    fn save(&mut self, state: JobState) -> Result<(), SubmitError> {
        self.save_with(state, |_| {})
    }

    /// Writes the job's new state down before anything is done on the strength of it. Where that fails, the record stays
    /// as it was.
    fn save_with(&mut self, state: JobState, change: impl FnOnce(&mut JobRecord)) -> Result<(), SubmitError> {
        let mut next = JobRecord { state, ..self.record.clone() };
        change(&mut next);
        if let Some(journal) = self.client.journal() {
            next.revision = journal.save(&next).map_err(|error| SubmitError::journal(error, &self.record))?;
        }
        self.record = next;
        Ok(())
    }

    fn reload(&mut self) -> Result<(), SubmitError> {
        let journal = self.client.journal().expect("only a journal says that a record has changed");
        let loaded = journal.load(&self.record.key).map_err(|error| SubmitError::journal(error, &self.record))?;
        self.record = loaded.ok_or_else(|| {
            SubmitError::journal(JournalError::Store("the job is no longer in it".to_owned()), &self.record)
        })?;
        Ok(())
    }

    async fn sleep(&self, wait: Duration) {
        self.client.transport().clock().sleep(wait).await;
    }

    /// The send at `now` has shown that the clock was so many seconds behind the service's: its time is set right, so that
    /// its task is looked for where it is.
    fn correct_times(&mut self, now: u64, behind: i64) {
        let right = now.saturating_add_signed(behind);
        if self.record.first_sent == Some(now) {
            self.record.first_sent = Some(right);
        }
        self.record.last_sent = Some(right);
    }

    /// The service's clock less this machine's, in seconds, as far as it is known.
    fn offset(&self) -> i64 {
        let local = crate::client::seconds(self.client.transport().clock().now());
        i64::try_from(i128::from(self.now()) - i128::from(local)).unwrap_or_default()
    }

    /// Seconds since 1970-01-01 UTC by the service's clock.
    fn now(&self) -> u64 {
        crate::client::seconds(self.client.transport().now())
    }
}

/// The `Retry-After` of an answer, where it asks for no more than is waited in any case.
fn asked_wait(error: &Error) -> Option<Duration> {
    error.retry_after().filter(|wait| *wait <= SubmitPolicy::LONGEST_WAIT)
}

/// Whether the service's word can be a task's id: it is printed, and asked for.
fn is_id(word: &str) -> bool {
    !word.is_empty() && !word.contains(char::is_control)
}
