//! Whatever a server answers becomes a typed error, with the RequestId where there is one, and never a panic.

use std::sync::Arc;

use vod_aigc_client::{Client, JobState, MemoryStore, Outcome, SubmitError};
use vod_aigc_core::{DescribeTaskDetailResponse, TaskState};
use vod_aigc_transport::{Billed, ErrorKind, RawReply, RetryPolicy, open};

use crate::support::*;

/// A status, a body that is no reply, and the RequestId that can still be read in it.
const UNREADABLE: &[(u16, &str, Option<&str>)] = &[
    (200, "", None),
    (200, "null", None),
    (200, "[]", None),
    (200, "{}", None),
    (200, "not JSON", None),
    (200, "{\"Response\":", None),
    (200, "{\"Response\":null}", None),
    (200, "{\"Response\":[]}", None),
    (200, "{\"Response\":\"done\"}", None),
    (200, "<html><body>Sign in to the network</body></html>", None),
    (403, "<html>Forbidden</html>", None),
    (502, "<html>Bad Gateway</html>", None),
    (301, "", None),
    (200, r#"{"Response":{"RequestId":"r-1","TaskId":"t-1""#, Some("r-1")),
    (200, r#"{"Response":{"RequestId":"r-1","TaskId":5}}"#, Some("r-1")),
    (200, r#"{"Response":{"TaskId":{"a":1},"RequestId":"r-1"}}"#, Some("r-1")),
    (200, r#"{"Response":{"Error":"no","RequestId":"r-1"}}"#, Some("r-1")),
    (200, r#"{"Response":{"Error":{"Message":"no code"},"RequestId":"r-1"}}"#, Some("r-1")),
    (200, "{\"Response\":{\"TaskId\":\"\u{0}\u{7f}\"", None),
];

#[tokio::test]
async fn a_create_whose_replies_cannot_be_read_is_held_and_was_sent_under_one_id_only() {
    let emulator = emulator().await;
    for (status, body, request_id) in UNREADABLE {
        let http = Interposed::answering(*status, *body);
        let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
        check_held(&error, &http);
        assert_eq!(error.request_id(), *request_id, "{body}");
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert!(emulator.ledger().is_empty());
}

#[tokio::test]
async fn a_create_that_names_no_task_has_an_unknown_outcome() {
    let emulator = emulator().await;
    for response in
        [r#"{"RequestId":"r-1"}"#, r#"{"TaskId":null,"RequestId":"r-1"}"#, r#"{"TaskId":"","RequestId":"r-1"}"#]
    {
        let http = Interposed::answering(200, format!(r#"{{"Response":{response}}}"#));
        let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
        check_held(&error, &http);
        assert_eq!(error.request_id(), Some("r-1"));
    }
}

/// Nothing is known of the job after all that the policy allows was tried, and the error leads to it.
fn check_held(error: &SubmitError, http: &Interposed) {
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error:?}");
    assert_eq!((error.outcome(), error.billed()), (Outcome::Unknown, Billed::Unknown));
    let ids = http.session_ids();
    assert_eq!(ids.len(), 4, "the first send and three more");
    assert!(ids.iter().all(|id| Some(id.as_str()) == error.session_id()), "{ids:?} {error}");
    assert!(error.to_string().contains("money may have been spent"), "{error}");
}

#[tokio::test]
async fn a_reply_of_any_shape_is_an_error_or_a_task_that_goes_on() {
    let emulator = emulator().await;
    for (status, body, _) in UNREADABLE {
        let http = Interposed::answering(*status, *body);
        if let Ok(reply) = client_through(&emulator, &http).task("t-1").poll().await {
            assert!(!reply.state().is_final(), "{body}");
        }
    }
    for inner in [
        "null",
        "{}",
        r#"{"Status":null,"Progress":-7}"#,
        r#"{"Status":"FINISH!","Progress":9223372036854775807,"ErrCode":null}"#,
        r#"{"Status":"PROCESSING","New":{"Member":[1,2]},"Output":{"FileInfos":null,"Usage":{}}}"#,
    ] {
        let http = Interposed::answering(200, format!(r#"{{"Response":{{"AigcVideoTask":{inner}}}}}"#));
        let reply = client_through(&emulator, &http).task("t-1").poll().await.unwrap();
        assert!(!reply.state().is_final(), "{inner}: {:?}", reply.state());
    }
}

#[tokio::test]
async fn a_reply_cut_off_anywhere_is_an_error_and_never_a_result() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let task = submitted(&client).await;
    let whole = task.wait().await.unwrap();
    let described = client.describe(whole.task()).await.unwrap();
    assert!(matches!(described.value.state(), TaskState::Succeeded(_)));
    let body = serde_json::json!({ "Response": described.value }).to_string();
    for length in 0..body.len() {
        let cut =
            RawReply { status: 200, headers: Default::default(), body: body.as_bytes()[..length].to_vec().into() };
        assert!(open::<DescribeTaskDetailResponse>(&cut).is_err(), "{length}");
    }
}

#[tokio::test]
async fn a_reply_without_end_is_not_read_to_the_end() {
    let emulator = emulator().await;
    let server = Server::start(std::iter::repeat(answer(200, &vec![b' '; 11 << 20]))).await;
    let client = client_to(&emulator, &server.url).build();

    let error = client.submit(panda()).await.unwrap_err();
    assert_eq!((error.outcome(), error.billed()), (Outcome::Unknown, Billed::Unknown));
    assert!(error.to_string().contains("too long"), "{error}");

    let before = server.requests().len();
    let error = client.task("t-1").poll().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Send, false));
    assert_eq!(server.requests().len(), before + 1);
}

#[tokio::test]
async fn a_reply_that_breaks_off_on_the_wire_is_an_error_and_names_no_task() {
    let emulator = emulator().await;
    let mut cut = answer(200, br#"{"Response":{"TaskId":"t-1","RequestId":"r-1"}}"#);
    cut.truncate(cut.len() - 10);
    for broken in [cut, b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(), b"\x00\x01 no HTTP".to_vec()] {
        let server = Server::start(std::iter::repeat(broken)).await;
        let store = Arc::new(MemoryStore::new());
        let client: Client = client_to(&emulator, &server.url)
            .store(store.clone())
            .transport(|it| it.read_retry(RetryPolicy::once(RetryPolicy::READ.total)))
            .build();
        let error = client.submit(panda()).await.unwrap_err();
        assert_eq!((error.outcome(), error.billed()), (Outcome::Unknown, Billed::Unknown));
        assert!(matches!(store.only_job().state, JobState::Unresolved { .. }));
        assert_eq!(client.task("t-1").poll().await.unwrap_err().kind(), ErrorKind::Send);
    }
}
