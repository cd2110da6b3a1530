//! The addresses: the API itself, the files, and the control surface of tests.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use vod_aigc_signer::Received;

use crate::actions::Target;
use crate::clock::iso;
use crate::cos;
use crate::exchange::Reply;
use crate::fault::{Fault, FaultRule};
use crate::files;
use crate::service::{Service, locked};
use crate::tasks::Failing;

/// What a request is to.
pub(crate) enum Called {
    /// The service, where faults may befall it; `None` if it knows no such action.
    Service(Option<Target>),
    /// The control surface, where nothing goes wrong.
    Control,
}

pub(crate) fn target(received: &Received<'_>) -> Called {
    match *segments(received.path) {
        ["_emulator", ..] => Called::Control,
        ["cos", ..] => Called::Service(Some(Target::PutObject)),
        ["files", _, "video.mp4"] => Called::Service(Some(Target::Video)),
        ["files", _, "cover.jpg"] => Called::Service(Some(Target::Cover)),
        ["files", ..] => Called::Service(Some(Target::File)),
        _ => Called::Service(header(received, "x-tc-action").and_then(Target::of_action)),
    }
}

pub(crate) fn reply(service: &Service, received: &Received<'_>, now: SystemTime, faults: &[Fault]) -> Reply {
    let path = segments(received.path);
    match (received.method, &*path) {
        (_, [""]) => service.api(received, now, faults),
        ("PUT", ["cos", ..]) => cos::put(service, received, now, faults),
        ("GET" | "HEAD", ["uploads", file_id]) => match locked(&service.store).uploads.file(file_id) {
            Some(upload) => {
                files::reply(received, "application/octet-stream", upload.object.clone().unwrap_or_default())
            }
            None => problem(404, "no such file"),
        },
        ("GET" | "HEAD", ["files", id, name]) => match service.file(id, name, now) {
            Some(file) => files::reply(received, file.content_type(), file.bytes()),
            None => problem(404, "no such file, or not yet, or no longer"),
        },
        (method, ["_emulator", control @ ..]) => controlled(service, method, control, received.body),
        _ => problem(404, "nothing has this address and method"),
    }
}

/// The first header of this name.
pub(crate) fn header<'a>(received: &Received<'a>, name: &str) -> Option<&'a [u8]> {
    received.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

fn segments(path: &str) -> Box<[&str]> {
    path.trim_start_matches('/').split('/').collect()
}

fn controlled(service: &Service, method: &str, path: &[&str], body: &[u8]) -> Reply {
    match (method, path) {
        ("GET", ["health"]) => health(service),
        ("GET", ["ledger"]) => {
            service.settle(service.clock.now());
            Reply::json(200, &json!(locked(&service.store).ledger()))
        }
        ("GET", ["bill"]) => {
            service.settle(service.clock.now());
            Reply::json(200, &json!(locked(&service.store).bill()))
        }
        ("POST", ["clock"]) => move_clock(service, body),
        ("POST", ["faults"]) => add_faults(service, body),
        ("DELETE", ["faults"]) => {
            locked(&service.schedule).clear();
            Reply::json(200, &json!({}))
        }
        ("POST", ["tasks", task_id, "fail"]) => fail_task(service, task_id, body),
        _ => problem(404, "nothing has this address and method"),
    }
}

fn health(service: &Service) -> Reply {
    Reply::json(200, &json!({ "status": "ok", "now": iso(service.clock.now()) }))
}

fn move_clock(service: &Service, body: &[u8]) -> Reply {
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
    service.clock.advance(by);
    health(service)
}

fn add_faults(service: &Service, body: &[u8]) -> Reply {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read: Result<Vec<FaultRule>, _> = serde_path_to_error::deserialize(&mut reader);
    match read {
        Ok(rules) => {
            let mut schedule = locked(&service.schedule);
            rules.into_iter().for_each(|rule| schedule.add(rule));
            Reply::json(200, &json!({}))
        }
        Err(error) => problem(400, &format!("the list of faults is wrong at {}: {}", error.path(), error.inner())),
    }
}

fn fail_task(service: &Service, task_id: &str, body: &[u8]) -> Reply {
    #[derive(Deserialize)]
    struct Failure {
        code: String,
    }
    let Ok(Failure { code }) = serde_json::from_slice(body) else {
        return problem(400, "send {\"code\": \"…\"} with the ErrCodeExt to end with");
    };
    match service.fail_task(task_id, code) {
        Failing::Done => Reply::json(200, &json!({})),
        Failing::HasEnded => problem(409, "the task has ended already"),
        Failing::Unknown => problem(404, "no such task"),
    }
}

fn problem(status: u16, sentence: &str) -> Reply {
    Reply::json(status, &Value::from_iter([("error", sentence)]))
}
