//! The submit protocol: a job is billed once, whatever is lost on the way.
//!
//! | what is known | what is done |
//! |---|---|
//! | nothing was sent, or every send is known to have started nothing | write `Sending` down, then send |
//! | the answer names a task | believe it when `DescribeTaskDetail` shows the job's `SessionId`; else look for its task |
//! | a send whose outcome is unknown, also after a crash | look for its task, then send the same bytes with the same id |
//! | the service says that it knows the id | look for its task; never send that id again |
//! | the task is not found in time | search everything that is listed, then leave the job unresolved and say so |
//! | the action takes no id, and the outcome of a send is unknown | unresolved at once: there is nothing to look by |
//!
//! To look is to search the list of tasks for the `SessionId`. A new `SessionId` is taken only when it is known that the old one
//! started nothing: every send under it was refused, then the service said that it knows the id, no other process can have used
//! it, and a complete list that shows a later AIGC task does not show this one. A look that failed, a list that lags behind, or
//! one that shows no AIGC tasks proves nothing. A submit under a key whose task ended unbilled takes a new one too.
//!
//! # Why the times can be trusted
//!
//! A send is signed for the timestamp that its write-ahead record holds, and the service refuses a timestamp that is more than
//! 300 s from its own clock. So the recorded time of every send that may have been accepted is right to within 300 s, however
//! wrong this machine's clock was, and a machine that is suspended between the record and the first byte sends nothing that
//! counts. The same holds for the age of an id, which is checked at the same moment: the service knows an id for 72 hours, and
//! after 71 hours nothing is sent under it.

use std::time::Duration;

use serde_json::Value;
use tracing::{Instrument as _, debug, debug_span, info, warn};
use vod_aigc_core::{
    Action as _, AigcTask, DescribeTaskDetailResponse, DescribeTasksRequest, Effect, ErrorClass, OnCreate, SortBy,
    SortOrder, TaskSimpleInfo, TimeRange,
};
use vod_aigc_store::{JobRecord, JobState, StoreError, StoreFailure};
use vod_aigc_transport::{Call, Error, ErrorKind, Remedy, Sent};

use crate::context::Context;
use crate::error::{SubmitError, Unresolved, is_lasting};
use crate::job::next_after_forgotten;
use crate::policy::SubmitPolicy;
use crate::request_body::RequestBody;
use crate::task_handle::TaskHandle;
use crate::time::{iso, seconds};

/// One run of the protocol for one job.
pub(crate) struct Submit<'a> {
    context: &'a Context,
    record: JobRecord,
    /// The request without its `SessionId`; none where the store could not keep it.
    body: Option<RequestBody>,
    /// Reads the `SessionId` of a task of the job's kind.
    session_of: fn(&DescribeTaskDetailResponse) -> Option<&str>,
    /// Whether the caller asks for the job again, and not only for what became of it.
    is_new_order: bool,
    /// When this run sent last, by the service's clock, and how far that was ahead of this machine's then, as far as it was
    /// known.
    sent: Option<(u64, i64)>,
    resends: u32,
    refusals: u32,
    looks: u32,
    remedies: Vec<Remedy>,
    /// How long the last inconclusive answer asked to wait before the next send.
    asked: Option<Duration>,
}

/// What `DescribeTaskDetail` says of the task that an answer named.
enum Claim {
    /// It carries the job's `SessionId`.
    Ours,
    /// It carries another one.
    OthersTask,
    /// The service does not know the task, which may pass.
    NotFound,
    /// The service could not be asked, which may pass.
    NoAnswer,
    /// The reply shows no `SessionId`, or the service will not say.
    Undecidable,
}

/// How much of the list is searched.
#[derive(Clone, Copy, PartialEq)]
enum Window {
    /// The tasks created around the job's sends.
    Sends,
    /// Everything that the service lists: the tasks of three days.
    Everything,
}

/// What a search of the list found.
#[derive(Default)]
struct Listed {
    /// The job's task, and its attempt.
    task: Option<(String, u8)>,
    /// Whether the list was read to its end.
    is_complete: bool,
    /// When the latest listed AIGC task that carries a `SessionId` was created, by the service's clock.
    newest: Option<u64>,
}

impl Listed {
    /// Whether the job's task would be in the list if there were one that was created before `time`: the list shows
    /// AIGC tasks, and one of a later time.
    fn reaches(&self, time: u64) -> bool {
        self.is_complete && self.newest.is_some_and(|newest| newest > time)
    }
}

impl<'a> Submit<'a> {
    /// Begins, or goes on with what the store holds under the job's key.
    pub(crate) async fn begin<K: AigcTask>(
        context: &'a Context,
        mut planned: JobRecord,
        body: RequestBody,
    ) -> Result<Self, SubmitError> {
        let record = loop {
            let record = match &context.store {
                Some(store) => {
                    planned.body = Some(body.json().clone());
                    let plan = store.plan(&planned, context.now()).await;
                    plan.map_err(|error| SubmitError::store(error, &planned))?
                }
                None => planned.clone(),
            };
            if !record.is_same_job(&planned) {
                return Err(SubmitError::KeyTaken { key: record.key });
            }
            if !matches!(record.state, JobState::Forgotten { .. }) {
                break record;
            }
            planned = next_after_forgotten(&planned, &context.namespace)
                .ok_or(SubmitError::Forgotten { key: planned.key })?;
        };
        Ok(Self { is_new_order: true, ..Self::new::<K>(context, record, Some(body)) })
    }

    /// Goes on with a job of the store.
    pub(crate) fn resume<K: AigcTask>(context: &'a Context, record: JobRecord) -> Self {
        let body = record.body.clone().and_then(RequestBody::stored);
        Self::new::<K>(context, record, body)
    }

    fn new<K: AigcTask>(context: &'a Context, record: JobRecord, body: Option<RequestBody>) -> Self {
        Self {
            context,
            record,
            body,
            session_of: |reply| K::of(reply)?.session_id().filter(|id| !id.is_empty()),
            is_new_order: false,
            sent: None,
            resends: 0,
            refusals: 0,
            looks: 0,
            remedies: Vec::new(),
            asked: None,
        }
    }

    /// Runs until there is a task, a definite refusal, or nothing more to do but to leave the job unresolved.
    pub(crate) async fn run(self) -> Result<TaskHandle, SubmitError> {
        let span = debug_span!(
            "submit",
            key = self.record.key,
            action = self.record.action,
            session_id = self.record.session_id()
        );
        self.run_protocol().instrument(span).await
    }

    async fn run_protocol(mut self) -> Result<TaskHandle, SubmitError> {
        loop {
            let step = match &self.record.state {
                JobState::Planned => self.send().await,
                // A submit under the key of a refused job is a new try at the same thing.
                JobState::Refused { .. } => self.save(JobState::Planned).await,
                JobState::Sending | JobState::Unresolved { .. } => self.recover().await,
                JobState::Forgotten { .. } => return Err(SubmitError::Forgotten { key: self.record.key }),
                JobState::Accepted { task_id } if self.record.claimed_task.is_some() => {
                    let task_id = task_id.clone();
                    if self.sent.is_some() {
                        // This run has just asked.
                        return Ok(self.task(&task_id));
                    }
                    match self.confirm(&task_id).await {
                        Ok(true) => return Ok(self.task(&task_id)),
                        other => other.map(drop),
                    }
                }
                JobState::Failed { unbilled: true, task_id, .. } if self.is_new_order => {
                    match self.record.next_attempt() {
                        Some(next) => self.replace(next).await,
                        None => return Ok(self.task(task_id)),
                    }
                }
                state => return Ok(self.task(state.task_id().unwrap_or_default())),
            };
            match step {
                Ok(()) => {}
                // Another process was faster: its record says how to go on.
                Err(SubmitError::Store { error: StoreError::Changed, .. }) => self.reload().await?,
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
        let (body, hash) = body.with_session_id(session_id.as_deref());
        let (service, version) = (DescribeTasksRequest::SERVICE, DescribeTasksRequest::VERSION);
        let call = Call::new(self.record.action.clone(), service, version, Effect::Paid, body);
        let call = call.with_body_hash(hash).with_session_id(session_id);
        let was_unknown = !matches!(self.record.state, JobState::Planned);

        // The permit comes first: what is written down as being sent is sent at once.
        self.context.transport.admit(&call).await;
        let time = self.context.transport.now();
        let now = seconds(time);
        if was_unknown && !self.knows_id_at(now) {
            return Ok(());
        }
        self.save_with(JobState::Sending, |record| {
            // What was sent before and is known to have started nothing is not looked for.
            record.first_sent = record.first_sent.filter(|_| was_unknown).or(Some(now));
            record.last_sent = Some(now);
        })
        .await?;
        // A record that took long, or a machine that was suspended meanwhile: the signature would be refused.
        let age = self.context.transport.now().duration_since(time).unwrap_or_default();
        if age >= SubmitPolicy::TIMESTAMP_TOLERANCE {
            return self.nothing_started(was_unknown).await;
        }
        self.sent = Some((now, self.clock_offset()));
        debug!(attempt = self.record.attempt, resend = was_unknown, "send");
        let answer = self.context.transport.attempt::<Value>(&call, time).await;
        self.correct_times();
        let error = match answer {
            Ok(reply) => {
                let named = reply.value["TaskId"].as_str().filter(|id| is_id(id)).map(str::to_owned);
                self.record.request_id = reply.request_id.or(self.record.request_id.take());
                return match named {
                    Some(task_id) if self.record.session.is_some() => self.claim(task_id).await,
                    Some(task_id) => self.accept(task_id, self.record.attempt).await,
                    None => Ok(()),
                };
            }
            Err(error) => error,
        };
        if let Some(request_id) = error.request_id() {
            self.record.request_id = Some(request_id.to_owned());
        }
        match error.code().map(|code| code.facts().on_create) {
            _ if error.remedy().is_some_and(|remedy| !self.remedies.contains(&remedy)) => {
                self.remedies.extend(error.remedy());
                self.nothing_started(was_unknown).await
            }
            None if error.sent() == Sent::No => self.not_sent(error, was_unknown).await,
            Some(OnCreate::Again) => {
                self.record.refused_before = true;
                self.not_sent(error, was_unknown).await
            }
            Some(OnCreate::Refused) if !was_unknown => {
                self.record.refused_before = true;
                let code = error.code().map(ToString::to_string).unwrap_or_default();
                self.save(JobState::Refused { code }).await?;
                Err(SubmitError::Call(error))
            }
            // A later refusal does not undo an earlier send that may have been accepted.
            Some(OnCreate::Refused) => {
                self.resends = self.context.submit_policy.resends;
                Ok(())
            }
            Some(OnCreate::Taken) => {
                // The service has taken the timestamp, so its own clock was no further ahead than that when it answered.
                let by = self.now().saturating_add(SubmitPolicy::TIMESTAMP_TOLERANCE.as_secs());
                self.save_with(JobState::Sending, |record| {
                    record.used_up_by = Some(by);
                    record.refused_before &= !was_unknown;
                })
                .await
            }
            // A code that says nothing definite, no reply at all, or one that cannot be read.
            Some(OnCreate::Unclear) | None => {
                self.asked = asked_wait(&error);
                Ok(())
            }
        }
    }

    /// This send started nothing; an earlier one whose outcome is unknown may have.
    async fn nothing_started(&mut self, was_unknown: bool) -> Result<(), SubmitError> {
        if was_unknown { Ok(()) } else { self.save(JobState::Planned).await }
    }

    /// Nothing was started by this send. Backs off and lets the loop send again, until the policy's number is used up.
    async fn not_sent(&mut self, error: Error, was_unknown: bool) -> Result<(), SubmitError> {
        self.nothing_started(was_unknown).await?;
        let pause = self.context.submit_policy.wait(self.refusals);
        self.refusals += 1;
        let most = self.context.submit_policy.refusals;
        let again = match (error.kind(), error.class()) {
            // The clock was corrected once already.
            (_, Some(ErrorClass::Clock)) => false,
            (kind, _) if kind != ErrorKind::Send && error.code().is_none() => false,
            // It should not take a minute to learn that an address is wrong.
            _ if error.sent() == Sent::No => self.refusals <= most.min(SubmitPolicy::UNREACHABLE),
            _ => self.refusals <= most,
        };
        if again {
            self.sleep(asked_wait(&error).unwrap_or(pause)).await;
            return Ok(());
        }
        if was_unknown {
            return self.give_up(error.to_string(), false).await;
        }
        // A gateway may have delivered a request twice and passed on the second answer only.
        if error.code().is_some()
            && error.class() != Some(ErrorClass::Clock)
            && let Ok(Listed { task: Some((task_id, attempt)), .. }) = self.look(Window::Everything).await
        {
            return self.accept(task_id, attempt).await;
        }
        Err(SubmitError::Call(error))
    }

    /// The outcome of a send is unknown: looks for its task, then sends the same again or waits for the next look.
    async fn recover(&mut self) -> Result<(), SubmitError> {
        let policy = self.context.submit_policy;
        // A send in the future was timed by a wrong clock: waiting for it to pass would never end.
        let since = self.now().checked_sub(self.record.last_sent.unwrap_or_default()).unwrap_or(u64::MAX);
        let is_late = since >= policy.look_for.as_secs();
        if self.record.session.is_none() {
            if self.sent.is_none() && !is_late && self.record.state == JobState::Sending {
                // Another process may be waiting for the answer, and writes down what comes.
                self.sleep(policy.wait(self.looks)).await;
                self.looks += 1;
                return self.reload().await;
            }
            return self.leave_unresolved(format!(
                "{} takes no SessionId, so that its task cannot be told from others and the request cannot be sent again",
                self.record.action
            ))
            .await;
        }
        let claim = match self.record.claimed_task.clone() {
            None => None,
            Some(task_id) => match self.check_claim(&task_id).await {
                Claim::Ours => return self.accept(task_id, self.record.attempt).await,
                Claim::OthersTask => {
                    self.save_with(JobState::Sending, |record| record.claimed_task = None).await?;
                    None
                }
                claim => Some((task_id, claim)),
            },
        };
        let window = if self.record.used_up_by.is_some() { Window::Everything } else { Window::Sends };
        let listed = self.look(window).await;
        self.correct_times();
        if let Ok(Listed { task: Some((task_id, attempt)), .. }) = listed {
            return self.accept(task_id, attempt).await;
        }
        if let Some((task_id, Claim::Undecidable)) = claim {
            return self.accept_unconfirmed(&task_id).await;
        }
        let knows_id = self.knows_id_at(self.now());
        if let (Some(used_up_by), Ok(listed)) = (self.record.used_up_by, &listed)
            && self.record.refused_before
            && !self.record.shared
            && knows_id
            && listed.reaches(used_up_by)
        {
            // Every send was refused, and the list reaches from the first of them beyond the last.
            return match self.record.next_attempt() {
                Some(next) => self.replace(next).await,
                None => self.leave_unresolved("a hundred session ids have been used up").await,
            };
        }
        let searched = window == Window::Everything && listed.is_ok();
        if !knows_id {
            let reason = "the service may no longer know the id, so that nothing can be sent again";
            return self.give_up(reason, searched).await;
        }
        let may_resend = self.record.used_up_by.is_none() && claim.is_none() && self.body.is_some();
        if may_resend && self.resends < policy.resends {
            // The first look has taken its time already.
            let pause = self.resends.checked_sub(1).map(|step| policy.wait(step));
            if let Some(pause) = self.asked.take().or(pause) {
                self.sleep(pause).await;
            }
            self.resends += 1;
            return self.send().await;
        }
        let looked = self.looks;
        self.looks += 1;
        if !is_late || looked == 0 {
            self.sleep(policy.wait(looked)).await;
            return Ok(());
        }
        let reason = match (claim, listed) {
            (Some((task_id, Claim::NoAnswer)), _) => return self.accept_unconfirmed(&task_id).await,
            (Some((task_id, _)), _) => format!("the service does not know the task that it named: {task_id}"),
            (None, Err(error)) => format!("its task could not be looked for: {error}"),
            (None, Ok(_)) if self.record.used_up_by.is_some() => {
                let refused = if self.record.refused_before { "every send was refused, then " } else { "" };
                format!("{refused}the service knows the id, and its task is not listed yet")
            }
            (None, Ok(_)) => "no send was answered, and no task of it is listed".to_owned(),
        };
        self.give_up(reason, searched).await
    }

    /// Whether the service certainly still knows the id of the recorded sends at `now`. A send in the future was timed by a
    /// wrong clock, so that its age is not known.
    fn knows_id_at(&self, now: u64) -> bool {
        let (Some(first), Some(last)) = (self.record.first_sent, self.record.last_sent) else {
            return false;
        };
        let latest = now.saturating_add(SubmitPolicy::MARGIN.as_secs());
        first.max(last) <= latest && now.saturating_sub(first) < SubmitPolicy::SAFE.as_secs()
    }

    /// Looks again for the task of a job that was accepted before its task could be confirmed. True where nothing better
    /// than the task that the service named is known.
    async fn confirm(&mut self, task_id: &str) -> Result<bool, SubmitError> {
        let (state, attempt) = match self.check_claim(task_id).await {
            Claim::Ours => (self.record.state.clone(), self.record.attempt),
            Claim::OthersTask => (JobState::Sending, self.record.attempt),
            Claim::NotFound | Claim::NoAnswer | Claim::Undecidable => match self.look(Window::Everything).await {
                Ok(Listed { task: Some((found, attempt)), .. }) => (JobState::Accepted { task_id: found }, attempt),
                _ => return Ok(true),
            },
        };
        self.save_with(state, |record| {
            record.attempt = attempt;
            record.claimed_task = None;
        })
        .await?;
        Ok(false)
    }

    /// Asks whether the task that an answer named is this job's.
    async fn check_claim(&self, task_id: &str) -> Claim {
        match self.context.describe(&TaskHandle::new(task_id, self.record.sub_app_id)).await {
            Ok(reply) => match (self.session_of)(&reply.value) {
                Some(id) if self.record.session_id().as_deref() == Some(id) => Claim::Ours,
                Some(_) => Claim::OthersTask,
                None => Claim::Undecidable,
            },
            Err(error) if error.class() == Some(ErrorClass::NotFound) => Claim::NotFound,
            Err(error) if is_lasting(&error) => Claim::Undecidable,
            Err(_) => Claim::NoAnswer,
        }
    }

    /// Looks for a task with the job's `SessionId`, of its present attempt or a later one, in all pages of the list.
    async fn look(&self, window: Window) -> Result<Listed, Error> {
        let listed = self.search(window).await;
        match &listed {
            Ok(Listed { task, is_complete, .. }) => {
                let task_id = task.as_ref().map(|(task_id, _)| task_id.as_str());
                debug!(task_id, is_complete, "look");
            }
            Err(error) => debug!(%error, "look failed"),
        }
        listed
    }

    async fn search(&self, window: Window) -> Result<Listed, Error> {
        const PAGE: u64 = 100;
        const MOST_PAGES: usize = 200;
        let mut request = DescribeTasksRequest::default();
        if let (Window::Sends, Some(first), Some(last)) = (window, self.record.first_sent, self.record.last_sent) {
            let margin = SubmitPolicy::MARGIN.as_secs();
            let mut range = TimeRange::default();
            range.after = Some(iso(first.saturating_sub(margin)));
            range.before = Some(iso(last.saturating_add(margin)));
            request.create_time = Some(range);
        }
        request.sub_app_id = Some(self.record.sub_app_id);
        request.limit = Some(PAGE);
        request.sort = Some(SortBy::new("CreateTime", SortOrder::Asc));
        let mut listed = Listed::default();
        for _ in 0..MOST_PAGES {
            let page = self.context.transport.call(request.clone()).await?.value;
            for task in page.task_set.iter().flatten() {
                self.take(&mut listed, task);
            }
            let next = page.scroll_token.filter(|token| !token.is_empty());
            if next.is_none() || next == request.scroll_token {
                // A token that comes again would lead around in a circle.
                listed.is_complete = next.is_none();
                break;
            }
            request.scroll_token = next;
        }
        Ok(listed)
    }

    fn take(&self, listed: &mut Listed, task: &TaskSimpleInfo) {
        let session_id = task.session_id.as_deref().filter(|id| !id.is_empty());
        let (Some(session_id), Some(task_id)) = (session_id, task.task_id.as_deref().filter(|id| is_id(id))) else {
            return;
        };
        if let Some(attempt) = self.record.attempt_of(session_id).filter(|it| *it >= self.record.attempt)
            && listed.task.as_ref().is_none_or(|(_, found)| *found < attempt)
        {
            listed.task = Some((task_id.to_owned(), attempt));
        }
        let task_type = task.task_type.as_ref().map_or("", |it| it.as_str());
        let is_aigc = [task_id, task_type].iter().any(|word| word.contains("Aigc"));
        let created = task.create_time.as_deref().and_then(|text| humantime::parse_rfc3339_weak(text).ok());
        listed.newest = listed.newest.max(created.filter(|_| is_aigc).map(seconds));
    }

    /// Writes down which task the service has named.
    async fn claim(&mut self, task_id: String) -> Result<(), SubmitError> {
        self.note(&task_id, |record| {
            record.claimed_task = Some(task_id.clone());
        })
        .await
    }

    /// Writes down the job's task.
    async fn accept(&mut self, task_id: String, attempt: u8) -> Result<(), SubmitError> {
        info!(task_id, attempt, request_id = self.record.request_id.as_deref(), "accepted");
        self.note(&task_id, |record| {
            record.state = JobState::Accepted { task_id: task_id.clone() };
            record.attempt = record.attempt.max(attempt);
            record.claimed_task = None;
        })
        .await
    }

    /// Writes down the task that the service named and will say no more of now. It stays to be confirmed: by the wait for it,
    /// and when the job is resumed.
    async fn accept_unconfirmed(&mut self, task_id: &str) -> Result<(), SubmitError> {
        self.note(task_id, |record| record.state = JobState::Accepted { task_id: task_id.to_owned() }).await
    }

    /// Writes down what is known of a task that was started, over whatever another process has written meanwhile, unless
    /// that knows of a task already.
    async fn note(&mut self, task_id: &str, change: impl Fn(&mut JobRecord)) -> Result<(), SubmitError> {
        while self.record.state.task_id().is_none() {
            let mut next = self.record.clone();
            change(&mut next);
            match self.replace(next).await {
                Err(SubmitError::Store { error: StoreError::Changed, .. }) => {
                    let request_id = self.record.request_id.take();
                    self.reload().await?;
                    self.record.request_id = request_id.or(self.record.request_id.take());
                }
                Err(SubmitError::Store { error, .. }) => {
                    return Err(SubmitError::Unrecorded { task: Box::new(self.task(task_id)), error });
                }
                written => return written,
            }
        }
        Ok(())
    }

    /// Searches everything that the service lists, unless that has just been done, and leaves the job unresolved where its
    /// task is not there.
    async fn give_up(&mut self, reason: impl Into<String>, searched: bool) -> Result<(), SubmitError> {
        if !searched && let Ok(Listed { task: Some((task_id, attempt)), .. }) = self.look(Window::Everything).await {
            return self.accept(task_id, attempt).await;
        }
        self.leave_unresolved(reason).await
    }

    async fn leave_unresolved(&mut self, reason: impl Into<String>) -> Result<(), SubmitError> {
        let reason = reason.into();
        warn!(request_id = self.record.request_id.as_deref(), reason, "unresolved");
        self.save(JobState::Unresolved { reason: reason.clone() }).await?;
        Err(SubmitError::Unresolved(Box::new(Unresolved {
            key: self.record.key.clone(),
            session_id: self.record.session_id(),
            request_id: self.record.request_id.clone(),
            first_sent: self.record.first_sent,
            reason,
        })))
    }

    fn task(&self, task_id: &str) -> TaskHandle {
        TaskHandle::of_task(task_id, &self.record)
    }

    async fn save(&mut self, state: JobState) -> Result<(), SubmitError> {
        self.save_with(state, |_| {}).await
    }

    async fn save_with(&mut self, state: JobState, change: impl FnOnce(&mut JobRecord)) -> Result<(), SubmitError> {
        let mut next = self.record.clone().with_state(state);
        change(&mut next);
        self.replace(next).await
    }

    /// Writes the job's new record down before anything is done on the strength of it. Where that fails, the record stays
    /// as it was.
    async fn replace(&mut self, mut next: JobRecord) -> Result<(), SubmitError> {
        if let Some(store) = &self.context.store {
            let saved = store.save(&next, self.context.now()).await;
            next = saved.map_err(|error| SubmitError::store(error, &self.record))?;
        }
        self.record = next;
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), SubmitError> {
        let store = self.context.store.as_ref().expect("only a store says that a record has changed");
        let loaded = store.load(&self.record.key).await.map_err(|error| SubmitError::store(error, &self.record))?;
        let gone = || StoreError::Unreadable(StoreFailure::new(&self.record.key).with_detail("it is no longer there"));
        self.record = loaded.ok_or_else(|| SubmitError::store(gone(), &self.record))?;
        Ok(())
    }

    async fn sleep(&self, wait: Duration) {
        self.context.transport.clock().sleep(wait).await;
    }

    /// Where a reply has shown that this machine's clock was ahead when this run sent, the recorded times were too late: the
    /// record gets the right ones, and is written before the next send. Where the clock was behind they stay: an id that
    /// seems older than it is is only given up sooner.
    fn correct_times(&mut self) {
        let Some((sent, offset)) = self.sent else { return };
        let change = self.clock_offset().saturating_sub(offset).min(0);
        let right = sent.saturating_add_signed(change);
        for time in [&mut self.record.first_sent, &mut self.record.last_sent] {
            *time = time.map(|time| if time == sent { right } else { time });
        }
        self.sent = Some((right, offset + change));
    }

    /// The service's clock less this machine's, in seconds, as far as it is known.
    fn clock_offset(&self) -> i64 {
        let local = seconds(self.context.transport.clock().now());
        i64::try_from(i128::from(self.now()) - i128::from(local)).unwrap_or_default()
    }

    /// Seconds since 1970-01-01 UTC by the service's clock.
    fn now(&self) -> u64 {
        self.context.now()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_text_that_can_be_printed_and_asked_for() {
        assert!(is_id("1500044236-AigcVideoTask-0a1b"));
        for word in ["", "a\nb", "\u{1b}[31m"] {
            assert!(!is_id(word), "{word:?}");
        }
    }
}
