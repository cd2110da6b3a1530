//! Tasks: any JSON that is one has a state, and a failure is shown in one plain line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vod_aigc_core::{DescribeTaskDetailResponse, TaskState};

fuzz_target!(|body: &[u8]| {
    let Ok(reply) = serde_json::from_slice::<DescribeTaskDetailResponse>(body) else {
        return;
    };
    match reply.state() {
        TaskState::Processing { progress } => assert!(progress.is_none_or(|percent| percent <= 100)),
        TaskState::Succeeded(output) => assert!(output.file().is_some()),
        TaskState::Failed(failure) => assert!(!failure.to_string().contains(char::is_control)),
        _ => {}
    }
    let text = serde_json::to_string(&reply).expect("it serialises");
    let again: DescribeTaskDetailResponse = serde_json::from_str(&text).expect("it was just written");
    assert_eq!(again.state().is_final(), reply.state().is_final());
});
