//! The start of a task, the same for every kind: duplicates, limits and quotas are refused, and what is accepted is
//! written into the ledger.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::behaviour::{Overflow, SessionIdPolicy};
use crate::call::Call;
use crate::clock::later;
use crate::identifiers;
use crate::input::check_files;
use crate::kind::Kind;
use crate::product::Product;
use crate::refusal::{Refusal, TOO_MANY, invalid, owner};
use crate::store::Store;
use crate::tasks::{Event, LedgerEntry, Task};

/// What a prompt holds before the code that its task is to fail with.
const FAIL_MARKER: &str = "[[emulator:fail=";

/// The plan for the task of a request.
pub(crate) struct Plan {
    /// The model, as `Kling:2.1`; for a kind without models, the way of working.
    pub(crate) model: String,
    pub(crate) product: Product,
    /// The code that the prompt asks the task to fail with.
    pub(crate) failure: Option<String>,
}

impl Plan {
    pub(crate) fn new(model: impl Into<String>, product: Product) -> Self {
        Self { model: model.into(), product, failure: None }
    }

    /// Fails with the code that the prompt asks for, if it asks.
    pub(crate) fn with_prompt(mut self, prompt: Option<&str>) -> Self {
        let asked = |prompt: &str| {
            let (_, rest) = prompt.split_once(FAIL_MARKER)?;
            let (code, _) = rest.split_once("]]")?;
            Some(code.to_owned())
        };
        self.failure = self.failure.or_else(|| prompt.and_then(asked));
        self
    }
}

/// Starts the task of the plan, which comes with the request that it was made from.
///
/// # Errors
///
/// The first reason to refuse the request.
pub(crate) fn start(
    call: &Call<'_>,
    kind: Kind,
    plan: impl FnOnce() -> Result<(Plan, Value), Refusal>,
) -> Result<Value, Refusal> {
    let consumes_at_once = call.behaviour.session_id_policy == SessionIdPolicy::ConsumedOnRequest;
    if consumes_at_once && let Some(session) = session(call) {
        let mut store = call.store();
        refuse_used(call, &mut store, &session)?;
        store.tasks.use_up(session, call.now);
    }
    let (Plan { model, product, failure }, mut request) = plan()?;
    let sub_app_id = owner(&request)?;
    check_files(&request)?;
    remove_content(&mut request);
    let session_id = session_id(call, &request);

    let mut store = call.store();
    refuse_unknown(&store, &request, sub_app_id, call.now)?;
    let session = session_id.clone().filter(|_| !consumes_at_once).map(|session_id| (sub_app_id, session_id));
    if let Some(session) = &session {
        refuse_used(call, &mut store, session)?;
    }
    refuse_beyond_quota(call, &store, kind, &product, sub_app_id)?;
    let overflows = overflows(call, &store, kind)?;

    if let Some(session) = session {
        store.tasks.use_up(session, call.now);
    }
    let task_id = call.identifiers.task_id(sub_app_id, kind.task_type());
    let timing = call.timing;
    let failure = if overflows { Some(TOO_MANY.to_owned()) } else { failure };
    let begins = if overflows { call.now } else { later(call.now, timing.waiting) };
    store.tasks.accept(Task {
        entry: LedgerEntry {
            action: call.action(),
            task_id: task_id.clone(),
            session_id,
            session_context: request["SessionContext"].as_str().map(str::to_owned),
            request_id: call.request_id.to_owned(),
            model,
            sub_app_id,
            time: call.now,
            billed: failure.as_deref() != Some(TOO_MANY) && call.is_paid(),
            failure,
        },
        kind,
        input: kind.input(request),
        product,
        begins,
        ends: if overflows { call.now } else { later(begins, timing.processing) },
        is_aborted: false,
        event: Event::default(),
    });
    Ok(json!({ "TaskId": task_id }))
}

/// The sub-application and SessionId of a call, however wrong the rest of it is.
pub(crate) fn session(call: &Call<'_>) -> Option<(u64, String)> {
    let request: Value = serde_json::from_slice(call.body).ok()?;
    Some((request.get("SubAppId")?.as_u64()?, session_id(call, &request)?))
}

fn session_id(call: &Call<'_>, request: &Value) -> Option<String> {
    let member = call.target.action()?.session_id?;
    request.get(member)?.as_str().filter(|session_id| !session_id.is_empty()).map(str::to_owned)
}

/// Takes the bytes of input files away.
fn remove_content(request: &mut Value) {
    let files = request.get_mut("FileInfos").and_then(Value::as_array_mut);
    for file in files.into_iter().flatten().filter_map(Value::as_object_mut) {
        file.remove("Base64");
    }
}

fn refuse_used(call: &Call<'_>, store: &mut Store, session: &(u64, String)) -> Result<(), Refusal> {
    let behaviour = call.behaviour;
    if !store.tasks.is_used(session, call.now, behaviour.window()) {
        return Ok(());
    }
    store.tasks.duplicates_refused += 1;
    Err(Refusal::new(
        behaviour.duplicate_code.as_str(),
        format!("this SessionId was used within the last {} hours; look for its task", behaviour.window_hours),
    ))
}

/// What the emulator itself has made, wherever a request names it, must be there: things such as voices by their ids, and
/// stored files.
fn refuse_unknown(store: &Store, request: &Value, sub_app_id: u64, now: SystemTime) -> Result<(), Refusal> {
    let below = |value| refuse_unknown(store, value, sub_app_id, now);
    match request {
        Value::String(text) => match identifiers::made_in(text).find(|id| !store.has(id, sub_app_id, now)) {
            Some(id) => {
                Err(invalid(format!("this SubAppId has no {id}; check that it is made already, and not deleted")))
            }
            None => Ok(()),
        },
        Value::Array(values) => values.iter().try_for_each(below),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| match member.as_str() {
            Some(file_id) if name.ends_with("FileId") && !store.uploads.may_exist(file_id, sub_app_id) => {
                let message = format!("this SubAppId has no file {file_id:?}; upload it, and commit the upload");
                Err(Refusal::new("InvalidParameterValue.FileId", message))
            }
            _ => below(member),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn refuse_beyond_quota(
    call: &Call<'_>,
    store: &Store,
    kind: Kind,
    product: &Product,
    sub_app_id: u64,
) -> Result<(), Refusal> {
    let refused = |limit: u64, unit: &str| {
        let message = format!("with this there would be more than {limit} {unit}; raise the quota");
        Err(Refusal::new("LimitExceeded.Quota", message))
    };
    if let (Some(quota), Product::Film { length, .. }) = (call.behaviour.quota_seconds, product) {
        let billed = store.tasks.all().iter().filter(|task| task.entry.billed);
        let ordered: Duration = billed.filter_map(|task| task.product.film()).map(|(_, length)| length).sum();
        if ordered + *length > Duration::from_secs(quota) {
            return refused(quota, "seconds of video");
        }
    }
    if let Some((limit, used, unit)) = store.quotas.of(kind, sub_app_id, &store.tasks)
        && used + product.amount() > limit
    {
        return refused(limit, unit);
    }
    Ok(())
}

/// Whether one more task is to be accepted only to fail.
fn overflows(call: &Call<'_>, store: &Store, kind: Kind) -> Result<bool, Refusal> {
    let Some(concurrency) = call.behaviour.concurrency else { return Ok(false) };
    let of_kind = store.tasks.all().iter().filter(|task| task.kind == kind);
    let running = of_kind.filter(|task| !task.has_ended(call.now)).count();
    match concurrency.overflow {
        _ if running < concurrency.limit as usize => Ok(false),
        Overflow::Finish => Ok(true),
        Overflow::Reject => {
            Err(Refusal::new(TOO_MANY, format!("70000: {running} tasks are under way; wait until one has ended")))
        }
    }
}
