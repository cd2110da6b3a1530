//! The queue of events: pulled, handed to those who wait, confirmed where they are ours.

use std::time::Duration;

use serde_json::Value;
use vod_aigc_core::{ConfirmEventsRequest, ErrorClass, PullEventsRequest};
use vod_aigc_transport::Error;

use super::notification::task_id;
use crate::context::Context;
use crate::error::is_lasting;

/// How often the queue of events is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullPolicy {
    /// The time from one pull to the next. The service holds a pull that finds nothing for up to 5 s, which is part of
    /// this time. Half as long to half as long again, by chance, so that those who share a queue do not pull in step.
    pub every: Duration,
    /// The longest time to the next pull after pulls that failed; each failure doubles it.
    pub longest: Duration,
}

impl Default for PullPolicy {
    /// Every 2 s, at most a minute after failures.
    fn default() -> Self {
        Self { every: Duration::from_secs(2), longest: Duration::from_secs(60) }
    }
}

impl PullPolicy {
    /// No pull follows another sooner: a queue that never empties must not take the calls of those who poll.
    const FLOOR: Duration = Duration::from_millis(500);

    fn pause(&self, failures: u32, random: u64) -> Duration {
        let doubled = self.every.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        let middle = doubled.min(self.longest.max(self.every));
        let spread = middle.as_secs_f64() * (0.5 + random as f64 / u64::MAX as f64);
        Duration::try_from_secs_f64(spread).unwrap_or(middle).max(Self::FLOOR)
    }
}

/// At most so many events come with one pull, and are confirmed at once.
const AT_ONCE: usize = 16;

/// See [`Client::pull_events`](crate::Client::pull_events).
pub(crate) async fn pull_events(context: &Context, policy: PullPolicy) -> Error {
    let transport = &context.transport;
    let mut failures = 0;
    loop {
        context.poller.any_wait().await;
        let began = transport.clock().now();
        let pause = match pull(context).await {
            // There may be more.
            Ok(AT_ONCE..) => PullPolicy::FLOOR,
            Ok(_) => policy.pause(0, transport.random().next_u64()),
            // What a queue without events may be answered with.
            Err(error) if error.class() == Some(ErrorClass::NotFound) => policy.pause(0, transport.random().next_u64()),
            Err(error) if is_lasting(&error) => return error,
            Err(_) => {
                failures += 1;
                transport.clock().sleep(policy.pause(failures, transport.random().next_u64())).await;
                continue;
            }
        };
        failures = 0;
        let pulled_for = transport.clock().now().duration_since(began).unwrap_or_default();
        transport.clock().sleep(pause.saturating_sub(pulled_for)).await;
    }
}

/// Pulls once, wakes those who wait for what came, and takes off the queue what is theirs. Gives how many events came.
async fn pull(context: &Context) -> Result<usize, Error> {
    let mut request = PullEventsRequest::default();
    request.sub_app_id = Some(context.sub_app_id);
    let call = context.transport.prepare(request)?;
    // Read as it comes: an event of a kind that this release does not know names its task all the same.
    let reply = context.transport.execute::<Value>(&call).await?.value;
    let events = reply["EventSet"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ours = events.iter().filter(|event| task_id(event).is_some_and(|task_id| context.poller.wake(task_id)));
    let handles: Vec<String> = ours.filter_map(|event| event["EventHandle"].as_str().map(str::to_owned)).collect();
    for handles in handles.chunks(AT_ONCE) {
        let mut request = ConfirmEventsRequest::new(handles.to_vec());
        request.sub_app_id = Some(context.sub_app_id);
        match context.transport.call(request).await {
            // A client that may not confirm would be shown the same events for ever.
            Err(error) if matches!(error.class(), Some(ErrorClass::Credentials | ErrorClass::Permission)) => {
                return Err(error);
            }
            // Too late or lost: the events come again, and their tasks are remembered.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(events.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_are_spread_and_failures_slow_them_down_to_the_longest() {
        let policy = PullPolicy::default();
        let seconds = |failures, random| policy.pause(failures, random).as_secs_f64();
        assert_eq!((seconds(0, 0), seconds(0, u64::MAX)), (1.0, 3.0));
        assert_eq!((seconds(2, 0), seconds(2, u64::MAX)), (4.0, 12.0));
        assert_eq!((seconds(u32::MAX, 0), seconds(u32::MAX, u64::MAX)), (30.0, 90.0));
    }

    #[test]
    fn no_policy_makes_a_pause_that_cannot_be_counted() {
        let most = PullPolicy { every: Duration::MAX, longest: Duration::MAX };
        assert!(most.pause(0, 0) > Duration::from_secs(1 << 40));
        assert_eq!(most.pause(0, u64::MAX), Duration::MAX);
        let none = PullPolicy { every: Duration::ZERO, longest: Duration::ZERO };
        assert_eq!(none.pause(7, u64::MAX), PullPolicy::FLOOR);
    }
}
