//! The queue of events: one for each task that has ended.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::clock::later;
use crate::describe;
use crate::identifiers::Identifiers;
use crate::refusal::Refusal;
use crate::tasks::Tasks;

/// How many events one PullEvents takes, for how long they are hidden then, and for how long they are kept (official
/// description).
const AT_ONCE: usize = 16;
const HIDDEN: Duration = Duration::from_secs(30);
const KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Takes the oldest events of a sub-application, and hides them from others for a while.
pub(crate) fn pull(
    tasks: &mut Tasks,
    sub_app_id: u64,
    now: SystemTime,
    identifiers: &Identifiers,
    endpoint: &str,
) -> Value {
    let mut waiting: Vec<_> = tasks
        .all_mut()
        .iter_mut()
        .filter(|task| task.entry.sub_app_id == sub_app_id && task.has_ended(now) && now < later(task.ends, KEPT))
        .filter(|task| !task.event.confirmed)
        .filter(|task| task.event.pulled.as_ref().is_none_or(|(_, until)| now >= *until))
        .collect();
    waiting.sort_by_key(|task| task.ends);
    waiting.truncate(AT_ONCE);
    let events: Vec<Value> = waiting
        .into_iter()
        .map(|task| {
            let handle = identifiers.event_handle();
            task.event.pulled = Some((handle.clone(), later(now, HIDDEN)));
            json!({
                "EventHandle": handle,
                "EventType": "AigcVideoTaskComplete",
                "AigcVideoCompleteEvent": describe::inner(task, task.stage(now), endpoint),
            })
        })
        .collect();
    json!({ "EventSet": events })
}

/// Takes events off the queue for good: all of `handles`, or none if one of them is wrong.
///
/// # Errors
///
/// The first handle that is unknown, or that was pulled more than 30 seconds ago.
pub(crate) fn confirm(
    tasks: &mut Tasks,
    sub_app_id: u64,
    handles: &[String],
    now: SystemTime,
) -> Result<Value, Refusal> {
    if !(1..=AT_ONCE).contains(&handles.len()) {
        let message = format!("EventHandles has {} items; it takes 1 to {AT_ONCE}", handles.len());
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let mut indices = Vec::new();
    for handle in handles {
        let index = tasks.all().iter().position(|task| {
            let event = task.event.pulled.as_ref();
            let held = event.is_some_and(|(pulled, until)| pulled == handle && now < *until);
            held && task.entry.sub_app_id == sub_app_id
        });
        indices.push(index.ok_or_else(|| {
            let message = format!("4000: no event {handle:?} was pulled within the last 30 seconds; it comes again");
            Refusal::new("InvalidParameterValue", message)
        })?);
    }
    for index in indices {
        tasks.all_mut()[index].event.confirmed = true;
    }
    Ok(json!({}))
}
