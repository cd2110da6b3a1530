//! Many processes and connections at one store.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::task::JoinSet;
use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, SqliteStore, StoreError};

use crate::records::record;
use crate::support::{Folder, NOW, accepted, keys};

/// How many open the store at the same time.
const MANY: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_open_a_new_store_at_once_each_can_use_it() {
    for _ in 0..8 {
        let folder = Folder::new();
        let mut openings = JoinSet::new();
        for n in 0..MANY {
            let path = folder.file();
            openings.spawn(async move {
                let store = SqliteStore::open(path).await?;
                store.plan(&record(&n.to_string()), NOW).await?;
                store.plan(&record("same"), NOW + n as u64).await
            });
        }
        let same: Vec<JobRecord> = openings.join_all().await.into_iter().map(|it| it.expect("it is opened")).collect();
        assert!(same.iter().all(|job| *job == same[0]), "one of them has planned it");
        assert_eq!(keys(&folder.store().await, &JobFilter::all()).await.len(), MANY + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_open_an_old_journal_at_once_one_brings_it_to_the_present_layout() {
    let folder = Folder::new();
    folder.copy_journal();
    let mut openings = JoinSet::new();
    for _ in 0..MANY {
        let path = folder.file();
        openings.spawn(async move { keys(&SqliteStore::open(path).await.unwrap(), &JobFilter::all()).await.len() });
    }
    assert_eq!(openings.join_all().await, [13; MANY]);
}

/// Not a test: what each process of the next test does. It reads the store's path and its own number.
#[tokio::test]
#[ignore = "run as a process of its own"]
async fn one_process() {
    let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
    let (Some(path), Some(number)) = (lines.next(), lines.next()) else { return };
    let store = SqliteStore::open(path).await.expect("it is opened");
    store.plan(&record(&number), NOW).await.expect("it is planned");
    add_one(&store, "same").await;
}

/// Adds one to the number in a record, whatever others add meanwhile.
async fn add_one(store: &dyn JobStore, key: &str) {
    let mut job = store.plan(&record(key), NOW).await.expect("it is planned");
    loop {
        job.sub_app_id += 1;
        match store.save(&job, NOW).await {
            Ok(_) => return,
            Err(StoreError::Changed) => job = store.load(key).await.expect("it is read").expect("it is there"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn of_many_processes_that_open_a_new_store_at_once_none_loses_anything() {
    let folder = Folder::new();
    let program = std::env::current_exe().expect("this program");
    let mut processes: Vec<_> = (0..MANY)
        .map(|_| {
            Command::new(&program)
                .args(["--exact", "concurrency::one_process", "--ignored"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it is started")
        })
        .collect();
    // All are there before the first gets the path.
    for (n, process) in processes.iter_mut().enumerate() {
        let mut input = process.stdin.take().expect("it is a pipe");
        writeln!(input, "{}\n{n}", folder.file().display()).expect("it reads");
    }
    for process in processes {
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = folder.store().await;
    assert_eq!(keys(&store, &JobFilter::all()).await.len(), MANY + 1);
    let same = store.load("same").await.unwrap().unwrap();
    assert_eq!(same.sub_app_id, 1 + MANY as u64);
    assert_eq!(same.revision, 1 + MANY as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_at_the_same_time_one_wins() {
    let folder = Folder::new();
    let planned = folder.store().await.plan(&record("k"), NOW).await.unwrap();
    let mut writers = JoinSet::new();
    for n in 0..MANY {
        let (path, job) = (folder.file(), planned.clone().with_state(accepted(&n.to_string())));
        writers.spawn(async move {
            let store = SqliteStore::open(path).await.expect("it is opened");
            (job.clone(), store.save(&job, NOW).await)
        });
    }
    let saved = writers.join_all().await;
    let winners: Vec<_> = saved.iter().filter(|(_, result)| result.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(saved.iter().all(|(_, result)| matches!(result, Ok(_) | Err(StoreError::Changed))));
    let stored = folder.store().await.load("k").await.unwrap().unwrap();
    assert_eq!(stored.state, winners[0].0.state);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_share_one_store_wait_for_each_other() {
    let folder = Folder::new();
    let store: Arc<dyn JobStore> = Arc::new(folder.store().await);
    let mut tasks = JoinSet::new();
    for n in 0..MANY {
        let store = store.clone();
        tasks.spawn(async move {
            let planned = store.plan(&record(&n.to_string()), NOW).await.expect("it is planned");
            store.save(&planned.with_state(JobState::Sending), NOW).await.expect("only this task has it");
            add_one(&*store, "same").await;
        });
    }
    tasks.join_all().await;
    assert_eq!(store.load("same").await.unwrap().unwrap().sub_app_id, 1 + MANY as u64);
}

#[tokio::test]
async fn a_write_that_is_dropped_is_done_or_not_and_holds_nobody_up() {
    let folder = Folder::new();
    let (store, other) = (folder.store().await, folder.store().await);
    let mut planned = store.plan(&record("k"), NOW).await.unwrap();
    for polls in 0..40 {
        let changed = planned.clone().with_state(accepted(&polls.to_string()));
        {
            let mut save = store.save(&changed, NOW);
            // Each step of the write once.
            for _ in 0..polls {
                if futures_poll(&mut save).await {
                    break;
                }
            }
        }
        // Another process can write at once, and finds the whole of it or nothing.
        let found = other.load("k").await.unwrap().unwrap();
        assert!(found == planned || found.state == changed.state, "{found:?}");
        other.plan(&record(&polls.to_string()), NOW).await.expect("nobody holds the store");
        planned = store.load("k").await.unwrap().unwrap();
        planned = match store.save(&planned.clone().with_state(JobState::Sending), NOW).await {
            Ok(saved) => saved,
            // The dropped write was under way still.
            Err(StoreError::Changed) => store.load("k").await.unwrap().unwrap(),
            Err(error) => panic!("{error}"),
        };
    }
}

/// Polls a future once, and lets the threads that it waits for go on for a moment.
async fn futures_poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_ready())
    });
    let is_ready = polled.await;
    tokio::task::yield_now().await;
    is_ready
}
