//! Journals and stores of other releases.

use sqlx::Row as _;
use vod_aigc_store::{Cursor, JobFilter, JobRecord, JobState, JobStore as _, Row, SqliteStore, StateKind, StoreError};

use crate::records::record;
use crate::support::{Folder, NOW, keys, rows};

/// What release 0.1.0 read from it.
const JOBS: &str = include_str!("../fixtures/journal-0.1.0.json");

#[tokio::test]
async fn every_job_of_release_0_1_arrives() {
    let folder = Folder::new();
    folder.copy_journal();
    let store = folder.store().await;
    let before: Vec<JobRecord> = serde_json::from_str(JOBS).expect("the fixture is JSON");
    assert_eq!(before.len(), 13);
    for mut expected in before {
        let found = store.load(&expected.key).await.unwrap().expect("the job has arrived");
        let is_final = expected.state.is_final();
        expected.created = expected.first_sent.unwrap_or_default();
        expected.updated = expected.last_sent.unwrap_or_default();
        expected.ended = is_final.then_some(expected.updated);
        if is_final {
            expected.body = None;
        }
        assert_eq!(found, expected);
        if let Some(task_id) = expected.state.task_id() {
            assert_eq!(store.find_by_task(task_id).await.unwrap().map(|job| job.key), Some(expected.key.clone()));
        }
    }
    let held = keys(&store, &JobFilter::all().state(StateKind::Unresolved)).await;
    assert_eq!(held, ["held"]);
    let unfinished = rows(&store, &JobFilter::unfinished().endpoint("https://vod.tencentcloudapi.com")).await;
    assert_eq!(unfinished.len(), 8);
}

#[tokio::test]
async fn a_job_of_release_0_1_goes_on() {
    let folder = Folder::new();
    folder.copy_journal();
    let store = folder.store().await;
    let job = store.load("sending").await.unwrap().unwrap();
    assert_eq!((job.revision, job.claimed_task.is_some()), (3, true));
    let state = JobState::Accepted { task_id: "t".to_owned() };
    let saved = store.save(&job.with_state(state), NOW).await.unwrap();
    assert_eq!((saved.revision, saved.updated), (4, NOW));
    assert_eq!(store.prune(NOW + 1000).await.unwrap(), 4, "what ended before");
    store.close().await.unwrap();
    // A later process finds the same, and there is nothing more to migrate.
    let store = folder.store().await;
    assert_eq!(store.load("sending").await.unwrap(), Some(saved));
    assert!(store.load("forgotten").await.unwrap().is_some(), "it leads to forgotten~2");
}

#[tokio::test]
async fn release_0_1_cannot_use_the_store_any_more() {
    let folder = Folder::new();
    folder.copy_journal();
    folder.store().await.close().await.unwrap();
    let mut connection = folder.database().await;
    // Its statements, of which each came before a send.
    for statement in [
        "INSERT INTO job (key, revision, record) VALUES ('k', 1, '{}')",
        "UPDATE job SET revision = 2, record = '{}' WHERE key = 'sending' AND revision = 3",
        "SELECT record, body FROM job LEFT JOIN body USING (key) WHERE key = 'k'",
    ] {
        assert!(sqlx::query(statement).execute(&mut connection).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_journal_of_one_table_keeps_its_bodies() {
    let folder = Folder::new();
    let record = |key: &str, state: &str| {
        format!(
            r#"{{"key":"{key}","shared":true,"digest":"00","session":"va2-0","attempt":0,"endpoint":"","sub_app_id":18446744073709551615,
            "model":"Kling:2.1","body":"{{\"A\":1}}","output":null,"state":{state},"first_sent":18446744073709551615,
            "last_sent":null,"refused_before":false,"request_id":null,"revision":0}}"#
        )
    };
    folder
        .run(&format!(
            "CREATE TABLE job (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
             INSERT INTO job VALUES ('k', 0, '{}'), ('ended', 0, '{}')",
            record("k", r#"{"state":"planned"}"#),
            record("ended", r#"{"state":"refused","code":"c"}"#)
        ))
        .await;
    let store = folder.store().await;
    let job = store.load("k").await.unwrap().unwrap();
    assert_eq!(job.body.as_deref().map(String::as_str), Some(r#"{"A":1}"#));
    assert_eq!((job.sub_app_id, job.first_sent, job.created), (u64::MAX, Some(u64::MAX), 0));
    assert_eq!(store.load("ended").await.unwrap().unwrap().body, None);
    store.close().await.unwrap();
    let query = "SELECT COUNT(*) FROM job WHERE document LIKE '%\"A\\\"%'";
    let count: i64 = sqlx::query(query).fetch_one(&mut folder.database().await).await.unwrap().get(0);
    assert_eq!(count, 0, "bodies are apart");
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_listed_and_hurt_no_other() {
    let folder = Folder::new();
    folder
        .run(
            r#"CREATE TABLE job (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
            INSERT INTO job VALUES ('no json', 1, 'no json'), ('number', 1, '7'), ('list', 1, '[1]'),
            ('odd', 1, '{"state":{"state":7,"task_id":[1]},"model":{},"endpoint":1.5,"first_sent":"x","last_sent":-1}'),
            ('newer', 1, '{"key":"newer","state":{"state":"paused","task_id":"t"}}')"#,
        )
        .await;
    let store = folder.store().await;
    store.plan(&record("k"), NOW).await.unwrap();
    let rows = rows(&store, &JobFilter::unfinished()).await;
    let found: Vec<_> = rows.iter().map(|row| (row.key(), row.job().is_some())).collect();
    let expected =
        [("no json", false), ("number", false), ("list", false), ("odd", false), ("newer", false), ("k", true)];
    assert_eq!(found, expected);
    let Row::Unreadable(newer) = &rows[4] else { panic!("a state that is not known") };
    assert_eq!(newer.task_id.as_deref(), Some("t"));
    assert!(newer.reason.contains("missing field") || newer.reason.contains("unknown variant"), "{}", newer.reason);

    // Nothing is written over one, and it is no reason to start over.
    for error in [
        store.plan(&record("newer"), NOW).await.unwrap_err(),
        store.load("newer").await.unwrap_err(),
        store.find_by_task("t").await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Unreadable(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("newer") && text.contains("jobs.sqlite3"), "{text}");
    }
    assert_eq!(store.prune(u64::MAX).await.unwrap(), 0);
    assert!(store.load("k").await.unwrap().is_some());
}

#[tokio::test]
async fn a_row_of_a_newer_release_with_the_same_layout_is_listed() {
    let folder = Folder::new();
    let store = folder.store().await;
    for key in ["a", "b", "c"] {
        store.plan(&record(key), NOW).await.unwrap();
    }
    folder
        .run(
            "UPDATE job SET state = 'paused', document = json_set(document, '$.state.state', 'paused') WHERE key = 'b'",
        )
        .await;
    let rows = rows(&store, &JobFilter::all()).await;
    assert_eq!(rows.iter().map(|row| row.job().is_some()).collect::<Vec<_>>(), [true, false, true]);
    let page = store.page(&JobFilter::all(), Some(Cursor::new(NOW, 1)), 1).await.unwrap();
    assert!(page.jobs().next().is_none() && page.next.is_some());
}

#[tokio::test]
async fn a_store_of_a_newer_release_is_left_alone() {
    let folder = Folder::new();
    folder.store().await.close().await.unwrap();
    folder.run("PRAGMA user_version = 99").await;
    let error = SqliteStore::open(folder.file()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerRelease(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("99") && text.contains("jobs.sqlite3"), "{text}");
}
