//! A clock, random numbers and an HTTP stack that a test controls, for tests of this crate and of its users.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::{BoxFuture, Clock, Http, Random, RawReply, SendError, SignedRequest};

/// A stopped clock. A sleep moves it on and returns at once.
#[derive(Debug)]
pub struct ManualClock(Mutex<State>);

#[derive(Debug)]
struct State {
    now: SystemTime,
    sleeps: Vec<Duration>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self(Mutex::new(State { now, sleeps: Vec::new() }))
    }

    /// A clock that shows a number of seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Moves the clock on.
    pub fn advance(&self, duration: Duration) {
        self.with(|state| state.now += duration);
    }

    /// Every sleep so far, in order.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.with(|state| state.sleeps.clone())
    }

    fn with<T>(&self, use_state: impl FnOnce(&mut State) -> T) -> T {
        use_state(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.with(|state| state.now)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.with(|state| {
            state.now += duration;
            state.sleeps.push(duration);
        });
        Box::pin(std::future::ready(()))
    }
}

/// The same numbers from the same seed (the SplitMix64 generator). Not for anything that must not be guessed.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// A generator that starts at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// An HTTP stack that answers each request by a closure. Nothing leaves the process.
///
/// ```
/// use vod_aigc_transport::testing::{http_fn, reply};
///
/// let http = http_fn(|request| {
///     assert!(request.headers().any(|(name, _)| name == "authorization"));
///     Ok(reply(200, r#"{"Response":{"TaskId":"1","RequestId":"2"}}"#))
/// });
/// # let _ = http;
/// ```
pub fn http_fn(
    answer: impl Fn(&SignedRequest) -> Result<RawReply, SendError> + Send + Sync + 'static,
) -> Arc<dyn Http> {
    Arc::new(HttpFn(answer))
}

/// A reply without headers.
pub fn reply(status: u16, body: impl Into<bytes::Bytes>) -> RawReply {
    RawReply { status, headers: Default::default(), body: body.into() }
}

struct HttpFn<F>(F);

impl<F: Fn(&SignedRequest) -> Result<RawReply, SendError> + Send + Sync> Http for HttpFn<F> {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(std::future::ready((self.0)(&request)))
    }
}

impl<F> fmt::Debug for HttpFn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpFn")
    }
}
