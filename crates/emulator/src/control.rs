//! The control surface of tests: `/_emulator/*`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::api;
use crate::clock::iso;
use crate::exchange::{Reply, problem};
use crate::fault::FaultRule;
use crate::state::{State, locked};
use crate::tasks::Failing;

/// The reply to a request of the control surface.
pub(crate) fn reply(state: &State, method: &str, path: &[&str], body: &[u8]) -> Reply {
    match (method, path) {
        ("GET", ["health"]) => health(state),
        ("GET", ["ledger"]) => {
            api::settle(state, state.clock.now());
            Reply::json(200, &json!(locked(&state.store).ledger()))
        }
        ("GET", ["bill"]) => {
            api::settle(state, state.clock.now());
            Reply::json(200, &json!(locked(&state.store).bill()))
        }
        ("POST", ["clock"]) => move_clock(state, body),
        ("POST", ["faults"]) => add_faults(state, body),
        ("DELETE", ["faults"]) => {
            locked(&state.schedule).clear();
            Reply::json(200, &json!({}))
        }
        ("POST", ["tasks", task_id, "fail"]) => fail_task(state, task_id, body),
        _ => problem(404, "nothing has this address and method"),
    }
}

fn health(state: &State) -> Reply {
    Reply::json(200, &json!({ "status": "ok", "now": iso(state.clock.now()) }))
}

fn move_clock(state: &State, body: &[u8]) -> Reply {
    #[derive(Deserialize)]
    struct Step {
        advance_seconds: f64,
    }
    let by = serde_json::from_slice(body)
        .ok()
        .and_then(|Step { advance_seconds }| Duration::try_from_secs_f64(advance_seconds).ok());
    let Some(by) = by else {
        return problem(400, "send {\"advance_seconds\": n} with n of at least 0");
    };
    state.clock.advance(by);
    health(state)
}

fn add_faults(state: &State, body: &[u8]) -> Reply {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read: Result<Vec<FaultRule>, _> = serde_path_to_error::deserialize(&mut reader);
    match read {
        Ok(rules) => {
            let mut schedule = locked(&state.schedule);
            rules.into_iter().for_each(|rule| schedule.add(rule));
            Reply::json(200, &json!({}))
        }
        Err(error) => problem(400, &format!("the list of faults is wrong at {}: {}", error.path(), error.inner())),
    }
}

fn fail_task(state: &State, task_id: &str, body: &[u8]) -> Reply {
    #[derive(Deserialize)]
    struct Failure {
        code: String,
    }
    let Ok(Failure { code }) = serde_json::from_slice(body) else {
        return problem(400, "send {\"code\": \"…\"} with the ErrCodeExt to end with");
    };
    match api::fail_task(state, task_id, code) {
        Failing::Done => Reply::json(200, &json!({})),
        Failing::HasEnded => problem(409, "the task has ended already"),
        Failing::Unknown => problem(404, "no such task"),
    }
}
