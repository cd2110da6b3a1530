//! The reply of DescribeTasks: the tasks of the last days, page by page.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_core::{DescribeTasksRequest, SortOrder, TimeRange};

use crate::call::Call;
use crate::clock::iso;
use crate::fault::Fault;
use crate::refusal::{Refusal, instant, invalid, owner};
use crate::tasks::{Stage, Task};

/// How many rows a page has where the request does not say (official description).
const PAGE: u64 = 10;
/// The token of the first page, which only a fault gives out.
const FIRST: &str = "first";

pub(super) fn page(call: &Call<'_>, request: &DescribeTasksRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let stale = call.faults.iter().find_map(|fault| match fault {
        Fault::StaleList { seconds } => call.now.checked_sub(Duration::from_secs(*seconds)),
        _ => None,
    });
    let as_of = stale.unwrap_or(call.now);
    let behaviour = call.behaviour;
    let store = call.store();
    let tasks = if behaviour.list_shows_aigc { store.tasks.all() } else { &[] };
    let is_listed = |task: &Task| {
        task.entry.sub_app_id == sub_app_id && task.is_visible(as_of, behaviour.list_lag, behaviour.visible())
    };
    page_of(request, tasks, is_listed, as_of, call.faults)
}

/// The page that `request` asks for out of `tasks`, which are in the order of their creation.
fn page_of<'a>(
    request: &DescribeTasksRequest,
    tasks: &'a [Task],
    is_listed: impl Fn(&Task) -> bool,
    now: SystemTime,
    faults: &[Fault],
) -> Result<Value, Refusal> {
    let limit = request.limit.unwrap_or(PAGE);
    let status = request.status.as_ref().map(|status| status.as_str());
    if let Some(status) = status
        && !["WAITING", "PROCESSING", "FINISH"].contains(&status)
    {
        return Err(invalid(format!("Status {status:?} cannot be searched for; use WAITING, PROCESSING or FINISH")));
    }
    let created = Span::of("CreateTime", request.create_time.as_ref())?;
    let finished = Span::of("FinishTime", request.finish_time.as_ref())?;
    let by_end = match request.sort.as_ref().map(|sort| sort.field.as_str()) {
        None | Some("CreateTime") => false,
        Some("FinishTime") => true,
        Some(other) => return Err(invalid(format!("Sort.Field {other:?} is invalid; use CreateTime or FinishTime"))),
    };
    let upwards = match request.sort.as_ref().map(|sort| &sort.order) {
        None | Some(SortOrder::Desc) => false,
        Some(SortOrder::Asc) => true,
        Some(other) => return Err(invalid(format!("Sort.Order {:?} is invalid; use Asc or Desc", other.as_str()))),
    };
    let token = request.scroll_token.as_deref().filter(|token| !token.is_empty());
    let after = token.filter(|token| *token != FIRST).map(Key::parse).transpose()?;

    let backwards = faults.contains(&Fault::StatusBackwards);
    let stage = |task: &'a Task| task.stage(if backwards { task.entry.time } else { now });
    // Where a task's place is its key, only what the page may show is looked at.
    let places = match after {
        Some(after) if !by_end && upwards => after.index.saturating_add(1)..tasks.len(),
        Some(after) if !by_end => 0..after.index.min(tasks.len()),
        _ => 0..tasks.len(),
    };
    let rows = places
        .map(|index| (index, &tasks[index]))
        // No AIGC task works on a file of the media library.
        .filter(|_| request.file_id.as_ref().is_none_or(String::is_empty))
        .filter(|(_, task)| is_listed(task))
        .filter(|(_, task)| status.is_none_or(|wanted| stage(task).word() == wanted))
        .filter(|(_, task)| created.holds(task.entry.time))
        .filter(|(_, task)| !finished.is_given() || stage(task).word() == "FINISH" && finished.holds(task.ends))
        .map(|(index, task)| {
            let has_end = by_end && stage(task).word() == "FINISH";
            (Key { ended: if has_end { since_1970(task.ends) } else { 0 }, index }, task)
        })
        .filter(|(key, _)| after.is_none_or(|after| if upwards { *key > after } else { *key < after }));
    // One more than the page has shows that there is another page.
    let one_more = (limit as usize).saturating_add(1);
    let mut rows: Vec<(Key, &Task)> = match (by_end, upwards) {
        (true, _) => rows.collect(),
        (false, true) => rows.take(one_more).collect(),
        (false, false) => rows.rev().take(one_more).collect(),
    };
    rows.sort_unstable_by_key(|(key, _)| *key);
    if !upwards {
        rows.reverse();
    }

    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = match rows.last() {
        _ if faults.contains(&Fault::RepeatedScrollToken) => token.unwrap_or(FIRST).to_owned(),
        Some((key, _)) if more => key.text(),
        _ => String::new(),
    };
    let rows: Vec<Value> = rows.into_iter().map(|(_, task)| row(task, stage(task))).collect();
    Ok(json!({ "TaskSet": rows, "ScrollToken": next }))
}

fn row(task: &Task, stage: Stage<'_>) -> Value {
    let begun = if stage == Stage::Waiting { String::new() } else { iso(task.begins) };
    let ended = if stage.word() == "FINISH" { iso(task.ends) } else { String::new() };
    json!({
        "TaskId": task.entry.task_id,
        "Status": stage.word(),
        "FileId": "",
        "TaskType": task.kind.task_type(),
        "CreateTime": iso(task.entry.time),
        "BeginProcessTime": begun,
        "FinishTime": ended,
        "SessionId": task.entry.session_id.as_deref().unwrap_or_default(),
        "SessionContext": task.entry.session_context.as_deref().unwrap_or_default(),
    })
}

/// The sort key of a row: no two are equal, and none changes when another task is added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// When the task ended, in nanoseconds since 1970. Zero where it has not, or where the order is that of creation.
    ended: u128,
    /// Its place among all tasks. Clocks may step back and calls may overtake each other, so times are no order of creation.
    index: usize,
}

impl Key {
    fn parse(token: &str) -> Result<Self, Refusal> {
        let read = || {
            let (ended, index) = token.split_once('-')?;
            let ended = u128::from_str_radix(ended, 16).ok()?;
            Some(Self { ended, index: usize::from_str_radix(index, 16).ok()? })
        };
        read().ok_or_else(|| invalid("ScrollToken is unknown; begin again without one"))
    }

    fn text(self) -> String {
        format!("{:x}-{:x}", self.ended, self.index)
    }
}

fn since_1970(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// From a time on, itself included, up to another, itself not included.
struct Span {
    after: Option<SystemTime>,
    before: Option<SystemTime>,
}

impl Span {
    fn of(member: &str, range: Option<&TimeRange>) -> Result<Self, Refusal> {
        let read = |name: &str, text: Option<&String>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => instant(&format!("{member}.{name}"), text).map(Some),
        };
        Ok(Self {
            after: read("After", range.and_then(|range| range.after.as_ref()))?,
            before: read("Before", range.and_then(|range| range.before.as_ref()))?,
        })
    }

    fn is_given(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    fn holds(&self, time: SystemTime) -> bool {
        self.after.is_none_or(|after| time >= after) && self.before.is_none_or(|before| time < before)
    }
}
