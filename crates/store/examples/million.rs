//! Fills a store in a temporary folder with N jobs (a million), and prints how long each use of it takes and how much memory.
//!
//!     cargo run --release -p vod-aigc-store --example million [N]
//!     cargo run --release -p vod-aigc-store --example million fill PATH N    # only fills a store
#![allow(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, SqliteStore, StateKind};

/// When the first job is planned, in seconds since 1970-01-01 UTC; each further one a second later.
const START: u64 = 1_700_000_000;
/// Of so many jobs, one has not ended.
const UNFINISHED: u64 = 1000;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["use", path, jobs, what] => return each(Path::new(path), jobs.parse()?, what).await,
        ["fill", path, jobs] => fill(Path::new(path), jobs.parse()?).await,
        [] => run(1_000_000).await,
        [jobs] => run(jobs.parse()?).await,
        _ => Err("usage: million [N], or million fill PATH N".into()),
    }
}

async fn run(jobs: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("jobs.sqlite3");
    let start = Instant::now();
    fill(&path, jobs).await?;
    let bytes = std::fs::metadata(&path)?.len();
    println!("{jobs} jobs, {} MB, filled in {:.1} s", bytes / 1_000_000, start.elapsed().as_secs_f64());
    println!("{:42} {:>10} {:>12}", "in a process of its own", "ms", "peak MB");
    for what in USES {
        let status = Command::new(std::env::current_exe()?)
            .args(["use", &path.display().to_string(), &jobs.to_string(), what])
            .status()?;
        if !status.success() {
            return Err(what.into());
        }
    }
    Ok(())
}

/// Writes jobs as the store writes them, without waiting for the disk after each.
async fn fill(path: &Path, jobs: u64) -> Outcome<()> {
    SqliteStore::open(path).await?.close().await?;
    let mut job = JobRecord::new("shot @n", "CreateAigcVideoTask", "0".repeat(64), 1500044236);
    job.session = Some("va2-00112233445566778899aabbccddeeff".to_owned());
    job.endpoint = "https://vod.tencentcloudapi.com".to_owned();
    job.model = "Kling:2.1".to_owned();
    job.account = Some("100000000001".to_owned());
    job.label = Some("batch @b".to_owned());
    job.output = Some("videos/@n.mp4".into());
    (job.first_sent, job.last_sent) = (Some(START), Some(START));
    job.request_id = Some("00112233-4455-6677-8899-aabbccddeeff".to_owned());
    let task_id = || "1500044236-AigcVideoTask-@n".to_owned();
    let ended = job.clone().with_state(JobState::Downloaded { task_id: task_id(), path: "videos/@n.mp4".into() });
    let accepted = job.with_state(JobState::Accepted { task_id: task_id() });

    let mut connection = SqliteConnectOptions::new().filename(path).pragma("synchronous", "OFF").connect().await?;
    let insert = "WITH RECURSIVE
        number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < $1),
        planned AS (SELECT n, n % $2 = 0 AS goes_on, $3 + n AS time FROM number)
        INSERT INTO job (key, revision, state, task_id, account, model, endpoint, label, created, updated, ended, document)
        SELECT 'shot ' || n, 4, iif(goes_on, 'accepted', 'downloaded'), '1500044236-AigcVideoTask-' || n, '100000000001', 'Kling:2.1',
            'https://vod.tencentcloudapi.com', 'batch ' || (n / 1000), time, time + 90, iif(goes_on, NULL, time + 90),
            replace(replace(iif(goes_on, $4, $5), '@n', n), '@b', n / 1000)
        FROM planned";
    sqlx::query(insert)
        .bind(i64::try_from(jobs)?)
        .bind(i64::try_from(UNFINISHED)?)
        .bind(i64::try_from(START)?)
        .bind(serde_json::to_string(&accepted)?)
        .bind(serde_json::to_string(&ended)?)
        .execute(&mut connection)
        .await?;
    // The log is written into the file before anything is measured.
    connection.close().await?;
    std::fs::File::open(path)?.sync_all()?;
    Ok(())
}

/// What is measured, each in a process of its own that opens the store, does it and ends.
const USES: [&str; 15] = [
    "open",
    "list: the first 100",
    "list: the last 100",
    "list: 100 of two states and a label",
    "list: 100 of a state and an account",
    "list: 100 that ended in an hour",
    "list: the last 100 that ended at all",
    "list: no job has this label",
    "get: by key",
    "get: by task",
    "resume: all that have not ended, by 100",
    "plan and save, the median of 100",
    "plan with a body of 10 MB",
    "list: all, by 1000",
    "prune a tenth",
];

async fn each(path: &Path, jobs: u64, what: &str) -> Outcome<()> {
    let start = Instant::now();
    let store = SqliteStore::open(path).await?;
    let middle = jobs / 2 + 1;
    let all = JobFilter::all;
    let mut taken = None;
    let found = match what {
        "open" => 0,
        "list: the first 100" => list(&store, all(), 100).await?,
        "list: the last 100" => list(&store, all().newest_first(), 100).await?,
        "list: 100 of two states and a label" => {
            let label = format!("batch {}", middle / 1000);
            list(&store, all().state(StateKind::Downloaded).state(StateKind::Refused).label(label), 100).await?
        }
        "list: 100 of a state and an account" => {
            list(&store, all().state(StateKind::Accepted).account("100000000001").newest_first(), 100).await?
        }
        "list: 100 that ended in an hour" => {
            let time = START + middle;
            list(&store, all().ended(time..time + 3600), 100).await?
        }
        "list: the last 100 that ended at all" => list(&store, all().ended(START..).newest_first(), 100).await?,
        "list: no job has this label" => list(&store, all().label("none").state(StateKind::Downloaded), 100).await?,
        "get: by key" => usize::from(store.load(&format!("shot {middle}")).await?.is_some()),
        "get: by task" => {
            usize::from(store.find_by_task(&format!("1500044236-AigcVideoTask-{middle}")).await?.is_some())
        }
        "resume: all that have not ended, by 100" => every(&store, JobFilter::unfinished(), 100).await?,
        "plan and save, the median of 100" => {
            let mut times = Vec::new();
            for n in 0..100 {
                let start = Instant::now();
                let job = store.plan(&JobRecord::new(format!("new {n}"), "a", "00", 1), START + jobs).await?;
                store.save(&job.with_state(JobState::Sending), START + jobs).await?;
                times.push(start.elapsed());
            }
            times.sort();
            taken = Some(times[50]);
            times.len()
        }
        "plan with a body of 10 MB" => {
            let mut job = JobRecord::new("large", "a", "00", 1);
            job.body = Some(Arc::new(format!(r#"{{"Image":"{}"}}"#, "x".repeat(10_000_000))));
            let start = Instant::now();
            store.plan(&job, START + jobs).await?;
            taken = Some(start.elapsed());
            1
        }
        "list: all, by 1000" => every(&store, all(), 1000).await?,
        "prune a tenth" => usize::try_from(store.prune(START + jobs / 10).await?)?,
        other => return Err(other.into()),
    };
    let taken: Duration = taken.unwrap_or_else(|| start.elapsed());
    let peak = peak_memory().map_or("-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6));
    println!("{what:42} {:>10.1} {peak:>12}   {found} jobs", taken.as_secs_f64() * 1e3);
    Ok(())
}

async fn list(store: &SqliteStore, filter: JobFilter, limit: usize) -> Outcome<usize> {
    Ok(store.page(&filter, None, limit).await?.rows.len())
}

async fn every(store: &SqliteStore, filter: JobFilter, limit: usize) -> Outcome<usize> {
    let (mut found, mut after) = (0, None);
    loop {
        let page = store.page(&filter, after, limit).await?;
        found += page.rows.len();
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// The most memory that this process has had at once, where the platform says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kilobytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
