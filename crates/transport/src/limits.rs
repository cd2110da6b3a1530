//! Two brakes of one account: how many requests a second, and how many repetitions in all.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::select;
use tokio::sync::Notify;
use vod_aigc_core::api::Effect;

use crate::Clock;

/// How many requests a second each action may send.
///
/// The defaults are half of what the service allows an account (API description: 100 a second for the actions that
/// describe, 20 for the one that creates), so that another process has room beside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
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

/// Keeps the actions of one account within their [`Rates`]. A clone shares the state.
///
/// In any second of the clock, at most `rate + rate / 10 + 1` requests of an action are sent. The callers of an action are
/// served first come, first served. Give the same limiter to every [`Transport`](crate::Transport) of one account.
// The generic cell rate algorithm (GCRA). The crate `governor` is not used because its quota is fixed per limiter, its
// waiters have no order, and it cannot lower the rate after a refusal.
#[derive(Clone)]
pub struct RateLimiter(Arc<Lanes>);

struct Lanes {
    rates: Rates,
    by_action: Mutex<BTreeMap<Box<str>, Lane>>,
}

/// The state of one action.
#[derive(Debug, Default)]
struct Lane {
    /// The theoretical arrival time: when the next request conforms to the rate. None before the first request.
    tat: Option<SystemTime>,
    /// The tickets of the callers that wait, in increasing order.
    waiters: VecDeque<u64>,
    latest_ticket: u64,
    /// The rate after the latest refusal, and when that was.
    halved: Option<(u32, SystemTime)>,
    /// Wakes the waiters when one of them is cancelled, because those behind it are due earlier.
    cancelled: Arc<Notify>,
}

/// A caller of [`RateLimiter::acquire`]. It has a ticket from its first poll until it gets a permit.
struct Waiter<'a> {
    lanes: &'a Lanes,
    action: &'a str,
    ticket: Option<u64>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.lanes.with(self.action, |lane| {
                if let Ok(index) = lane.waiters.binary_search(&ticket) {
                    lane.waiters.remove(index);
                    lane.cancelled.notify_waiters();
                }
            });
        }
    }
}

impl RateLimiter {
    /// The period of the rates, and the least time between two halvings: requests that were under way together are refused
    /// together.
    const WINDOW: Duration = Duration::from_secs(1);
    /// The longest sleep of a waiter, after which a new rate or a stepped clock is noticed.
    const LONGEST_SLEEP: Duration = Duration::from_secs(10);
    /// How much unused time can be made up for by a burst, so that a waiter that wakes late costs no throughput.
    const TOLERANCE: Duration = Duration::from_millis(100);

    /// A limiter that has seen no request yet.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self(Arc::new(Lanes { rates, by_action: Mutex::default() }))
    }

    /// Waits until the action may be sent once more.
    ///
    /// Cancel safe: a waiter that is dropped uses no permit. A waiter that is not polled any more is passed by the others.
    pub(crate) async fn acquire(&self, action: &str, effect: Effect, clock: &dyn Clock) {
        let lanes = &*self.0;
        let mut waiter = Waiter { lanes, action, ticket: None };
        loop {
            let wait = lanes.with(action, |lane| {
                let now = clock.now();
                let interval = Self::WINDOW / lane.rate(&lanes.rates, effect, now);
                let wait = lane.take(&mut waiter.ticket, interval, now)?;
                Some((wait, lane.cancelled.clone().notified_owned()))
            });
            let Some((wait, cancelled)) = wait else {
                return;
            };
            select(clock.sleep(wait.min(Self::LONGEST_SLEEP)), pin!(cancelled)).await;
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
    /// Takes a permit for the waiter with this ticket, or returns how long it has to wait.
    fn take(&mut self, ticket: &mut Option<u64>, interval: Duration, now: SystemTime) -> Option<Duration> {
        let earliest = now - RateLimiter::TOLERANCE;
        // The time is further ahead than one interval only if the clock was set back or the rate has grown.
        let tat = self.tat.map_or(earliest, |tat| tat.min(now + interval));
        self.tat = Some(tat);
        let number = *ticket.get_or_insert_with(|| {
            self.latest_ticket += 1;
            self.latest_ticket
        });
        let place = self.waiters.binary_search(&number);
        let (Ok(index) | Err(index)) = place;
        let due = tat + interval.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        if now < due {
            if place.is_err() {
                self.waiters.insert(index, number);
            }
            return due.duration_since(now).ok();
        }
        // The waiters before this one were due earlier and are not being polled. They are no longer counted, so each costs the
        // others at most one interval. They get their places back when they are polled again.
        self.waiters.drain(..index + usize::from(place.is_ok()));
        self.tat = Some(tat.max(earliest) + interval);
        *ticket = None;
        None
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
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
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
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;
    use crate::testing::ManualClock;

    const NOW: u64 = 1_764_072_000;
    const SECOND: Duration = Duration::from_secs(1);

    /// A clock on tokio's paused time, which can be set.
    #[derive(Debug)]
    struct Paused {
        start: Instant,
        shown: Mutex<SystemTime>,
    }

    impl Paused {
        fn new() -> Arc<Self> {
            Arc::new(Self { start: Instant::now(), shown: Mutex::new(ManualClock::at(NOW).now()) })
        }

        fn set(&self, step: impl FnOnce(SystemTime) -> SystemTime) {
            let mut shown = lock(&self.shown);
            *shown = step(*shown);
        }
    }

    impl Clock for Paused {
        fn now(&self) -> SystemTime {
            *lock(&self.shown) + self.start.elapsed()
        }

        fn sleep(&self, duration: Duration) -> crate::BoxFuture<'_, ()> {
            Box::pin(tokio::time::sleep(duration))
        }
    }

    /// Callers of one action on a paused clock.
    #[derive(Debug, Clone)]
    struct Callers {
        limiter: RateLimiter,
        clock: Arc<Paused>,
        arrived: Arc<AtomicUsize>,
        /// The number by arrival of each caller that got a permit, and when it got it.
        permits: Arc<Mutex<Vec<(usize, SystemTime)>>>,
    }

    impl Callers {
        /// Of an action that may be sent so often a second.
        fn new(rate: u32) -> Self {
            let limiter = RateLimiter::new(Rates { write: rate, ..Rates::default() });
            Self { limiter, clock: Paused::new(), arrived: Arc::default(), permits: Arc::default() }
        }

        async fn acquire(&self) {
            let number = self.arrived.fetch_add(1, Ordering::Relaxed);
            self.limiter.acquire("Create", Effect::Paid, &*self.clock).await;
            lock(&self.permits).push((number, self.clock.now()));
        }

        /// Starts so many callers, each of which acquires `rounds` permits and works after each.
        fn start(&self, count: usize, rounds: usize, work: Duration) -> JoinSet<()> {
            let mut tasks = JoinSet::new();
            for _ in 0..count {
                let callers = self.clone();
                tasks.spawn(async move {
                    for _ in 0..rounds {
                        callers.acquire().await;
                        if !work.is_zero() {
                            tokio::time::sleep(work).await;
                        }
                    }
                });
            }
            tasks
        }

        /// So many futures that are polled once.
        async fn polled_once(&self, count: usize) -> Vec<Pin<Box<impl Future<Output = ()>>>> {
            let mut polled: Vec<_> = (0..count).map(|_| Box::pin(self.acquire())).collect();
            for future in &mut polled {
                assert!(poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await);
            }
            polled
        }

        fn times(&self) -> Vec<SystemTime> {
            lock(&self.permits).iter().map(|(_, time)| *time).collect()
        }

        /// The most callers that one was overtaken by: that arrived after it and got a permit before it.
        fn most_overtaken(&self) -> usize {
            let order: Vec<_> = lock(&self.permits).iter().map(|(number, _)| *number).collect();
            let overtaken = |(at, number): (usize, &usize)| order[..at].iter().filter(|other| *other > number).count();
            order.iter().enumerate().map(overtaken).max().unwrap_or_default()
        }
    }

    /// Waits for all, but not for ever.
    async fn join(tasks: JoinSet<()>) {
        tokio::time::timeout(SECOND * 3_600, tasks.join_all()).await.expect("all get their permits");
    }

    /// How long the same callers take at a server that takes one request each interval, first come, first served.
    fn ideal(rate: u32, count: usize, rounds: usize, work: Duration) -> Duration {
        let mut arrivals: BinaryHeap<_> = (0..count).map(|_| Reverse((Duration::ZERO, 0))).collect();
        let (mut free, mut end) = (Duration::ZERO, Duration::ZERO);
        while let Some(Reverse((arrival, round))) = arrivals.pop() {
            let served = free.max(arrival);
            free = served + SECOND / rate;
            end = end.max(served + work);
            if round + 1 < rounds {
                arrivals.push(Reverse((served + work, round + 1)));
            }
        }
        end
    }

    /// The most that got through in any window of one second.
    fn most_in_a_second(times: &[SystemTime]) -> usize {
        let within = |(first, time): (usize, &SystemTime)| times[first..].partition_point(|it| *it < *time + SECOND);
        times.iter().enumerate().map(within).max().unwrap_or_default()
    }

    fn limit(rate: u32) -> usize {
        (rate + rate / 10 + 1) as usize
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_come_again_use_the_full_rate_in_order() {
        for (rate, count, work) in [10, 50].into_iter().flat_map(|rate| {
            [10, 50, 200, 1_000].into_iter().flat_map(move |count| [0, 1, 4, 15].map(move |work| (rate, count, work)))
        }) {
            let (rounds, work) = (if count < 1_000 { 4 } else { 2 }, Duration::from_secs(work));
            let (callers, start) = (Callers::new(rate), Instant::now());
            join(callers.start(count, rounds, work)).await;
            let case = format!("{count} callers at {rate} a second that work for {work:?}");
            let (took, ideal) = (start.elapsed(), ideal(rate, count, rounds, work));
            assert!(took <= ideal.mul_f64(1.3), "{case}: {took:?} instead of {ideal:?}");
            assert_eq!(callers.most_overtaken(), 0, "{case}");
            assert!(most_in_a_second(&callers.times()) <= limit(rate), "{case}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_tasks_that_acquire_twice_all_end() {
        let (callers, work) = (Callers::new(10), Duration::from_secs(4));
        join(callers.start(50, 2, work)).await;
        assert!(callers.clock.start.elapsed() <= ideal(10, 50, 2, work).mul_f64(1.3));
        callers.limiter.0.with("Create", |lane| assert!(lane.waiters.is_empty()));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_waiters_hold_up_nobody() {
        for rate in [10, 50] {
            let callers = Callers::new(rate);
            let mut waiting = JoinSet::new();
            let mut rest = JoinSet::new();
            for number in 0..1_000 {
                let caller = callers.clone();
                let tasks = if number % 10 == 9 { &mut rest } else { &mut waiting };
                tasks.spawn(async move { caller.acquire().await });
            }
            tokio::time::sleep(Duration::from_millis(2_345)).await;
            let (start, before) = (Instant::now(), callers.times().len());
            waiting.shutdown().await;
            join(rest).await;
            let (took, ideal) = (start.elapsed(), ideal(rate, callers.times().len() - before, 1, Duration::ZERO));
            assert!(took <= ideal.mul_f64(1.3) + SECOND, "{rate} a second: {took:?} instead of {ideal:?}");
            assert!(callers.most_overtaken() <= rate as usize, "{}", callers.most_overtaken());
            assert!(most_in_a_second(&callers.times()) <= limit(rate));
            callers.limiter.0.with("Create", |lane| assert!(lane.waiters.is_empty()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_that_are_not_polled_any_more_hold_up_nobody_and_keep_their_place() {
        for (rate, forgotten) in [(1, 1), (1, 10), (10, 1), (10, 50), (50, 1), (50, 50)] {
            let callers = Callers::new(rate);
            // The burst is used up, so that the next callers have to wait.
            for _ in 0..10 {
                callers.acquire().await;
            }
            let (start, mut forgotten) = (Instant::now(), callers.polled_once(forgotten).await);
            let mut live = callers.start(100, 2, Duration::ZERO);
            while live.len() > 50 {
                live.join_next().await;
            }
            // One is polled again while others wait.
            let late = forgotten.pop().unwrap();
            let arrived = Instant::now();
            late.await;
            assert!(arrived.elapsed() <= SECOND / rate + Duration::from_millis(1), "{rate} a second: it is the first");
            join(live).await;
            // Each costs one interval at most, and the one that came back took a permit.
            let (took, ideal) = (start.elapsed(), ideal(rate, forgotten.len() + 2 + 200, 1, Duration::ZERO));
            assert!(took <= ideal + SECOND, "{rate} a second: {took:?} instead of {ideal:?}");
            assert!(most_in_a_second(&callers.times()) <= limit(rate));
            // They are polled again, or dropped.
            let dropped = forgotten.split_off(forgotten.len() / 2);
            let again = Instant::now();
            for future in forgotten {
                future.await;
            }
            drop(dropped);
            callers.limiter.0.with("Create", |lane| assert!(lane.waiters.is_empty()));
            assert!(again.elapsed() <= SECOND * 26 / rate);
        }
    }

    #[tokio::test]
    async fn no_second_holds_more_than_the_rate_and_a_tenth() {
        for rate in [1, 3, 10, 50, 99] {
            for pause in [0, 1, 7, 19, 20, 21, 333] {
                let limiter = RateLimiter::new(Rates { read: rate, ..Rates::default() });
                let clock = ManualClock::at(NOW);
                let times = times(&limiter, &clock, 500, Duration::from_millis(pause)).await;
                assert!(most_in_a_second(&times) <= limit(rate), "{rate} a second, {pause} ms apart");
                let enough = Duration::from_millis(pause) >= SECOND / rate;
                assert_eq!(clock.sleeps().is_empty(), enough, "{rate} a second, {pause} ms apart");
            }
        }
    }

    #[tokio::test]
    async fn each_action_has_its_own_rate() {
        let (limiter, clock) = (RateLimiter::default(), ManualClock::at(NOW));
        times(&limiter, &clock, 6, Duration::ZERO).await;
        limiter.acquire("Create", Effect::Paid, &clock).await;
        assert!(clock.sleeps().is_empty());
        limiter.acquire("Describe", Effect::Read, &clock).await;
        assert_eq!(clock.sleeps(), [Duration::from_millis(20)]);
    }

    #[tokio::test]
    async fn the_largest_rate_never_waits_and_none_is_one_a_second() {
        let limiter = RateLimiter::new(Rates { read: u32::MAX, recovery: Duration::ZERO, ..Rates::default() });
        let clock = ManualClock::at(NOW);
        times(&limiter, &clock, 10_000, Duration::ZERO).await;
        limiter.slow_down("Describe", Effect::Read, clock.now());
        times(&limiter, &clock, 10_000, Duration::ZERO).await;
        assert!(clock.sleeps().is_empty());
        let none = RateLimiter::new(Rates { read: 0, ..Rates::default() });
        times(&none, &clock, 2, Duration::ZERO).await;
        assert_eq!(clock.sleeps(), [Duration::from_millis(900)], "one a second at least");
    }

    /// Acquires `count` permits one after the other, `pause` apart, and returns when it got each.
    async fn times(limiter: &RateLimiter, clock: &ManualClock, count: usize, pause: Duration) -> Vec<SystemTime> {
        let mut times = Vec::new();
        for _ in 0..count {
            limiter.acquire("Describe", Effect::Read, clock).await;
            times.push(clock.now());
            clock.advance(pause);
        }
        times
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

    #[tokio::test(start_paused = true)]
    async fn a_halved_rate_holds_for_those_who_wait_already() {
        let callers = Callers::new(50);
        let waiting = callers.start(300, 1, Duration::ZERO);
        tokio::time::sleep(SECOND * 2).await;
        callers.limiter.slow_down("Create", Effect::Paid, callers.clock.now());
        let before = callers.times().len();
        join(waiting).await;
        let times = callers.times();
        assert!(most_in_a_second(&times) <= limit(50));
        assert!(most_in_a_second(&times[before..]) <= limit(25));
        let took = times[299].duration_since(times[before]).unwrap();
        assert!(took <= ideal(25, 300 - before, 1, Duration::ZERO) + SECOND, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_costs_one_second_and_no_more() {
        let day = Duration::from_secs(86_400);
        for (rate, back) in [(1, true), (10, true), (50, true), (1, false), (10, false), (50, false)] {
            let callers = Callers::new(rate);
            let waiting = callers.start(200, 1, Duration::ZERO);
            tokio::time::sleep(Duration::from_millis(1_234)).await;
            let before = callers.times().len();
            callers.clock.set(|shown| if back { shown - day } else { shown + day });
            join(waiting).await;
            let (took, ideal) = (callers.clock.start.elapsed(), ideal(rate, 200, 1, Duration::ZERO));
            assert!(took <= ideal + SECOND, "{rate} a second: {took:?} instead of {ideal:?}");
            assert!(callers.most_overtaken() <= rate as usize, "{rate} a second: {}", callers.most_overtaken());
            assert!(most_in_a_second(&callers.times()[before..]) <= limit(rate), "{rate} a second");
        }
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
