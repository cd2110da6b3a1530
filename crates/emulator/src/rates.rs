//! How many calls of each action are served in a second.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use crate::clock::later;
use crate::target::Target;

const SECOND: Duration = Duration::from_secs(1);

/// The calls of the last second.
#[derive(Default)]
pub(crate) struct Rates(HashMap<Target, VecDeque<SystemTime>>);

impl Rates {
    /// Counts a call, unless the second that ends now has had `limit` of them; false then.
    pub(crate) fn admit(&mut self, target: Target, now: SystemTime, limit: u32) -> bool {
        let served = self.0.entry(target).or_default();
        while served.front().is_some_and(|time| later(*time, SECOND) <= now) {
            served.pop_front();
        }
        let admitted = served.len() < limit as usize;
        if admitted {
            served.push_back(now);
        }
        admitted
    }
}
