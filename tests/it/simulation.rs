//! An emulator in tokio's paused time, which goes on whenever there is nothing to do but wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use vod_aigc_emulator::InProcess;
use vod_aigc_transport::{BoxFuture, Clock, Http, RawReply, SendError, SignedRequest};

use crate::support::{action, exchange};

/// From a request to its reply.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// The clock, the HTTP stack and the runtime of a simulation.
#[derive(Debug)]
pub(crate) struct Simulation {
    emulator: InProcess,
    runtime: Runtime,
    start: SystemTime,
    began: Instant,
    sent: Mutex<HashMap<String, Vec<SystemTime>>>,
}

impl Simulation {
    pub(crate) fn new(emulator: InProcess) -> Arc<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (start, began) = (emulator.clock().now(), runtime.block_on(async { Instant::now() }));
        Arc::new(Self { emulator, runtime, start, began, sent: Mutex::default() })
    }

    /// When each action was sent.
    pub(crate) fn sent(&self) -> HashMap<String, Vec<SystemTime>> {
        self.sent.lock().unwrap().clone()
    }

    /// Runs all to their ends and returns their outputs, the first to end first.
    pub(crate) fn run<T>(&self, all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
        self.runtime.block_on(all.into_iter().collect::<FuturesUnordered<_>>().collect())
    }
}

impl Clock for Simulation {
    fn now(&self) -> SystemTime {
        let now = self.start + self.began.elapsed();
        self.emulator.advance(now.duration_since(self.emulator.clock().now()).unwrap_or_default());
        now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

impl Http for Simulation {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.sent.lock().unwrap().entry(action(&request).to_owned()).or_default().push(self.now());
        Box::pin(async move {
            let reply = exchange(&self.emulator, &request);
            self.sleep(ROUND_TRIP).await;
            reply
        })
    }
}
