//! When a call is sent again: how often, after which wait, within which time.

use std::time::{Duration, SystemTime};

use crate::{Random, RawReply};

/// How often and how patiently a call is repeated. *What* may be repeated is not set here: see
/// [`Error::is_retryable`](crate::Error::is_retryable).
///
/// The wait before attempt n+1 is a random time between zero and `first_wait · 2^(n-1)`, at most `longest_wait` (full
/// jitter). A `Retry-After` header takes its place if it asks for no more than `longest_retry_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct RetryPolicy {
    /// The largest number of attempts; 1 never repeats.
    pub attempts: u32,
    /// The longest first wait.
    pub first_wait: Duration,
    /// The longest wait of all.
    pub longest_wait: Duration,
    /// The time for the whole call, waits included: no wait goes beyond it, and the last attempt of a read is cut short by
    /// it. An attempt of any other action keeps its full time, because cutting it short leaves its outcome unknown.
    pub total: Duration,
    /// The longest `Retry-After` that is obeyed.
    pub longest_retry_after: Duration,
}

impl RetryPolicy {
    /// For actions that only read: 5 attempts, 200 ms doubling up to 5 s, 30 s in all.
    pub const READ: Self = Self {
        attempts: 5,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_secs(5),
        total: Duration::from_secs(30),
        longest_retry_after: Duration::from_secs(60),
    };

    /// For all others: 5 attempts, 1 s doubling up to 30 s, two minutes in all. They are repeated only while
    /// nothing has left, or when the service refused them for their frequency.
    pub const WRITE: Self = Self {
        attempts: 5,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(30),
        total: Duration::from_secs(120),
        longest_retry_after: Duration::from_secs(60),
    };

    /// One attempt within the given time.
    #[must_use]
    pub const fn once(total: Duration) -> Self {
        Self { attempts: 1, total, ..Self::READ }
    }

    /// The wait after this number of failed attempts, of which the last perhaps came with a `Retry-After`.
    #[must_use]
    pub fn wait(&self, failed: u32, retry_after: Option<Duration>, random: &dyn Random) -> Duration {
        match retry_after {
            Some(wait) if wait <= self.longest_retry_after => wait,
            _ => {
                let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
                let longest = self.first_wait.saturating_mul(factor).min(self.longest_wait);
                fraction(longest, random.next_u64())
            }
        }
    }
}

/// Reads `Retry-After` as seconds or as a date.
pub(crate) fn retry_after(reply: &RawReply, now: SystemTime) -> Option<Duration> {
    let value = reply.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The part `random / 2^64` of a duration.
fn fraction(duration: Duration, random: u64) -> Duration {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(((u128::from(nanoseconds) * u128::from(random)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;

    use super::*;
    use crate::testing::SeededRandom;

    #[derive(Debug)]
    struct Highest;

    impl Random for Highest {
        fn next_u64(&self) -> u64 {
            u64::MAX
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u128> = (1..=8)
            .map(|failed| (RetryPolicy::READ.wait(failed, None, &Highest) + Duration::from_nanos(1)).as_millis())
            .collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
        assert!(RetryPolicy::READ.wait(u32::MAX, None, &Highest) <= Duration::from_secs(5));
    }

    #[test]
    fn jitter_covers_the_whole_range() {
        let random = SeededRandom::new(1);
        let waits: Vec<Duration> = (0..1_000).map(|_| RetryPolicy::READ.wait(1, None, &random)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(200)));
        for decile in 0..10_u128 {
            assert!(waits.iter().any(|wait| wait.as_millis() / 20 == decile), "no wait in decile {decile}");
        }
    }

    #[test]
    fn a_retry_after_of_a_minute_is_obeyed_and_a_longer_one_is_not() {
        let wait = |seconds| RetryPolicy::READ.wait(1, Some(Duration::from_secs(seconds)), &Highest);
        assert_eq!(wait(60), Duration::from_secs(60));
        assert!(wait(61) <= Duration::from_millis(200));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value: &str| {
            let headers = [(RETRY_AFTER, value.parse().unwrap())].into_iter().collect();
            retry_after(&RawReply { status: 503, headers, body: Default::default() }, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:27 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
