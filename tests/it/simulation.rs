//! A simulation: tasks on a virtual clock that goes on whenever nobody can do anything but wait.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use vod_aigc_emulator::InProcess;
use vod_aigc_transport::{BoxFuture, Clock, Http, RawReply, SendError, SignedRequest};

use crate::support::{action, exchange};

/// From a request to its reply.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// The clock and the HTTP stack of a simulation: who sleeps is woken in the order of time, and time passes only then.
#[derive(Debug)]
pub(crate) struct Simulation {
    emulator: InProcess,
    sleepers: Mutex<Sleepers>,
    sent: Mutex<HashMap<String, Vec<SystemTime>>>,
}

#[derive(Debug, Default)]
struct Sleepers {
    count: u64,
    /// By when they wake; the number keeps apart those who wake together.
    waiting: BTreeMap<(SystemTime, u64), oneshot::Sender<()>>,
}

impl Simulation {
    pub(crate) fn new(emulator: InProcess) -> Arc<Self> {
        Arc::new(Self { emulator, sleepers: Mutex::default(), sent: Mutex::default() })
    }

    /// When each action was sent.
    pub(crate) fn sent(&self) -> HashMap<String, Vec<SystemTime>> {
        self.sent.lock().unwrap().clone()
    }

    /// Runs all to their ends and gives what they have come to.
    pub(crate) fn run<T>(&self, all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let mut running = pin!(all.into_iter().collect::<FuturesUnordered<_>>());
        let mut ended = Vec::new();
        loop {
            match running.as_mut().poll_next_unpin(&mut context) {
                Poll::Ready(Some(end)) => ended.push(end),
                Poll::Ready(None) => return ended,
                Poll::Pending if woken.0.swap(false, Ordering::Relaxed) => {}
                Poll::Pending => self.wake_next(),
            }
        }
    }

    fn wake_next(&self) {
        let mut sleepers = self.sleepers.lock().unwrap();
        let ((wakes, _), sleeper) = loop {
            let next = sleepers.waiting.pop_first().expect("somebody waits for time");
            // Whoever has given up waiting is not there to be woken.
            if !next.1.is_closed() {
                break next;
            }
        };
        self.emulator.advance(wakes.duration_since(self.emulator.clock().now()).unwrap_or_default());
        let _ = sleeper.send(());
    }
}

/// Whether there is something to do before time goes on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock for Simulation {
    fn now(&self) -> SystemTime {
        self.emulator.clock().now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let (sender, woken) = oneshot::channel();
        let wakes = self.now() + duration;
        let mut sleepers = self.sleepers.lock().unwrap();
        sleepers.count += 1;
        let number = sleepers.count;
        sleepers.waiting.insert((wakes, number), sender);
        Box::pin(async { woken.await.expect("the simulation wakes every sleeper") })
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
