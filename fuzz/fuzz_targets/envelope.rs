//! Replies: any bytes open as a value or a typed error, shown in one plain line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vod_aigc_core::{CreateAigcVideoTaskResponse, DescribeTaskDetailResponse, DescribeTasksResponse};
use vod_aigc_transport::{OpenError, RawReply, open};

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let reply = RawReply { status, headers: Default::default(), body: body.to_vec().into() };
    let errors = [
        open::<CreateAigcVideoTaskResponse>(&reply).err(),
        open::<DescribeTaskDetailResponse>(&reply).err(),
        open::<DescribeTasksResponse>(&reply).err(),
    ];
    for error in errors.into_iter().flatten() {
        let (text, request_id) = match error {
            OpenError::Service { code, message, request_id } => (format!("{code}{message}"), request_id),
            OpenError::Unreadable { problem, request_id, .. } => (problem, request_id),
            other => panic!("{other:?}"),
        };
        assert!(!text.contains(char::is_control) && text.chars().count() <= 1_100, "{text:?}");
        assert!(request_id.is_none_or(|id| !id.contains(char::is_control)));
    }
});
