//! What every error of a job says to a person and to a program.

use std::error::Error as StdError;
use std::time::Duration;

use vod_aigc_client::{DownloadError, Outcome, ResumeError, SubmitError, TaskHandle, WaitError};
use vod_aigc_core::{DescribeTaskDetailResponse, TaskFailure, TaskState, VideoRequest};
use vod_aigc_store::{Billed, ForgetError, JobState, StoreError, StoreFailure};
use vod_aigc_transport::testing::{http_fn, reply};
use vod_aigc_transport::{Error, SendError, SendErrorKind, Sent, Transport};

use crate::support::*;

/// One error as a person and a program see it.
fn row(error: &dyn StdError, kind: &str, billed: Option<Billed>, hint: Option<&str>) -> String {
    let billed = billed.map(|billed| format!(", billed: {billed}")).unwrap_or_default();
    let source = error.source().map(|source| format!("\n    source: {source}")).unwrap_or_default();
    format!("{kind}{billed}\n    {error}\n    hint: {}{source}\n", hint.unwrap_or("-"))
}

fn matches(name: &str, rows: impl Iterator<Item = String>) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, rows.collect::<String>());
    });
}

fn send_error(kind: SendErrorKind) -> SendError {
    SendError::new(kind, Sent::Maybe, "for a reason")
}

fn target() -> DownloadError {
    DownloadError::Target { path: "out/video.mp4".into(), problem: "it is read-only".to_owned() }
}

/// An error of the service.
async fn refusal() -> Error {
    let refused =
        r#"{"Response":{"Error":{"Code":"AuthFailure.UnauthorizedOperation","Message":"no"},"RequestId":"r"}}"#;
    let http = http_fn(move |_| Ok(reply(200, refused)));
    let transport = Transport::builder(credential()).http(http).build();
    transport.call(vod_aigc_core::DescribeTaskDetailRequest::new("1")).await.unwrap_err()
}

fn task_failure() -> TaskFailure {
    let task =
        serde_json::json!({ "Status": "FINISH", "ErrCode": 70000, "ErrCodeExt": "InternalError", "Message": "no" });
    let reply = serde_json::json!({ "TaskType": "AigcVideoTask", "Status": "FINISH", "AigcVideoTask": task });
    let TaskState::Failed(failure) = serde_json::from_value::<DescribeTaskDetailResponse>(reply).unwrap().state()
    else {
        panic!("a task that failed");
    };
    failure
}

#[test]
fn a_download() {
    let rows = [
        DownloadError::NoUrl,
        target(),
        DownloadError::Fetch(send_error(SendErrorKind::Refused)),
        DownloadError::Fetch(send_error(SendErrorKind::Interrupted)),
        DownloadError::Status(404),
        DownloadError::Status(500),
        DownloadError::Length { found: 1, expected: 2 },
        DownloadError::Checksum { found: "00".to_owned(), expected: "ff".to_owned() },
        DownloadError::NoLength,
        DownloadError::NotResumable,
        DownloadError::TooLarge { largest: 1 },
    ];
    matches("errors_download", rows.iter().map(|it| row(it, it.kind(), None, it.hint())));
}

#[test]
fn a_store_and_a_job_that_is_given_up() {
    let failure = || StoreFailure::new("jobs.sqlite3");
    let store = [
        StoreError::Changed,
        StoreError::Locked(failure()),
        StoreError::Full(failure()),
        StoreError::ReadOnly(failure()),
        StoreError::NotADatabase(failure()),
        StoreError::NewerRelease(failure()),
        StoreError::Unreadable(failure()),
        StoreError::Other(failure()),
    ];
    let forget = [
        ForgetError::Unknown,
        ForgetError::NothingToForget(JobState::Refused { code: "InvalidParameter".to_owned() }),
        ForgetError::Store(StoreError::Full(failure())),
    ];
    let rows = store.iter().map(|it| row(it, it.kind(), None, it.hint()));
    let rows = rows.chain(forget.iter().map(|it| row(it, it.kind(), None, it.hint())));
    matches("errors_store", rows);
}

#[tokio::test]
async fn a_submit_a_wait_and_a_resume() {
    let key = || "shot 7".to_owned();
    let task = || TaskHandle::new("1500044236-AigcVideoTask-1", SUB_APP);
    let store = || StoreError::Full(StoreFailure::new("jobs.sqlite3"));
    let call = refusal().await;
    let invalid = VideoRequest::builder(vod_aigc_core::Kling::V2_1).build().unwrap_err();
    let submit = [
        SubmitError::Refused(invalid),
        SubmitError::Request("a number is not finite".to_owned()),
        SubmitError::KeyTaken { key: key() },
        SubmitError::OtherAction { key: key(), action: "CreateAigcImageTask".to_owned() },
        SubmitError::NotKept { key: key() },
        SubmitError::Store { error: store(), outcome: Outcome::NotSent, session_id: None },
        SubmitError::Store { error: store(), outcome: Outcome::Unknown, session_id: Some("s".to_owned()) },
        SubmitError::Unrecorded { task: Box::new(task()), error: store() },
        SubmitError::Forgotten { key: key() },
        SubmitError::Call(call.clone()),
    ];
    let wait = [
        WaitError::Deadline { task: task(), waited: Duration::from_secs(90), last: None },
        WaitError::Failed { task: task(), failure: task_failure() },
        WaitError::Poll { task: task(), error: call.clone() },
        WaitError::Stalled { task: task(), polls: 9, error: call },
        WaitError::OthersTask { task: task(), shown: "s".to_owned() },
        WaitError::Expired { task: task(), last: None },
    ];
    let resume = [
        ResumeError::OtherEndpoint("https://vod.example".to_owned()),
        ResumeError::UnknownAction("CreateAigcSmellTask".to_owned()),
        ResumeError::Unreadable("it is no JSON".to_owned()),
        ResumeError::Submit(submit[2].clone()),
        ResumeError::Wait(wait[0].clone()),
        ResumeError::Download { task: Box::new(task()), error: target() },
    ];
    let rows = submit.iter().map(|it| row(it, it.kind(), Some(it.billed()), it.hint()));
    let rows = rows.chain(wait.iter().map(|it| row(it, it.kind(), Some(it.billed()), it.hint())));
    let rows = rows.chain(resume.iter().map(|it| row(it, it.kind(), Some(it.billed()), it.hint())));
    matches("errors_job", rows);
}
