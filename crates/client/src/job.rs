//! A job: a request with the identity by which it is paid for once.

use std::path::PathBuf;

use vod_aigc_core::{CreateAigcVideoTaskRequest, VideoRequest};
use vod_aigc_transport::Random;
use vod_aigc_transport::signer::BodyHash;

use crate::SubmitError;
use crate::journal::{JobRecord, JobState};

/// A request to submit, and what it is known by.
///
/// With a key, the `SessionId` follows from the sub-application, the client's namespace, the key and the request: a second
/// process, another host or a run without the journal arrives at the same one, and the service starts one task for all of
/// them. Without a key each submit is a job of its own.
#[derive(Debug, Clone)]
#[must_use = "a job does nothing until it is submitted"]
pub struct Job {
    request: VideoRequest,
    key: Option<String>,
    output: Option<PathBuf>,
}

impl Job {
    /// A job without a key.
    pub fn new(request: VideoRequest) -> Self {
        Self { request, key: None, output: None }
    }

    /// What the caller knows the job by: the same key with the same request is the same job, and is paid for once.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Where the video is to go, for whoever resumes the job.
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(path.into());
        self
    }

    /// Checks the request and gives it its identity. Nothing is sent.
    ///
    /// # Errors
    /// Every rule and limit that the request breaks.
    pub fn prepare(self, sub_app_id: u64, namespace: &str, random: &dyn Random) -> Result<PreparedJob, SubmitError> {
        self.request.check().map_err(SubmitError::Refused)?;
        let model = self.request.model().to_string();
        let by_content = self.request.by_content();
        let mut action = self.request.into_action(sub_app_id);
        let own_session_id = action.session_id.take().filter(|id| !id.is_empty());
        let shared = self.key.is_some() || own_session_id.is_some();
        let key = match (self.key, &own_session_id) {
            (Some(key), _) => key,
            (None, Some(id)) => id.clone(),
            (None, None) => format!("{:016x}{:016x}", random.next_u64(), random.next_u64()),
        };
        let body = body(&action);
        // A file that was uploaded once more has another id, and is the same file.
        let identity = by_content.map(|request| {
            let mut action = request.into_action(sub_app_id);
            action.session_id = None;
            self::body(&action)
        });
        let digest = BodyHash::of(identity.as_ref().unwrap_or(&body).as_bytes()).as_str().to_owned();
        let session = own_session_id.unwrap_or_else(|| {
            let identity = serde_json::json!([action.sub_app_id, namespace, key, digest]).to_string();
            // 128 bits are enough to tell jobs apart, and leave room within the service's 50 characters.
            format!("va2-{}", &BodyHash::of(identity.as_bytes()).as_str()[..32])
        });
        let record = JobRecord {
            key,
            shared,
            digest,
            session,
            attempt: 0,
            // The client that sends it fills its own in.
            endpoint: String::new(),
            sub_app_id: action.sub_app_id,
            model,
            body: (!holds_presigned_url(&action)).then_some(body),
            output: self.output,
            state: JobState::Planned,
            first_sent: None,
            last_sent: None,
            refused_before: false,
            request_id: None,
            revision: 0,
        };
        Ok(PreparedJob { record, action })
    }
}

impl From<VideoRequest> for Job {
    fn from(request: VideoRequest) -> Self {
        Self::new(request)
    }
}

/// A job that has been checked and named; nothing of it has been sent.
#[derive(Debug, Clone)]
pub struct PreparedJob {
    pub(crate) record: JobRecord,
    action: CreateAigcVideoTaskRequest,
}

impl PreparedJob {
    /// What the job is known by.
    pub fn key(&self) -> &str {
        &self.record.key
    }

    /// The `SessionId` that its first send will carry.
    pub fn session_id(&self) -> String {
        self.record.session_id()
    }

    pub(crate) fn into_parts(self) -> (JobRecord, CreateAigcVideoTaskRequest) {
        (self.record, self.action)
    }

    /// The request exactly as it will be sent.
    pub fn action(&self) -> CreateAigcVideoTaskRequest {
        let mut action = self.action.clone();
        action.session_id = Some(self.session_id());
        action
    }
}

/// The request without its `SessionId`: what its digest is taken of, and what a journal keeps of it.
fn body(action: &CreateAigcVideoTaskRequest) -> String {
    serde_json::to_string(action).expect("a shape of texts and numbers serialises")
}

/// Whether an input's URL, or one in `ExtInfo`, may carry a query, which may be a signature: such a request is never
/// written to a journal.
fn holds_presigned_url(action: &CreateAigcVideoTaskRequest) -> bool {
    let files = action.file_infos.iter().flatten().filter_map(|file| file.url.as_ref());
    let subjects = action.subject_infos.iter().flatten();
    let of_subjects = subjects.flat_map(|it| it.image_urls.iter().flatten().chain(it.video_urls.iter().flatten()));
    let urls = files.chain(of_subjects).chain(&action.last_frame_url).chain(&action.ext_info);
    urls.into_iter().any(|url| url.contains("://") && url.contains(['?', '@']))
}

#[cfg(test)]
mod tests {
    use vod_aigc_core::Kling;
    use vod_aigc_transport::testing::SeededRandom;

    use super::*;

    #[test]
    fn a_request_that_may_hold_a_presigned_url_is_not_kept_wherever_the_url_stands() {
        let kept = |builder: vod_aigc_core::VideoRequestBuilder| {
            let request = builder.prompt("why a panda?").build().expect("the table allows it");
            let job = Job::new(request).prepare(1, "", &SeededRandom::new(1)).expect("it is in order");
            job.record.body.is_some()
        };
        let builder = || VideoRequest::builder(Kling::V2_1);
        assert!(kept(builder().image("https://a/b.png")));
        assert!(!kept(builder().image("https://a/b.png?sign=1")));
        assert!(!kept(builder().ext_info(r#"{"sound_file":"https://a/b.mp3?sign=1"}"#)));
        let last = builder().image("https://a/b.png").last_frame("https://a/l.png?sign=1");
        assert!(!kept(last.resolution(vod_aigc_core::Resolution::P1080)));
    }
}
