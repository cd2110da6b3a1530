//! What a store says of a place where it cannot be.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vod_aigc_store::{
    ForgetError, JobFilter, JobState, JobStore as _, SqliteOptions, SqliteStore, StoreError, StoreFailure,
};

use crate::records::record;
use crate::support::{Folder, NOW, database, keys, put, refused};

async fn refusal(path: &Path) -> StoreError {
    let error = SqliteStore::open(path).await.expect_err("no store can be here");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "it says where: {text}");
    error
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named_and_made_only_on_request() {
    let folder = Folder::new();
    let path = folder.path().join("missing/jobs.sqlite3");
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::Other(_)));
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(!folder.path().join("missing").exists());

    SqliteStore::open_with(&path, SqliteOptions::new().create_folder(true)).await.expect("the folder is made");
    #[cfg(unix)]
    for (made, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, mode, "{}", made.display());
    }
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_named() {
    let folder = Folder::new();
    fs::write(folder.path().join("file"), "x").unwrap();
    refusal(&folder.path().join("file/jobs.sqlite3")).await;
    let path = folder.path().join("file/more/jobs.sqlite3");
    let error = SqliteStore::open_with(&path, SqliteOptions::new().create_folder(true)).await.unwrap_err();
    assert!(error.to_string().contains("file/more"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn side_files_are_private_too() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let store = folder.store().await;
    store.plan(&record("k"), NOW).await.unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 3, "the file, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn what_is_no_store_is_left_as_it_is() {
    let folder = Folder::new();
    for content in ["a few words", &"not a database ".repeat(1000)] {
        fs::write(folder.file(), content).unwrap();
        let error = refusal(&folder.file()).await;
        assert!(matches!(error, StoreError::NotADatabase(_)), "{error:?}");
        assert!(error.source().is_some() && error.hint().is_some());
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), content);
    }
    assert!(matches!(refusal(folder.path()).await, StoreError::NotADatabase(_)), "a folder");
}

#[tokio::test]
async fn the_database_of_another_program_is_left_as_it_is() {
    let folder = Folder::new();
    for (name, sql) in [
        ("tables", "CREATE TABLE bookmarks (url TEXT)"),
        ("mark", "PRAGMA application_id = 7"),
        ("version", "CREATE TABLE job (key TEXT); PRAGMA user_version = 2"),
    ] {
        let path = folder.path().join(name);
        sqlx::raw_sql(sql).execute(&mut database(&path).await).await.unwrap();
        let before = fs::read(&path).unwrap();
        let error = refusal(&path).await;
        assert!(matches!(error, StoreError::NotADatabase(_)), "{error:?}");
        assert!(error.to_string().contains("another program"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_damaged_store_says_so() {
    let folder = Folder::new();
    let store = folder.store().await;
    for n in 0..50 {
        store.plan(&record(&n.to_string()), NOW).await.unwrap();
    }
    store.close().await.unwrap();
    let mut bytes = fs::read(folder.file()).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(folder.file(), bytes).unwrap();
    let error = match SqliteStore::open(folder.file()).await {
        Ok(store) => store.load("1").await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("damaged"), "{error}");
}

#[tokio::test]
async fn a_locked_store_is_waited_for_and_then_named() {
    let folder = Folder::new();
    let options = || SqliteOptions::new().busy_timeout(Duration::from_millis(20));
    let store = SqliteStore::open_with(folder.file(), options()).await.unwrap();
    let planned = store.plan(&record("k"), NOW).await.unwrap();
    let mut other = folder.database().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    for error in [
        store.plan(&record("new"), NOW).await.unwrap_err(),
        store.save(&planned, NOW).await.unwrap_err(),
        store.prune(NOW).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
        assert!(error.to_string().contains("locked by another process"), "{error}");
    }
    // Reading goes on, also in a process that begins now.
    assert!(store.load("k").await.unwrap().is_some());
    let late = SqliteStore::open_with(folder.file(), options()).await.unwrap();
    assert_eq!(keys(&late, &JobFilter::all()).await, ["k"]);

    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.save(&planned.with_state(JobState::Sending), NOW).await.expect("it is free again");
}

#[tokio::test]
async fn a_new_store_that_another_process_holds_is_named() {
    let folder = Folder::new();
    let mut other = folder.database().await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let options = SqliteOptions::new().busy_timeout(Duration::from_millis(20));
    let error = SqliteStore::open_with(folder.file(), options).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
}

#[tokio::test]
async fn a_full_store_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let small = SqliteOptions::new().max_bytes(1_000_000);
    let store = SqliteStore::open_with(folder.file(), small).await.unwrap();
    let planned = store.plan(&record("small"), NOW).await.unwrap();
    let mut large = record("large");
    large.body = Some(Arc::new("x".repeat(2_000_000)));
    for _ in 0..2 {
        let error = store.plan(&large, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        assert!(error.to_string().contains("no room left"), "{error}");
    }
    assert_eq!(store.load("large").await.unwrap(), None, "nothing of it was written");
    store.save(&planned.with_state(JobState::Sending), NOW).await.expect("what fits is written");
    store.close().await.unwrap();
    folder.store().await.plan(&large, NOW).await.expect("there is room now");

    let tiny = SqliteStore::open_with(folder.path().join("tiny"), SqliteOptions::new().max_bytes(8192)).await;
    assert!(matches!(tiny, Err(StoreError::Full(_))), "{tiny:?}");
}

#[tokio::test]
async fn a_store_that_may_only_be_read_is_read() {
    let folder = Folder::new();
    put(&folder.store().await, record("k"), refused(), NOW).await;
    let mut permissions = fs::metadata(folder.file()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.file(), permissions).unwrap();
    if fs::OpenOptions::new().append(true).open(folder.file()).is_ok() {
        // The administrator may write to every file.
        return;
    }
    let store = folder.store().await;
    assert!(store.load("k").await.unwrap().is_some());
    let error = store.plan(&record("new"), NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = Folder::new();
    let store = folder.store().await;
    store.plan(&record("k"), NOW).await.unwrap();
    store.close().await.unwrap();
    store.close().await.expect("twice is no more than once");
    for error in [store.load("k").await.unwrap_err(), store.plan(&record("k"), NOW).await.unwrap_err()] {
        assert!(error.to_string().contains("closed"), "{error}");
    }
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["jobs.sqlite3"], "everything is in the one file");
}

#[tokio::test]
async fn a_path_that_looks_like_a_url_is_a_path() {
    let folder = Folder::new();
    let path = folder.path().join("file:a?mode=memory");
    let store = SqliteStore::open(&path).await.unwrap();
    store.plan(&record("k"), NOW).await.unwrap();
    assert!(path.exists());
    assert_eq!(store.path(), path);
}

#[tokio::test(flavor = "current_thread")]
async fn a_locked_store_does_not_stop_the_runtime() {
    let folder = Folder::new();
    let store = folder.store().await;
    let mut other = folder.database().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let job = record("k");
    let unlock = async {
        // The write waits by now. Everything else on the one thread of this runtime goes on.
        store.load("k").await.unwrap();
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (planned, ()) = tokio::join!(store.plan(&job, NOW), unlock);
    planned.expect("the store was free in time");
}

#[tokio::test]
async fn more_jobs_are_pruned_than_go_at_once() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, record("k"), refused(), NOW).await;
    folder
        .run(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 2500)
            INSERT INTO job (key, revision, state, model, endpoint, created, updated, ended, document)
            SELECT n, 1, 'failed', '', '', n, n, n, 'not read' FROM number",
        )
        .await;
    assert_eq!(store.prune(2401).await.unwrap(), 2400);
    assert_eq!(keys(&store, &JobFilter::all()).await.len(), 101);
}

#[test]
fn why_a_job_was_not_forgotten_is_said() {
    let failure = StoreFailure::new("jobs.sqlite3").with_source("disk I/O error");
    let failed = ForgetError::Store(StoreError::Full(failure));
    assert_eq!((failed.kind(), failed.hint().is_some()), ("store_full", true));
    assert_eq!(failed.to_string(), "there is no room left for the job store jobs.sqlite3");
    assert_eq!(failed.source().unwrap().to_string(), "disk I/O error");
    assert_eq!(
        (ForgetError::Unknown.kind(), ForgetError::Unknown.hint()),
        ("unknown_job", Some("list the jobs of the store"))
    );
    let ended = ForgetError::NothingToForget(JobState::Refused { code: "InvalidParameter".to_owned() });
    assert_eq!((ended.kind(), ended.hint()), ("job_has_ended", None));
}
