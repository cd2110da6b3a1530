//! Job records: what is written is read, and whatever a record holds, it can be resumed.

use std::sync::Arc;

use proptest::prelude::*;
use vod_aigc_client::{Client, JobRecord, JobState};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom};

use super::patience::{Answer, Server};
use super::{block_on, cases, json};

/// A planned job of Kling 2.1.
pub(super) fn record(key: &str) -> JobRecord {
    serde_json::from_value(serde_json::json!({
        "key": key, "shared": true, "digest": "00", "session": "va2-00112233445566778899aabbccddeeff", "attempt": 0,
        "endpoint": "https://vod.example.com", "sub_app_id": 1, "model": "Kling:2.1", "body": null, "output": null,
        "state": {"state": "planned"}, "first_sent": null, "last_sent": null, "refused_before": false,
        "request_id": null, "revision": 0,
    }))
    .expect("every member is there")
}

fn state() -> impl Strategy<Value = JobState> {
    let text = any::<String>;
    prop_oneof![
        Just(JobState::Planned),
        Just(JobState::Sending),
        text().prop_map(|reason| JobState::Unresolved { reason }),
        text().prop_map(|code| JobState::Refused { code }),
        text().prop_map(|task_id| JobState::Accepted { task_id }),
        (text(), text(), any::<bool>()).prop_map(|(task_id, reason, unbilled)| JobState::Failed {
            task_id,
            reason,
            unbilled
        }),
        text().prop_map(|reason| JobState::Forgotten { reason }),
        text().prop_map(|task_id| JobState::Done { task_id }),
        (text(), text()).prop_map(|(task_id, path)| JobState::Downloaded { task_id, path: path.into() }),
    ]
}

prop_compose! {
    fn any_record()(
        key: String, session: Option<String>, attempt: u8, body: Option<String>, output: Option<String>, state in state(),
        sent: [Option<u64>; 3], flags: [bool; 2], names: [Option<String>; 2], sub_app_id: u64,
    ) -> JobRecord {
        let mut record = record(&key);
        record.session = session;
        record.attempt = attempt;
        record.body = body.map(Arc::new);
        record.output = output.map(Into::into);
        record.state = state;
        [record.first_sent, record.last_sent, record.used_up_by] = sent;
        [record.shared, record.refused_before] = flags;
        [record.request_id, record.claimed_task] = names;
        record.sub_app_id = sub_app_id;
        record
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_record_is_read_as_it_was_written(record in any_record()) {
        let text = serde_json::to_string(&record).expect("texts and numbers serialise");
        prop_assert_eq!(serde_json::from_str::<JobRecord>(&text).expect("it was just written"), record);
    }

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
