#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vod_aigc_client::transport::testing::SeededRandom;
use vod_aigc_client::transport::{BoxFuture, Clock};
use vod_aigc_client::{Client, ClientBuilder};
use vod_aigc_emulator::{Builder, Emulator, StartError};

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

    /// Begins a client of this service, on its clock and with random numbers that are the same in every run.
    ///
    /// # Panics
    /// Never: the emulator's address is one.
    pub fn client(&self) -> ClientBuilder {
        Client::builder(self.emulator.credential().clone(), Self::SUB_APP_ID)
            .endpoint(self.emulator.endpoint().parse().expect("the emulator has an address"))
            .clock(Arc::new(self.clock()))
            .random(Arc::new(SeededRandom::new(7)))
    }
}
