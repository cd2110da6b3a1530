//! The emulator's clock, which a test can move.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;

/// The last second of the year 9999: later times have no ISO 8601 form of four-digit years.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// What time it is for an emulator: signatures, tasks and SessionIds all age by it.
///
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The time that [`advance`](Self::advance) counts from; `None` is the real time.
    start: Option<SystemTime>,
    advanced: Arc<Mutex<Duration>>,
}

impl Clock {
    /// The real time, ahead of it by as much as the clock was advanced.
    #[must_use]
    pub fn real() -> Self {
        Self { start: None, advanced: Arc::default() }
    }

    /// A clock that stands at `start` and moves only when it is advanced.
    #[must_use]
    pub fn manual(start: SystemTime) -> Self {
        Self { start: Some(start), advanced: Arc::default() }
    }

    /// The time now, within the years 1970 to 9999.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]
    pub fn now(&self) -> SystemTime {
        let start = self.start.unwrap_or_else(SystemTime::now);
        let advanced = *self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        later(start, advanced)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced = advanced.saturating_add(by);
    }

    /// The time now in whole seconds since 1970, as signatures count.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

/// The time `by` after `time`, kept within the years 1970 to 9999.
pub(crate) fn later(time: SystemTime, by: Duration) -> SystemTime {
    let last = SystemTime::UNIX_EPOCH + LAST_SECOND;
    time.checked_add(by).unwrap_or(last).clamp(SystemTime::UNIX_EPOCH, last)
}

/// `time` as the service writes it, for example `2026-11-23T08:00:00Z`.
pub(crate) fn iso(time: SystemTime) -> String {
    format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let same = clock.clone();
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(90));
        assert_eq!(same.unix_seconds(), 90);
        assert_eq!(iso(same.now()), "1970-01-01T00:01:30Z");
    }

    #[test]
    fn an_absurd_step_neither_panics_nor_leaves_the_calendar() {
        let clock = Clock::real();
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(iso(clock.now()), "9999-12-31T23:59:59Z");
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(iso(Clock::manual(early).now()), "1970-01-01T00:00:00Z");
    }
}
