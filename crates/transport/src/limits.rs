//! Two brakes of one account: how many requests a second, and how many repetitions in all.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use vod_aigc_core::Effect;

use crate::Clock;

/// How many requests a second each action may send.
///
/// The defaults are half of what the service allows an account (API description: 100 a second for the actions that
/// describe, 20 for the one that creates), so that another process has room beside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// For each action that reads; 50 by default, at least 1.
    pub read: u32,
    /// For each other action; 10 by default, at least 1.
    pub write: u32,
    /// After a refusal for frequency halved an action's rate, one more a second is allowed each time this passes; 10 s by
    /// default.
    pub recovery: Duration,
}

impl Default for Rates {
    fn default() -> Self {
        Self { read: 50, write: 10, recovery: Duration::from_secs(10) }
    }
}

/// Keeps the actions of one account within their [`Rates`]. A clone shares the count.
///
/// Within any second of the clock no action is sent more often than its rate, whatever the number of callers, who are
/// served roughly in order. Give the same limiter to every [`Transport`](crate::Transport) of one account.
#[derive(Clone)]
pub struct RateLimiter(Arc<Lanes>);

struct Lanes {
    rates: Rates,
    by_action: Mutex<BTreeMap<Box<str>, Lane>>,
}

/// One action.
#[derive(Debug, Default)]
struct Lane {
    /// When the requests of the last second were let through.
    sent: VecDeque<SystemTime>,
    /// How many callers wait.
    waiting: usize,
    /// The rate after the latest refusal, and when that was.
    halved: Option<(u32, SystemTime)>,
}

/// The place of a caller who waits.
struct Place<'a> {
    lanes: &'a Lanes,
    action: &'a str,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.lanes.with(self.action, |lane| lane.waiting -= 1);
    }
}

impl RateLimiter {
    /// The window in which requests are counted, and the least time between two halvings: requests that
    /// were under way together are refused together.
    const WINDOW: Duration = Duration::from_secs(1);

    /// A limiter that has seen no request yet.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self(Arc::new(Lanes { rates, by_action: Mutex::default() }))
    }

    /// Waits until the action may be sent once more.
    ///
    /// Nothing is held while waiting, so a caller who is not polled any more holds up nobody.
    pub(crate) async fn admit(&self, action: &str, effect: Effect, clock: &dyn Clock) {
        let lanes = &*self.0;
        let mut place = None;
        loop {
            let waits = place.is_some();
            let wait = lanes.with(action, |lane| {
                let now = clock.now();
                let rate = lane.rate(&lanes.rates, effect, now) as usize;
                let wait = lane.wait(rate, if waits { 0 } else { lane.waiting }, now)?;
                lane.waiting += usize::from(!waits);
                Some(wait)
            });
            let Some(wait) = wait else {
                return;
            };
            place.get_or_insert(Place { lanes, action });
            clock.sleep(wait).await;
        }
    }

    /// Halves the action's rate, because the service refused a request for its frequency.
    pub(crate) fn slow_down(&self, action: &str, effect: Effect, now: SystemTime) {
        self.0.with(action, |lane| {
            let rate = lane.rate(&self.0.rates, effect, now);
            let just_now = |(_, then): (u32, SystemTime)| now.duration_since(then).is_ok_and(|it| it < Self::WINDOW);
            if !lane.halved.is_some_and(just_now) {
                lane.halved = Some(((rate / 2).max(1), now));
            }
        });
    }
}

impl Lanes {
    fn with<T>(&self, action: &str, work: impl FnOnce(&mut Lane) -> T) -> T {
        let mut lanes = lock(&self.by_action);
        match lanes.get_mut(action) {
            Some(lane) => work(lane),
            None => work(lanes.entry(action.into()).or_default()),
        }
    }
}

impl Lane {
    /// Lets a request through, or says how long to wait for a turn with so many others ahead.
    fn wait(&mut self, rate: usize, ahead: usize, now: SystemTime) -> Option<Duration> {
        // Where the clock was set back, what was sent before counts as sent now.
        for time in self.sent.iter_mut().rev().take_while(|time| **time > now) {
            *time = now;
        }
        while self.sent.front().is_some_and(|first| *first + RateLimiter::WINDOW <= now) {
            self.sent.pop_front();
        }
        if ahead == 0 && self.sent.len() < rate {
            self.sent.push_back(now);
            return None;
        }
        // Each request that leaves the window makes room for one, and that one for another a window later.
        let (count, turn) = (self.sent.len().max(1), (self.sent.len() + ahead).saturating_sub(rate));
        let leaves = self.sent.get(turn % count).copied().unwrap_or(now) + RateLimiter::WINDOW;
        let rounds = u32::try_from(turn / count).unwrap_or(u32::MAX);
        Some(leaves.duration_since(now).unwrap_or_default() + RateLimiter::WINDOW.saturating_mul(rounds))
    }

    fn rate(&self, rates: &Rates, effect: Effect, now: SystemTime) -> u32 {
        let full = if effect == Effect::Read { rates.read } else { rates.write }.max(1);
        match self.halved {
            Some((rate, then)) => {
                let since = now.duration_since(then).unwrap_or_default();
                let regained = since.as_nanos() / rates.recovery.as_nanos().max(1);
                full.min(rate.saturating_add(u32::try_from(regained).unwrap_or(u32::MAX)))
            }
            None => full,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::new(Rates::default())
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RateLimiter").field("rates", &self.0.rates).finish_non_exhaustive()
    }
}

/// What repetitions cost, so that a service in trouble is not flooded with them.
///
/// All calls of a transport draw from one store of tokens. A call that fails while too few are left is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// How many tokens there are at first and at most; 500 by default.
    pub capacity: u32,
    /// What a repetition costs; 14 by default.
    pub transient: u32,
    /// What a repetition costs after a refusal for frequency; 5 by default.
    pub throttled: u32,
    /// What a successful call puts back; 1 by default.
    pub success: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { capacity: 500, transient: 14, throttled: 5, success: 1 }
    }
}

/// The tokens that are left of a [`RetryBudget`].
#[derive(Debug)]
pub(crate) struct Tokens(Mutex<u32>);

impl Tokens {
    pub(crate) fn new(budget: RetryBudget) -> Self {
        Self(Mutex::new(budget.capacity))
    }

    /// Takes them, or none if there are too few.
    pub(crate) fn take(&self, cost: u32) -> bool {
        let mut left = lock(&self.0);
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }

    pub(crate) fn put_back(&self, budget: RetryBudget) {
        let mut left = lock(&self.0);
        *left = left.saturating_add(budget.success).min(budget.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    const NOW: u64 = 1_764_072_000;

    /// Lets `count` requests through one after the other, `pause` apart, and returns when each was.
    async fn times(limiter: &RateLimiter, clock: &ManualClock, count: usize, pause: Duration) -> Vec<SystemTime> {
        let mut times = Vec::new();
        for _ in 0..count {
            limiter.admit("Describe", Effect::Read, clock).await;
            times.push(clock.now());
            clock.advance(pause);
        }
        times
    }

    /// The most that went through in any window of one second.
    fn most_in_a_second(times: &[SystemTime]) -> usize {
        let within = |first: SystemTime| {
            times.iter().filter(|time| **time >= first && **time < first + RateLimiter::WINDOW).count()
        };
        times.iter().map(|first| within(*first)).max().unwrap_or_default()
    }

    #[tokio::test]
    async fn no_second_holds_more_than_the_rate() {
        for pause in [0, 1, 7, 19, 20, 21, 333] {
            let (limiter, clock) = (RateLimiter::default(), ManualClock::at(NOW));
            let times = times(&limiter, &clock, 500, Duration::from_millis(pause)).await;
            assert!(most_in_a_second(&times) <= 50, "{pause} ms apart");
            assert_eq!(clock.sleeps().is_empty(), pause >= 20, "{pause} ms apart");
        }
    }

    #[tokio::test]
    async fn many_callers_at_once_stay_within_the_rate_and_all_get_through() {
        let (limiter, clock) = (RateLimiter::default(), Arc::new(ManualClock::at(NOW)));
        let callers: Vec<_> = (0..400)
            .map(|_| {
                let (limiter, clock) = (limiter.clone(), clock.clone());
                tokio::spawn(async move {
                    limiter.admit("Create", Effect::Paid, &*clock).await;
                    clock.now()
                })
            })
            .collect();
        let mut times = Vec::new();
        for caller in callers {
            times.push(caller.await.unwrap());
        }
        assert!(most_in_a_second(&times) <= 10);
        assert_eq!(limiter.0.with("Create", |lane| lane.waiting), 0);
    }

    /// A clock whose sleepers wake when a test moves it, so that many can wait at once.
    #[derive(Debug)]
    struct Awaited(tokio::sync::watch::Sender<Duration>);

    impl Clock for Awaited {
        fn now(&self) -> SystemTime {
            ManualClock::at(NOW).now() + *self.0.borrow()
        }

        fn sleep(&self, duration: Duration) -> crate::BoxFuture<'_, ()> {
            let end = *self.0.borrow() + duration;
            let mut now = self.0.subscribe();
            Box::pin(async move {
                now.wait_for(|now| *now >= end).await.expect("the clock outlives its sleepers");
            })
        }
    }

    #[tokio::test]
    async fn the_full_rate_is_used_while_many_wait_and_a_caller_who_stopped_asking_holds_up_nobody() {
        let limiter = RateLimiter::default();
        let clock = Arc::new(Awaited(tokio::sync::watch::channel(Duration::ZERO).0));
        let admitted = Arc::new(Mutex::new(Vec::new()));
        let (first, second) = (limiter.clone(), limiter.clone());
        for _ in 0..10 {
            first.admit("Create", Effect::Paid, &*clock).await;
        }
        // Polled once, then neither polled nor dropped.
        let mut forgotten = Box::pin(second.admit("Create", Effect::Paid, &*clock));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(forgotten.as_mut().poll(context))).await.is_pending()
        );
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (limiter, clock, admitted) = (limiter.clone(), clock.clone(), admitted.clone());
            callers.spawn(async move {
                limiter.admit("Create", Effect::Paid, &*clock).await;
                lock(&admitted).push(clock.now());
            });
        }
        for _ in 0..120 {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            clock.0.send_modify(|now| *now += Duration::from_millis(100));
        }
        assert_eq!(lock(&admitted).len(), 100, "11 s are enough for 100 behind another");
        assert!(most_in_a_second(&lock(&admitted)) <= 10);
        drop(forgotten);
        callers.join_all().await;
    }

    #[tokio::test]
    async fn each_action_has_its_own_rate() {
        let (limiter, clock) = (RateLimiter::default(), ManualClock::at(NOW));
        times(&limiter, &clock, 50, Duration::ZERO).await;
        limiter.admit("Create", Effect::Paid, &clock).await;
        assert!(clock.sleeps().is_empty());
        limiter.admit("Describe", Effect::Read, &clock).await;
        assert_eq!(clock.sleeps(), [Duration::from_secs(1)]);
    }

    #[test]
    fn a_refusal_halves_the_rate_and_time_brings_it_back() {
        let (limiter, clock) = (RateLimiter::default(), ManualClock::at(NOW));
        let rate = || limiter.0.with("Describe", |lane| lane.rate(&Rates::default(), Effect::Read, clock.now()));
        let refused = || limiter.slow_down("Describe", Effect::Read, clock.now());
        assert_eq!(rate(), 50);
        for _ in 0..20 {
            refused();
        }
        assert_eq!(rate(), 25, "requests that are refused together count once");
        clock.advance(Duration::from_secs(1));
        refused();
        assert_eq!(rate(), 12);
        for (seconds, expected) in [(9, 12), (1, 13), (10, 14), (359, 49), (1, 50), (1_000, 50)] {
            clock.advance(Duration::from_secs(seconds));
            assert_eq!(rate(), expected);
        }
        for _ in 0..10 {
            refused();
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(rate(), 1, "never none");
    }

    #[tokio::test]
    async fn a_halved_rate_holds_for_those_who_wait_already() {
        let (limiter, clock) = (RateLimiter::default(), ManualClock::at(NOW));
        let mut all = times(&limiter, &clock, 100, Duration::ZERO).await;
        limiter.slow_down("Describe", Effect::Read, clock.now());
        let after = times(&limiter, &clock, 100, Duration::ZERO).await;
        assert!(most_in_a_second(&after) <= 25);
        all.extend(after);
        assert!(most_in_a_second(&all) <= 50);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_costs_one_second_and_no_more() {
        let limiter = RateLimiter::default();
        times(&limiter, &ManualClock::at(NOW), 50, Duration::ZERO).await;
        let clock = ManualClock::at(NOW - 86_400);
        times(&limiter, &clock, 50, Duration::ZERO).await;
        assert_eq!(clock.sleeps(), [Duration::from_secs(1)]);
    }

    #[test]
    fn tokens_run_out_and_come_back() {
        let budget = RetryBudget::default();
        let tokens = Tokens::new(budget);
        assert_eq!((0..100).filter(|_| tokens.take(budget.transient)).count(), 35);
        assert!(tokens.take(budget.throttled), "10 of 500 are left");
        assert!(tokens.take(budget.throttled));
        assert!(!tokens.take(1));
        for _ in 0..14 {
            assert!(!tokens.take(budget.transient));
            tokens.put_back(budget);
        }
        assert!(tokens.take(budget.transient));
        for _ in 0..1_000 {
            tokens.put_back(budget);
        }
        assert!(!tokens.take(501) && tokens.take(500), "never more than the capacity");
    }
}
