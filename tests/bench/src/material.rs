//! The same key, request and replies for every way.

use vod_aigc_client::core::CreateAigcVideoTaskRequest;

/// The body of a request that starts a task: 619 bytes.
pub const CREATE: &str = include_str!("../material/create.json");
/// A long reply about a task that goes on: 4 KB.
pub const PROCESSING: &str = include_str!("../material/processing.json");
/// A long reply about a task that has ended: 4 KB.
pub const FINISHED: &str = include_str!("../material/finished.json");
/// The reply about the task of [`CREATE`] while it goes on: 1.5 KB.
pub const ANSWER_GOES_ON: &str = include_str!("../material/goes-on.json");
/// The same when it has ended: 2.7 KB.
pub const ANSWER_ENDED: &str = include_str!("../material/ended.json");

/// The task that the server says is going on.
pub const GOES_ON: &str = "1500044236-AigcVideoTask-processing0c";
/// The task that the server says has ended.
pub const HAS_ENDED: &str = "1500044236-AigcVideoTask-finished000c";
/// The body of a request about a task, of the same bytes as ours.
pub fn describe(task_id: &str) -> String {
    format!(r#"{{"TaskId":"{task_id}","SubAppId":{SUB_APP_ID}}}"#)
}

/// The sub-application.
pub const SUB_APP_ID: u64 = 1_500_044_236;
/// The secret id.
pub const SECRET_ID: &str = "AKIDEXAMPLE0000000000000000000000000";
/// The secret key.
pub const SECRET_KEY: &str = "a-key-that-opens-nothing00000000";
/// The host that requests are signed for where nothing is sent.
pub const HOST: &str = "vod.ap-guangzhou.tencentcloudapi.com";
/// When they are signed, in seconds since 1970-01-01 UTC.
pub const TIME: u64 = 1_763_884_800;

/// What a call of ours has beside the host, of the same lengths.
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

/// The request that starts a task, typed.
pub fn create() -> CreateAigcVideoTaskRequest {
    serde_json::from_str(CREATE).expect("the material is a request")
}
