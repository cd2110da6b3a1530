//! The emulator's clock, which a test can move.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use tokio::sync::watch;

/// The last second of the year 9999: later times have no ISO 8601 form of four-digit years.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// What time it is for an emulator: signatures, tasks and SessionIds all age by it.
///
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The time that [`advance`](Self::advance) counts from; `None` is the real time.
    start: Option<SystemTime>,
    /// How many seconds it is ahead of that from the beginning; below zero it is behind.
    skew: i64,
    advanced: Arc<watch::Sender<Duration>>,
}

impl Clock {
    /// The real time, ahead of it by as much as the clock was advanced.
    #[must_use]
    pub fn real() -> Self {
        Self::skewed(0)
    }

    /// The real time and so many seconds; below zero it is behind. Clients with the right time then meet a service
    /// that believes theirs to be wrong.
    #[must_use]
    pub fn skewed(seconds: i64) -> Self {
        Self { start: None, skew: seconds, advanced: Arc::default() }
    }

    /// A clock that begins at `start` and moves only when it is advanced.
    #[must_use]
    pub fn manual(start: SystemTime) -> Self {
        Self { start: Some(start), skew: 0, advanced: Arc::default() }
    }

    /// The time now, within the years 1970 to 9999.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]
    pub fn now(&self) -> SystemTime {
        let start = self.start.unwrap_or_else(SystemTime::now);
        let skew = Duration::from_secs(self.skew.unsigned_abs());
        let start =
            if self.skew < 0 { start.checked_sub(skew).unwrap_or(SystemTime::UNIX_EPOCH) } else { later(start, skew) };
        let advanced = *self.advanced.borrow();
        later(start, advanced)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.advanced.send_modify(|advanced| *advanced = advanced.saturating_add(by));
    }

    /// Whether it moves by itself.
    pub(crate) fn is_running(&self) -> bool {
        self.start.is_none()
    }

    /// Changes when it is advanced.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Duration> {
        self.advanced.subscribe()
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

/// An ISO 8601 time that ends in `Z` or in an offset such as `+08:00`.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Some(time);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let offset = Duration::from_secs(60 * (60 * hours.parse::<u64>().ok()? + minutes.parse::<u64>().ok()?));
    let local = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_any_zone() {
        let noon = time("2026-11-23T12:00:00Z").expect("it is a time");
        assert_eq!(time("2026-11-23T20:00:00+08:00"), Some(noon));
        assert_eq!(time("2026-11-23T09:30:00-02:30"), Some(noon));
        for wrong in
            ["", "noon", "+08:00", "2026-11-23", "2026-11-23T20:00:00*08:00", "é+08:00", "2026-11-23T20:00:00+é:00"]
        {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let same = clock.clone();
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(90));
        assert_eq!(iso(same.now()), "1970-01-01T00:01:30Z");
    }

    #[test]
    fn a_skewed_clock_is_off_by_as_much() {
        let real = Clock::real().now();
        let hour = Duration::from_secs(3600);
        let (ahead, behind) = (Clock::skewed(3600).now(), Clock::skewed(-3600).now());
        assert!(ahead.duration_since(real).expect("it is later") >= hour);
        assert!(Clock::real().now().duration_since(behind).expect("it is earlier") >= hour);
        assert_eq!(iso(Clock::skewed(i64::MIN).now()), "1970-01-01T00:00:00Z");
        assert_eq!(iso(Clock::skewed(i64::MAX).now()), "9999-12-31T23:59:59Z");
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
