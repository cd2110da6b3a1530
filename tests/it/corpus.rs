//! Bad replies: each opens as what it is expected to be, and no text of ours carries a control character out of it.

#[path = "../corpus/generate.rs"]
mod generate;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use generate::{Action, Entry, Expect, Malformed, State};
use vod_aigc_client::Client;
use vod_aigc_core::{
    CreateAigcVideoTaskRequest, CreateAigcVideoTaskResponse, DescribeTaskDetailResponse, DescribeTasksRequest,
    DescribeTasksResponse, TaskState,
};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom, http_fn};
use vod_aigc_transport::{Error, ErrorKind, OpenError, RawReply, Reply, RetryPolicy, open};

/// The longest text that an error may be made of, whatever the service sends.
const LONGEST_TEXT: usize = 4_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn the_corpus_on_the_disk_is_the_one_that_the_generator_writes() {
    let files = generate::files();
    let names: BTreeSet<String> = files.iter().map(|file| file.entry.file.clone()).collect();
    assert!(names.len() >= 400 && names.len() == files.len(), "{} names of {} files", names.len(), files.len());
    let replies = fs::read_dir(folder().join("replies")).unwrap();
    let found: BTreeSet<String> = replies.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    let command = "run `cargo run -p vod-aigc-tests --example corpus`";
    assert_eq!(found, names, "{command}");
    for file in &files {
        let bytes = fs::read(folder().join("replies").join(&file.entry.file)).unwrap();
        assert!(bytes == file.body, "{} is stale; {command}", file.entry.file);
    }
    let manifest = fs::read_to_string(folder().join("manifest.json")).unwrap();
    assert!(manifest == generate::manifest(&files), "the manifest is stale; {command}");
}

#[test]
fn the_base_replies_fill_every_member_and_no_other() {
    fn check<T: serde::de::DeserializeOwned + serde::Serialize + Debug>(base: &str, members: fn(&T) -> &dyn Debug) {
        let reply: Reply<T> = open(&raw(200, base.as_bytes())).unwrap();
        let shown = format!("{:?}", members(&reply.value));
        assert!(!shown.contains("None"), "a member is not in the base: {shown}");
        let mut base: serde_json::Value = serde_json::from_str(base).unwrap();
        base["Response"].as_object_mut().unwrap().remove("RequestId");
        assert_eq!(serde_json::to_value(&reply.value).unwrap(), base["Response"]);
    }
    for (action, base) in generate::WHOLE {
        match action {
            Action::Create => check::<CreateAigcVideoTaskResponse>(base, |reply| reply),
            // A task is of one kind only.
            Action::Describe => check::<DescribeTaskDetailResponse>(base, |reply| &reply.aigc_video_task),
            Action::List => check::<DescribeTasksResponse>(base, |reply| reply),
            Action::Any => unreachable!("a base answers one action"),
        }
    }
}

#[test]
fn every_file_opens_as_what_it_is() {
    let manifest = fs::read_to_string(folder().join("manifest.json")).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(&manifest).unwrap();
    assert!(entries.len() >= 400, "{} files", entries.len());
    for entry in entries {
        let body = fs::read(folder().join("replies").join(&entry.file)).unwrap();
        opens_as_expected(&Malformed { body, entry });
    }
}

#[test]
fn huge_and_deep_replies_open_as_what_they_are() {
    for malformed in generate::large() {
        opens_as_expected(&malformed);
    }
}

fn opens_as_expected(malformed: &Malformed) {
    let Entry { file, action, .. } = &malformed.entry;
    let opened = raw(malformed.entry.status, &malformed.body);
    // Every reply is read as the answer to every action; what is expected of it may be said for one only.
    judge(malformed, matches!(action, Action::Any | Action::Create), open::<CreateAigcVideoTaskResponse>(&opened));
    judge(malformed, matches!(action, Action::Any | Action::List), open::<DescribeTasksResponse>(&opened));
    let describe = open::<DescribeTaskDetailResponse>(&opened);
    if let Ok(reply) = &describe {
        let state = reply.value.state();
        if let TaskState::Failed(failure) = &state {
            is_one_plain_line(file, &failure.to_string());
        }
        let found = match state {
            TaskState::Failed(_) => State::Failed,
            TaskState::Succeeded(_) => State::Succeeded,
            TaskState::Waiting | TaskState::Processing { .. } | TaskState::Unrecognised { .. } => State::Unfinished,
        };
        if let Some(expected) = malformed.entry.state {
            assert_eq!(found, expected, "{file}");
        }
    }
    judge(malformed, matches!(action, Action::Any | Action::Describe), describe);
}

/// Compares with what is expected, where the expectation `is_for` this action.
fn judge<T: Debug>(malformed: &Malformed, is_for: bool, found: Result<Reply<T>, OpenError>) {
    let Entry { file, expect, code, request_id, .. } = &malformed.entry;
    let (kind, found_code, found_id) = match &found {
        Ok(reply) => (Expect::Value, None, &reply.request_id),
        Err(OpenError::Service { code, message, request_id }) => {
            is_one_plain_line(file, message);
            is_one_plain_line(file, code.as_str());
            (Expect::Service, Some(code.to_string()), request_id)
        }
        Err(OpenError::Unreadable { problem, request_id, .. }) => {
            is_one_plain_line(file, problem);
            (Expect::Unreadable, None, request_id)
        }
        Err(other) => panic!("{file}: {other:?}"),
    };
    if let Some(id) = found_id {
        is_one_plain_line(file, id);
    }
    if is_for && *expect != Expect::Typed {
        let shown = format!("{:.300}", format!("{found:?}"));
        assert_eq!((kind, &found_code, found_id), (*expect, code, request_id), "{file}: {shown}");
    }
}

fn is_one_plain_line(file: &str, text: &str) {
    assert!(!text.contains(char::is_control), "{file}: {text:?}");
    assert!(text.len() <= LONGEST_TEXT, "{file}: {} bytes", text.len());
}

fn raw(status: u16, body: &[u8]) -> RawReply {
    RawReply { status, headers: Default::default(), body: body.to_vec().into() }
}

#[tokio::test]
async fn a_client_makes_a_value_or_a_typed_error_of_every_file() {
    for Malformed { body, entry } in generate::files() {
        let answer = raw(entry.status, &body);
        let http = http_fn(move |_| Ok(answer.clone()));
        let once = RetryPolicy::once(Duration::from_secs(30));
        let client = Client::builder(Credential::new("AKIDEXAMPLE", "key").unwrap(), 1)
            .clock(Arc::new(ManualClock::at(1_795_435_200)))
            .random(Arc::new(SeededRandom::new(7)))
            .transport(|transport| transport.http(http).read_retry(once).write_retry(once))
            .build();
        if matches!(entry.action, Action::Any | Action::Describe) {
            agrees(&entry, client.task("1").poll().await.err());
        }
        if matches!(entry.action, Action::Any | Action::List) {
            agrees(&entry, client.call(DescribeTasksRequest::default()).await.err());
        }
        if matches!(entry.action, Action::Any | Action::Create) {
            agrees(&entry, client.call(CreateAigcVideoTaskRequest::new("Kling", "2.1")).await.err());
        }
    }
}

fn agrees(entry: &Entry, found: Option<Error>) {
    let kind = match found.as_ref().map(Error::kind) {
        None => Expect::Value,
        Some(ErrorKind::Service) => Expect::Service,
        Some(ErrorKind::Reply) => Expect::Unreadable,
        Some(other) => panic!("{}: {other:?}", entry.file),
    };
    assert_eq!(kind, entry.expect, "{}: {found:?}", entry.file);
    if let Some(error) = found {
        is_one_plain_line(&entry.file, &error.to_string());
        assert_eq!(error.code().map(ToString::to_string), entry.code, "{}", entry.file);
        assert_eq!(error.request_id(), entry.request_id.as_deref(), "{}", entry.file);
    }
}
