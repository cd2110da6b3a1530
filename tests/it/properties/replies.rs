//! Replies: any bytes open as a value or a typed error, and what is shown of them is one plain line.

use proptest::prelude::*;
use vod_aigc_core::{CreateAigcVideoTaskResponse, DescribeTaskDetailResponse, DescribeTasksResponse, TaskState};
use vod_aigc_transport::{OpenError, RawReply, open};

use super::{cases, json};

fn raw(status: u16, body: impl Into<Vec<u8>>) -> RawReply {
    RawReply { status, headers: Default::default(), body: body.into().into() }
}

fn is_plain(text: &str) -> bool {
    !text.contains(char::is_control) && text.chars().count() <= 700
}

fn opens(reply: &RawReply) -> Result<(), TestCaseError> {
    let errors = [
        open::<CreateAigcVideoTaskResponse>(reply).err(),
        open::<DescribeTaskDetailResponse>(reply).err(),
        open::<DescribeTasksResponse>(reply).err(),
    ];
    for error in errors.into_iter().flatten() {
        let (text, request_id) = match error {
            OpenError::Service { code, message, request_id } => (format!("{code}{message}"), request_id),
            OpenError::Unreadable { problem, request_id, .. } => (problem, request_id),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert!(!text.contains(char::is_control) && text.chars().count() <= 1_100, "{:?}", text);
        prop_assert!(request_id.iter().all(|id| is_plain(id)), "{:?}", request_id);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_bytes_open_as_a_value_or_an_error(status: u16, body: Vec<u8>) {
        opens(&raw(status, body))?;
    }

    #[test]
    fn any_json_opens_as_a_value_or_an_error(status: u16, value in json(), wrapped: bool) {
        let value = if wrapped { serde_json::json!({ "Response": value }) } else { value };
        opens(&raw(status, value.to_string()))?;
    }

    #[test]
    fn an_error_is_found_whatever_the_status_and_whatever_stands_beside_it(status: u16, code in "[A-Za-z.]{1,40}", message: String, beside in json()) {
        let body = serde_json::json!({ "Response": {
            "Error": { "Code": code, "Message": message }, "TaskId": beside, "Status": beside, "RequestId": "id-1",
        } });
        match open::<DescribeTaskDetailResponse>(&raw(status, body.to_string())) {
            Err(OpenError::Service { code: found, message: shown, request_id }) => {
                prop_assert_eq!(found.as_str(), code);
                prop_assert_eq!(request_id.as_deref(), Some("id-1"));
                prop_assert!(is_plain(&shown));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_cut_off_reply_is_never_a_value(cut: prop::sample::Index) {
        let whole = r#"{"Response":{"TaskId":"1500044236-AigcVideoTask-1","RequestId":"0f3e2c4a"}}"#;
        let part = &whole[..cut.index(whole.len())];
        let opened = open::<CreateAigcVideoTaskResponse>(&raw(200, part));
        let unreadable = matches!(opened, Err(OpenError::Unreadable { .. }));
        prop_assert!(unreadable, "{:?}", opened);
    }

    #[test]
    fn a_new_member_changes_nothing(name in "New[A-Za-z]{1,8}", value in json()) {
        let mut body = serde_json::json!({ "Response": { "TaskId": "1", "RequestId": "2" } });
        let before = open::<CreateAigcVideoTaskResponse>(&raw(200, body.to_string())).unwrap();
        body["Response"][&name] = value.clone();
        body[&name] = value;
        prop_assert_eq!(open::<CreateAigcVideoTaskResponse>(&raw(200, body.to_string())), Ok(before));
    }

    #[test]
    fn the_state_of_any_task_is_told_without_a_panic(
        statuses in [prop::option::of("FINISH|FAIL|PROCESSING|WAITING|ABORTED|[A-Z]{0,6}"), prop::option::of("FINISH|FAIL|PROCESSING|WAITING|ABORTED|[A-Z]{0,6}")],
        number: Option<i64>, word: Option<String>, message: Option<String>, progress: Option<i64>, url: Option<String>,
    ) {
        let reply = serde_json::json!({ "Status": statuses[0], "AigcVideoTask": {
            "Status": statuses[1], "ErrCode": number, "ErrCodeExt": word, "Message": message, "Progress": progress,
            "Output": { "FileInfos": [{ "FileUrl": url }] },
        } });
        let reply: DescribeTaskDetailResponse = serde_json::from_value(reply).expect("every member is of its type");
        match reply.state() {
            TaskState::Processing { progress: Some(percent) } => prop_assert!(percent <= 100),
            TaskState::Succeeded(output) => prop_assert!(output.file().is_some() && number.unwrap_or(0) == 0),
            TaskState::Failed(failure) => prop_assert!(!failure.to_string().contains(char::is_control)),
            _ => {}
        }
    }

    #[test]
    fn any_json_has_a_state_if_it_is_a_task(value in json()) {
        if let Ok(reply) = serde_json::from_value::<DescribeTaskDetailResponse>(value) {
            let is_final = reply.state().is_final();
            let says_end = reply.status.is_some() || reply.aigc_video_task.is_some();
            prop_assert!(!is_final || says_end);
        }
    }
}
