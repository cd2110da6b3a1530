//! A job: a request with the identity by which it is paid for once.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use vod_aigc_core::{Action as _, AigcVideoTask, IntoTaskRequest, StartsTask, Summary, VideoRequest};
use vod_aigc_store::JobRecord;
use vod_aigc_transport::Random;
use vod_aigc_transport::signer::BodyHash;

use crate::error::SubmitError;
use crate::request_body::RequestBody;

/// A request to submit, and what it is known by.
///
/// With a key, the `SessionId` follows from the sub-application, the client's namespace, the key, the action and the
/// request: a second process, another host or a run without the store arrives at the same one, and the service starts
/// one task for all of them. Without a key each submit is a job of its own.
///
/// An action whose request has no `SessionId` is billed once as long as its store is kept: the service cannot recognise
/// a second submit of it from elsewhere.
#[derive(Debug, Clone)]
#[must_use = "a job does nothing until it is submitted"]
pub struct Job<O = VideoRequest> {
    request: O,
    key: Option<String>,
    output: Option<PathBuf>,
    label: Option<String>,
}

impl<O: IntoTaskRequest> Job<O> {
    /// A job without a key.
    pub fn new(request: O) -> Self {
        Self { request, key: None, output: None, label: None }
    }

    /// What the caller knows the job by: the same key with the same request is the same job, and is paid for once.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Where the result is to go when the job is resumed.
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(path.into());
        self
    }

    /// A name for a group of jobs, for example a batch, by which a store lists them. Not a part of what the job is known by.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Checks the request and gives it its identity. Nothing is sent.
    ///
    /// # Errors
    /// Every rule and limit that the request breaks.
    pub fn prepare(
        self,
        sub_app_id: u64,
        namespace: &str,
        random: &dyn Random,
    ) -> Result<PreparedJob<<O::Request as StartsTask>::Task>, SubmitError> {
        self.request.check().map_err(SubmitError::Refused)?;
        if self.key.as_ref().is_some_and(|key| key.trim().is_empty()) {
            // All callers who forgot theirs would share one job.
            return Err(SubmitError::Request("the key of the job is empty; give it one, or leave it out".to_owned()));
        }
        let unserialised = |error: serde_json::Error| SubmitError::Request(error.to_string());
        // A file that was uploaded once more has another id, and is the same file.
        let same = self.request.by_content().map(|same| {
            let Request { body, .. } = Request::of(same.into_request(sub_app_id))?;
            Ok(body.hash())
        });
        let same = same.transpose().map_err(unserialised)?;
        let Request { body, session_id, summary } =
            Request::of(self.request.into_request(sub_app_id)).map_err(unserialised)?;
        let digest = same.unwrap_or_else(|| body.hash()).as_str().to_owned();
        let action = O::Request::NAME;
        let Self { key, output, label, .. } = self;
        let identity = Identity { action, namespace, key, digest, session_id, output, label };
        let record = identity.record(summary, random);
        Ok(PreparedJob { record, body, kind: PhantomData })
    }
}

impl<O: IntoTaskRequest> From<O> for Job<O> {
    fn from(request: O) -> Self {
        Self::new(request)
    }
}

/// A job that has been checked and named; nothing of it has been sent. `K` is the kind of its task.
#[derive(Debug, Clone)]
pub struct PreparedJob<K = AigcVideoTask> {
    pub(crate) record: JobRecord,
    body: RequestBody,
    kind: PhantomData<K>,
}

impl<K> PreparedJob<K> {
    /// What the job is known by.
    pub fn key(&self) -> &str {
        &self.record.key
    }

    /// The `SessionId` that its first send will carry, if its action takes one.
    pub fn session_id(&self) -> Option<String> {
        self.record.session_id()
    }

    /// The request exactly as its first send will carry it, as JSON.
    pub fn body(&self) -> String {
        let (body, _) = self.body.with_session_id(self.session_id().as_deref());
        String::from_utf8_lossy(&body).into_owned()
    }

    pub(crate) fn into_parts(self) -> (JobRecord, RequestBody) {
        (self.record, self.body)
    }
}

/// What makes a record of a request, whatever its action.
struct Identity<'a> {
    action: &'a str,
    namespace: &'a str,
    key: Option<String>,
    /// SHA-256 of what is asked for.
    digest: String,
    /// The request's own; the outer `None` is for an action that takes no id.
    session_id: Option<Option<String>>,
    output: Option<PathBuf>,
    label: Option<String>,
}

impl Identity<'_> {
    /// The record of a request. Its body is added where it is stored.
    fn record(self, summary: Summary, random: &dyn Random) -> JobRecord {
        let Summary { sub_app_id, model, off_peak, .. } = summary;
        let takes_session_id = self.session_id.is_some();
        let own_session_id = self.session_id.flatten().filter(|id| !id.is_empty());
        let shared = self.key.is_some() || own_session_id.is_some();
        let key = match (self.key, &own_session_id) {
            (Some(key), _) => key,
            (None, Some(id)) => id.clone(),
            (None, None) => format!("{:016x}{:016x}", random.next_u64(), random.next_u64()),
        };
        let digest = self.digest;
        let session = takes_session_id.then(|| {
            own_session_id.unwrap_or_else(|| session_of(sub_app_id, self.namespace, &key, self.action, &digest))
        });
        // The client that sends it fills its endpoint in.
        let mut record = JobRecord::new(key, self.action, digest, sub_app_id);
        record.shared = shared;
        record.session = session;
        record.model = model.unwrap_or_else(|| self.action.to_owned());
        record.off_peak = off_peak;
        record.output = self.output;
        record.label = self.label;
        record
    }
}

/// The part of the `SessionId` that all sends of a job share: every process and host derives the same one.
fn session_of(sub_app_id: u64, namespace: &str, key: &str, action: &str, digest: &str) -> String {
    let identity = serde_json::json!([sub_app_id, namespace, key, action, digest]).to_string();
    // 128 bits are enough to distinguish jobs, and leave room within the service's 50 characters.
    format!("{}{}", JobRecord::DERIVED_SESSION, &BodyHash::of(identity.as_bytes()).as_str()[..32])
}

/// The job that a submit under a forgotten key runs instead: its key is `KEY~2`, then `KEY~3`. None where the `SessionId` is
/// the caller's own, so that no other can be derived.
pub(crate) fn next_after_forgotten(forgotten: &JobRecord, namespace: &str) -> Option<JobRecord> {
    if forgotten.has_own_session_id() {
        return None;
    }
    let mut next = forgotten.clone();
    next.key = forgotten.key_after_forgotten();
    let JobRecord { sub_app_id, key, action, digest, .. } = &next;
    next.session = next.session.as_ref().map(|_| session_of(*sub_app_id, namespace, key, action, digest));
    Some(next)
}

/// A request of any action as a job needs it.
struct Request {
    /// Its JSON without its `SessionId`.
    body: RequestBody,
    /// Its `SessionId`. The outer option is `None` where the action takes no `SessionId`.
    session_id: Option<Option<String>>,
    summary: Summary,
}

impl Request {
    fn of<R: StartsTask>(mut request: R) -> Result<Self, serde_json::Error> {
        let session_id = request.session_id_mut().map(Option::take);
        let body = RequestBody::new(Arc::new(serde_json::to_string(&request)?));
        Ok(Self { body, session_id, summary: request.summary() })
    }
}

#[cfg(test)]
mod tests {
    use vod_aigc_core::Kling;
    use vod_aigc_transport::testing::SeededRandom;

    use super::*;

    #[test]
    fn a_job_is_shared_where_its_key_or_its_session_id_is_the_callers() {
        for (key, session_id, shared) in
            [(None, None, false), (Some("k"), None, true), (None, Some("own"), true), (Some("k"), Some("own"), true)]
        {
            let mut request = VideoRequest::builder(Kling::V2_1).prompt("a panda");
            if let Some(id) = session_id {
                request = request.session_id(id);
            }
            let mut job = Job::new(request.build().expect("the table allows it"));
            if let Some(key) = key {
                job = job.key(key);
            }
            let record = job.prepare(1, "", &SeededRandom::new(1)).expect("it is in request").record;
            assert_eq!(record.shared, shared, "{key:?} {session_id:?}");
        }
    }
}
