//! Asking for one task, and stopping it.

use serde_json::{Value, json};
use vod_aigc_core::{DescribeTaskDetailRequest, ManageTaskRequest};

use crate::call::Call;
use crate::clock::later;
use crate::describe;
use crate::fault::Fault;
use crate::refusal::{Refusal, owner};
use crate::tasks::{Aborting, Task};

pub(super) fn describe(call: &Call<'_>, request: &DescribeTaskDetailRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let behaviour = call.behaviour;
    let store = call.store();
    let task = store
        .tasks
        .find(&request.task_id)
        .filter(|task| task.is_visible(call.now, behaviour.detail_lag, behaviour.visible()))
        .filter(|task| task.entry.sub_app_id == sub_app_id)
        .ok_or_else(|| unknown(call, &request.task_id))?;
    let as_of = if call.faults.contains(&Fault::StatusBackwards) { task.entry.time } else { call.now };
    Ok(describe::reply(task, as_of, behaviour, call.endpoint))
}

pub(super) fn manage(call: &Call<'_>, request: &ManageTaskRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let visible = call.behaviour.visible();
    let is_there = |task: &Task| task.entry.sub_app_id == sub_app_id && call.now < later(task.entry.time, visible);
    match call.store().tasks.abort(&request.task_id, call.now, is_there) {
        Aborting::Done => Ok(json!({})),
        Aborting::Unknown => Err(unknown(call, &request.task_id)),
        Aborting::HasBegun => Err(Refusal::new(
            "InvalidParameterValue",
            format!("the task {:?} is not waiting any more, and only a waiting task is stopped", request.task_id),
        )),
    }
}

fn unknown(call: &Call<'_>, task_id: &str) -> Refusal {
    let hours = call.behaviour.visible_hours;
    Refusal::new(
        "ResourceNotFound",
        format!("this SubAppId has had no task {task_id:?} in the last {hours} hours; check both"),
    )
}
