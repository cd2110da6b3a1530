//! How a command failed: the exit code that scripts rely on, the sentence for people, the fields for programs.
//!
//! A cause alone gives the code of a failure of which nothing was accepted. [`Failure::of_task`] and [`Failure::of_job`] lay
//! over it what is known of the job: they are called in one place for each command, where its task is known.

use std::process::ExitCode;

use serde_json::{Value, json};
use vod_aigc_client::core::{Effect, ErrorClass, RequestError};
use vod_aigc_client::transport::{Billed, Call, Error, ErrorKind};
use vod_aigc_client::{
    AttachError, DownloadError, JobRecord, JobState, Outcome, ResumeError, SettingsError, StoreError, SubmitError,
    TaskHandle, UploadError, WaitError,
};

pub(crate) use crate::exit_codes::USAGE;
use crate::exit_codes::{
    AUTHENTICATION, CONTENT, DEADLINE, INTERRUPTED, LIMIT, NETWORK, NOT_FETCHED, ROWS, Row, TASK_FAILED, UNRESOLVED,
};
use crate::jobs::handle_of;
use crate::print_json;
use crate::progress::say;
use crate::task::{Output, shell_word};

/// The command that finishes what was left behind.
const RESUME: &str = "vod-aigc resume";
/// The next step after an interruption before anything was sent.
const AGAIN: &str = "run the same command again";

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure(Box<Details>);

#[derive(Debug)]
struct Details {
    code: u8,
    message: String,
    /// What is known of the bill of the job, whatever the last call was.
    billed: Billed,
    key: Option<String>,
    task_id: Option<String>,
    session_id: Option<String>,
    request_id: Option<String>,
    error_code: Option<String>,
    /// The command that goes on from here.
    resume: Option<String>,
    /// The next step, where it is not that of the exit code.
    hint: Option<String>,
    /// Whether the code reports the state of the task, not the failure of a step towards its result.
    is_of_task: bool,
    /// Whether standard output holds its document already.
    described: bool,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Details::new(USAGE, message).into()
    }

    /// Wrong input that standard output has described already.
    pub(crate) fn found(message: impl Into<String>) -> Self {
        Details { described: true, ..Details::new(USAGE, message) }.into()
    }

    /// Interrupted while a task was waited for.
    pub(crate) fn interrupted() -> Self {
        let details = Details::new(INTERRUPTED, "interrupted; the task goes on and may be billed");
        Details { is_of_task: true, ..details }.into()
    }

    /// Interrupted before there was a request.
    pub(crate) fn interrupted_upload() -> Self {
        Details::interrupted("interrupted while preparing the inputs; nothing was billed", AGAIN).into()
    }

    /// Interrupted while a request was on its way.
    pub(crate) fn interrupted_submit(session_id: Option<String>) -> Self {
        let named = session_id.as_ref().map(|id| format!(", SessionId {id}")).unwrap_or_default();
        let message =
            format!("interrupted while submitting; the outcome is unknown and money may have been spent{named}");
        let resume = Some(RESUME.to_owned());
        Details { session_id, resume, ..Details::new(UNRESOLVED, message) }.into()
    }

    /// Interrupted while a call was on its way, that no store knows of.
    pub(crate) fn interrupted_call(call: &Call) -> Self {
        match call.effect() {
            Effect::Paid => {
                let session_id = call.session_id().map(str::to_owned);
                let message = format!(
                    "interrupted; the outcome of {} is unknown and money may have been spent, SessionId {}",
                    call.action(),
                    session_id.as_deref().unwrap_or("none"),
                );
                let details = Details { session_id, ..Details::new(UNRESOLVED, message) };
                Self::from(details).with_advice()
            }
            Effect::Write => {
                let check = "check whether it took effect before running the same command again";
                Details::interrupted("interrupted; it may have taken effect", check).into()
            }
            _ => Details::interrupted("interrupted", AGAIN).into(),
        }
    }

    /// A call that no store knows of.
    pub(crate) fn of_call(error: Error) -> Self {
        Self::from(error).with_advice()
    }

    /// Says how to find out whether a call that no store knows of was taken.
    fn with_advice(mut self) -> Self {
        if self.0.code == UNRESOLVED {
            let advice = match &self.0.session_id {
                Some(_) => {
                    "the call DescribeTasks lists the tasks of the last 72 hours with their SessionId; the same body with \
                     the same SessionId starts no second one"
                }
                None => "the service cannot tell a second request from the first: do not send it again unseen",
            };
            self.0.message = format!("{}; {advice}", self.0.message);
            self.0.hint = Some(advice.to_owned());
        }
        self
    }

    /// The same after a call that the service has accepted: its reply could not be printed.
    pub(crate) fn after_call(self, call: &Call, task_id: Option<String>, request_id: Option<String>) -> Self {
        if call.effect() != Effect::Paid {
            return self;
        }
        let mut task = TaskHandle::new(task_id.as_deref().unwrap_or_default(), 0);
        task.session_id = call.session_id().map(str::to_owned);
        task.request_id = request_id;
        let mut details = self.of_task(&task, &Output::default()).0;
        details.billed = Billed::Yes;
        if task_id.is_none() {
            details.task_id = None;
            details.resume = None;
            details.hint = Some("do not send the request again".to_owned());
        }
        Self(details)
    }

    /// The same, with a next step that is more exact than that of the exit code.
    fn with_hint(mut self, hint: Option<&str>) -> Self {
        if !matches!(self.0.code, UNRESOLVED | DEADLINE) {
            self.0.hint = self.0.hint.or_else(|| hint.map(str::to_owned));
        }
        self
    }

    /// The same, for the job that is known by `key`.
    pub(crate) fn with_key(mut self, key: Option<&str>) -> Self {
        self.0.key = self.0.key.or_else(|| key.map(str::to_owned));
        self
    }

    /// The same, for a command that follows a task: the one place that decides what a failure means once there is one. A
    /// task that the store knows is paid for, and no failure of a later step ends with the code of that step.
    pub(crate) fn of_task(self, task: &TaskHandle, output: &Output) -> Self {
        let mut details = self.0;
        let (accepted, said) = match task.key {
            Some(_) => (Billed::Yes, "; the task was accepted and is billed"),
            None => (Billed::Unknown, "; the task may be billed"),
        };
        if !details.is_of_task {
            details.code = NOT_FETCHED;
            details.message += said;
            details.is_of_task = true;
        }
        // A task that has ended without a result has said itself what is known of its bill.
        if !matches!(details.code, TASK_FAILED | CONTENT | UNRESOLVED) {
            details.billed = accepted;
            details.resume = Some(format!("vod-aigc task wait {}{}", shell_word(&task.task_id), output.flags()));
        }
        details.task_id = Some(task.task_id.clone());
        details.session_id = details.session_id.or_else(|| task.session_id.clone());
        details.request_id = details.request_id.or_else(|| task.request_id.clone());
        Self(details).with_key(task.key.as_deref())
    }

    /// The same, for a job as the store knows it.
    pub(crate) fn of_job(self, job: &JobRecord, output: &Output) -> Self {
        let failure = match (&job.state, handle_of(job)) {
            (JobState::Sending | JobState::Unresolved { .. }, _) if !self.0.is_of_task => self.unresolved(),
            (state, Some(task)) => {
                let mut failure = self.of_task(&task, output);
                if matches!(state, JobState::Failed { .. }) && failure.0.billed == Billed::Yes {
                    // The store does not say whether a failed task is billed.
                    failure.0.billed = Billed::Unknown;
                }
                failure
            }
            _ => return self.with_key(Some(&job.key)),
        };
        let mut failure = failure.with_key(Some(&job.key));
        failure.0.session_id = failure.0.session_id.or_else(|| job.session_id());
        failure
    }

    /// The same, for a command that goes on with all of `jobs`: its bill is the least certain of theirs.
    pub(crate) fn of_jobs(self, jobs: &[JobRecord]) -> Self {
        let unresolved = jobs.iter().find(|job| matches!(job.state, JobState::Sending | JobState::Unresolved { .. }));
        match unresolved.or_else(|| jobs.iter().find(|job| job.state.task_id().is_some())) {
            Some(job) => self.of_job(job, &Output::to(job.output.clone())),
            None => self,
        }
    }

    /// The same, where it is not known whether a request was accepted.
    pub(crate) fn unresolved(mut self) -> Self {
        if self.0.code != UNRESOLVED {
            self.0.code = UNRESOLVED;
            self.0.billed = Billed::Unknown;
            self.0.message += "; the outcome of a submit is unknown and money may have been spent";
            self.0.hint = None;
        }
        self.0.resume = Some(RESUME.to_owned());
        self
    }

    /// Orders failures by what they leave open about the bill: unknown, then yes, then no.
    pub(crate) fn gravity(&self) -> u8 {
        match self.0.billed {
            Billed::Unknown => 2,
            Billed::Yes => 1,
            Billed::No => 0,
        }
    }

    /// What happened, in one sentence for a terminal.
    pub(crate) fn message(&self) -> String {
        printable(&self.0.message)
    }

    /// As one document among those of other jobs.
    pub(crate) fn document(&self, key: &str) -> Value {
        json!({ "key": key, "error": self.0.document() })
    }

    /// The same, with its document printed already.
    pub(crate) fn already_described(mut self) -> Self {
        self.0.described = true;
        self
    }

    /// Prints it and gives the exit code. Standard output stays free for data: the sentence goes to standard error.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        say(format_args!("error: {}", self.message()));
        let details = self.0;
        if let Some(hint) = &details.hint {
            say(format_args!("next: {}", printable(hint)));
        }
        if let Some(resume) = &details.resume {
            say(format_args!("resume with: {}", printable(resume)));
        }
        if json && !details.described {
            // There is a failure already; one of standard output would not change its exit code.
            let _ = print_json(&json!({ "error": details.document() }));
        }
        ExitCode::from(details.row().code)
    }
}

impl Details {
    /// A failure of which as much may be billed as its code allows.
    fn new(code: u8, message: impl Into<String>) -> Self {
        let allowed = row(code).billed;
        let billed = [Billed::Unknown, Billed::Yes].into_iter().find(|billed| allowed.contains(billed));
        Self {
            code,
            message: message.into(),
            billed: billed.unwrap_or(Billed::No),
            key: None,
            task_id: None,
            session_id: None,
            request_id: None,
            error_code: None,
            resume: None,
            hint: None,
            is_of_task: false,
            described: false,
        }
    }

    /// An interruption that cost nothing.
    fn interrupted(message: &str, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        Self { billed: Billed::No, hint, ..Self::new(INTERRUPTED, message) }
    }

    /// What the table says of the exit code.
    fn row(&self) -> &'static Row {
        let row = row(self.code);
        debug_assert!(row.billed.contains(&self.billed), "{self:?}");
        row
    }

    /// What a program learns of the failure.
    fn document(&self) -> Value {
        let row = self.row();
        let hint = match (&self.hint, &self.resume) {
            (Some(hint), Some(resume)) => format!("{hint}, then run `{resume}`"),
            (Some(hint), None) => hint.clone(),
            (None, Some(resume)) => row.next.replace("vod-aigc task wait TASK_ID", resume),
            (None, None) => row.next.to_owned(),
        };
        let mut document = json!({
            "exit_code": row.code,
            "kind": row.kind,
            "message": self.message,
            "billed": self.billed.as_str(),
            "key": self.key,
            "task_id": self.task_id,
            "request_id": self.request_id,
            "hint": hint,
        });
        let optional = [("error_code", &self.error_code), ("session_id", &self.session_id), ("resume", &self.resume)];
        for (name, value) in optional {
            if let Some(value) = value {
                document[name] = value.as_str().into();
            }
        }
        document
    }
}

impl From<Details> for Failure {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

fn row(code: u8) -> &'static Row {
    ROWS.iter().find(|row| row.code == code).expect("the codes and the table are generated from the same file")
}

/// A text without control characters, which could change what a terminal shows.
fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut printable, letter| {
        match letter.is_control() {
            true => printable.extend(letter.escape_debug()),
            false => printable.push(letter),
        }
        printable
    })
}

/// The exit code for a kind of error that the service named.
fn code_of(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Credentials | ErrorClass::Permission | ErrorClass::Clock | ErrorClass::Account => AUTHENTICATION,
        ErrorClass::Frequency | ErrorClass::Quota | ErrorClass::Capacity => LIMIT,
        ErrorClass::Content => CONTENT,
        ErrorClass::Parameter | ErrorClass::NotFound | ErrorClass::Incompatible => USAGE,
        ErrorClass::Duplicate => UNRESOLVED,
        ErrorClass::Generation | ErrorClass::Cancelled => TASK_FAILED,
        _ => NETWORK,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match (error.kind(), error.class()) {
            _ if error.billed() != Billed::No => UNRESOLVED,
            (_, Some(class)) => code_of(class),
            (ErrorKind::Configuration | ErrorKind::Request, None) => USAGE,
            (_, None) => NETWORK,
        };
        let mut details = Details::new(code, error.to_string());
        if code != UNRESOLVED {
            details.billed = Billed::No;
        }
        Self::from(details.heard_of(&error)).with_hint(error.hint())
    }
}

impl Details {
    /// With what the service said.
    fn heard_of(self, error: &Error) -> Self {
        Self {
            error_code: error.code().map(ToString::to_string),
            session_id: error.session_id().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            ..self
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let message = error.to_string();
        let key = match &error {
            SubmitError::Unresolved(job) => Some(&job.key),
            SubmitError::KeyTaken { key } | SubmitError::OtherAction { key, .. } | SubmitError::NotKept { key } => {
                Some(key)
            }
            _ => None,
        };
        let failure = match (&error, error.outcome()) {
            (SubmitError::Call(error), _) => return error.clone().into(),
            (_, Outcome::Unknown) => Self::from(Details::new(UNRESOLVED, message)).unresolved(),
            (_, Outcome::Accepted) => {
                let failure = Self::from(Details { is_of_task: true, ..Details::new(NOT_FETCHED, message) });
                match error.task() {
                    Some(task) => failure.of_task(task, &Output::default()),
                    None => failure,
                }
            }
            _ => Self::usage(message),
        };
        let mut failure = failure.with_key(key.map(String::as_str)).with_hint(error.hint());
        failure.0.session_id = error.session_id().map(str::to_owned);
        failure.0.request_id = error.request_id().map(str::to_owned);
        failure
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::usage(format!("{error}; nothing was sent")).with_hint(error.hint())
    }
}

impl From<ResumeError> for Failure {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Submit(error) => error.into(),
            ResumeError::Wait(error) => error.into(),
            ResumeError::Download { task, error } => Self::from(error).of_task(&task, &Output::default()),
            error => Self::from(Details::new(UNRESOLVED, error.to_string())).with_hint(error.hint()),
        }
    }
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        let message = error.to_string();
        let details = match &error {
            WaitError::Deadline { .. } => Details::new(DEADLINE, message),
            WaitError::Failed { failure, .. } => {
                let code = if failure.class() == ErrorClass::Content { CONTENT } else { TASK_FAILED };
                let (billed, details) = (error.billed(), Details::new(code, message));
                Details { billed, error_code: failure.code.as_ref().map(ToString::to_string), ..details }
            }
            WaitError::OthersTask { .. } => {
                Details { resume: Some(RESUME.to_owned()), ..Details::new(UNRESOLVED, message) }
            }
            WaitError::Poll { error, .. } | WaitError::Stalled { error, .. } => {
                Details::new(NOT_FETCHED, message).heard_of(error)
            }
            _ => Details::new(NOT_FETCHED, message),
        };
        Self::from(Details { is_of_task: true, ..details }).with_hint(error.hint())
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        let code = match error {
            DownloadError::Target { .. } | DownloadError::NoUrl => USAGE,
            _ => NETWORK,
        };
        Self::from(Details::new(code, error.to_string())).with_hint(error.hint())
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let code = match error {
            SettingsError::NoCredential | SettingsError::Credential(_) => AUTHENTICATION,
            _ => USAGE,
        };
        Details::new(code, error.to_string()).into()
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::usage(SubmitError::Refused(error).to_string())
    }
}

impl From<AttachError> for Failure {
    fn from(error: AttachError) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        let code = match error {
            AttachError::Refused(error) => return error.into(),
            AttachError::Upload { error: UploadError::Apply(error) | UploadError::Commit { error, .. }, .. } => {
                let mut failure = Self::from(error);
                failure.0.message = message;
                return failure;
            }
            AttachError::Upload { error, .. } if !matches!(error, UploadError::Input(_)) => NETWORK,
            _ => USAGE,
        };
        Self::from(Details::new(code, message)).with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(key: Option<&str>) -> TaskHandle {
        let mut task = TaskHandle::new("t-1", 7);
        task.key = key.map(str::to_owned);
        task
    }

    #[test]
    fn a_failed_step_after_a_submit_is_never_reported_by_its_own_code() {
        for row in ROWS {
            for (key, billed) in [(Some("k"), "yes"), (None, "unknown")] {
                let failure = Failure::from(Details::new(row.code, "why")).of_task(&task(key), &Output::default());
                let document = failure.0.document();
                assert_eq!((&document["exit_code"], &document["billed"]), (&json!(NOT_FETCHED), &json!(billed)));
                assert_eq!(document["resume"], "vod-aigc task wait t-1");
                let again = failure.of_task(&task(key), &Output::default());
                assert_eq!(again.0.document(), document, "it is laid over once");
            }
        }
    }

    #[test]
    fn a_paid_call_whose_reply_cannot_be_printed_is_billed() {
        let call = |effect| Call::new("CreateAigcVideoTask", "vod", "2018-07-17", effect, "{}");
        let failed = || Failure::usage("standard output cannot be written");
        for id in [Some("t-1"), None] {
            let id = id.map(str::to_owned);
            let document = failed().after_call(&call(Effect::Paid), id.clone(), Some("r-1".to_owned())).0.document();
            assert_eq!((&document["exit_code"], &document["billed"]), (&json!(NOT_FETCHED), &json!("yes")));
            assert_eq!((&document["task_id"], &document["request_id"]), (&json!(id), &json!("r-1")));
            assert!(!document["hint"].as_str().expect("there is a hint").contains("TASK_ID"), "{document}");
        }
        let read = failed().after_call(&call(Effect::Read), Some("t-1".to_owned()), None);
        assert_eq!(read.0.document()["exit_code"], USAGE);
    }

    #[test]
    fn only_control_characters_are_escaped_for_a_terminal() {
        assert_eq!(printable("\"é\" \u{1b}[31m\n"), "\"é\" \\u{1b}[31m\\n");
    }
}
