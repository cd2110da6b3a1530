//! The state of a task, decided from whatever the service says of it.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::api::Action;
use crate::generated::{
    AigcTaskStatus, AigcVideoTask, AigcVideoTaskOutput, DescribeTaskDetailResponse, ErrorClass, ErrorCode,
    EventContent, TaskStatus,
};
use crate::output::TaskOutput;
use crate::request::RequestError;
use crate::sealed;

/// The details of one kind of AIGC task, as a reply or an event holds them. What a kind does not report is `None`.
/// Sealed: the kinds of this crate implement it.
pub trait AigcTask: sealed::Task + DeserializeOwned + Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The word of `TaskType` for this kind, for example `AigcVideoTask`.
    const TASK_TYPE: &'static str;
    /// What it makes.
    type Output: TaskOutput + Send + Sync + 'static;

    /// The details of this kind in a reply about a task.
    fn of(reply: &DescribeTaskDetailResponse) -> Option<&Self>;

    /// The details of this kind in an event.
    fn of_event(_event: &EventContent) -> Option<&Self> {
        None
    }

    /// The task's id.
    fn task_id(&self) -> Option<&str>;

    /// How far it is.
    fn status(&self) -> Option<&AigcTaskStatus>;

    /// 0, or the number of the error that ended it.
    fn err_code(&self) -> Option<i64> {
        None
    }

    /// The error that ended it, as a word.
    fn err_code_ext(&self) -> Option<&ErrorCode> {
        None
    }

    /// The error that ended it, as a sentence.
    fn message(&self) -> Option<&str> {
        None
    }

    /// Done so far in percent.
    fn progress(&self) -> Option<i64> {
        None
    }

    /// What it has made.
    fn output(&self) -> Option<&Self::Output>;

    /// The `SessionId` of the request that started it.
    fn session_id(&self) -> Option<&str> {
        None
    }
}

/// Implements [`AigcTask`] for a shape: its word of `TaskType`, what it makes, the members that report it, and those
/// that it holds. `itself` marks a shape that is its own output.
macro_rules! aigc_task {
    (
        $shape:ident: $word:literal makes $output:ident
        told in reply.$reply:ident $(, event.$event:ident)?
        holds $($held:ident),*
    ) => {
        impl $crate::sealed::Task for $shape {}
        impl $crate::task::AigcTask for $shape {
            const TASK_TYPE: &'static str = $word;
            type Output = $output;

            fn of(reply: &$crate::DescribeTaskDetailResponse) -> Option<&Self> {
                reply.$reply.as_ref()
            }

            $(fn of_event(event: &$crate::EventContent) -> Option<&Self> {
                event.$event.as_ref()
            })?

            $($crate::task::aigc_task! { @ $held })*
        }
    };
    (@ task_id) => { fn task_id(&self) -> Option<&str> { self.task_id.as_deref() } };
    (@ status) => { fn status(&self) -> Option<&$crate::AigcTaskStatus> { self.status.as_ref() } };
    (@ err_code) => { fn err_code(&self) -> Option<i64> { self.err_code } };
    (@ err_code_ext) => { fn err_code_ext(&self) -> Option<&$crate::ErrorCode> { self.err_code_ext.as_ref() } };
    (@ message) => { fn message(&self) -> Option<&str> { self.message.as_deref() } };
    (@ progress) => {
        fn progress(&self) -> Option<i64> { self.progress }
    };
    (@ output) => { fn output(&self) -> Option<&Self::Output> { self.output.as_ref() } };
    (@ session_id) => { fn session_id(&self) -> Option<&str> { self.session_id.as_deref() } };
    (@ itself) => { fn output(&self) -> Option<&Self> { Some(self) } };
}
pub(crate) use aigc_task;

/// A request that starts a task. Sealed: the requests of this crate implement it.
pub trait StartsTask: Action + sealed::Request {
    /// The kind of task.
    type Task: AigcTask;

    /// The task's id, from the reply that accepted the request.
    fn task_id(reply: Self::Reply) -> Option<String>;

    /// What a job's record holds of the request, besides its text.
    fn summary(&self) -> Summary;

    /// Checks the request before it is sent.
    ///
    /// # Errors
    /// Every rule and limit that it breaks. Nothing has been sent and nothing is billed.
    fn check_before(&self) -> Result<(), RequestError> {
        RequestError::of(self.breaches())
    }
}

/// What a job's record holds of a request, besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The sub-application that owns the task.
    pub sub_app_id: u64,
    /// The model as [`Model`](crate::Model) prints it, for example `Kling:2.1`; none where the request names none.
    pub model: Option<String>,
    /// Whether the task may wait for off-peak hours.
    pub off_peak: bool,
}

impl Summary {
    pub(crate) fn new(sub_app_id: u64, name: Option<&str>, version: Option<&str>, off_peak: bool) -> Self {
        let model = name.map(|name| match version {
            Some(version) => format!("{name}:{version}"),
            None => name.to_owned(),
        });
        Self { sub_app_id, model, off_peak }
    }
}

/// How far a task is. `O` is what its kind makes.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum TaskState<'a, O = AigcVideoTaskOutput> {
    /// Not begun.
    Waiting,
    /// Under way.
    Processing {
        /// Done so far in percent, where the service says it.
        progress: Option<u8>,
    },
    /// Something that this release does not know. Not final: it is asked again.
    Unrecognised {
        /// The word that the service used; empty where it said nothing.
        status: String,
    },
    /// Done, with a result.
    Succeeded(&'a O),
    /// Ended without a result.
    Failed(TaskFailure),
}

impl<O> TaskState<'_, O> {
    /// Whether the task has ended, so that asking again will say the same.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded(_) | Self::Failed(_))
    }
}

impl<O> From<Progress> for TaskState<'_, O> {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Waiting => Self::Waiting,
            Progress::Processing(progress) => Self::Processing { progress },
            Progress::Unrecognised(status) => Self::Unrecognised { status },
        }
    }
}

/// How far a task is that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Progress {
    /// Not begun.
    Waiting,
    /// Under way; done so far in percent, where the service says it.
    Processing(Option<u8>),
    /// A word for the status that this release does not know; empty where the service used none.
    Unrecognised(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "waiting"),
            Self::Processing(Some(percent)) => write!(f, "processing, {percent} %"),
            Self::Processing(None) => write!(f, "processing"),
            Self::Unrecognised(word) => write!(f, "unknown status {word:?}"),
        }
    }
}

/// What the words of a reply say of a task.
#[derive(Debug, Clone)]
enum Stage {
    GoesOn(Progress),
    /// An end if there is a result or an error, because the inner word lags behind the outer one.
    Lagging(Progress),
    Finished,
    Failed,
    Aborted,
}

impl Stage {
    /// The inner word decides where it is there; the outer one may be missing. An unknown word is not an end.
    fn of(inner: Option<&AigcTaskStatus>, outer: Option<&TaskStatus>, progress: Option<i64>) -> Self {
        let processing = Progress::Processing(progress.map(|percent| percent.clamp(0, 100) as u8));
        let unrecognised = |word: Option<&str>| Progress::Unrecognised(word.unwrap_or_default().to_owned());
        match (inner, outer) {
            (_, Some(TaskStatus::Aborted)) => Self::Aborted,
            (Some(AigcTaskStatus::Fail), _) | (_, Some(TaskStatus::Fail)) => Self::Failed,
            (Some(AigcTaskStatus::Finish), _) | (None, Some(TaskStatus::Finish)) => Self::Finished,
            (Some(inner), outer) => {
                let progress = match (inner, outer) {
                    (AigcTaskStatus::Waiting, _)
                    | (AigcTaskStatus::Processing, Some(TaskStatus::Waiting | TaskStatus::Wait)) => Progress::Waiting,
                    (AigcTaskStatus::Processing, _) => processing,
                    (unknown, _) => unrecognised(Some(unknown.as_str())),
                };
                if outer == Some(&TaskStatus::Finish) { Self::Lagging(progress) } else { Self::GoesOn(progress) }
            }
            (None, Some(TaskStatus::Waiting | TaskStatus::Wait)) => Self::GoesOn(Progress::Waiting),
            (None, Some(TaskStatus::Processing | TaskStatus::Run)) => Self::GoesOn(processing),
            (None, outer) => Self::GoesOn(unrecognised(outer.map(TaskStatus::as_str))),
        }
    }
}

/// Why a task ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskFailure {
    /// The word for the error, where the service gave one.
    pub code: Option<ErrorCode>,
    /// The number of the error; 0 where the task ended without error and without a result.
    pub number: i64,
    /// The service's own sentence; may be empty.
    pub message: String,
}

impl TaskFailure {
    /// What kind of thing went wrong.
    pub fn class(&self) -> ErrorClass {
        self.code.as_ref().map_or(ErrorClass::Generation, ErrorCode::class)
    }

    /// What to do next, as one sentence without a full stop; none where the service gave no code.
    pub fn hint(&self) -> Option<&'static str> {
        Some(self.code.as_ref()?.facts().next_step)
    }

    /// Whether the task ended before it ran, because the account runs as many as it may, which is not billed. Of any other
    /// failure it is not known whether it is billed.
    pub fn is_unbilled(&self) -> bool {
        self.class() == ErrorClass::Frequency
    }
}

impl fmt::Display for TaskFailure {
    /// One line without control characters, whatever the service's words hold: they are shown on terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |words: &str| words.replace(char::is_control, " ");
        match &self.code {
            Some(code) => write!(f, "{}", plain(code.as_str()))?,
            None if self.number == 0 => write!(f, "ended without a result")?,
            None => write!(f, "error")?,
        }
        if self.number != 0 {
            write!(f, " ({})", self.number)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", plain(&self.message))?;
        }
        Ok(())
    }
}

impl DescribeTaskDetailResponse {
    /// The state of an AIGC video task; that of any other kind is [`DescribeTaskDetailResponse::state_of`].
    pub fn state(&self) -> TaskState<'_> {
        self.state_of::<AigcVideoTask>()
    }

    /// The state of a task of the kind `K`. The inner status decides where it is there; the outer one may be missing.
    ///
    /// An end with an error or without a result is a failure; an unknown word is not an end.
    pub fn state_of<K: AigcTask>(&self) -> TaskState<'_, K::Output> {
        let task = K::of(self);
        match Stage::of(task.and_then(K::status), self.status.as_ref(), task.and_then(K::progress)) {
            Stage::GoesOn(progress) => progress.into(),
            Stage::Lagging(progress) => match task.filter(|task| has_error(*task) || result(*task).is_some()) {
                Some(task) => end(task),
                None => progress.into(),
            },
            Stage::Finished => task.map_or_else(|| TaskState::Failed(TaskFailure::unexplained()), end),
            Stage::Failed => TaskState::Failed(task.map_or_else(TaskFailure::unexplained, TaskFailure::of)),
            Stage::Aborted => {
                let failure = task.map_or_else(TaskFailure::unexplained, TaskFailure::of);
                let code = failure.code.or(Some(ErrorCode::OperationCanceled));
                TaskState::Failed(TaskFailure { code, ..failure })
            }
        }
    }
}

fn end<K: AigcTask>(task: &K) -> TaskState<'_, K::Output> {
    match result(task).filter(|_| !has_error(task)) {
        Some(output) => TaskState::Succeeded(output),
        None => TaskState::Failed(TaskFailure::of(task)),
    }
}

fn result<K: AigcTask>(task: &K) -> Option<&K::Output> {
    task.output().filter(|output| output.is_there())
}

fn has_error(task: &impl AigcTask) -> bool {
    task.err_code().is_some_and(|it| it != 0) || error_word(task).is_some()
}

fn error_word(task: &impl AigcTask) -> Option<&ErrorCode> {
    task.err_code_ext().filter(|word| !word.as_str().is_empty())
}

impl AigcVideoTaskOutput {
    /// The video: the first file that can be had.
    pub fn file(&self) -> Option<&crate::AigcVideoTaskOutputFileInfo> {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.file_infos.iter().flatten().find(|file| given(&file.file_url) || given(&file.file_id))
    }
}

impl TaskFailure {
    fn of(task: &impl AigcTask) -> Self {
        Self {
            code: error_word(task).cloned(),
            number: task.err_code().unwrap_or_default(),
            message: task.message().unwrap_or_default().to_owned(),
        }
    }

    fn unexplained() -> Self {
        Self { code: None, number: 0, message: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, judge: impl FnOnce(TaskState<'_>) -> bool) {
        let reply: DescribeTaskDetailResponse = serde_json::from_str(json).expect("the reply parses");
        let state = reply.state();
        assert!(judge(state.clone()), "{state:?}");
    }

    fn failed(json: &str, code: Option<&str>, number: i64) {
        check(json, |state| {
            let TaskState::Failed(failure) = state else {
                return false;
            };
            failure.code == code.map(ErrorCode::from) && failure.number == number
        });
    }

    #[test]
    fn a_finish_with_a_file_succeeds_with_and_without_an_outer_status() {
        let inner = r#""AigcVideoTask":{"Status":"FINISH","Progress":100,"ErrCode":0,"ErrCodeExt":"","Output":{"FileInfos":[{"FileUrl":"https://a/b.mp4"}]}}"#;
        check(&format!("{{{inner}}}"), |state| matches!(state, TaskState::Succeeded(_)));
        check(&format!(r#"{{"Status":"FINISH",{inner}}}"#), |state| matches!(state, TaskState::Succeeded(_)));
    }

    #[test]
    fn a_finish_with_an_error_fails() {
        failed(
            r#"{"Status":"FINISH","AigcVideoTask":{"Status":"FINISH","ErrCode":70000,"ErrCodeExt":"RequestLimitExceeded","Message":"busy","Output":{"FileInfos":[{"FileUrl":"https://a/b.mp4"}]}}}"#,
            Some("RequestLimitExceeded"),
            70000,
        );
        failed(
            r#"{"AigcVideoTask":{"Status":"FINISH","ErrCode":0,"ErrCodeExt":"ContentModerationFailed"}}"#,
            Some("ContentModerationFailed"),
            0,
        );
    }

    #[test]
    fn a_finish_without_a_file_fails() {
        failed(r#"{"AigcVideoTask":{"Status":"FINISH","ErrCode":0,"Output":{"FileInfos":[]}}}"#, None, 0);
        failed(r#"{"AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[{"FileUrl":""}]}}}"#, None, 0);
        failed(r#"{"Status":"FINISH"}"#, None, 0);
    }

    #[test]
    fn the_cards_fail_and_an_abort_are_failures() {
        failed(r#"{"AigcVideoTask":{"Status":"FAIL","ErrCode":1}}"#, None, 1);
        failed(r#"{"Status":"ABORTED"}"#, Some("OperationCanceled"), 0);
    }

    #[test]
    fn an_unknown_word_is_not_an_end() {
        check(r#"{"AigcVideoTask":{"Status":"REVIEWING"}}"#, |state| {
            state == TaskState::Unrecognised { status: "REVIEWING".to_owned() }
        });
        check("{}", |state| state == TaskState::Unrecognised { status: String::new() });
        check(r#"{"AigcVideoTask":null,"Status":null}"#, |state| !state.is_final());
    }

    #[test]
    fn waiting_and_progress_are_told_apart() {
        check(r#"{"Status":"WAITING","AigcVideoTask":{"Status":"PROCESSING","Progress":0}}"#, |state| {
            state == TaskState::Waiting
        });
        check(r#"{"Status":"PROCESSING","AigcVideoTask":{"Status":"PROCESSING","Progress":40}}"#, |state| {
            state == TaskState::Processing { progress: Some(40) }
        });
        check(r#"{"Status":"RUN","AigcVideoTask":{"Progress":400}}"#, |state| {
            state == TaskState::Processing { progress: Some(100) }
        });
    }

    #[test]
    fn an_outer_finish_waits_for_a_result_that_the_inner_status_has_not() {
        check(r#"{"Status":"FINISH","AigcVideoTask":{"Status":"PROCESSING"}}"#, |state| !state.is_final());
        check(
            r#"{"Status":"FINISH","AigcVideoTask":{"Status":"PROCESSING","Output":{"FileInfos":[{"FileUrl":"https://a"}]}}}"#,
            |state| matches!(state, TaskState::Succeeded(_)),
        );
    }

    #[cfg(feature = "image")]
    #[test]
    fn an_image_task_is_judged_by_its_own_details() {
        use crate::{AigcImageTask, CreateAigcImageTaskRequest, CreateAigcImageTaskResponse};

        let reply =
            |json: &str| -> DescribeTaskDetailResponse { serde_json::from_str(json).expect("the reply parses") };
        let done = reply(
            r#"{"TaskType":"AigcImageTask","Status":"FINISH","AigcImageTask":{"TaskId":"t","Status":"FINISH","ErrCode":0,"SessionId":"s",
                "Output":{"FileInfos":[{"FileType":"png","FileUrl":"https://a/1.png"},{"FileId":"2","StorageMode":"Permanent"}]}}}"#,
        );
        let TaskState::Succeeded(output) = done.state_of::<AigcImageTask>() else {
            panic!("{done:?}");
        };
        let files: Vec<_> = output.files().into_iter().map(|file| (file.url, file.file_id, file.media_type)).collect();
        assert_eq!(files, [(Some("https://a/1.png"), None, Some("png")), (None, Some("2"), None)]);
        let task = AigcImageTask::of(&done).expect("the reply holds it");
        assert_eq!((task.task_id(), task.session_id()), (Some("t"), Some("s")));
        assert_eq!(done.task_type.as_ref().map(crate::TaskType::as_str), Some(AigcImageTask::TASK_TYPE));
        // Of a video, the same reply says only that the task has ended.
        assert_eq!(done.state(), TaskState::Failed(TaskFailure::unexplained()));

        let lost =
            reply(r#"{"AigcImageTask":{"Status":"FINISH","ErrCode":0,"Output":{"FileInfos":[{"FileUrl":""}]}}}"#);
        assert_eq!(lost.state_of::<AigcImageTask>(), TaskState::Failed(TaskFailure::unexplained()));
        let at_work = reply(r#"{"AigcImageTask":{"Status":"PROCESSING","Progress":7}}"#);
        assert_eq!(at_work.state_of::<AigcImageTask>(), TaskState::Processing { progress: Some(7) });

        let event = r#"{"EventType":"AigcImageTaskComplete","AigcImageCompleteEvent":{"TaskId":"t"}}"#;
        let event: EventContent = serde_json::from_str(event).expect("the event parses");
        assert_eq!(AigcImageTask::of_event(&event).and_then(AigcTask::task_id), Some("t"));
        assert!(AigcVideoTask::of_event(&event).is_none());

        let accepted = CreateAigcImageTaskResponse { task_id: Some("t".to_owned()) };
        assert_eq!(CreateAigcImageTaskRequest::task_id(accepted).as_deref(), Some("t"));
    }

    #[cfg(feature = "redraw")]
    #[test]
    fn a_kind_with_one_file_and_no_event_is_judged_alike() {
        use crate::AigcVideoRedrawTask;

        let reply =
            |json: &str| -> DescribeTaskDetailResponse { serde_json::from_str(json).expect("the reply parses") };
        let done = reply(
            r#"{"AigcVideoRedrawTask":{"Status":"FINISH","Output":{"FileInfo":{"FileUrl":"https://a/b.mp4","MetaData":{"Width":8}}}}}"#,
        );
        let TaskState::Succeeded(output) = done.state_of::<AigcVideoRedrawTask>() else {
            panic!("{done:?}");
        };
        assert_eq!(output.files()[0].meta_data.and_then(|it| it.width), Some(8));
        let failed = reply(
            r#"{"AigcVideoRedrawTask":{"Status":"FINISH","ErrCode":70000,"ErrCodeExt":"TaskTimeout","Output":{"FileInfo":{"FileUrl":"https://a"}}}}"#,
        );
        let TaskState::Failed(failure) = failed.state_of::<AigcVideoRedrawTask>() else {
            panic!("{failed:?}");
        };
        assert_eq!((failure.code, failure.number), (Some(ErrorCode::from("TaskTimeout")), 70000));
        assert!(AigcVideoRedrawTask::of_event(&EventContent::default()).is_none());
    }
}
