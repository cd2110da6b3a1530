//! Job records: whatever a record holds, it can be resumed. That it is read as it was written is a test of the store's crate.

use std::sync::Arc;

use proptest::prelude::*;
use vod_aigc_client::{Client, JobRecord};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom};

use super::patience::{Answer, Server};
use super::records::any_record;
use super::{block_on, cases, json};

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_json_is_a_record_or_an_error(value in json()) {
        if let Ok(record) = serde_json::from_value::<JobRecord>(value) {
            prop_assert!(record.session_id().is_none_or(|id| record.owns(&id)));
        }
    }

    #[test]
    fn any_record_can_be_resumed(record in any_record()) {
        let client = Client::builder(Credential::new("AKIDEXAMPLE", "key").unwrap(), 1)
            .clock(Arc::new(ManualClock::at(1_795_435_200)))
            .random(Arc::new(SeededRandom::new(7)))
            .transport(|transport| transport.http(Arc::new(Server::new(Answer::Lost))))
            .build();
        // The task that it has or, where the service named one that cannot be confirmed now, that one.
        let known = record.state.task_id().map(str::to_owned);
        let named = record.claimed_task.clone();
        let resumed = block_on(client.resume_job(record)).ok().map(|task| task.id().to_owned());
        prop_assert!(resumed == known || (known.is_none() && resumed == named), "{resumed:?}");
    }
}
