//! How replies are opened: by content, in one pass, with a typed error for everything else.

use serde::Deserialize;
use vod_aigc_transport::{OpenError, RawReply, open};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    task_id: String,
    #[serde(default)]
    note: Option<String>,
}

fn reply(status: u16, body: impl Into<Vec<u8>>) -> RawReply {
    RawReply { status, headers: Default::default(), body: body.into().into() }
}

fn check_opens(body: &str, task_id: &str, request_id: Option<&str>) {
    for status in [200, 500] {
        let opened = open::<Task>(&reply(status, body)).expect("a success by its content");
        let value = Task { task_id: task_id.to_owned(), note: None };
        assert_eq!((opened.value, opened.request_id.as_deref()), (value, request_id), "{body}");
    }
}

fn check_service(body: &str, code: &str, message: &str, request_id: Option<&str>) {
    match open::<Task>(&reply(200, body)) {
        Err(OpenError::Service { code: found, message: text, request_id: id }) => {
            assert_eq!((found.as_str(), text.as_str(), id.as_deref()), (code, message, request_id), "{body}");
        }
        other => panic!("{body}: {other:?}"),
    }
}

fn check_unreadable(status: u16, body: &[u8], sentence: &str, is_transient: bool, id: Option<&str>) -> String {
    match open::<Task>(&reply(status, body)) {
        Err(OpenError::Unreadable { problem, transient, request_id, status: found, .. }) => {
            assert!(problem.contains(sentence), "{problem}");
            assert_eq!((transient, request_id.as_deref(), found), (is_transient, id, status), "{problem}");
            assert!(!problem.chars().any(char::is_control), "{problem:?}");
            assert!(problem.chars().count() < 600, "{problem}");
            problem
        }
        other => panic!("{}: {other:?}", String::from_utf8_lossy(body)),
    }
}

#[test]
fn a_success_opens_whatever_stands_beside_it() {
    check_opens(r#"{"Response":{"TaskId":"t","RequestId":"r"}}"#, "t", Some("r"));
    check_opens(r#"{"Response":{"RequestId":"r","New":{"a":[1]},"TaskId":"t"},"More":1}"#, "t", Some("r"));
    check_opens(r#"{"Response":{"TaskId":"t","Error":null,"RequestId":null}}"#, "t", None);
    check_opens(r#"{"Response":{"Task\u0049d":"t","RequestId":7}}"#, "t", None);
    check_opens(" {\"Response\" : {\"TaskId\":\"t\"}}\n", "t", None);
}

#[test]
fn an_error_is_found_whatever_stands_beside_it() {
    let error = r#""Error":{"Code":"AuthFailure","Message":"no"}"#;
    check_service(&format!(r#"{{"Response":{{{error},"RequestId":"r"}}}}"#), "AuthFailure", "no", Some("r"));
    check_service(&format!(r#"{{"Response":{{"RequestId":"r",{error}}}}}"#), "AuthFailure", "no", Some("r"));
    check_service(&format!(r#"{{"Response":{{"TaskId":"t",{error}}}}}"#), "AuthFailure", "no", None);
    check_service(&format!(r#"{{"Response":{{"TaskId":7,{error}}}}}"#), "AuthFailure", "no", None);
    check_service(r#"{"Response":{"Error":{"Code":"New.Code"}}}"#, "New.Code", "", None);
    check_service(r#"{"Response":{"Error":{"Code":"A","Message":null,"More":1}}}"#, "A", "", None);
}

#[test]
fn a_message_cannot_control_a_terminal() {
    let body = r#"{"Response":{"Error":{"Code":"A","Message":"a\u001b[2J\nb\u0007"}}}"#;
    check_service(body, "A", "a [2J b ", None);
}

#[test]
fn what_is_no_envelope_is_a_typed_error() {
    check_unreadable(
        502,
        b"<html>\r\n<h1>Bad Gateway</h1>",
        "not the JSON of an API reply; it begins with: <html>",
        true,
        None,
    );
    check_unreadable(403, b"<html>", "not the JSON", false, None);
    check_unreadable(302, b"", "empty", false, None);
    check_unreadable(200, b"", "empty", true, None);
    check_unreadable(200, b"{\"Response\":{\"RequestId\":\"req-9\",\"Task", "cut off", true, Some("req-9"));
    check_unreadable(200, br#"{"TaskId":"t"}"#, "without a Response", true, None);
    check_unreadable(200, br#"{"Response":null}"#, "without a Response", true, None);
    check_unreadable(200, b"null", "not the JSON", true, None);
    check_unreadable(200, b"\xff\xfe\x00\x1b[2J", "not the JSON", true, None);
    check_unreadable(200, br#"{"Response":{"TaskId":"t"}} trailing"#, "not the JSON", true, None);
}

#[test]
fn a_wrong_shape_says_which_and_keeps_the_request_id() {
    let body = br#"{"Response":{"TaskId":{"a":1},"RequestId":"req-9"}}"#;
    check_unreadable(200, body, "unexpected (invalid type: map, expected a string", false, Some("req-9"));
    check_unreadable(200, br#"{"Response":{"RequestId":"req-9"}}"#, "missing field `TaskId`", false, Some("req-9"));
    check_unreadable(200, br#"{"Response":{"Error":{"Message":"m"},"TaskId":"t"}}"#, "no Code", false, None);
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let body = format!(r#"{{"Response":{}{}}}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    check_unreadable(200, body.as_bytes(), "not the JSON", true, None);
}

#[test]
fn every_prefix_of_a_reply_is_an_error_and_no_panic() {
    let body = r#"{"Response":{"TaskId":"名","Error":null,"RequestId":"req-9"}}"#.as_bytes();
    for end in 0..body.len() {
        open::<Task>(&reply(200, &body[..end])).expect_err("a prefix is not a reply");
    }
}

#[test]
fn a_long_body_is_shown_in_part() {
    let body = format!("<html>{}", "名".repeat(100_000));
    check_unreadable(502, body.as_bytes(), "<html>", true, None);
}

#[test]
fn keys_in_an_unreadable_reply_are_not_shown() {
    let body = br#"{"Response":{"Credentials":{"TmpSecretKey":"canary-key","Token":"canary-token"#;
    let problem = check_unreadable(200, body, "holds keys", true, None);
    assert!(!problem.contains("canary"), "{problem}");
}
