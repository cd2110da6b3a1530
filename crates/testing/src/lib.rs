#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vod_aigc_client::transport::testing::SeededRandom;
use vod_aigc_client::transport::{BoxFuture, Clock, Http, RawReply, SendError, SendErrorKind, Sent, SignedRequest};
use vod_aigc_client::{Client, ClientBuilder};
use vod_aigc_emulator::{Builder, Emulator, Exchange, InProcess, Received, StartError};

/// The emulator's clock as a client's: a sleep of the client moves the clock on for both and returns at once.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use vod_aigc_client::transport::Clock as _;
/// use vod_aigc_testing::SimulatedClock;
///
/// let emulators = vod_aigc_emulator::Clock::manual(UNIX_EPOCH);
/// let clients = SimulatedClock::new(emulators.clone());
/// clients.advance(Duration::from_secs(60));
/// assert_eq!(emulators.now(), clients.now());
/// ```
#[derive(Debug, Clone)]
pub struct SimulatedClock(vod_aigc_emulator::Clock);

impl SimulatedClock {
    /// A client's view of this clock.
    pub fn new(clock: vod_aigc_emulator::Clock) -> Self {
        Self(clock)
    }

    /// Moves the clock on.
    pub fn advance(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

/// The HTTP stack of calls to an emulator in this process. Each is answered at once, so that a clock that moves with every sleep
/// does not move while a call is in flight.
#[derive(Debug, Clone)]
pub struct InProcessHttp(InProcess);

impl InProcessHttp {
    /// Calls this emulator.
    pub fn new(emulator: InProcess) -> Self {
        Self(emulator)
    }

    /// What an HTTP stack says of one exchange. A reply that would be slow or would never come is a time-out.
    ///
    /// # Errors
    /// What the fault that the emulator plays does to the connection.
    pub fn exchange(&self, request: &SignedRequest, body: &[u8]) -> Result<RawReply, SendError> {
        let headers: Vec<_> = request.headers().map(|(name, value)| (name, value.as_bytes())).collect();
        let received = Received { method: request.method(), path: "/", query: "", headers: &headers, body };
        let failed = |kind, sent, why| Err(SendError::new(kind, sent, why));
        match self.0.exchange(&received) {
            Exchange::Reply(reply) => {
                let headers =
                    reply.headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
                Ok(RawReply { status: reply.status, headers: headers.collect(), body: reply.body })
            }
            Exchange::NotConnected => failed(SendErrorKind::Connect, Sent::No, "connection refused"),
            Exchange::Slow(..) | Exchange::Hang => failed(SendErrorKind::Timeout, Sent::Maybe, "no reply in time"),
            _ => failed(SendErrorKind::Interrupted, Sent::Maybe, "connection reset"),
        }
    }
}

impl Http for InProcessHttp {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(std::future::ready(self.exchange(&request, request.body())))
    }
}

/// An emulator on a loopback port, at noon (UTC) of 2026-11-23 until its clock is moved.
#[derive(Debug)]
pub struct SimulatedService {
    emulator: Emulator,
}

impl SimulatedService {
    /// The sub-application of its clients.
    pub const SUB_APP_ID: u64 = 1_500_000_001;

    /// The time at which every service starts, in seconds since 1970-01-01 UTC.
    pub const START: u64 = 1_795_435_200;

    /// Starts a service that behaves as the real one usually does.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(|builder| builder).await
    }

    /// Starts a service with other settings of its emulator.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use vod_aigc_emulator::Timing;
    /// # use vod_aigc_testing::SimulatedService;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let timing = Timing { processing: Duration::from_secs(3600), ..Timing::default() };
    /// let slow = SimulatedService::start_with(|emulator| emulator.timing(timing)).await?;
    /// # let _ = slow;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start_with(set: impl FnOnce(Builder) -> Builder) -> Result<Self, StartError> {
        let clock = vod_aigc_emulator::Clock::manual(UNIX_EPOCH + Duration::from_secs(Self::START));
        Ok(Self { emulator: set(Emulator::builder().clock(clock)).start().await? })
    }

    /// The emulator: its ledger says what was billed, and faults can be injected.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The clock that the service and its clients share.
    pub fn clock(&self) -> SimulatedClock {
        SimulatedClock::new(self.emulator.clock().clone())
    }

    /// Begins a client of this service, on its clock and with random numbers that are the same in every run. Its calls are
    /// answered in this process, so that no time passes while one is in flight; files come and go through the socket.
    ///
    /// # Panics
    /// Never: the emulator's address is one.
    pub fn client(&self) -> ClientBuilder {
        Client::builder(self.emulator.credential().clone(), Self::SUB_APP_ID)
            .endpoint(self.emulator.endpoint().parse().expect("the emulator has an address"))
            .clock(Arc::new(self.clock()))
            .transport(|transport| transport.http(Arc::new(InProcessHttp::new(self.emulator.in_process().clone()))))
            .random(Arc::new(SeededRandom::new(7)))
    }
}
