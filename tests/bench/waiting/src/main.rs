//! What waiting for many tasks costs. Prints lines `WORK<tab>WAY<tab>UNIT<tab>VALUE`. Usage: `memory`,
//! `timers` or `flow`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use vod_aigc_bench::material::{SECRET_ID, SECRET_KEY, SUB_APP_ID};
use vod_aigc_bench::worker::cpu;
use vod_aigc_client::core::{Kling, video};
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{BoxFuture, Http, HttpClient, RateLimiter, Rates, RawReply, SendError, SignedRequest};
use vod_aigc_client::{Client, Task, TaskHandle};
use vod_aigc_emulator::{Emulator, Timing};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match std::env::args().nth(1).as_deref() {
        Some("memory") => runtime.block_on(memory()),
        Some("timers") => runtime.block_on(timers()),
        Some("serve") => runtime.block_on(serve()),
        Some("flow") => runtime.block_on(flow()),
        _ => panic!("usage: memory | timers | flow"),
    }
}

const TASKS: u64 = 100_000;

/// The same for tasks of tokio that sleep and do nothing else, which waits that poll by themselves cannot do without.
async fn timers() {
    let before = resident();
    let sleep = || tokio::spawn(tokio::time::sleep(Duration::from_secs(3_600)));
    let sleeping: Vec<_> = (0..TASKS).map(|_| sleep()).collect();
    tokio::task::yield_now().await;
    println!("memory of waits\ttokio::spawn and sleep alone\tbytes\t{}", (resident() - before) / TASKS);
    drop(sleeping);
}

/// The growth of the resident memory from tasks to as many waits for them, each of which has been polled once.
async fn memory() {
    let client =
        Client::builder(credential(), SUB_APP_ID).transport(|transport| transport.http(Arc::new(Silent))).build();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let task = |number| {
        let mut handle = TaskHandle::new(format!("1500044236-AigcVideo-{number:032x}t"), SUB_APP_ID);
        handle.submitted_at = Some(now);
        client.resume(handle)
    };
    let tasks: Vec<Task> = (0..TASKS).map(task).collect();
    let before = resident();
    let mut waits: Vec<_> = tasks.iter().map(|task| Box::pin(task.wait())).collect();
    assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()), "nobody answers, so that none has ended");
    println!("memory of waits\tours\tbytes\t{}", (resident() - before) / TASKS);
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Never answers.
#[derive(Debug)]
struct Silent;

impl Http for Silent {
    fn send(&self, _: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(std::future::pending())
    }
}

/// An emulator whose tasks go on until a line names one, which then ends.
async fn serve() {
    let timing = Timing { waiting: Duration::from_secs(1), processing: Duration::from_secs(36_000) };
    let credential = vod_aigc_emulator::Credential::new(SECRET_ID, SECRET_KEY).expect("a credential");
    let emulator = Emulator::builder().credential(credential).timing(timing).start().await.expect("an emulator");
    println!("{}", emulator.endpoint());
    let lines = std::thread::spawn(move || {
        for task in std::io::stdin().lines() {
            assert!(emulator.fail_task(&task.expect("stdin"), "ended"), "a task that goes on");
        }
    });
    while !lines.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Waits for 10,000 tasks of an emulator in another process: the requests and the processor time of a quiet minute, and how late
/// the end of a task is noticed.
async fn flow() {
    const TASKS: usize = 10_000;
    const ENDING: usize = 100;
    const MINUTE: Duration = Duration::from_secs(60);

    let mut emulator = Command::new(std::env::current_exe().expect("this program"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("an emulator");
    let mut endpoint = String::new();
    BufReader::new(emulator.stdout.take().expect("it is piped")).read_line(&mut endpoint).expect("its endpoint");
    let mut end = emulator.stdin.take().expect("it is piped");

    let http = Arc::new(Counting::default());
    let counting = http.clone();
    // Only the submits are let through faster than by default.
    let limiter = RateLimiter::new(Rates { write: 10_000, ..Rates::default() });
    let client = Client::builder(credential(), SUB_APP_ID)
        .endpoint(endpoint.trim().parse().expect("an endpoint"))
        .transport(|transport| transport.http(counting).rate_limiter(limiter))
        .build();
    let mut waits = Vec::new();
    for _ in 0..TASKS {
        let task = client.submit(video!(Kling::V2_1, prompt = "a panda")).await.expect("a task");
        let id = task.id().to_owned();
        waits.push((id, tokio::spawn(async move { task.wait().await.map(drop) })));
    }
    // The first sweeps find out how far the list reaches.
    tokio::time::sleep(MINUTE).await;

    let (began, requests) = (cpu(), http.requests.load(Ordering::Relaxed));
    http.sweeps.lock().expect("not poisoned").clear();
    tokio::time::sleep(MINUTE).await;
    let used = (cpu() - began).as_secs_f64() / MINUTE.as_secs_f64();
    let requests = (http.requests.load(Ordering::Relaxed) - requests) as f64 / MINUTE.as_secs_f64();
    let sweeps = http.sweeps.lock().expect("not poisoned").clone();
    let [first, .., last] = sweeps[..] else { panic!("{} sweeps in a minute", sweeps.len()) };
    let sweep = (last - first) / (sweeps.len() - 1) as u32;

    let mut noticed = tokio::task::JoinSet::new();
    for (id, wait) in waits.drain(..).step_by(TASKS / ENDING) {
        writeln!(end, "{id}").expect("the emulator listens");
        let ended = Instant::now();
        noticed.spawn(async move {
            wait.await.expect("a wait").expect_err("its task has failed");
            ended.elapsed()
        });
        tokio::time::sleep(MINUTE / ENDING as u32).await;
    }
    let mut delays = noticed.join_all().await;
    delays.sort();
    let worst = delays[ENDING - 1 - ENDING / 100];
    println!("many waits\tours\trate\t{requests}");
    println!("many waits\tours\tpercent\t{}", used * 100.0);
    println!("many waits\tours\tsweeps\t{}", worst.as_secs_f64() / sweep.as_secs_f64());
    drop(end);
    emulator.wait().expect("the emulator ends with its input");
}

/// The default stack, counted.
#[derive(Debug, Default)]
struct Counting {
    http: HttpClient,
    requests: AtomicU64,
    /// When each reading of the list began.
    sweeps: Mutex<Vec<Instant>>,
}

impl Http for Counting {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let lists = request.headers().any(|header| header == ("x-tc-action", "DescribeTasks"));
        let goes_on = request.body().windows(11).any(|window| window == b"ScrollToken");
        if lists && !goes_on {
            self.sweeps.lock().expect("not poisoned").push(Instant::now());
        }
        self.http.send(request, timeout)
    }
}

fn credential() -> Credential {
    Credential::new(SECRET_ID, SECRET_KEY).expect("a credential")
}
