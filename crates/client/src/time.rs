//! Times as records and the service write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970-01-01 UTC.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// A time as the service writes it. A store may hold any number; the last that has such a form is in the year 9999.
pub(crate) fn iso(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST))).to_string()
}

/// So much later; no time is later than 30 years from now.
pub(crate) fn later(time: SystemTime, by: Duration) -> SystemTime {
    const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    time + by.min(LONGEST)
}
