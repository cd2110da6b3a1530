//! The addresses: the API itself, the files, and the control surface of tests.

use std::time::SystemTime;

use vod_aigc_core::MAX_REQUEST_BYTES;
use vod_aigc_signer::Received;

use crate::exchange::{Reply, header, problem};
use crate::fault::Fault;
use crate::state::{State, locked};
use crate::target::Target;
use crate::{access, api, control, cos, files};

/// The largest body of a request to `/_emulator/*`.
const LARGEST_CONTROL_BODY: usize = 1024 * 1024;

/// What a request is to.
pub(crate) enum Called {
    /// The service, where faults may be injected; `None` if it knows no such action.
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
        (method, ["_emulator", path @ ..]) => match check_access(state, received) {
            Ok(()) => control::reply(state, method, path, received.body),
            Err(refusal) => refusal,
        },
        _ => problem(404, "nothing has this address and method"),
    }
}

fn check_access(state: &State, received: &Received<'_>) -> Result<(), Reply> {
    access::check(received, &locked(&state.listening), &state.hosts)
}

/// The largest body that a request may have.
pub(crate) fn largest_body(received: &Received<'_>) -> usize {
    match *segments(received.path) {
        ["_emulator", ..] => LARGEST_CONTROL_BODY,
        ["cos", ..] => cos::LARGEST_OBJECT,
        _ => MAX_REQUEST_BYTES,
    }
}

/// The reply to a request without faults that is refused whatever its body is, so that the body need not be kept.
pub(crate) fn refuse_head(state: &State, received: &Received<'_>, now: SystemTime) -> Option<Reply> {
    match (received.method, &*segments(received.path)) {
        (_, ["_emulator", ..]) => check_access(state, received).err(),
        ("PUT", ["cos", ..]) => cos::refuse_head(state, received, now),
        _ => None,
    }
}

/// The reply to a request whose body is larger than [`largest_body`].
pub(crate) fn refuse_size(state: &State, received: &Received<'_>) -> Reply {
    match *segments(received.path) {
        [""] => api::refuse_size(state),
        ["cos", ..] => cos::refuse_size(),
        _ => problem(413, &format!("the body is too large; send at most {} bytes", largest_body(received))),
    }
}

fn segments(path: &str) -> Box<[&str]> {
    path.trim_start_matches('/').split('/').collect()
}
