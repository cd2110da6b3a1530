//! How a command failed: the exit code that scripts rely on, the sentence for people, the fields for programs.

use std::process::ExitCode;

use serde::Serialize;
use vod_aigc_client::core::{Effect, ErrorClass, RequestError};
use vod_aigc_client::transport::{Billed, Call, Error, ErrorKind};
use vod_aigc_client::{
    AttachError, DownloadError, JournalError, Outcome, SettingsError, SubmitError, UploadError, WaitError,
};

use crate::print_json;

/// Wrong usage, or a request that the table refuses.
pub(crate) const USAGE: u8 = 2;
const AUTHENTICATION: u8 = 3;
const LIMIT: u8 = 4;
const NETWORK: u8 = 5;
const TASK_FAILED: u8 = 6;
const CONTENT: u8 = 7;
const DEADLINE: u8 = 8;
const INTERRUPTED: u8 = 9;
const OUTCOME_UNKNOWN: u8 = 10;

/// The command that finishes what was left behind.
const RESUME: &str = "vod-aigc resume";

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure(Box<Details>);

/// What a program learns of a failure.
#[derive(Debug, Serialize)]
struct Details {
    #[serde(rename = "exit_code")]
    code: u8,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billed: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    /// The command that goes on from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    /// Whether standard output holds its document already.
    #[serde(skip)]
    described: bool,
    /// Whether a person has stopped the command.
    #[serde(skip)]
    interrupted: bool,
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
    pub(crate) fn interrupted(task_id: &str) -> Self {
        let details = Details::new(INTERRUPTED, "interrupted; the task goes on and may be billed");
        Self::from(Details { interrupted: true, ..details }).with_task(task_id)
    }

    /// Interrupted before there was a request.
    pub(crate) fn interrupted_upload() -> Self {
        let details = Details::new(INTERRUPTED, "interrupted while preparing the inputs; nothing was billed");
        Details { billed: Some("no"), interrupted: true, ..details }.into()
    }

    /// Interrupted while a request was on its way.
    pub(crate) fn interrupted_submit(session_id: Option<String>) -> Self {
        let named = session_id.as_ref().map(|id| format!(", SessionId {id}")).unwrap_or_default();
        let message =
            format!("interrupted while submitting; the outcome is unknown and money may have been spent{named}");
        let resume = Some(RESUME.to_owned());
        let details = Details::new(OUTCOME_UNKNOWN, message);
        Details { billed: Some("unknown"), session_id, resume, interrupted: true, ..details }.into()
    }

    /// Interrupted while a call was on its way, without a journal that knows of it.
    pub(crate) fn interrupted_call(call: &Call) -> Self {
        let session_id = call.session_id().map(str::to_owned);
        let details = match call.effect() {
            Effect::Paid => {
                let message = format!(
                    "interrupted; the outcome of {} is unknown and money may have been spent, SessionId {}",
                    call.action(),
                    session_id.as_deref().unwrap_or("none"),
                );
                Details { billed: Some("unknown"), session_id, ..Details::new(OUTCOME_UNKNOWN, message) }
            }
            Effect::Write => Details::new(INTERRUPTED, "interrupted; it may have taken effect"),
            _ => Details::new(INTERRUPTED, "interrupted"),
        };
        Self::from(Details { interrupted: true, ..details }).with_advice()
    }

    /// A call of which no journal knows.
    pub(crate) fn of_call(error: Error) -> Self {
        Self::from(error).with_advice()
    }

    /// Says how to find out whether a call that no journal knows of was taken.
    fn with_advice(mut self) -> Self {
        if self.0.code == OUTCOME_UNKNOWN {
            self.0.message += match &self.0.session_id {
                Some(_) => {
                    "; the call DescribeTasks lists the tasks of the last 72 hours with their SessionId; the same body \
                     with the same SessionId starts no second one"
                }
                None => "; the service cannot tell a second request from the first: do not send it again unseen",
            };
        }
        self
    }

    /// Names the task, and how to go on with it.
    pub(crate) fn with_task(mut self, task_id: &str) -> Self {
        self.0.resume = Some(format!("vod-aigc task wait {task_id}"));
        self.0.task_id = Some(task_id.to_owned());
        self
    }

    /// What happened, in one sentence.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether a person has stopped the command.
    pub(crate) fn is_interruption(&self) -> bool {
        self.0.interrupted
    }

    /// As one document among those of other jobs.
    pub(crate) fn document(&self, key: &str) -> serde_json::Value {
        serde_json::json!({ "key": key, "error": self.0 })
    }

    /// The same, with its document printed already.
    pub(crate) fn already_described(mut self) -> Self {
        self.0.described = true;
        self
    }

    /// Prints it and gives the exit code. Standard output stays free for data: the sentence goes to standard error.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let details = self.0;
        eprintln!("error: {}", details.message);
        if let Some(resume) = &details.resume {
            eprintln!("resume with: {resume}");
        }
        if json && !details.described {
            // There is a failure already; one of standard output would not change its exit code.
            let _ = print_json(&serde_json::json!({ "error": details }));
        }
        ExitCode::from(details.code)
    }
}

impl Details {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            error_code: None,
            billed: None,
            session_id: None,
            request_id: None,
            task_id: None,
            resume: None,
            described: false,
            interrupted: false,
        }
    }
}

impl From<Details> for Failure {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

/// The exit code for a kind of error that the service named.
fn code_of(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Credentials | ErrorClass::Permission | ErrorClass::Clock | ErrorClass::Account => AUTHENTICATION,
        ErrorClass::Frequency | ErrorClass::Quota | ErrorClass::Capacity => LIMIT,
        ErrorClass::Content => CONTENT,
        ErrorClass::Parameter | ErrorClass::NotFound | ErrorClass::Incompatible => USAGE,
        ErrorClass::Duplicate => OUTCOME_UNKNOWN,
        ErrorClass::Generation | ErrorClass::Cancelled => TASK_FAILED,
        _ => NETWORK,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match (error.kind(), error.class()) {
            _ if error.billed() != Billed::No => OUTCOME_UNKNOWN,
            (_, Some(class)) => code_of(class),
            (ErrorKind::Configuration | ErrorKind::Request, None) => USAGE,
            (_, None) => NETWORK,
        };
        Details {
            error_code: error.code().map(ToString::to_string),
            billed: Some(billed(error.billed())),
            session_id: error.session_id().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            ..Details::new(code, error.to_string())
        }
        .into()
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let unknown = error.outcome() == Outcome::Unknown;
        match error {
            SubmitError::Refused(error) => error.into(),
            SubmitError::Call(error) => error.into(),
            error => Details {
                billed: Some(billed(error.billed())),
                session_id: error.session_id().map(str::to_owned),
                request_id: error.request_id().map(str::to_owned),
                task_id: error.task().map(|task| task.task_id.clone()),
                resume: unknown.then(|| RESUME.to_owned()),
                ..Details::new(if unknown { OUTCOME_UNKNOWN } else { USAGE }, error.to_string())
            }
            .into(),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::usage(format!("{error}; nothing was sent"))
    }
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        let task_id = error.task().task_id.clone();
        match error {
            WaitError::Deadline { .. } => Self::from(Details::new(DEADLINE, error.to_string())).with_task(&task_id),
            WaitError::Failed { ref failure, .. } => {
                let code = if failure.class() == ErrorClass::Content { CONTENT } else { TASK_FAILED };
                Details {
                    error_code: failure.code.as_ref().map(ToString::to_string),
                    task_id: Some(task_id),
                    ..Details::new(code, error.to_string())
                }
                .into()
            }
            WaitError::Poll { error, .. } => Self::from(error).with_task(&task_id),
            error => Self::from(Details::new(NETWORK, error.to_string())).with_task(&task_id),
        }
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        let code = match error {
            DownloadError::Target { .. } | DownloadError::NoUrl => USAGE,
            _ => NETWORK,
        };
        Details::new(code, error.to_string()).into()
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
        let message = SubmitError::Refused(error).to_string();
        Details { billed: Some("no"), ..Details::new(USAGE, message) }.into()
    }
}

impl From<AttachError> for Failure {
    fn from(error: AttachError) -> Self {
        let message = error.to_string();
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
        Details { billed: Some("no"), ..Details::new(code, message) }.into()
    }
}

fn billed(billed: Billed) -> &'static str {
    match billed {
        Billed::No => "no",
        Billed::Unknown => "unknown",
        Billed::Yes => "yes",
    }
}
