//! The API: checks a request, lets its action answer, and lets delayed requests take effect.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_core::{Action, CreateAigcVideoTaskRequest, MAX_REQUEST_BYTES};
use vod_aigc_signer::{Received, verify};

use crate::behaviour::{Behaviour, SessionIdPolicy};
use crate::call::Call;
use crate::clock::later;
use crate::exchange::{Reply, header};
use crate::fault::{Fault, RequestEffect};
use crate::refusal::{Refusal, TOO_MANY};
use crate::state::{Delayed, State, locked};
use crate::target::Target;
use crate::tasks::Failing;
use crate::{actions, start};

/// Every action has the service and the version of this one.
type Create = CreateAigcVideoTaskRequest;

/// The reply of the API, before any fault is injected.
pub(crate) fn reply(state: &State, received: &Received<'_>, now: SystemTime, faults: &[Fault]) -> Reply {
    settle(state, now);
    let request_id = state.identifiers.request_id();
    for fault in faults {
        if let Fault::DelayedAcceptance { seconds } = fault {
            let due = later(now, Duration::from_secs(*seconds));
            locked(&state.delayed).push(Delayed::new(due, &request_id, received));
        }
    }
    let outcome = if faults.iter().all(|fault| fault.request_effect() == RequestEffect::Applied) {
        if faults.contains(&Fault::DeliveredTwice) {
            // The client never gets the first answer.
            let _ = answer(state, received, &state.identifiers.request_id(), now, faults);
        }
        answer(state, received, &request_id, now, faults)
    } else {
        if let Some(target) = header(received, "x-tc-action").and_then(Target::of_action) {
            consume_of_discarded(&call(state, target, received.body, &request_id, now, faults));
        }
        Ok(json!({}))
    };
    let mut response = outcome.unwrap_or_else(|refusal| json!({ "Error": refusal }));
    state.changed.notify_one();
    response["RequestId"] = request_id.into();
    Reply::json(200, &json!({ "Response": response }))
}

/// Lets the delayed requests take effect whose time has come.
pub(crate) fn settle(state: &State, now: SystemTime) {
    let mut due: Vec<Delayed> = locked(&state.delayed).extract_if(.., |delayed| delayed.due <= now).collect();
    due.sort_by_key(|delayed| delayed.due);
    for delayed in due {
        let headers: Vec<(&str, &[u8])> =
            delayed.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let received = Received {
            method: &delayed.method,
            path: &delayed.path,
            query: &delayed.query,
            headers: &headers,
            body: &delayed.body,
        };
        // The client has lost the answer.
        let _ = answer(state, &received, &delayed.request_id, delayed.due, &[]);
    }
}

/// Ends a running task now with `code` as its `ErrCodeExt`.
pub(crate) fn fail_task(state: &State, task_id: &str, code: String) -> Failing {
    let now = state.clock.now();
    settle(state, now);
    let failing = locked(&state.store).tasks.fail(task_id, now, code);
    state.changed.notify_one();
    failing
}

fn answer(
    state: &State,
    received: &Received<'_>,
    request_id: &str,
    now: SystemTime,
    faults: &[Fault],
) -> Result<Value, Refusal> {
    let body = received.body;
    if body.len() > MAX_REQUEST_BYTES {
        return Err(too_large());
    }
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    verify(received, Create::SERVICE, seconds, |id| state.credentials.get(id).cloned())
        .map_err(|refusal| Refusal::new(refusal.code(), refusal.to_string()))?;

    let version = required_header(received, "x-tc-version")?;
    let action = required_header(received, "x-tc-action")?;
    if version != Create::VERSION {
        return Err(Refusal::new(
            "NoSuchVersion",
            format!("version {version:?} does not exist; send {}", Create::VERSION),
        ));
    }
    let Some(target) = Target::of_action(action.as_bytes()) else {
        return Err(Refusal::new("InvalidAction", format!("the emulator does not know the action {action:?}")));
    };
    admit(state, target, now)?;
    actions::answer(&call(state, target, body, request_id, now, faults))
}

fn admit(state: &State, target: Target, now: SystemTime) -> Result<(), Refusal> {
    let Behaviour { creates_a_second, reads_a_second, .. } = state.behaviour;
    if (creates_a_second, reads_a_second) == (None, None) {
        return Ok(());
    }
    match if target.is_paid() { creates_a_second } else { reads_a_second } {
        Some(limit) if !locked(&state.rates).admit(target, now, limit) => {
            locked(&state.store).tasks.calls_refused += 1;
            Err(Refusal::new(TOO_MANY, format!("{limit} calls of {target:?} were served within a second; wait")))
        }
        _ => Ok(()),
    }
}

fn too_large() -> Refusal {
    let message = format!("the body is too large; send at most {MAX_REQUEST_BYTES} bytes");
    Refusal::new("RequestSizeLimitExceeded", message)
}

/// The reply to a request whose body was too large to be kept.
pub(crate) fn refuse_size(state: &State) -> Reply {
    let request_id = state.identifiers.request_id();
    Reply::json(200, &json!({ "Response": { "Error": too_large(), "RequestId": request_id } }))
}

/// A call of an action on this state.
fn call<'a>(
    state: &'a State,
    target: Target,
    body: &'a [u8],
    request_id: &'a str,
    now: SystemTime,
    faults: &'a [Fault],
) -> Call<'a> {
    Call {
        target,
        body,
        request_id,
        now,
        faults,
        behaviour: &state.behaviour,
        timing: &state.timing,
        identifiers: &state.identifiers,
        endpoint: &state.endpoint,
        store: &state.store,
    }
}

/// A request that an error of the API drops has reached the action all the same.
fn consume_of_discarded(call: &Call<'_>) {
    let reached = |code: &str| !code.starts_with(TOO_MANY) && !code.starts_with("AuthFailure");
    let consumes = call.faults.iter().any(|fault| match fault {
        Fault::Error { request: RequestEffect::Discarded, code } => reached(code),
        _ => false,
    });
    if consumes
        && call.behaviour.session_id_policy == SessionIdPolicy::ConsumedOnRequest
        && let Some(session) = start::session(call)
    {
        let mut store = call.store();
        if !store.tasks.is_used(&session, call.now, call.behaviour.window()) {
            store.tasks.use_up(session, call.now);
        }
    }
}

fn required_header<'a>(received: &Received<'a>, name: &str) -> Result<&'a str, Refusal> {
    header(received, name)
        .and_then(|value| str::from_utf8(value).ok())
        .ok_or_else(|| Refusal::new("MissingParameter", format!("the header {name} is missing; send it")))
}
