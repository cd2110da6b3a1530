//! What waiting for many tasks costs: prints rows of a Markdown table for PERFORMANCE.md.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use vod_aigc_client::core::{Kling, video};
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{BoxFuture, Http, HttpClient, RateLimiter, Rates, RawReply, SendError, SignedRequest};
use vod_aigc_client::{Client, Task, TaskHandle};
use vod_aigc_emulator::{Emulator, Timing};

const SUB_APP_ID: u64 = 1_500_044_236;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // First, while no memory is there that was freed and could be used again.
        memory().await;
        flow().await;
    });
}

/// The growth of the resident memory from tasks to as many waits for them, each of which has been polled once.
async fn memory() {
    const TASKS: u64 = 100_000;

    let credential = Credential::new("AKIDEXAMPLE", "a-key-that-opens-nothing").expect("a credential");
    let client = Client::builder(credential, SUB_APP_ID).transport(|transport| transport.http(Arc::new(Silent)));
    let client = client.build();
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
    println!("| memory of one of 100,000 waits | {} bytes |", (resident() - before) / TASKS);
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
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

/// Waits for 10,000 tasks of an emulator that go on, and counts the requests of a minute.
async fn flow() {
    const MINUTE: Duration = Duration::from_secs(60);

    let timing = Timing { waiting: Duration::from_secs(1), processing: Duration::from_secs(36_000) };
    let emulator = Emulator::builder().timing(timing).start().await.expect("an emulator");
    let requests = Arc::new(AtomicU64::new(0));
    let http = Arc::new(Counting { http: HttpClient::new(), requests: requests.clone() });
    // Only the submits are let through faster than by default.
    let limiter = RateLimiter::new(Rates { write: 10_000, ..Rates::default() });
    let client = Client::builder(emulator.credential().clone(), SUB_APP_ID)
        .endpoint(emulator.endpoint().parse().expect("an endpoint"))
        .transport(|transport| transport.http(http).rate_limiter(limiter))
        .build();
    for _ in 0..10_000 {
        let task = client.submit(video!(Kling::V2_1, prompt = "a panda")).await.expect("a task");
        tokio::spawn(async move { task.wait().await.map(drop) });
    }
    // The first readings of the list find out how far it reaches.
    tokio::time::sleep(MINUTE).await;
    let before = requests.load(Ordering::Relaxed);
    tokio::time::sleep(MINUTE).await;
    let rate = (requests.load(Ordering::Relaxed) - before) as f64 / MINUTE.as_secs_f64();
    println!("| requests a second of 10,000 waits together | {rate:.1} |");
}

/// The default stack, counted.
#[derive(Debug)]
struct Counting {
    http: HttpClient,
    requests: Arc<AtomicU64>,
}

impl Http for Counting {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.http.send(request, timeout)
    }
}
