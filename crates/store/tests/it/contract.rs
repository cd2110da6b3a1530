//! What every store must do.

use std::sync::Arc;

use vod_aigc_store::{
    Cursor, ForgetError, JobFilter, JobRecord, JobState, JobStore, MemoryStore, StateKind, StoreError, forget_job,
};

use crate::records::record;
use crate::support::{Folder, NOW, accepted, downloaded, failed, keys, put, refused, rows};

/// Runs each of the tests against each store.
macro_rules! contract {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&super::MemoryStore::new()).await;
                }
            )+
        }

        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    let folder = super::Folder::new();
                    super::$test(&folder.store().await).await;
                }
            )+
        }
    };
}

contract! {
    a_planned_job_is_found_and_not_planned_twice,
    a_record_of_another_revision_is_not_replaced,
    a_job_that_was_never_planned_cannot_be_saved,
    times_are_those_of_the_caller,
    a_body_is_kept_until_its_job_ends,
    a_body_that_comes_later_is_kept,
    a_new_attempt_has_a_body_again,
    a_body_with_a_presigned_url_is_not_kept,
    a_job_is_found_by_its_task,
    pages_are_in_the_order_of_planning_and_have_no_bodies,
    a_page_goes_on_where_the_one_before_ended_whatever_happens_between,
    a_filter_selects,
    a_limit_of_nothing_is_one,
    jobs_that_ended_are_pruned_and_no_others,
    a_job_is_forgotten_once,
    what_has_ended_is_not_forgotten,
    numbers_beyond_those_of_a_database_are_errors_or_select_nothing,
}

async fn a_planned_job_is_found_and_not_planned_twice(store: &dyn JobStore) {
    assert_eq!(store.load("k").await.unwrap(), None);
    let planned = store.plan(&record("k"), NOW).await.unwrap();
    let mut expected = record("k");
    (expected.revision, expected.created, expected.updated) = (1, NOW, NOW);
    assert_eq!(planned, expected);
    assert_eq!(store.load("k").await.unwrap(), Some(planned.clone()));

    let mut other = record("k");
    other.digest = "another request".to_owned();
    other.body = None;
    let found = store.plan(&other, NOW + 5).await.unwrap();
    assert_eq!(found, planned, "the first one is there");
    assert!(!found.is_same_job(&other));
    assert_eq!(keys(store, &JobFilter::all()).await, ["k"]);
}

async fn a_record_of_another_revision_is_not_replaced(store: &dyn JobStore) {
    let planned = store.plan(&record("k"), NOW).await.unwrap();
    let sending = store.save(&planned.clone().with_state(JobState::Sending), NOW + 1).await.unwrap();
    assert_eq!((sending.revision, &sending.state), (2, &JobState::Sending));
    let late = store.save(&planned.with_state(accepted("t")), NOW + 2).await;
    assert!(matches!(late, Err(StoreError::Changed)), "{late:?}");
    assert_eq!(store.load("k").await.unwrap(), Some(sending.clone()));
    // Nor by one of a revision that has not come yet.
    let mut early = sending.clone();
    early.revision = 7;
    assert!(matches!(store.save(&early, NOW + 3).await, Err(StoreError::Changed)));
    let accepted = store.save(&sending.with_state(accepted("t")), NOW + 4).await.unwrap();
    assert_eq!(accepted.revision, 3);
}

async fn a_job_that_was_never_planned_cannot_be_saved(store: &dyn JobStore) {
    assert!(matches!(store.save(&record("k"), NOW).await, Err(StoreError::Changed)));
    assert_eq!(store.load("k").await.unwrap(), None);
}

async fn times_are_those_of_the_caller(store: &dyn JobStore) {
    let times = |job: &JobRecord| (job.created, job.updated, job.ended);
    let mut job = record("k");
    (job.created, job.updated, job.ended) = (1, 2, Some(3));
    let planned = store.plan(&job, NOW).await.unwrap();
    assert_eq!(times(&planned), (NOW, NOW, None));
    let mut changed = planned.with_state(failed("t"));
    (changed.created, changed.updated, changed.ended) = (1, 2, Some(3));
    let ended = store.save(&changed, NOW + 10).await.unwrap();
    assert_eq!(times(&ended), (NOW, NOW + 10, Some(NOW + 10)));
    let again = store.save(&ended.clone(), NOW + 20).await.unwrap();
    assert_eq!(times(&again), (NOW, NOW + 20, Some(NOW + 10)));
    let done = store.save(&again.with_state(JobState::Done { task_id: "t".to_owned() }), NOW + 30).await.unwrap();
    assert_eq!(times(&done), (NOW, NOW + 30, None));
    assert_eq!(store.load("k").await.unwrap().as_ref().map(times), Some(times(&done)));
}

async fn body(store: &dyn JobStore, key: &str) -> Option<String> {
    store.load(key).await.unwrap().expect("it was planned").body.as_deref().cloned()
}

async fn a_body_is_kept_until_its_job_ends(store: &dyn JobStore) {
    let planned = store.plan(&record("k"), NOW).await.unwrap();
    let first = body(store, "k").await;
    assert!(first.is_some());
    // It is the one that was planned, whatever a later record has.
    let mut without = planned.with_state(JobState::Sending);
    without.body = None;
    let mut other = store.save(&without, NOW).await.unwrap();
    assert_eq!(body(store, "k").await, first);
    other.body = Some(Arc::new("{}".to_owned()));
    let kept = store.save(&other.with_state(accepted("t")), NOW).await.unwrap();
    assert_eq!(body(store, "k").await, first);
    let done = store.save(&kept.with_state(JobState::Done { task_id: "t".to_owned() }), NOW).await.unwrap();
    assert_eq!(body(store, "k").await, first);
    let ended = store.save(&done.with_state(downloaded("t")), NOW).await.unwrap();
    assert_eq!(ended.body, None);
    assert_eq!(body(store, "k").await, None);
}

async fn a_body_that_comes_later_is_kept(store: &dyn JobStore) {
    let mut job = record("k");
    job.body = None;
    let mut planned = store.plan(&job, NOW).await.unwrap();
    assert_eq!(body(store, "k").await, None);
    planned.body = Some(Arc::new("{}".to_owned()));
    store.save(&planned, NOW).await.unwrap();
    assert_eq!(body(store, "k").await.as_deref(), Some("{}"));
}

async fn a_new_attempt_has_a_body_again(store: &dyn JobStore) {
    put(store, record("k"), refused(), NOW).await;
    assert_eq!(body(store, "k").await, None);
    // The caller submits the same request again.
    let found = store.plan(&record("k"), NOW).await.unwrap();
    assert_eq!(found.state, refused());
    assert_eq!(found.body, record("k").body);
    assert_eq!(body(store, "k").await, None, "nothing has been written yet");
    store.save(&found.with_state(JobState::Planned), NOW).await.unwrap();
    assert_eq!(body(store, "k").await.as_deref(), Some(r#"{"Prompt":"k"}"#));

    put(store, record("other"), refused(), NOW).await;
    let mut changed = record("other");
    changed.digest = "another request".to_owned();
    assert_eq!(store.plan(&changed, NOW).await.unwrap().body, None, "the body of another request");
}

async fn a_body_with_a_presigned_url_is_not_kept(store: &dyn JobStore) {
    let signed = Some(Arc::new(r#"{"Url":"https://a/b.png?sign=1"}"#.to_owned()));
    let mut job = record("k");
    job.body = signed.clone();
    let mut planned = store.plan(&job, NOW).await.unwrap();
    assert_eq!(planned.body, None);
    planned.body = signed;
    store.save(&planned, NOW).await.unwrap();
    assert_eq!(body(store, "k").await, None);
}

async fn a_job_is_found_by_its_task(store: &dyn JobStore) {
    put(store, record("other"), accepted("other"), NOW).await;
    put(store, record("before"), failed("t"), NOW).await;
    put(store, record("k"), accepted("t"), NOW).await;
    let found = store.find_by_task("t").await.unwrap();
    assert_eq!(found, store.load("k").await.unwrap());
    assert!(found.is_some_and(|job| job.body.is_some()));
    assert_eq!(store.find_by_task("unknown").await.unwrap(), None);
    // One that is forgotten has its task in a text only.
    forget_job(store, "k", NOW).await.unwrap();
    assert_eq!(store.find_by_task("t").await.unwrap().map(|job| job.key).as_deref(), Some("before"));
}

async fn pages_are_in_the_order_of_planning_and_have_no_bodies(store: &dyn JobStore) {
    // The clock goes back once.
    for (key, time) in [("c", 2), ("b", 1), ("d", 2), ("a", 9), ("e", 9), ("f", 10), ("g", 10)] {
        store.plan(&record(key), time).await.unwrap();
    }
    let oldest = ["b", "c", "d", "a", "e", "f", "g"];
    assert_eq!(keys(store, &JobFilter::all()).await, oldest);
    let newest: Vec<_> = oldest.into_iter().rev().collect();
    assert_eq!(keys(store, &JobFilter::all().newest_first()).await, newest);
    assert!(rows(store, &JobFilter::all()).await.iter().all(|row| row.job().is_some_and(|job| job.body.is_none())));
    let exact = store.page(&JobFilter::all(), None, 7).await.unwrap();
    assert_eq!((exact.rows.len(), exact.next), (7, None), "no empty page follows");
}

async fn a_page_goes_on_where_the_one_before_ended_whatever_happens_between(store: &dyn JobStore) {
    for key in ["a", "b", "c", "d"] {
        put(store, record(key), refused(), NOW).await;
    }
    let first = store.page(&JobFilter::all(), None, 2).await.unwrap();
    assert_eq!(first.rows.iter().map(|row| row.key()).collect::<Vec<_>>(), ["a", "b"]);
    let after = first.next.map(|cursor| cursor.to_string().parse::<Cursor>().unwrap());
    // The job at the cursor is deleted, the next one changes, and there is a new one.
    assert_eq!(store.prune(NOW + 1).await.unwrap(), 4);
    put(store, record("c"), accepted("t"), NOW).await;
    store.plan(&record("e"), NOW).await.unwrap();
    let second = store.page(&JobFilter::all(), after, 9).await.unwrap();
    assert_eq!(second.rows.iter().map(|row| row.key()).collect::<Vec<_>>(), ["c", "e"]);
    assert_eq!(second.next, None);
}

async fn a_filter_selects(store: &dyn JobStore) {
    for (n, state) in [
        JobState::Planned,
        JobState::Sending,
        JobState::Unresolved { reason: "r".to_owned() },
        refused(),
        accepted("t4"),
        failed("t5"),
        JobState::Forgotten { reason: "r".to_owned() },
        JobState::Done { task_id: "t7".to_owned() },
        downloaded("t8"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut job = record(&n.to_string());
        job.account = (n % 2 == 0).then(|| "even".to_owned());
        job.label = (n % 3 == 0).then(|| "third".to_owned());
        job.model = if n < 4 { "Kling:2.1" } else { "Vidu:q2" }.to_owned();
        job.endpoint = if n < 8 { "https://a" } else { "https://b" }.to_owned();
        put(store, job, state, NOW + n as u64).await;
    }
    let all = JobFilter::all;
    for (filter, expected) in [
        (all(), "012345678"),
        (JobFilter::unfinished(), "01247"),
        (all().state(StateKind::Unresolved), "2"),
        (all().state(StateKind::Downloaded).state(StateKind::Planned).state(StateKind::Failed), "058"),
        (all().state(StateKind::Downloaded).state(StateKind::Planned).newest_first(), "80"),
        (all().state(StateKind::Accepted).state(StateKind::Accepted), "4"),
        (JobFilter::unfinished().state(StateKind::Failed).state(StateKind::Done), "7"),
        (JobFilter::unfinished().state(StateKind::Failed), ""),
        (all().account("even"), "02468"),
        (all().account("odd"), ""),
        (all().label("third"), "036"),
        (all().model("Vidu:q2"), "45678"),
        (all().endpoint("https://b"), "8"),
        (all().account("even").label("third").model("Vidu:q2"), "6"),
        (all().state(StateKind::Done).state(StateKind::Accepted).account("even"), "4"),
        (all().created(NOW + 2..NOW + 5), "234"),
        (all().created(NOW + 2..=NOW + 5).newest_first(), "5432"),
        (all().created(NOW + 7..), "78"),
        (all().created(..NOW), ""),
        (all().ended(NOW + 4..), "568"),
        (all().ended(NOW + 3..NOW + 6), "35"),
        (all().ended(..).newest_first(), "876543210"),
        (JobFilter::unfinished().ended(NOW..), ""),
    ] {
        assert_eq!(keys(store, &filter).await.concat(), expected, "{filter:?}");
    }
}

async fn a_limit_of_nothing_is_one(store: &dyn JobStore) {
    assert!(store.page(&JobFilter::all(), None, 0).await.unwrap().rows.is_empty());
    for key in ["a", "b"] {
        store.plan(&record(key), NOW).await.unwrap();
    }
    let first = store.page(&JobFilter::all(), None, 0).await.unwrap();
    assert_eq!(first.rows.len(), 1);
    let rest = store.page(&JobFilter::all(), first.next, usize::MAX).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next), (1, None));
}

async fn jobs_that_ended_are_pruned_and_no_others(store: &dyn JobStore) {
    for (key, state) in [
        ("planned", JobState::Planned),
        ("sending", JobState::Sending),
        ("unresolved", JobState::Unresolved { reason: "r".to_owned() }),
        ("accepted", accepted("t1")),
        ("done", JobState::Done { task_id: "t2".to_owned() }),
        ("forgotten", JobState::Forgotten { reason: "planned".to_owned() }),
        ("refused", refused()),
        ("failed", failed("t3")),
        ("downloaded", downloaded("t4")),
    ] {
        put(store, record(key), state, NOW).await;
    }
    put(store, record("later"), downloaded("t5"), NOW + 1).await;
    assert_eq!(store.prune(NOW).await.unwrap(), 0);
    assert_eq!(store.prune(NOW + 1).await.unwrap(), 3);
    let left = ["planned", "sending", "unresolved", "accepted", "done", "forgotten", "later"];
    assert_eq!(keys(store, &JobFilter::all()).await, left);
    assert_eq!(store.load("failed").await.unwrap(), None);
    assert_eq!(store.find_by_task("t4").await.unwrap(), None);
    // Its key is free again.
    assert_eq!(store.plan(&record("failed"), NOW + 2).await.unwrap().revision, 1);
    assert_eq!(store.prune(u64::MAX).await.unwrap(), 1);
}

async fn a_job_is_forgotten_once(store: &dyn JobStore) {
    let known = put(store, record("k"), accepted("t"), NOW).await;
    let forgotten = forget_job(store, "k", NOW + 1).await.unwrap();
    assert_eq!(forgotten, known);
    let now = store.load("k").await.unwrap().unwrap();
    assert_eq!(now.state, JobState::Forgotten { reason: "accepted, task t".to_owned() });
    assert_eq!((now.ended, now.body), (Some(NOW + 1), None));
    assert_eq!(known.key_after_forgotten(), "k~2");
    let again = forget_job(store, "k", NOW + 2).await;
    assert!(matches!(again, Err(ForgetError::NothingToForget(JobState::Forgotten { .. }))), "{again:?}");
    assert!(matches!(forget_job(store, "unknown", NOW).await, Err(ForgetError::Unknown)));
}

async fn what_has_ended_is_not_forgotten(store: &dyn JobStore) {
    for (key, state, forgotten) in [
        ("refused", refused(), false),
        ("downloaded", downloaded("t1"), false),
        // A task that failed may have been billed, and its key makes no new one.
        ("failed", failed("t2"), true),
        ("done", JobState::Done { task_id: "t3".to_owned() }, true),
        ("planned", JobState::Planned, true),
    ] {
        put(store, record(key), state, NOW).await;
        assert_eq!(forget_job(store, key, NOW).await.is_ok(), forgotten, "{key}");
    }
}

async fn numbers_beyond_those_of_a_database_are_errors_or_select_nothing(store: &dyn JobStore) {
    let mut planned = store.plan(&record("k"), NOW).await.unwrap();
    for revision in [i64::MAX as u64, u64::MAX] {
        planned.revision = revision;
        assert!(store.save(&planned, NOW).await.is_err());
    }
    let mut wide = record("wide");
    wide.sub_app_id = u64::MAX;
    (wide.first_sent, wide.used_up_by) = (Some(u64::MAX), Some(u64::MAX - 1));
    let planned = store.plan(&wide, NOW).await.unwrap();
    assert_eq!(store.load("wide").await.unwrap(), Some(planned));
    assert_eq!(keys(store, &JobFilter::all().created(u64::MAX..)).await, [""; 0]);
    assert_eq!(keys(store, &JobFilter::all().created(..u64::MAX)).await, ["k", "wide"]);
    // A failure leaves the store usable.
    assert!(store.load("k").await.unwrap().is_some());
}
