//! The addresses: the API itself, the files, and the control surface of tests.

use std::time::SystemTime;

use vod_aigc_signer::Received;

use crate::exchange::{Reply, header, problem};
use crate::fault::Fault;
use crate::state::{State, locked};
use crate::target::Target;
use crate::{access, api, control, cos, files};

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

pub(crate) fn reply(state: &State, received: &Received<'_>, now: SystemTime, faults: &[Fault]) -> Reply {
    let path = segments(received.path);
    match (received.method, &*path) {
        (_, [""]) => api::reply(state, received, now, faults),
        ("PUT", ["cos", ..]) => cos::put(state, received, now, faults),
        ("GET" | "HEAD", ["uploads", file_id]) => match locked(&state.store).uploads.file(file_id) {
            Some(upload) => {
                files::reply(received, "application/octet-stream", upload.object.clone().unwrap_or_default())
            }
            None => problem(404, "no such file"),
        },
        ("GET" | "HEAD", ["files", id, name]) => {
            api::settle(state, now);
            match locked(&state.store).file(id, name, now) {
                Some(file) => files::reply(received, file.content_type(), file.bytes()),
                None => problem(404, "no such file, or not yet, or no longer"),
            }
        }
        (method, ["_emulator", path @ ..]) => {
            let listening = locked(&state.listening).clone();
            match access::check(received, &listening, &state.hosts) {
                Ok(()) => control::reply(state, method, path, received.body),
                Err(refusal) => refusal,
            }
        }
        _ => problem(404, "nothing has this address and method"),
    }
}

fn segments(path: &str) -> Box<[&str]> {
    path.trim_start_matches('/').split('/').collect()
}
