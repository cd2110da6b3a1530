//! What a person waits for: prints rows of a Markdown table for PERFORMANCE.md.
//!
//!     vod-aigc-bench-user VOD_AIGC MILLION [PYTHON TCCLI]
//!
//! The command, a store of a million jobs, and the official Python SDK and command to compare with, where they are given.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::process::Command;
use vod_aigc_client::core::{Kling, VideoRequest};
use vod_aigc_client::store::SqliteStore;
use vod_aigc_client::transport::testing::{http_fn, reply};
use vod_aigc_client::transport::{Clock as _, RateLimiter, Rates};
use vod_aigc_client::{Client, Inputs, Job};
use vod_aigc_emulator::{Emulator, Timing};
use vod_aigc_testing::SimulatedService;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [command, million, competitors @ ..] = arguments.as_slice() else {
        return Err("usage: vod-aigc-bench-user VOD_AIGC MILLION [PYTHON TCCLI]".into());
    };
    // As programs that serve others run: all on one thread, so that what blocks it shows.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for waits in [1, 8, 9] {
            notice(waits).await?;
        }
        resume(command).await?;
        standstill().await?;
        many(command, million).await?;
        image(competitors.first()).await?;
        start(command, competitors.get(1)).await
    })
}

fn row(what: &str, found: &str, limit: &str, other: &str) {
    println!("| {what} | {found} | {limit} | {other} |");
}

/// From the end of a task to its notice, by the clock that the emulator and the client share. Progress is 0 until the end.
async fn notice(waits: usize) -> Outcome<()> {
    let timing = Timing { waiting: Duration::from_secs(5), processing: Duration::from_secs(1_200) };
    let service = SimulatedService::start_with(|emulator| emulator.timing(timing)).await?;
    let rates = Rates { write: 10_000, ..Rates::default() };
    let client = service.client().transport(|it| it.rate_limiter(RateLimiter::new(rates))).build();
    let (clock, delays) = (service.clock(), Arc::new(Mutex::new(Vec::new())));
    let mut tasks = Vec::new();
    for number in 0..waits {
        let request = VideoRequest::builder(Kling::V2_1).prompt(format!("a panda, shot {number}")).build()?;
        tasks.push(client.submit(request).await?);
        // So that tasks end at any time between two polls.
        clock.advance(Duration::from_millis(737));
    }
    let ends: std::collections::HashMap<String, SystemTime> = service
        .emulator()
        .ledger()
        .into_iter()
        .map(|entry| (entry.task_id, entry.time + timing.waiting + timing.processing))
        .collect();
    let waits_done: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let (clock, delays, end) = (clock.clone(), delays.clone(), ends[task.id()]);
            tokio::spawn(async move {
                let ended = task.wait().await;
                let delay = clock.now().duration_since(end).unwrap_or_default();
                delays.lock().expect("no panic").push(delay.as_secs_f64());
                ended.map(drop).map_err(|error| error.to_string())
            })
        })
        .collect();
    for wait in waits_done {
        wait.await??;
    }
    let mut delays = delays.lock().expect("no panic").clone();
    delays.sort_by(f64::total_cmp);
    let most = delays.last().copied().unwrap_or_default();
    let median = delays[delays.len() / 2];
    let limit = if waits <= 8 { "5 s" } else { "1.5 sweeps" };
    row(&format!("notice of an end, {waits} waits"), &format!("{median:.1} s, at most {most:.1} s"), limit, "–");
    Ok(())
}

fn vod_aigc(command: &Path, emulator: &Emulator, store: &Path) -> Command {
    let mut ours = Command::new(command);
    ours.env_clear()
        .env("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
        .env("TENCENTCLOUD_SECRET_KEY", "not-a-real-key")
        .env("VOD_SUB_APP_ID", "1500000001")
        .env("VOD_AIGC_ENDPOINT", emulator.endpoint())
        .env("VOD_AIGC_STORE", store)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ours
}

async fn emulator(timing: Timing) -> Outcome<Emulator> {
    let credential = vod_aigc_client::transport::signer::Credential::new("AKIDEXAMPLE", "not-a-real-key")?;
    Ok(Emulator::builder().credential(credential).timing(timing).start().await?)
}

/// `vod-aigc resume` of ten jobs of 20 s each.
async fn resume(command: &Path) -> Outcome<()> {
    let emulator = emulator(Timing { waiting: Duration::ZERO, processing: Duration::from_secs(20) }).await?;
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("jobs.sqlite3");
    for number in 0..10 {
        let prompt = format!("a panda, shot {number}");
        let mut ours = vod_aigc(command, &emulator, &store);
        ours.args(["generate", &prompt, "--model", "Kling:2.1", "--no-wait"]).current_dir(&folder);
        succeed(ours.status().await?)?;
    }
    let begun = Instant::now();
    succeed(vod_aigc(command, &emulator, &store).arg("resume").current_dir(&folder).status().await?)?;
    row("`resume` of ten 20 s jobs", &format!("{:.1} s", begun.elapsed().as_secs_f64()), "24 s", "–");
    Ok(())
}

fn succeed(status: std::process::ExitStatus) -> Outcome<()> {
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}").into()) }
}

/// The longest time in which nothing else runs on the runtime's only thread.
async fn standstill() -> Outcome<()> {
    // The emulator has a thread of its own.
    let (sender, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let emulator = emulator(Timing::default()).await.expect("an emulator");
            let _ = sender.send((emulator.endpoint().to_owned(), emulator.credential().clone()));
            std::future::pending::<()>().await;
        });
    });
    let (endpoint, credential) = started.recv()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("jobs.sqlite3");
    let store = Arc::new(SqliteStore::open(&path).await?);
    let rates = Rates { write: 10_000, ..Rates::default() };
    let client = Client::builder(credential, 1_500_000_001)
        .endpoint(endpoint.parse()?)
        .store(store)
        .transport(|it| it.rate_limiter(RateLimiter::new(rates)))
        .build();
    // The first call sets up TLS roots and connections, which is not the store's part.
    client.submit(panda(0)?).await?;

    let longest = longest_gap(async {
        let submits: Vec<_> = (1..=64)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move { client.submit(panda(number).expect("a request")).await.map(drop) })
            })
            .collect();
        for submit in submits {
            submit.await??;
        }
        Ok(())
    })
    .await?;
    row("longest standstill of the runtime, 64 submits with a store", &milliseconds(longest), "5 ms", "–");

    let mut other = SqliteConnectOptions::new().filename(&path).connect().await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await?;
    let longest = longest_gap(async {
        let submit = tokio::spawn({
            let client = client.clone();
            async move { client.submit(panda(99).expect("a request")).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_secs(4)).await;
        sqlx::raw_sql("COMMIT").execute(&mut other).await?;
        submit.await??;
        Ok(())
    })
    .await?;
    row("the same behind a store that is locked for 4 s", &milliseconds(longest), "5 ms", "–");
    Ok(())
}

fn panda(number: usize) -> Outcome<Job> {
    let request = VideoRequest::builder(Kling::V2_1).prompt(format!("a panda, shot {number}")).build()?;
    Ok(Job::new(request).key(format!("shot-{number}")))
}

/// How late a timer of 1 ms is at most while `work` runs.
async fn longest_gap(work: impl Future<Output = Outcome<()>>) -> Outcome<Duration> {
    let longest = Arc::new(Mutex::new(Duration::ZERO));
    let ticker = tokio::spawn({
        let longest = longest.clone();
        async move {
            loop {
                let begun = Instant::now();
                tokio::time::sleep(Duration::from_millis(1)).await;
                let mut longest = longest.lock().expect("no panic");
                // A timer of tokio is up to 1 ms late by itself.
                *longest = (*longest).max(begun.elapsed().saturating_sub(Duration::from_millis(2)));
            }
        }
    });
    work.await?;
    ticker.abort();
    let longest = *longest.lock().expect("no panic");
    Ok(longest)
}

/// `task list`, `task get` and `resume` on a store of a million jobs.
async fn many(command: &Path, million: &Path) -> Outcome<()> {
    let emulator = emulator(Timing::default()).await?;
    let uses: [(&str, &[&str]); 4] = [
        ("`task list` of a million jobs", &["task", "list", "--json"]),
        ("`task list --state held`", &["task", "list", "--state", "held", "--json"]),
        ("`task get` in a store of a million jobs", &["task", "get", "1500044236-AigcVideoTask-777777"]),
        ("`resume` of a store of a million jobs, 1,000 of them of another server", &["resume", "--json"]),
    ];
    for (what, arguments) in uses {
        let (time, memory) = measured(vod_aigc(command, &emulator, million).args(arguments)).await?;
        row(what, &format!("{}, {memory} MB", milliseconds(time)), "200 ms, 50 MB", "–");
    }
    Ok(())
}

/// The median time of five runs, and the most memory of one, in MB, by `/usr/bin/time` of the kernel's own count.
async fn measured(command: &mut Command) -> Outcome<(Duration, u64)> {
    let (mut times, mut memory) = (Vec::new(), 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let status = PathBuf::from(format!("/proc/{}/status", child.id().ok_or("it runs")?));
        loop {
            if let Ok(text) = fs::read_to_string(&status)
                && let Some(peak) = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))
            {
                memory = memory.max(peak.trim().trim_end_matches(" kB").parse::<u64>()? / 1000);
            }
            tokio::select! {
                ended = child.wait() => { ended?; break }
                () = tokio::time::sleep(Duration::from_millis(2)) => {}
            }
        }
        times.push(begun.elapsed());
    }
    times.sort();
    Ok((times[2], memory))
}

/// From an image of 7 MB on the disk to its request at the HTTP stack, with a store.
async fn image(python: Option<&PathBuf>) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("panda.png");
    let mut png = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0".to_vec();
    png.resize(7 << 20, 7);
    fs::write(&path, &png)?;
    let store = Arc::new(SqliteStore::open(folder.path().join("jobs.sqlite3")).await?);
    let sent: Arc<Mutex<Option<Instant>>> = Arc::default();
    let http = http_fn({
        let sent = sent.clone();
        move |request| {
            let creates = request.headers().any(|(name, value)| name == "x-tc-action" && value == "CreateAigcVideoTask");
            if creates {
                *sent.lock().expect("no panic") = Some(Instant::now());
                return Ok(reply(200, r#"{"Response":{"TaskId":"1","RequestId":"r"}}"#));
            }
            Ok(reply(200, r#"{"Response":{"TaskSet":[],"AigcVideoTask":{"Status":"PROCESSING"},"RequestId":"r"}}"#))
        }
    });
    let credential = vod_aigc_client::transport::signer::Credential::new("AKIDEXAMPLE", "not-a-real-key")?;
    let client = Client::builder(credential, 1).store(store).transport(|it| it.http(http)).build();
    let mut times = Vec::new();
    for number in 0..7 {
        let begun = Instant::now();
        let builder = VideoRequest::builder(Kling::V2_1).prompt(format!("a panda, shot {number}"));
        let request = client.attach(builder, Inputs::new().image(&path)).await?;
        client.submit(Job::new(request).key(format!("shot-{number}"))).await?;
        let sent = sent.lock().expect("no panic").take().ok_or("it was sent")?;
        times.push(sent.duration_since(begun));
    }
    times.sort();
    let other = match python {
        Some(python) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../others/image.py");
            let output = Command::new(python).arg(script).arg(&path).output().await?;
            format!("{} (Python, without a store)", String::from_utf8(output.stdout)?.trim())
        }
        None => "–".to_owned(),
    };
    row("an image of 7 MB to its sent request, with a store", &milliseconds(times[3]), "25 ms", &other);
    Ok(())
}

/// The demo, and the start of the command.
async fn start(command: &Path, tccli: Option<&PathBuf>) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let mut demo = Command::new(command);
    demo.args(["generate", "a panda", "--model", "Kling:2.1", "--emulator"]).current_dir(&folder);
    succeed(demo.env_clear().stdout(Stdio::null()).stderr(Stdio::null()).status().await?)?;
    row("the demo, whose task takes 4 s", &format!("{:.1} s", begun.elapsed().as_secs_f64()), "5.5 s", "–");

    let other = match tccli {
        Some(tccli) => milliseconds(median(Command::new(tccli).arg("--version")).await?) + " (`tccli --version`)",
        None => "–".to_owned(),
    };
    row("`vod-aigc --version`", &milliseconds(median(Command::new(command).arg("--version")).await?), "–", &other);
    Ok(())
}

async fn median(command: &mut Command) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        succeed(command.stdout(Stdio::null()).stderr(Stdio::null()).status().await?)?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[5])
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
