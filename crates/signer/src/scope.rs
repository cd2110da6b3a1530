//! The credential scope: the UTC day of the timestamp and the service.

use std::error::Error;
use std::fmt;

/// The last second of the year 9999, after which a date no longer has ten characters.
pub(crate) const LAST_TIMESTAMP: u64 = 253_402_300_799;

const SECONDS_OF_A_DAY: u64 = 86_400;

/// The longest service, because it is a label of a host name.
pub(crate) const LONGEST_SERVICE: usize = 63;

/// When and for which service a signature holds: `<date>/<service>/tc3_request`.
///
/// The date is always the UTC date of the timestamp, so the two cannot disagree around midnight.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    timestamp: u64,
    service: &'a str,
}

impl<'a> Scope<'a> {
    /// Joins a time in seconds since 1970-01-01 UTC (the value of `X-TC-Timestamp`) and a service
    /// as its endpoint names it, for example `vod`.
    ///
    /// # Errors
    ///
    /// When the time lies after the year 9999, or the service is not made of 1 to 63 ASCII letters,
    /// digits, `-`, `_` and `.`.
    #[inline]
    pub fn new(timestamp: u64, service: &'a str) -> Result<Self, InvalidScope> {
        if timestamp > LAST_TIMESTAMP {
            return Err(InvalidScope::Timestamp(timestamp));
        }
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        if !(1..=LONGEST_SERVICE).contains(&service.len()) || !service.bytes().all(allowed) {
            return Err(InvalidScope::Service(service.to_owned()));
        }
        Ok(Self { timestamp, service })
    }

    /// Seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The UTC date as `2019-02-25`.
    #[must_use]
    pub fn date(&self) -> String {
        utc_date(self.timestamp).map(char::from).iter().collect()
    }

    /// `<date>/<service>/tc3_request`.
    pub(crate) fn text(&self) -> String {
        [self.date().as_str(), "/", self.service, "/tc3_request"].concat()
    }

    /// The day of the timestamp, counted from 1970-01-01.
    pub(crate) fn day(&self) -> u64 {
        self.timestamp / SECONDS_OF_A_DAY
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &'a str {
        self.service
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scope({self} at {})", self.timestamp)
    }
}

/// Why there is no such scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidScope {
    /// The time, in seconds, lies after the year 9999; it was probably given in milliseconds.
    Timestamp(u64),
    /// The service holds other characters than the scope allows, or too many.
    Service(String),
}

impl fmt::Display for InvalidScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp(timestamp) => write!(
                formatter,
                "the timestamp {timestamp} lies after the year 9999; give seconds since 1970, not milliseconds"
            ),
            Self::Service(service) => write!(
                formatter,
                "the service name {service:?} is not made of 1 to {LONGEST_SERVICE} letters, digits, '-', '_' and \
                 '.'; use the first label of the endpoint, for example vod"
            ),
        }
    }
}

impl Error for InvalidScope {}

/// The UTC date of a time not after the year 9999.
///
/// Counts in 400-year eras of 146,097 days that begin on the first of March, so that the leap day is the last day
/// of a year (Howard Hinnant's `civil_from_days`).
pub(crate) fn utc_date(timestamp: u64) -> [u8; 10] {
    let days = timestamp / SECONDS_OF_A_DAY + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = days / 146_097 * 400 + year_of_era + u64::from(month <= 2);

    let digit = |number: u64| b'0' + (number % 10) as u8;
    [
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(timestamp: u64, date: &str) {
        let scope = Scope::new(timestamp, "vod").expect("the time is in range");
        assert_eq!(scope.date(), date, "{timestamp}");
    }

    #[test]
    fn the_date_is_the_utc_day_of_the_timestamp() {
        check(0, "1970-01-01");
        check(1_551_113_065, "2019-02-25");
        check(951_782_399, "2000-02-28");
        check(951_782_400, "2000-02-29");
        check(951_868_800, "2000-03-01");
        check(4_107_456_000, "2100-02-28");
        check(4_107_542_400, "2100-03-01");
        check(1_798_761_599, "2026-12-31");
        check(1_798_761_600, "2027-01-01");
        check(LAST_TIMESTAMP, "9999-12-31");
    }

    #[test]
    fn consecutive_days_differ_by_one_calendar_step() {
        let mut previous = utc_date(0);
        for day in 1..200_000_u64 {
            let next = utc_date(day * 86_400);
            assert!(next > previous, "day {day}");
            let day_of_month = |date: [u8; 10]| (date[8] - b'0') * 10 + date[9] - b'0';
            assert!(day_of_month(next) == day_of_month(previous) + 1 || day_of_month(next) == 1, "day {day}");
            previous = next;
        }
        assert_eq!(&previous, b"2517-07-31");
    }

    #[test]
    fn a_time_in_milliseconds_is_refused() {
        let error = Scope::new(1_551_113_065_000, "vod").expect_err("the year is beyond 9999");
        assert!(error.to_string().contains("milliseconds"), "{error}");
    }

    #[test]
    fn a_service_cannot_break_out_of_the_scope() {
        for service in ["", "vod/tc3_request", "vod\n", "v od", "vod,"] {
            assert_eq!(Scope::new(0, service), Err(InvalidScope::Service(service.to_owned())));
        }
    }
}
