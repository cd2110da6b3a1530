//! Any record is read as it was written, and the stores agree on any sequence of steps.

use proptest::prelude::*;
use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, MemoryStore, StateKind, StoreError};

use crate::records::{any_record, record};
use crate::support::{Folder, rows};

#[derive(Debug, Clone)]
enum Step {
    Plan(u8),
    Save(u8, JobState),
    Find(u8),
    Prune(u64),
}

/// States of few tasks, so that they meet.
fn few_states() -> impl Strategy<Value = JobState> {
    (0..9_usize, 0..3_u8).prop_map(|(kind, task)| {
        let task_id = format!("t{task}");
        let text = String::new;
        match StateKind::ALL[kind] {
            StateKind::Planned => JobState::Planned,
            StateKind::Sending => JobState::Sending,
            StateKind::Unresolved => JobState::Unresolved { reason: text() },
            StateKind::Refused => JobState::Refused { code: text() },
            StateKind::Accepted => JobState::Accepted { task_id },
            StateKind::Failed => JobState::Failed { task_id, reason: text(), unbilled: true },
            StateKind::Forgotten => JobState::Forgotten { reason: text() },
            StateKind::Done => JobState::Done { task_id },
            _ => JobState::Downloaded { task_id, path: "p".into() },
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5_u8).prop_map(Step::Plan),
        6 => (0..5_u8, few_states()).prop_map(|(key, state)| Step::Save(key, state)),
        1 => (0..3_u8).prop_map(Step::Find),
        1 => (0..12_u64).prop_map(Step::Prune),
    ]
}

fn filter() -> impl Strategy<Value = JobFilter> {
    let states = prop::collection::vec(0..9_usize, 0..4);
    (states, any::<[bool; 3]>(), [0..12_u64, 0..12, 0..12, 0..12]).prop_map(
        |(states, [unfinished, newest, times], time)| {
            let filter = if unfinished { JobFilter::unfinished() } else { JobFilter::all() };
            let filter = if newest { filter.newest_first() } else { filter };
            let filter = states.into_iter().fold(filter, |filter, kind| filter.state(StateKind::ALL[kind]));
            if times { filter.created(time[0]..time[1]).ended(time[2]..=time[3]) } else { filter }
        },
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// What a step does to a store, as a text.
async fn play(store: &dyn JobStore, step: &Step, held: &mut [Option<JobRecord>; 5], now: u64) -> String {
    let name = |key: &u8| format!("job {key}");
    match step {
        Step::Plan(key) => {
            let found = store.plan(&record(&name(key)), now).await.unwrap();
            held[usize::from(*key)] = Some(found.clone());
            format!("{found:?}")
        }
        Step::Save(key, state) => {
            let Some(job) = held[usize::from(*key)].take() else { return String::new() };
            match store.save(&job.with_state(state.clone()), now).await {
                Ok(saved) => {
                    held[usize::from(*key)] = Some(saved.clone());
                    format!("{saved:?}")
                }
                Err(StoreError::Changed) => "changed".to_owned(),
                Err(error) => panic!("{error}"),
            }
        }
        Step::Find(task) => format!("{:?}", store.find_by_task(&format!("t{task}")).await.unwrap()),
        Step::Prune(time) => store.prune(*time).await.unwrap().to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_record_is_read_as_it_was_written(record in any_record()) {
        let text = serde_json::to_string(&record).expect("texts and numbers serialise");
        prop_assert_eq!(serde_json::from_str::<JobRecord>(&text).expect("it was just written"), record);
    }

    #[test]
    fn a_job_is_found_as_it_was_planned(record in any_record(), now in 0..=i64::MAX as u64) {
        block_on(async {
            let folder = Folder::new();
            let memory = MemoryStore::new();
            let planned = folder.store().await.plan(&record, now).await.unwrap();
            prop_assert_eq!(&memory.plan(&record, now).await.unwrap(), &planned);
            prop_assert_eq!(planned.body.is_some(), record.body.is_some() && !record.state.is_final());
            // As a later process finds it.
            let reopened = folder.store().await;
            prop_assert_eq!(reopened.load(&record.key).await.unwrap(), Some(planned.clone()));
            let mut listed = planned.clone();
            listed.body = None;
            let page = reopened.page(&JobFilter::all(), None, 5).await.unwrap();
            prop_assert_eq!(page.jobs().collect::<Vec<_>>(), [&listed]);
            if let Some(task_id) = planned.state.task_id() {
                prop_assert_eq!(reopened.find_by_task(task_id).await.unwrap(), Some(planned.clone()));
            }
            Ok(())
        })?;
    }

    #[test]
    fn two_processes_see_what_a_store_in_memory_holds(
        steps in prop::collection::vec((step(), any::<bool>(), 0..12_u64), 1..40),
        filters in prop::collection::vec(filter(), 4),
    ) {
        block_on(async {
            let folder = Folder::new();
            let processes = [folder.store().await, folder.store().await];
            let memory = MemoryStore::new();
            // What each of the two has in its hands, in the one world and in the other.
            let mut held: [[[Option<JobRecord>; 5]; 2]; 2] = Default::default();
            for (step, process, now) in &steps {
                let process = usize::from(*process);
                let expected = play(&memory, step, &mut held[0][process], *now).await;
                prop_assert_eq!(play(&processes[process], step, &mut held[1][process], *now).await, expected);
            }
            for filter in filters.iter().chain([&JobFilter::all(), &JobFilter::unfinished()]) {
                let expected = rows(&memory, filter).await;
                for process in &processes {
                    prop_assert_eq!(&rows(process, filter).await, &expected);
                }
            }
            for key in 0..5 {
                let key = format!("job {key}");
                prop_assert_eq!(processes[0].load(&key).await.unwrap(), memory.load(&key).await.unwrap());
            }
            Ok(())
        })?;
    }
}
