//! The same key, request and reply for every way.

use vod_aigc_client::core::DescribeTaskDetailRequest;

/// The body of a request that starts a task: 619 bytes.
pub const CREATE: &str = include_str!("../material/create.json");
/// The reply about the task of [`CREATE`] when it has ended: 2.7 KB.
pub const REPLY: &str = include_str!("../material/ended.json");

pub const SUB_APP_ID: u64 = 1_500_044_236;
pub const SECRET_ID: &str = "AKIDEXAMPLE0000000000000000000000000";
pub const SECRET_KEY: &str = "a-key-that-opens-nothing00000000";
/// The host that requests are signed for where nothing is sent.
pub const HOST: &str = "vod.ap-guangzhou.tencentcloudapi.com";
/// When they are signed, in seconds since 1970-01-01 UTC.
pub const TIME: u64 = 1_763_884_800;

/// The headers of a call of ours beside the host, of the same lengths.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("x-tc-action", "DescribeTaskDetail"),
    ("x-tc-version", "2018-07-17"),
    ("x-tc-timestamp", "1763884800"),
    ("x-tc-region", "ap-guangzhou"),
    (
        "authorization",
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000000000000000000/2025-11-23/vod/tc3_request, \
         SignedHeaders=content-type;host;x-tc-action, \
         Signature=0000000000000000000000000000000000000000000000000000000000000000",
    ),
];

/// The request of every call, typed.
pub fn describe() -> DescribeTaskDetailRequest {
    let mut request = DescribeTaskDetailRequest::new("1500044236-AigcVideoTask-finished000c");
    request.sub_app_id = Some(SUB_APP_ID);
    request
}
