//! Job records: any text is a record or an error, and any record can be resumed without a panic or a second create.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libfuzzer_sys::fuzz_target;
use vod_aigc_client::{Client, JobRecord};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom, http_fn, reply};
use vod_aigc_transport::{SendError, SendErrorKind, Sent};

fuzz_target!(|text: &[u8]| {
    let Ok(record) = serde_json::from_slice::<JobRecord>(text) else {
        return;
    };
    let text = serde_json::to_string(&record).expect("it serialises");
    assert_eq!(serde_json::from_str::<JobRecord>(&text).expect("it was just written"), record);
    assert!(record.session_id().is_none_or(|id| record.owns(&id)));

    let creates = Arc::new(AtomicUsize::new(0));
    let counted = creates.clone();
    // The reply to every create is lost, and no task is listed.
    let http = http_fn(move |request| {
        if request.headers().any(|(name, value)| name == "x-tc-action" && value == "CreateAigcVideoTask") {
            counted.fetch_add(1, Ordering::SeqCst);
            return Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "reset"));
        }
        Ok(reply(200, r#"{"Response":{"TaskSet":[]}}"#))
    });
    let client = Client::builder(Credential::new("AKIDEXAMPLE", "key").expect("a valid pair"), 1)
        .clock(Arc::new(ManualClock::at(1_795_435_200)))
        .random(Arc::new(SeededRandom::new(7)))
        .transport(|transport| transport.http(http))
        .build();
    let has_task = record.state.task_id().is_some();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(runtime.block_on(client.resume_job(record)).is_ok(), has_task);
    assert!(creates.load(Ordering::SeqCst) <= 4, "more creates than the policy allows");
});
