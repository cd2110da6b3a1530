//! What is kept of a job.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vod_aigc_core::{Action as _, CreateAigcVideoTaskRequest};

use crate::presigned::holds_presigned_url;
use crate::state::JobState;

/// Everything that is known of one job. It holds no secret and no presigned URL.
///
/// All times are seconds since 1970-01-01 UTC.
///
/// ```
/// use vod_aigc_store::{JobRecord, JobState};
///
/// let mut job = JobRecord::new("shot 7", "CreateAigcVideoTask", "00ff", 1500044236);
/// job.session = Some("va2-00112233445566778899aabbccddeeff".to_owned());
/// assert_eq!(job.state, JobState::Planned);
/// assert_eq!(job.session_id().as_deref(), Some("va2-00112233445566778899aabbccddeeff-00"));
///
/// let sending = job.clone().with_state(JobState::Sending);
/// assert!(sending.is_same_job(&job));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobRecord {
    /// The idempotency key: the name of the job, unique in its store.
    pub key: String,
    /// The action that starts its task, for example `CreateAigcVideoTask`.
    #[serde(default = "video")]
    pub action: String,
    /// Whether others may submit the same job: its key or its `SessionId` is the caller's.
    pub shared: bool,
    /// SHA-256 of the request without its `SessionId`, in hexadecimal.
    pub digest: String,
    /// The part of the `SessionId` that all its sends share. `None` where the action takes no `SessionId`: the service
    /// then cannot distinguish a repeated request from a new one.
    pub session: Option<String>,
    /// The number of its present `SessionId`, from 0. A new one is taken only where the old one is known to have started
    /// nothing.
    pub attempt: u8,
    /// The server that it goes to.
    pub endpoint: String,
    /// The account that is billed, as the client names it; none where it does not.
    #[serde(default)]
    pub account: Option<String>,
    /// The sub-application that owns the task.
    pub sub_app_id: u64,
    /// The model, as [`Model`](vod_aigc_core::Model) prints it; the action's name where its request names no model.
    pub model: String,
    /// The caller's name for a group of jobs, to filter by; for example a batch.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether the request lets the task wait for off-peak hours.
    #[serde(default)]
    pub off_peak: bool,
    /// The request without its `SessionId`, as JSON. None where it holds a URL that may be presigned, once the job has
    /// ended, and in the rows of a [`Page`](crate::Page).
    pub body: Option<Arc<String>>,
    /// Where the result is to be written.
    pub output: Option<PathBuf>,
    /// How far it is.
    pub state: JobState,
    /// When it was first sent: the timestamp of the signature. The service refuses one that is more than 300 s from its own
    /// clock, so the time of a send that it accepted is right to within that.
    pub first_sent: Option<u64>,
    /// When it was last sent.
    pub last_sent: Option<u64>,
    /// Whether every send under the present `SessionId` that was answered before [`used_up_by`](Self::used_up_by) was
    /// refused, and there was one.
    pub refused_before: bool,
    /// A time, by the service's clock, at which the present `SessionId` was certainly used up: the service has said that it
    /// knows the id. Nothing can start under it any more, so nothing is sent with it again.
    #[serde(default)]
    pub used_up_by: Option<u64>,
    /// The task that the service named in its answer, until `DescribeTaskDetail` shows that it is this job's.
    #[serde(default)]
    pub claimed_task: Option<String>,
    /// The service's id of the last request that it answered.
    pub request_id: Option<String>,
    /// When it was planned. The store sets it. Releases before 0.2 did not note it: their jobs have the time of the first
    /// send, or 0.
    #[serde(default)]
    pub created: u64,
    /// When it was last written. The store sets it.
    #[serde(default)]
    pub updated: u64,
    /// When it reached a final state; none where it has not. The store sets it.
    #[serde(default)]
    pub ended: Option<u64>,
    /// Counts the writes. The store sets it, and refuses to replace a record by one of another revision.
    pub revision: u64,
}

/// The action of records that were written before there was any other.
fn video() -> String {
    CreateAigcVideoTaskRequest::NAME.to_owned()
}

impl JobRecord {
    /// What a `SessionId` that the client derives begins with. Any other is the caller's own.
    pub const DERIVED_SESSION: &'static str = "va2-";

    /// A planned job of which nothing more is known. The caller fills in the other fields.
    pub fn new(key: impl Into<String>, action: impl Into<String>, digest: impl Into<String>, sub_app_id: u64) -> Self {
        let action = action.into();
        Self {
            key: key.into(),
            model: action.clone(),
            action,
            shared: false,
            digest: digest.into(),
            session: None,
            attempt: 0,
            endpoint: String::new(),
            account: None,
            sub_app_id,
            label: None,
            off_peak: false,
            body: None,
            output: None,
            state: JobState::Planned,
            first_sent: None,
            last_sent: None,
            refused_before: false,
            used_up_by: None,
            claimed_task: None,
            request_id: None,
            created: 0,
            updated: 0,
            ended: None,
            revision: 0,
        }
    }

    /// The record in another state.
    #[must_use]
    pub fn with_state(mut self, state: JobState) -> Self {
        self.state = state;
        self
    }

    /// Whether both are the same request to the same place: action, digest, sub-application and endpoint.
    pub fn is_same_job(&self, other: &Self) -> bool {
        fn identity(it: &JobRecord) -> (&str, &str, u64, &str) {
            (&it.action, &it.digest, it.sub_app_id, &it.endpoint)
        }
        identity(self) == identity(other)
    }

    /// The `SessionId` of its present attempt, if its action takes one.
    pub fn session_id(&self) -> Option<String> {
        let session = self.session.as_deref()?;
        Some(match self.has_own_session_id() {
            true => session.to_owned(),
            false => format!("{session}-{:02}", self.attempt),
        })
    }

    /// Whether a task with this `SessionId` is one of this job's, of any attempt.
    pub fn owns(&self, session_id: &str) -> bool {
        self.attempt_of(session_id).is_some()
    }

    /// The attempt of this job that a `SessionId` belongs to; none where it is not this job's.
    pub fn attempt_of(&self, session_id: &str) -> Option<u8> {
        let session = self.session.as_deref()?;
        if self.has_own_session_id() {
            return (session_id == session).then_some(self.attempt);
        }
        session_id.strip_prefix(session)?.strip_prefix('-')?.parse().ok()
    }

    /// Whether its `SessionId` is the caller's, so that it is sent as it is and no other can take its place.
    pub fn has_own_session_id(&self) -> bool {
        self.session.as_deref().is_some_and(|session| !session.starts_with(Self::DERIVED_SESSION))
    }

    /// The job's next attempt, under a new `SessionId`. None where there is no other: the `SessionId` is the caller's, or two
    /// digits do not number more attempts.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Self> {
        const LAST: u8 = 99;
        if self.session.is_none() || self.has_own_session_id() || self.attempt >= LAST {
            return None;
        }
        Some(Self {
            attempt: self.attempt + 1,
            state: JobState::Planned,
            first_sent: None,
            last_sent: None,
            refused_before: false,
            used_up_by: None,
            claimed_task: None,
            request_id: None,
            ..self.clone()
        })
    }

    /// Takes over the state that a task has reached, and says whether it did. The state of a job's task only moves forward,
    /// and the state of a task that is not that of the present attempt changes nothing.
    pub fn follow(&mut self, session_id: Option<&str>, state: &JobState) -> bool {
        let forward = match self.state.task_id() {
            Some(task_id) => {
                Some(task_id) == state.task_id() && state.progress_of_task() > self.state.progress_of_task()
            }
            None => session_id.is_some() && session_id == self.session_id().as_deref(),
        };
        if forward {
            self.state = state.clone();
        }
        forward
    }

    /// The key of the job that a submit under the key of a forgotten one makes: `KEY~2`, then `KEY~3`.
    ///
    /// ```
    /// # use vod_aigc_store::JobRecord;
    /// let next = |key: &str| JobRecord::new(key, "CreateAigcVideoTask", "00ff", 1).key_after_forgotten();
    /// assert_eq!(next("shot 7"), "shot 7~2");
    /// assert_eq!(next("shot 7~2"), "shot 7~3");
    /// ```
    pub fn key_after_forgotten(&self) -> String {
        let numbered = self.key.rsplit_once('~').and_then(|(base, number)| Some((base, number.parse::<u32>().ok()?)));
        let (base, number) = numbered.unwrap_or((&self.key, 1));
        format!("{base}~{}", number.saturating_add(1))
    }

    /// The body that a store may keep: none of a job that has ended, and none that [may hold a presigned URL]. For those who
    /// implement a store.
    ///
    /// [may hold a presigned URL]: crate::holds_presigned_url
    pub fn storable_body(&self) -> Option<&Arc<String>> {
        self.body.as_ref().filter(|body| !self.state.is_final() && !holds_presigned_url(body))
    }

    /// The record as [`JobStore::plan`](crate::JobStore::plan) writes it at `now`, with its [storable body]. For those who
    /// implement a store.
    ///
    /// [storable body]: Self::storable_body
    #[must_use]
    pub fn planned_at(mut self, now: u64) -> Self {
        self.body = self.storable_body().cloned();
        self.revision = 1;
        self.created = now;
        self.updated = now;
        self.ended = self.state.is_final().then_some(now);
        self
    }

    /// The record as [`JobStore::save`](crate::JobStore::save) writes it at `now` over `stored`, the one of the same key
    /// that the store holds. None where that is of another revision. For those who implement a store.
    #[must_use]
    pub fn saved_at(mut self, now: u64, stored: &Self) -> Option<Self> {
        if self.revision != stored.revision {
            return None;
        }
        self.revision = stored.revision.checked_add(1)?;
        self.created = stored.created;
        self.updated = now;
        self.ended = self.state.is_final().then_some(stored.ended.unwrap_or(now));
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned() -> JobRecord {
        let mut job = JobRecord::new("k", "CreateAigcVideoTask", "00ff", 1);
        job.session = Some("va2-00112233445566778899aabbccddeeff".to_owned());
        job
    }

    fn accepted(task_id: &str) -> JobState {
        JobState::Accepted { task_id: task_id.to_owned() }
    }

    fn failed(task_id: &str) -> JobState {
        JobState::Failed { task_id: task_id.to_owned(), reason: "r".to_owned(), unbilled: false }
    }

    #[test]
    fn the_next_attempt_keeps_nothing_of_the_sends_before() {
        let used = JobRecord {
            state: failed("t"),
            first_sent: Some(1),
            last_sent: Some(2),
            refused_before: true,
            used_up_by: Some(3),
            claimed_task: Some("t".to_owned()),
            request_id: Some("r".to_owned()),
            ..planned()
        };
        assert_eq!(used.next_attempt(), Some(JobRecord { attempt: 1, ..planned() }));
    }

    #[test]
    fn there_are_a_hundred_attempts_and_only_one_under_a_session_id_of_the_callers() {
        assert!(JobRecord { attempt: 98, ..planned() }.next_attempt().is_some());
        assert!(JobRecord { attempt: 99, ..planned() }.next_attempt().is_none());
        assert!(JobRecord { session: None, ..planned() }.next_attempt().is_none());
        assert!(JobRecord { session: Some("own".to_owned()), ..planned() }.next_attempt().is_none());
    }

    #[test]
    fn a_session_id_belongs_to_one_attempt() {
        let job = JobRecord { attempt: 3, ..planned() };
        assert_eq!(job.attempt_of(&job.session_id().expect("it has one")), Some(3));
        assert_eq!(job.attempt_of("va2-00112233445566778899aabbccddeeff-12"), Some(12));
        for other in ["", "va2-00112233445566778899aabbccddeeff", "va2-ff-03"] {
            assert!(!job.owns(other), "{other:?}");
        }
        let own = JobRecord { session: Some("own".to_owned()), ..planned() };
        assert_eq!(own.session_id().as_deref(), Some("own"));
        assert!(own.owns("own") && !own.owns("own-00"));
    }

    #[test]
    fn what_became_of_a_task_is_taken_over_only_forward_and_only_of_the_same_attempt() {
        let own = planned().session_id();
        let done = JobState::Done { task_id: "t".to_owned() };
        for (from, session_id, to, moves) in [
            (accepted("t"), None, failed("t"), true),
            (accepted("t"), None, failed("other"), false),
            (accepted("t"), None, accepted("t"), false),
            (failed("t"), None, done.clone(), true),
            (done.clone(), None, failed("t"), false),
            (done.clone(), None, done.clone(), false),
            (JobState::Sending, own.as_deref(), done.clone(), true),
            (JobState::Sending, Some("other"), done.clone(), false),
            (JobState::Sending, None, done.clone(), false),
        ] {
            let mut record = planned().with_state(from.clone());
            assert_eq!(record.follow(session_id, &to), moves, "{from:?} {session_id:?} {to:?}");
            assert_eq!(record.state, if moves { to } else { from });
        }
        // Without a SessionId nothing shows that the task is this job's.
        let mut record = JobRecord { session: None, ..planned() }.with_state(JobState::Sending);
        assert!(!record.follow(None, &done));
    }

    #[test]
    fn a_job_that_goes_on_after_its_end_has_not_ended() {
        let refused = JobState::Refused { code: "c".to_owned() };
        let planned = planned().planned_at(10);
        let ended = planned.clone().with_state(refused.clone()).saved_at(20, &planned).expect("the same revision");
        assert_eq!((ended.created, ended.updated, ended.ended, ended.revision), (10, 20, Some(20), 2));
        // The end is when it came, not when it was written again.
        let again = ended.clone().saved_at(30, &ended).expect("the same revision");
        assert_eq!((again.updated, again.ended), (30, Some(20)));
        let reopened = again.clone().with_state(JobState::Planned).saved_at(40, &again).expect("the same revision");
        assert_eq!(reopened.ended, None);
        assert_eq!(planned.saved_at(50, &reopened), None, "an older holder");
    }

    #[test]
    fn records_of_the_first_releases_are_read() {
        let text = r#"{"key":"k","shared":true,"digest":"00","session":"va2-0","attempt":0,"endpoint":"","sub_app_id":1,
            "model":"Kling:2.1","body":"{}","output":null,"state":{"state":"planned"},"first_sent":null,"last_sent":null,
            "refused_before":false,"request_id":null,"revision":0}"#;
        let job: JobRecord = serde_json::from_str(text).expect("what is new has a default");
        assert_eq!(job.action, "CreateAigcVideoTask");
    }
}
