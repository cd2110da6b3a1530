//! Two brakes of one account: how many requests a second, and how many repetitions in all.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
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
/// Within any second of the clock no action is sent more often than its rate, whatever the number of callers, who
/// are served in order. Give the same limiter to every [`Transport`](crate::Transport) of one account.
#[derive(Clone)]
pub struct RateLimiter(Arc<Lanes>);

struct Lanes {
    rates: Rates,
    by_action: Mutex<HashMap<String, Arc<Lane>>>,
}

/// One action.
#[derive(Debug, Default)]
struct Lane {
    /// When the latest requests were let through. Whoever holds it is next in turn.
    turn: tokio::sync::Mutex<VecDeque<SystemTime>>,
    /// The rate after the latest refusal, and when that was.
    halved: Mutex<Option<(u32, SystemTime)>>,
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
    pub(crate) async fn admit(&self, action: &str, effect: Effect, clock: &dyn Clock) {
        let lane = self.lane(action);
        let mut sent = lane.turn.lock().await;
        loop {
            let now = clock.now();
            if sent.back().is_some_and(|last| *last > now) {
                // The clock was set back. What was sent in the last second cannot be told any more.
                clock.sleep(Self::WINDOW).await;
                sent.clear();
                continue;
            }
            while sent.front().is_some_and(|first| *first + Self::WINDOW <= now) {
                sent.pop_front();
            }
            let rate = self.rate(&lane, effect, now) as usize;
            match sent.len().checked_sub(rate) {
                None => {
                    sent.push_back(now);
                    return;
                }
                Some(surplus) => {
                    let free = sent[surplus] + Self::WINDOW;
                    clock.sleep(free.duration_since(now).unwrap_or_default()).await;
                }
            }
        }
    }

    /// Halves the action's rate, because the service refused a request for its frequency.
    pub(crate) fn slow_down(&self, action: &str, effect: Effect, now: SystemTime) {
        let lane = self.lane(action);
        let rate = self.rate(&lane, effect, now);
        let mut halved = lane.halved.lock().unwrap_or_else(PoisonError::into_inner);
        let just_now = |(_, then): &(u32, SystemTime)| now.duration_since(*then).is_ok_and(|it| it < Self::WINDOW);
        if !halved.as_ref().is_some_and(just_now) {
            *halved = Some(((rate / 2).max(1), now));
        }
    }

    fn rate(&self, lane: &Lane, effect: Effect, now: SystemTime) -> u32 {
        let rates = &self.0.rates;
        let full = if effect == Effect::Read { rates.read } else { rates.write }.max(1);
        match *lane.halved.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((rate, then)) => {
                let since = now.duration_since(then).unwrap_or_default();
                let regained = since.as_nanos() / rates.recovery.as_nanos().max(1);
                full.min(rate.saturating_add(u32::try_from(regained).unwrap_or(u32::MAX)))
            }
            None => full,
        }
    }

    fn lane(&self, action: &str) -> Arc<Lane> {
        let mut lanes = self.0.by_action.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.get(action) {
            Some(lane) => lane.clone(),
            None => lanes.entry(action.to_owned()).or_default().clone(),
        }
    }
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
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }

    pub(crate) fn put_back(&self, budget: RetryBudget) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    async fn many_callers_at_once_stay_within_the_rate() {
        let (limiter, clock) = (RateLimiter::default(), Arc::new(ManualClock::at(NOW)));
        let callers: Vec<_> = (0..400)
            .map(|_| {
                let (limiter, clock) = (limiter.clone(), clock.clone());
                tokio::spawn(async move {
                    limiter.admit("Create", Effect::Paid, &*clock).await;
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(clock.now(), ManualClock::at(NOW + 39).now(), "400 at 10 a second take 39 waits of a second");
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
        let rate = || limiter.rate(&limiter.lane("Describe"), Effect::Read, clock.now());
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
