//! The journal: what is written is read, and no writer overwrites another.

use std::sync::Arc;

use proptest::prelude::*;
use vod_aigc_client::{Client, JobRecord, JobState, Journal as _, JournalError, SqliteJournal};
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
        text().prop_map(|reason| JobState::Held { reason }),
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

fn journal(folder: &tempfile::TempDir) -> SqliteJournal {
    SqliteJournal::open(folder.path().join("journal.sqlite3")).expect("the folder is new")
}

/// One step of one of two processes on one of three keys.
#[derive(Debug, Clone)]
enum Step {
    Plan(usize, u8),
    Load(usize, u8),
    Save(usize, u8, JobState),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..2_usize, 0..3_u8).prop_map(|(process, key)| Step::Plan(process, key)),
        (0..2_usize, 0..3_u8).prop_map(|(process, key)| Step::Load(process, key)),
        (0..2_usize, 0..3_u8, state()).prop_map(|(process, key, state)| Step::Save(process, key, state)),
    ]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_record_is_read_as_it_was_written(record in any_record()) {
        let text = serde_json::to_string(&record).expect("texts and numbers serialise");
        prop_assert_eq!(serde_json::from_str::<JobRecord>(&text).expect("it was just written"), record);
    }

    #[test]
    fn a_job_is_found_as_it_was_planned(record in any_record()) {
        let folder = tempfile::tempdir().unwrap();
        let planned = journal(&folder).plan(&record).unwrap();
        let expected = { let mut expected = record.clone(); expected.revision = planned.revision; expected };
        prop_assert_eq!(&planned, &expected);
        // As a later process finds it.
        let reopened = journal(&folder);
        prop_assert_eq!(reopened.load(&record.key).unwrap(), Some(expected.clone()));
        prop_assert_eq!(reopened.jobs().unwrap(), [expected]);
    }

    #[test]
    fn two_processes_see_what_a_table_in_memory_would_hold(steps in prop::collection::vec(step(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let processes = [journal(&folder), journal(&folder)];
        let mut seen: [[Option<JobRecord>; 3]; 2] = Default::default();
        let mut table: Vec<JobRecord> = Vec::new();
        let name = |key: u8| format!("job {key}");
        for step in steps {
            match step {
                Step::Plan(process, key) => {
                    let found = processes[process].plan(&record(&name(key))).unwrap();
                    match table.iter().find(|row| row.key == name(key)) {
                        Some(row) => prop_assert_eq!(&found, row),
                        None => table.push(found.clone()),
                    }
                    seen[process][usize::from(key)] = Some(found);
                }
                Step::Load(process, key) => {
                    let found = processes[process].load(&name(key)).unwrap();
                    prop_assert_eq!(found.as_ref(), table.iter().find(|row| row.key == name(key)));
                    seen[process][usize::from(key)] = found;
                }
                Step::Save(process, key, state) => {
                    let Some(known) = &mut seen[process][usize::from(key)] else { continue };
                    let row = table.iter_mut().find(|row| row.key == name(key)).expect("it was planned");
                    let is_current = known.revision == row.revision;
                    let before = known.revision;
                    known.state = state;
                    match processes[process].save(known) {
                        Ok(revision) => {
                            prop_assert!(is_current && revision > before);
                            known.revision = revision;
                            *row = known.clone();
                        }
                        Err(error) => {
                            prop_assert_eq!(error, JournalError::Changed);
                            prop_assert!(!is_current);
                        }
                    }
                }
            }
        }
        prop_assert_eq!(processes[0].jobs().unwrap(), table.clone());
        prop_assert_eq!(processes[1].jobs().unwrap(), table);
    }

    #[test]
    fn of_writers_at_the_same_time_one_wins(states in prop::collection::vec(state(), 2..5)) {
        let folder = tempfile::tempdir().unwrap();
        let planned = journal(&folder).plan(&record("key")).unwrap();
        let saved: Vec<Result<u64, JournalError>> = std::thread::scope(|threads| {
            let writers: Vec<_> = states.iter().map(|state| {
                let (journal, mut record) = (journal(&folder), planned.clone());
                record.state = state.clone();
                threads.spawn(move || journal.save(&record))
            }).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        prop_assert_eq!(saved.iter().filter(|it| it.is_ok()).count(), 1);
        prop_assert!(saved.iter().all(|it| matches!(it, Ok(_) | Err(JournalError::Changed))));
        let winner = saved.iter().position(Result::is_ok).expect("one has won");
        prop_assert_eq!(&journal(&folder).load("key").unwrap().unwrap().state, &states[winner]);
    }

    #[test]
    fn a_revision_that_no_store_has_reached_is_an_error(revision in (i64::MAX as u64)..) {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(&folder);
        let mut planned = journal.plan(&record("key")).unwrap();
        planned.revision = revision;
        prop_assert!(journal.save(&planned).is_err());
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
