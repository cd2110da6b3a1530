//! The routes: the API itself, the files, and the control surface of tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{any, get, post};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use vod_aigc_core::{Action, CreateAigcVideoTaskRequest, DescribeTaskDetailRequest, MAX_REQUEST_BYTES};
use vod_aigc_signer::{Credential, Received, verify};

use crate::clock::{Clock, iso, later};
use crate::create;
use crate::describe::{self, ReplyShape};
use crate::files::{self, Files, TEMPORARY};
use crate::identifiers::Identifiers;
use crate::media::{self, Size};
use crate::refusal::{Refusal, decode};
use crate::tasks::{Failing, LedgerEntry, Stage, Task, Tasks, Timing};

type Create = CreateAigcVideoTaskRequest;
type Describe = DescribeTaskDetailRequest;

/// What every connection works on.
pub(crate) struct Service {
    pub(crate) credentials: HashMap<String, Credential>,
    pub(crate) clock: Clock,
    pub(crate) timing: Timing,
    pub(crate) reply_shape: ReplyShape,
    /// Where this service is reached, for example `http://127.0.0.1:4000`.
    pub(crate) endpoint: String,
    pub(crate) identifiers: Identifiers,
    pub(crate) tasks: Mutex<Tasks>,
    pub(crate) files: Files,
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", any(api))
        .route("/files/{task_id}/video.mp4", get(video))
        .route("/files/{task_id}/cover.jpg", get(cover))
        .route("/_emulator/health", get(health))
        .route("/_emulator/ledger", get(ledger))
        .route("/_emulator/clock", post(move_clock))
        .route("/_emulator/tasks/{task_id}/fail", post(fail_task))
        .with_state(service)
}

impl Service {
    pub(crate) fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, head: &Parts, body: &[u8], request_id: &str) -> Result<Value, Refusal> {
        let headers: Vec<(&str, &[u8])> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Received {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            body,
        };
        verify(&received, Create::SERVICE, self.clock.unix_seconds(), |id| self.credentials.get(id).cloned())
            .map_err(|refusal| Refusal::new(refusal.code(), refusal.to_string()))?;

        let version = required_header(&head.headers, "x-tc-version")?;
        let action = required_header(&head.headers, "x-tc-action")?;
        if version != Create::VERSION {
            return Err(Refusal::new(
                "NoSuchVersion",
                format!("version {version:?} does not exist; send {}", Create::VERSION),
            ));
        }
        match action {
            Create::NAME => self.create(body, request_id),
            Describe::NAME => self.describe(body),
            _ => Err(Refusal::new(
                "InvalidAction",
                format!(
                    "the emulator does not know the action {action:?}; it knows {} and {}",
                    Create::NAME,
                    Describe::NAME
                ),
            )),
        }
    }

    pub(crate) fn fail_task(&self, task_id: &str, code: String) -> Failing {
        let now = self.clock.now();
        self.tasks().fail(task_id, now, code)
    }

    fn create(&self, body: &[u8], request_id: &str) -> Result<Value, Refusal> {
        let job = create::judge(body)?;
        let now = self.clock.now();
        let task_id = self.identifiers.task_id(job.sub_app_id);
        let begins = later(now, self.timing.waiting);
        let task = Task {
            entry: LedgerEntry {
                task_id: task_id.clone(),
                session_id: job.session_id,
                request_id: request_id.to_owned(),
                model: job.model,
                sub_app_id: job.sub_app_id,
                time: now,
            },
            request: job.request,
            size: job.size,
            length: job.length,
            begins,
            ends: later(begins, self.timing.processing),
            failure: job.failure,
        };
        if self.tasks().accept(task) {
            Ok(json!({ "TaskId": task_id }))
        } else {
            Err(Refusal::new(
                "InvalidParameterValue.SessionId",
                "a request with this SessionId was accepted within the last three days; look for its task",
            ))
        }
    }

    fn describe(&self, body: &[u8]) -> Result<Value, Refusal> {
        let (request, _): (Describe, _) = decode(body, &["TaskId"])?;
        let now = self.clock.now();
        let tasks = self.tasks();
        let task = tasks
            .find(&request.task_id, now)
            .filter(|task| request.sub_app_id == Some(task.entry.sub_app_id))
            .ok_or_else(|| {
            Refusal::new(
                "ResourceNotFound",
                format!("this SubAppId has had no task {:?} in the last three days; check both", request.task_id),
            )
        })?;
        Ok(describe::reply(task, now, self.reply_shape, &self.endpoint, &self.files))
    }

    /// Size and length of a task's video, while it is served.
    fn film(&self, task_id: &str) -> Option<(Size, Duration)> {
        let now = self.clock.now();
        let tasks = self.tasks();
        let task = tasks.find_any(task_id)?;
        let kept = task.is_stored() || now < later(task.ends, TEMPORARY);
        let served = task.stage(now) == Stage::Finished && kept;
        served.then_some((task.size, task.length))
    }
}

fn required_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Refusal::new("MissingParameter", format!("the header {name} is missing; send it")))
}

async fn api(State(service): State<Arc<Service>>, request: Request) -> Response<Body> {
    let request_id = service.identifiers.request_id();
    let (head, body) = request.into_parts();
    let outcome = match received(body).await {
        Ok(body) => service.answer(&head, &body, &request_id),
        Err(refusal) => Err(refusal),
    };
    let mut response = outcome.unwrap_or_else(|refusal| json!({ "Error": refusal }));
    response["RequestId"] = request_id.into();
    reply(StatusCode::OK, &json!({ "Response": response }))
}

/// The whole body. One that is too large is read to its end all the same, because a client that is
/// still sending would not see the reply.
async fn received(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::new("InvalidRequest", format!("the body broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            length += data.len();
            if length <= MAX_REQUEST_BYTES {
                bytes.extend(data);
            }
        }
    }
    if length <= MAX_REQUEST_BYTES {
        Ok(bytes)
    } else {
        Err(Refusal::new(
            "RequestSizeLimitExceeded",
            format!("the body has {length} bytes; send at most {MAX_REQUEST_BYTES}"),
        ))
    }
}

async fn video(State(service): State<Arc<Service>>, Path(task_id): Path<String>, headers: HeaderMap) -> Response<Body> {
    match service.film(&task_id) {
        Some((size, length)) => files::reply(&headers, "video/mp4", service.files.video(size, length)),
        None => problem(StatusCode::NOT_FOUND, "no such video, or not yet, or no longer"),
    }
}

async fn cover(State(service): State<Arc<Service>>, Path(task_id): Path<String>, headers: HeaderMap) -> Response<Body> {
    match service.film(&task_id) {
        Some((size, _)) => files::reply(&headers, "image/jpeg", media::cover(size).into()),
        None => problem(StatusCode::NOT_FOUND, "no such cover, or not yet, or no longer"),
    }
}

async fn health(State(service): State<Arc<Service>>) -> Response<Body> {
    reply(StatusCode::OK, &json!({ "status": "ok", "now": iso(service.clock.now()) }))
}

async fn ledger(State(service): State<Arc<Service>>) -> Response<Body> {
    reply(StatusCode::OK, &json!(service.tasks().ledger()))
}

async fn move_clock(State(service): State<Arc<Service>>, body: Bytes) -> Response<Body> {
    #[derive(Deserialize)]
    struct Step {
        advance_seconds: f64,
    }
    let by = serde_json::from_slice(&body)
        .ok()
        .and_then(|Step { advance_seconds }| Duration::try_from_secs_f64(advance_seconds).ok());
    let Some(by) = by else {
        return problem(StatusCode::BAD_REQUEST, "send {\"advance_seconds\": n} with n of at least 0");
    };
    service.clock.advance(by);
    health(State(service)).await
}

async fn fail_task(State(service): State<Arc<Service>>, Path(task_id): Path<String>, body: Bytes) -> Response<Body> {
    #[derive(Deserialize)]
    struct Failure {
        code: String,
    }
    let Ok(Failure { code }) = serde_json::from_slice(&body) else {
        return problem(StatusCode::BAD_REQUEST, "send {\"code\": \"…\"} with the ErrCodeExt to end with");
    };
    match service.fail_task(&task_id, code) {
        Failing::Done => reply(StatusCode::OK, &json!({})),
        Failing::HasEnded => problem(StatusCode::CONFLICT, "the task has ended already"),
        Failing::Unknown => problem(StatusCode::NOT_FOUND, "no such task"),
    }
}

fn problem(status: StatusCode, sentence: &str) -> Response<Body> {
    reply(status, &json!({ "error": sentence }))
}

fn reply(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into())
        .expect("the only header is a constant")
}
