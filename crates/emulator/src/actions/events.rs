//! The events of tasks that have ended: into a queue, or to a URL, as the configuration of the sub-application says.

use std::time::Duration;

use serde_json::{Value, json};
use vod_aigc_core::{
    ConfirmEventsRequest, DescribeEventConfigRequest, DescribeEventConfigResponse, ModifyEventConfigRequest,
    PullEventsRequest,
};

use crate::call::Call;
use crate::clock::later;
use crate::describe;
use crate::refusal::{Refusal, invalid, owner};
use crate::store::Store;

/// How many events one PullEvents takes, for how long they are hidden then, and for how long they are kept (official
/// description).
const AT_ONCE: usize = 16;
const HIDDEN: Duration = Duration::from_secs(30);
const KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Takes the oldest events of a sub-application, and hides them from others for a while.
pub(super) fn pull(call: &Call<'_>, _: &PullEventsRequest, request: &Value) -> Result<Value, Refusal> {
    let (sub_app_id, now) = (owner(request)?, call.now);
    let mut store = call.store();
    let Store { tasks, event_configs, .. } = &mut *store;
    let mut waiting: Vec<_> = tasks
        .all_mut()
        .iter_mut()
        .filter(|task| task.entry.sub_app_id == sub_app_id && task.has_ended(now) && now < later(task.ends, KEPT))
        .filter(|task| !task.event.confirmed && task.kind.event().is_some() && event_configs.is_queued(task))
        .filter(|task| task.event.pulled.as_ref().is_none_or(|(_, until)| now >= *until))
        .collect();
    waiting.sort_by_key(|task| task.ends);
    waiting.truncate(AT_ONCE);
    let events: Vec<Value> = waiting
        .into_iter()
        .filter_map(|task| {
            let mut event = describe::event(task, now, call.endpoint)?;
            let handle = call.identifiers.event_handle();
            event["EventHandle"] = handle.clone().into();
            task.event.pulled = Some((handle, later(now, HIDDEN)));
            Some(event)
        })
        .collect();
    Ok(json!({ "EventSet": events }))
}

/// Takes events off the queue for good: all of the handles, or none if one of them is unknown, or was pulled more than 30
/// seconds ago.
pub(super) fn confirm(call: &Call<'_>, request: &ConfirmEventsRequest, value: &Value) -> Result<Value, Refusal> {
    let (sub_app_id, now) = (owner(value)?, call.now);
    let handles = &request.event_handles;
    if handles.is_empty() {
        return Err(invalid(format!("EventHandles has 0 items; it takes 1 to {AT_ONCE}")));
    }
    let mut store = call.store();
    let tasks = &mut store.tasks;
    let mut indices = Vec::new();
    for handle in handles {
        let index = tasks.all().iter().position(|task| {
            let event = task.event.pulled.as_ref();
            let held = event.is_some_and(|(pulled, until)| pulled == handle && now < *until);
            held && task.entry.sub_app_id == sub_app_id
        });
        indices.push(index.ok_or_else(|| {
            invalid(format!("4000: no event {handle:?} was pulled within the last 30 seconds; it comes again"))
        })?);
    }
    for index in indices {
        tasks.all_mut()[index].event.confirmed = true;
    }
    Ok(json!({}))
}

pub(super) fn config(call: &Call<'_>, _: &DescribeEventConfigRequest, request: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(request)?;
    let store = call.store();
    let config = store.event_configs.at(sub_app_id, call.now).cloned().unwrap_or_default();
    let [upload, delete, persistence] = config.switches;
    let mut reply = DescribeEventConfigResponse::default();
    reply.mode = Some(config.mode);
    reply.notification_url = Some(config.url);
    reply.upload_media_complete_event_switch = Some(upload);
    reply.delete_media_complete_event_switch = Some(delete);
    reply.persistence_complete_event_switch = Some(persistence);
    Ok(json!(reply))
}

/// Changes what the request names, for the tasks that end from now on.
pub(super) fn configure(call: &Call<'_>, request: &ModifyEventConfigRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let url = request.notification_url.as_deref();
    if url.is_some_and(|url| !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://"))) {
        return Err(invalid("NotificationUrl is no address; begin it with http:// or https://, or send an empty text"));
    }
    if request.sign_key.as_ref().is_some_and(|key| !key.expose().bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(invalid("SignKey holds more than letters and digits; leave the rest out"));
    }
    let mut store = call.store();
    let mut config = store.event_configs.at(sub_app_id, call.now).cloned().unwrap_or_default();
    if let Some(mode) = &request.mode {
        config.mode = mode.clone();
    }
    if let Some(url) = url {
        config.url = url.to_owned();
    }
    if let Some(key) = &request.sign_key {
        config.key = Some(key.clone()).filter(|key| !key.expose().is_empty());
    }
    let asked = [
        &request.upload_media_complete_event_switch,
        &request.delete_media_complete_event_switch,
        &request.persistence_complete_event_switch,
    ];
    for (switch, asked) in config.switches.iter_mut().zip(asked) {
        if let Some(asked) = asked {
            *switch = asked.clone();
        }
    }
    store.event_configs.set(sub_app_id, call.now, config);
    Ok(json!({}))
}
