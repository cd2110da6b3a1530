//! How far the service's clock is from this machine's, learnt from the Date header of its replies.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::header::{AGE, DATE};

use crate::RawReply;

/// A correction that is off by more than this is replaced: the service refuses a signature at five minutes.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(4 * 60);

/// A reply that took longer says too little about when its Date was written.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(15 * 60);

/// What to add to this machine's clock to get the service's. Zero until a reply shows more than [`TOLERANCE`].
#[derive(Debug, Default)]
pub(crate) struct Correction(AtomicI64);

impl Correction {
    /// The service's time at this machine's time `local`.
    pub(crate) fn apply(&self, local: SystemTime) -> SystemTime {
        let milliseconds = self.0.load(Ordering::Relaxed);
        let distance = Duration::from_millis(milliseconds.unsigned_abs());
        let corrected = if milliseconds < 0 { local.checked_sub(distance) } else { local.checked_add(distance) };
        corrected.unwrap_or(local)
    }

    /// Takes over what a reply shows where it differs enough from what is known, or in any case where the service has
    /// refused the `time` of a request. Returns whether the reply shows anything.
    pub(crate) fn learn(&self, measured: Option<i64>, refused_time: bool) -> bool {
        let Some(measured) = measured else {
            return false;
        };
        let off = measured.abs_diff(self.0.load(Ordering::Relaxed));
        if refused_time || u128::from(off) > TOLERANCE.as_millis() {
            self.0.store(measured, Ordering::Relaxed);
        }
        true
    }
}

/// The service's clock less this machine's, in milliseconds: the Date less the middle of the round trip.
///
/// None without a readable Date, with an Age (a cache wrote it some time ago), or where the round trip
/// was slow or this machine's clock went back during it.
pub(crate) fn measure(reply: &RawReply, sent: SystemTime, received: SystemTime) -> Option<i64> {
    let round_trip = received.duration_since(sent).ok().filter(|time| *time <= LONGEST_ROUND_TRIP)?;
    if reply.headers.contains_key(AGE) {
        return None;
    }
    let date = httpdate::parse_http_date(reply.headers.get(DATE)?.to_str().ok()?).ok()?;
    let middle = sent + round_trip / 2;
    let milliseconds = |distance: Duration| i64::try_from(distance.as_millis()).ok();
    match date.duration_since(middle) {
        Ok(ahead) => milliseconds(ahead),
        Err(behind) => milliseconds(behind.duration()).map(|distance| -distance),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: u64 = 784_111_777;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// What a reply with this Date and perhaps more shows, asked for at `NOW` and received `round_trip` later.
    fn measured(headers: &[(&str, &str)], round_trip: u64) -> Option<i64> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        measure(&RawReply { status: 200, headers, body: Default::default() }, at(NOW), at(NOW + round_trip))
    }

    #[test]
    fn the_middle_of_the_round_trip_counts() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(measured(&[date], 0), Some(0));
        assert_eq!(measured(&[date], 10), Some(-5_000));
        assert_eq!(measured(&[("date", "Sun, 06 Nov 1994 09:49:37 GMT")], 1), Some(3_599_500));
    }

    #[test]
    fn a_date_that_proves_nothing_is_not_used() {
        let date = ("date", "Sun, 06 Nov 1994 09:49:37 GMT");
        assert_eq!(measured(&[date, ("age", "0")], 0), None);
        assert_eq!(measured(&[], 0), None);
        assert_eq!(measured(&[("date", "yesterday")], 0), None);
        assert!(measured(&[date], 900).is_some());
        assert_eq!(measured(&[date], 901), None);
        let headers = [(DATE, HeaderValue::from_static(date.1))].into_iter().collect();
        let reply = RawReply { status: 200, headers, body: Default::default() };
        assert_eq!(measure(&reply, at(NOW), at(NOW - 1)), None, "the clock went back in between");
    }

    #[test]
    fn only_more_than_four_minutes_or_a_refusal_change_the_correction() {
        let correction = Correction::default();
        let shown = || correction.apply(at(NOW)).duration_since(at(NOW)).unwrap().as_secs();
        assert!(correction.learn(Some(240_000), false));
        assert_eq!(shown(), 0);
        correction.learn(Some(241_000), false);
        assert_eq!(shown(), 241);
        correction.learn(Some(1_000), false);
        assert_eq!(shown(), 241, "still within four minutes of what is known");
        correction.learn(Some(0), false);
        assert_eq!(shown(), 0, "this machine's clock was set right");
        correction.learn(Some(100_000), true);
        assert_eq!(shown(), 100);
        assert!(!correction.learn(None, true));
        assert_eq!(shown(), 100);
    }

    #[test]
    fn no_correction_overflows() {
        let correction = Correction::default();
        for extreme in [i64::MIN, i64::MAX] {
            correction.learn(Some(extreme), true);
            let _ = correction.apply(at(NOW));
            let _ = correction.apply(SystemTime::UNIX_EPOCH);
        }
    }
}
