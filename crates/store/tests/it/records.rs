//! Made-up job records, also for the tests of the whole workspace.

use std::sync::Arc;

use proptest::prelude::*;
use vod_aigc_store::{JobRecord, JobState};

/// A planned job.
pub(crate) fn record(key: &str) -> JobRecord {
    let mut job = JobRecord::new(key, "CreateAigcVideoTask", "00ff", 1);
    job.shared = true;
    job.session = Some("va2-00112233445566778899aabbccddeeff".to_owned());
    job.endpoint = "https://vod.example.com".to_owned();
    job.model = "Kling:2.1".to_owned();
    job.body = Some(Arc::new(format!(r#"{{"Prompt":"{key}"}}"#)));
    job
}

/// Any state, with any texts.
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
    pub(crate) fn any_record()(
        texts: [String; 4], session: Option<String>, attempt: u8, body: Option<String>, output: Option<String>, state in state(),
        sent: [Option<u64>; 3], flags: [bool; 3], names: [Option<String>; 4], sub_app_id: u64,
    ) -> JobRecord {
        let mut record = record("");
        [record.key, record.model, record.endpoint, record.digest] = texts;
        record.session = session;
        record.attempt = attempt;
        record.body = body.map(Arc::new);
        record.output = output.map(Into::into);
        record.state = state;
        [record.first_sent, record.last_sent, record.used_up_by] = sent;
        [record.shared, record.refused_before, record.off_peak] = flags;
        [record.request_id, record.claimed_task, record.account, record.label] = names;
        record.sub_app_id = sub_app_id;
        record
    }
}
