//! Posts the events of tasks that have ended to the URL of their sub-application, signed as the service signs them.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use vod_aigc_core::{EventMode, Secret};

use crate::callback_url::CallbackUrl;
use crate::clock::later;
use crate::state::{State, locked};
use crate::store::Store;
use crate::tasks::Posting;
use crate::{api, describe};

/// How long a signature counts.
const VALID: Duration = Duration::from_secs(600);
/// How long a receiver may take, in real time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The documentation of VOD names no retries; these are those of callbacks in TRTC, another product of Tencent Cloud: at
/// once after the first failure, then every ten seconds, until a minute after the first try. By the emulator's clock.
const PAUSE: Duration = Duration::from_secs(10);
const RETRIES: u32 = 7;
/// How many are posted at the same time.
const AT_ONCE: usize = 16;

/// One request that is due.
struct Post {
    task_id: String,
    url: CallbackUrl,
    body: Bytes,
}

/// Posts callbacks until the sender of `stopped` is gone.
pub(crate) async fn run(state: Arc<State>, mut stopped: watch::Receiver<()>) {
    let mut moved = state.clock.subscribe();
    let mut posts = JoinSet::new();
    loop {
        moved.borrow_and_update();
        let now = state.clock.now();
        api::settle(&state, now);
        let (due, next) = due(&state, now, AT_ONCE - posts.len());
        for Post { task_id, url, body } in due {
            posts.spawn(async move { (timeout(PATIENCE, post(&url, body)).await.unwrap_or(false), task_id) });
        }
        // A manual clock does not come nearer by itself.
        let wait = next.filter(|_| state.clock.is_running()).map(|next| next.duration_since(now).unwrap_or_default());
        tokio::select! {
            _ = stopped.changed() => return,
            _ = moved.changed() => {}
            () = state.changed.notified() => {}
            Some(done) = posts.join_next() => {
                if let Ok((taken, task_id)) = done {
                    record(&mut locked(&state.store), &task_id, taken);
                }
            }
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

/// Takes up to `most` callbacks that are due, and returns when the next one is.
fn due(state: &State, now: SystemTime, most: usize) -> (Vec<Post>, Option<SystemTime>) {
    let mut store = locked(&state.store);
    let Store { tasks, event_configs, .. } = &mut *store;
    let (mut due, mut next) = (Vec::new(), None);
    for task in tasks.all_mut() {
        let time = match task.event.posting {
            Posting::New => task.ends,
            Posting::Retry { next, .. } => next,
            Posting::UnderWay { .. } | Posting::Over => continue,
        };
        if time > now {
            next = Some(next.map_or(time, |next: SystemTime| next.min(time)));
            continue;
        }
        if due.len() == most {
            continue;
        }
        let config = event_configs.at(task.entry.sub_app_id, task.ends).filter(|config| config.mode == EventMode::Push);
        let url = config.and_then(|config| CallbackUrl::new(&config.url).ok());
        let (Some(config), Some(url), Some(event)) = (config, url, describe::event(task, now, &state.endpoint)) else {
            task.event.posting = Posting::Over;
            continue;
        };
        let (first, failed) = match task.event.posting {
            Posting::Retry { first, failed, .. } => (first, failed),
            _ => (now, 0),
        };
        task.event.posting = Posting::UnderWay { first, failed };
        let body = signed(event, config.key.as_ref(), now).to_string().into();
        due.push(Post { task_id: task.entry.task_id.clone(), url, body });
    }
    (due, next)
}

/// The event with `T`, until when it counts, and `Sign`, the MD5 of the key and `T`.
fn signed(mut event: Value, key: Option<&Secret>, now: SystemTime) -> Value {
    if let Some(key) = key {
        let until = later(now, VALID).duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let sign = Md5::digest(format!("{}{until}", key.expose()));
        event["Sign"] = sign.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        event["T"] = until.into();
    }
    event
}

/// Whether the receiver has answered with 200.
async fn post(url: &CallbackUrl, body: Bytes) -> bool {
    let request = Request::post(url.path())
        .header("host", url.authority())
        .header("content-type", "application/json")
        .header("connection", "close")
        .body(Full::new(body));
    let Ok(request) = request else { return false };
    let Ok(stream) = TcpStream::connect(&*url.addresses()).await else { return false };
    let Ok((mut sender, connection)) = handshake(TokioIo::new(stream)).await else { return false };
    let mut reply = pin!(sender.send_request(request));
    let reply = tokio::select! {
        reply = &mut reply => reply,
        // It ends once the reply is read, or without one.
        _ = connection => reply.await,
    };
    reply.is_ok_and(|reply| reply.status().as_u16() == 200)
}

fn record(store: &mut Store, task_id: &str, taken: bool) {
    let Some(task) = store.tasks.find_mut(task_id) else { return };
    let Posting::UnderWay { first, failed } = task.event.posting else { return };
    task.event.posting = if taken || failed >= RETRIES {
        Posting::Over
    } else {
        // The second follows at once.
        Posting::Retry { first, failed: failed + 1, next: later(first, PAUSE * failed) }
    };
}
