//! The service itself: what it answers to a request, and what goes wrong. It knows no sockets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_core::{
    Action, ConfirmEventsRequest, CreateAigcVideoTaskRequest, DescribeTaskDetailRequest, DescribeTasksRequest,
    MAX_REQUEST_BYTES, PullEventsRequest,
};
use vod_aigc_signer::{Credential, Received, verify};

use crate::behaviour::{Behaviour, Burn, Overflow};
use crate::clock::{Clock, later};
use crate::exchange::{Exchange, Reply};
use crate::fault::{Fate, Fault, Target};
use crate::files::TEMPORARY;
use crate::identifiers::Identifiers;
use crate::media::Size;
use crate::rates::Rates;
use crate::refusal::{Refusal, decode};
use crate::schedule::Schedule;
use crate::tasks::{Event, Failing, LedgerEntry, Stage, Task, Tasks, Timing};
use crate::upload::Uploads;
use crate::{create, describe, events, list, routes, spoil};

type Create = CreateAigcVideoTaskRequest;

/// The code of every limit on calls and on tasks at once.
const TOO_MANY: &str = "RequestLimitExceeded";

/// What every connection works on.
pub(crate) struct Service {
    pub(crate) credentials: HashMap<String, Credential>,
    pub(crate) clock: Clock,
    pub(crate) timing: Timing,
    pub(crate) behaviour: Behaviour,
    /// Where this service is reached, for example `http://127.0.0.1:4000`.
    pub(crate) endpoint: String,
    pub(crate) identifiers: Identifiers,
    pub(crate) tasks: Mutex<Tasks>,
    pub(crate) uploads: Mutex<Uploads>,
    pub(crate) schedule: Mutex<Schedule>,
    pub(crate) rates: Mutex<Rates>,
    pub(crate) delayed: Mutex<Vec<Delayed>>,
}

/// A request that takes effect later than it came.
pub(crate) struct Delayed {
    due: SystemTime,
    request_id: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Service {
    /// What befalls this request. Counts it, so this is asked once for each.
    pub(crate) fn draw(&self, received: &Received<'_>) -> Vec<Fault> {
        match routes::target(received) {
            routes::Called::Service(target) => locked(&self.schedule).draw(target),
            routes::Called::Control => Vec::new(),
        }
    }

    /// What the client gets, when these faults befall it.
    pub(crate) fn exchange(&self, received: &Received<'_>, faults: &[Fault]) -> Exchange {
        if let Some(exchange) = spoil::early(faults) {
            return exchange;
        }
        let now = self.clock.now();
        spoil::deliver(routes::reply(self, received, now, faults), faults, now)
    }

    /// The reply of the API, before anything befalls it.
    pub(crate) fn api(&self, received: &Received<'_>, now: SystemTime, faults: &[Fault]) -> Reply {
        self.settle(now);
        let request_id = self.identifiers.request_id();
        for fault in faults {
            if let Fault::DelayedAcceptance { seconds } = fault {
                let due = later(now, Duration::from_secs(*seconds));
                locked(&self.delayed).push(Delayed::new(due, &request_id, received));
            }
        }
        let outcome = if faults.iter().all(|fault| fault.fate() == Fate::Taken) {
            self.answer(received, &request_id, now, faults)
        } else {
            self.burn_dropped(received.body, now, faults);
            Ok(json!({}))
        };
        let mut response = outcome.unwrap_or_else(|refusal| json!({ "Error": refusal }));
        response["RequestId"] = request_id.into();
        Reply::json(200, &json!({ "Response": response }))
    }

    /// Lets the delayed requests take effect whose time has come.
    pub(crate) fn settle(&self, now: SystemTime) {
        let mut due: Vec<Delayed> = locked(&self.delayed).extract_if(.., |delayed| delayed.due <= now).collect();
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
            // Whoever would read the answer has lost it.
            let _ = self.answer(&received, &delayed.request_id, delayed.due, &[]);
        }
    }

    pub(crate) fn tasks(&self) -> MutexGuard<'_, Tasks> {
        locked(&self.tasks)
    }

    pub(crate) fn fail_task(&self, task_id: &str, code: String) -> Failing {
        let now = self.clock.now();
        self.settle(now);
        self.tasks().fail(task_id, now, code)
    }

    /// Size and length of a task's video, while it is served.
    pub(crate) fn film(&self, task_id: &str, now: SystemTime) -> Option<(Size, Duration)> {
        self.settle(now);
        let tasks = self.tasks();
        let task = tasks.find(task_id)?;
        let kept = task.is_stored() || now < later(task.ends, TEMPORARY);
        let served = task.stage(now) == Stage::Finished && kept;
        served.then_some((task.size, task.length))
    }

    fn answer(
        &self,
        received: &Received<'_>,
        request_id: &str,
        now: SystemTime,
        faults: &[Fault],
    ) -> Result<Value, Refusal> {
        let body = received.body;
        if body.len() > MAX_REQUEST_BYTES {
            let message = format!("the body is too large; send at most {MAX_REQUEST_BYTES} bytes");
            return Err(Refusal::new("RequestSizeLimitExceeded", message));
        }
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        verify(received, Create::SERVICE, seconds, |id| self.credentials.get(id).cloned())
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
        self.admit(target, now)?;
        match target {
            Target::CreateAigcVideoTask => self.create(body, request_id, now),
            Target::DescribeTaskDetail => self.describe(body, now, faults),
            Target::DescribeTasks => self.list(body, now, faults),
            Target::PullEvents => self.pull_events(body, now),
            Target::ApplyUpload => locked(&self.uploads).apply(body, now, &self.identifiers),
            Target::CommitUpload => locked(&self.uploads).commit(body, &self.identifiers, &self.endpoint),
            _ => self.confirm_events(body, now),
        }
    }

    fn admit(&self, target: Target, now: SystemTime) -> Result<(), Refusal> {
        let limit = match target {
            Target::CreateAigcVideoTask => self.behaviour.creates_a_second,
            _ => self.behaviour.reads_a_second,
        };
        match limit {
            Some(limit) if !locked(&self.rates).admit(target, now, limit) => {
                self.tasks().calls_refused += 1;
                Err(Refusal::new(TOO_MANY, format!("{limit} calls of {target:?} were served within a second; wait")))
            }
            _ => Ok(()),
        }
    }

    fn create(&self, body: &[u8], request_id: &str, now: SystemTime) -> Result<Value, Refusal> {
        if self.behaviour.burn == Burn::Request
            && let Some(session) = create::session(body)
        {
            let mut tasks = self.tasks();
            self.refuse_used(&mut tasks, &session, now)?;
            tasks.use_up(session, now);
        }
        let job = create::judge(body)?;
        self.check_files(&job)?;
        let mut tasks = self.tasks();
        let session = job.session_id.clone().map(|session_id| (job.sub_app_id, session_id));
        let session = session.filter(|_| self.behaviour.burn == Burn::Accept);
        if let Some(session) = &session {
            self.refuse_used(&mut tasks, session, now)?;
        }
        self.refuse_beyond_quota(&tasks, job.length)?;
        let overflows = self.overflows(&tasks, now)?;

        let task_id = self.identifiers.task_id(job.sub_app_id);
        let begins = later(now, self.timing.waiting);
        if let Some(session) = session {
            tasks.use_up(session, now);
        }
        tasks.accept(Task {
            entry: LedgerEntry {
                task_id: task_id.clone(),
                session_id: job.session_id,
                session_context: job.request["SessionContext"].as_str().map(str::to_owned),
                request_id: request_id.to_owned(),
                model: job.model,
                sub_app_id: job.sub_app_id,
                time: now,
                failure: if overflows { Some(TOO_MANY.to_owned()) } else { job.failure },
                billed: !overflows,
            },
            request: job.request,
            size: job.size,
            length: job.length,
            begins: if overflows { now } else { begins },
            ends: if overflows { now } else { later(begins, self.timing.processing) },
            event: Event::default(),
        });
        Ok(json!({ "TaskId": task_id }))
    }

    /// Files that this emulator could have, it must have.
    fn check_files(&self, job: &create::Job) -> Result<(), Refusal> {
        let uploads = locked(&self.uploads);
        for file_id in job.file_ids() {
            if !uploads.may_exist(file_id, job.sub_app_id) {
                let message = format!("this SubAppId has no file {file_id:?}; upload it, and commit the upload");
                return Err(Refusal::new("InvalidParameterValue.FileId", message));
            }
        }
        Ok(())
    }

    fn refuse_used(&self, tasks: &mut Tasks, session: &(u64, String), now: SystemTime) -> Result<(), Refusal> {
        let hours = self.behaviour.window_hours;
        if !tasks.is_used(session, now, hours_long(hours)) {
            return Ok(());
        }
        tasks.duplicates_refused += 1;
        Err(Refusal::new(
            self.behaviour.duplicate_code.as_str(),
            format!("this SessionId was used within the last {hours} hours; look for its task"),
        ))
    }

    fn refuse_beyond_quota(&self, tasks: &Tasks, length: Duration) -> Result<(), Refusal> {
        let Some(quota) = self.behaviour.quota_seconds else { return Ok(()) };
        let ordered: Duration = tasks.all().iter().filter(|task| task.entry.billed).map(|task| task.length).sum();
        if ordered + length <= Duration::from_secs(quota) {
            return Ok(());
        }
        Err(Refusal::new(
            "LimitExceeded.Quota",
            format!("with this there would be more than {quota} seconds of video; raise the quota"),
        ))
    }

    /// Whether one more task is to be accepted only to fail.
    fn overflows(&self, tasks: &Tasks, now: SystemTime) -> Result<bool, Refusal> {
        let Some(concurrency) = self.behaviour.concurrency else { return Ok(false) };
        let running = tasks.all().iter().filter(|task| !task.has_ended(now)).count();
        match concurrency.overflow {
            _ if running < concurrency.limit as usize => Ok(false),
            Overflow::Finish => Ok(true),
            Overflow::Reject => {
                Err(Refusal::new(TOO_MANY, format!("70000: {running} tasks are under way; wait until one has ended")))
            }
        }
    }

    /// A request that an error of the API drops has reached the action all the same.
    fn burn_dropped(&self, body: &[u8], now: SystemTime, faults: &[Fault]) {
        let reached = |code: &str| !code.starts_with(TOO_MANY) && !code.starts_with("AuthFailure");
        let burns = faults.iter().any(|fault| match fault {
            Fault::Error { request: Fate::Dropped, code } => reached(code),
            _ => false,
        });
        if burns
            && self.behaviour.burn == Burn::Request
            && let Some(session) = create::session(body)
        {
            let mut tasks = self.tasks();
            if !tasks.is_used(&session, now, hours_long(self.behaviour.window_hours)) {
                tasks.use_up(session, now);
            }
        }
    }

    fn describe(&self, body: &[u8], now: SystemTime, faults: &[Fault]) -> Result<Value, Refusal> {
        let (request, _): (DescribeTaskDetailRequest, _) = decode(body, &["TaskId"])?;
        let kept = self.behaviour.visible_hours;
        let tasks = self.tasks();
        let task = tasks
            .find(&request.task_id)
            .filter(|task| task.is_visible(now, self.behaviour.detail_lag, hours_long(kept)))
            .filter(|task| request.sub_app_id == Some(task.entry.sub_app_id))
            .ok_or_else(|| {
                Refusal::new(
                    "ResourceNotFound",
                    format!("this SubAppId has had no task {:?} in the last {kept} hours; check both", request.task_id),
                )
            })?;
        let as_of = if faults.contains(&Fault::StatusBackwards) { task.entry.time } else { now };
        Ok(describe::reply(task, as_of, self.behaviour.reply_shape, &self.endpoint))
    }

    fn list(&self, body: &[u8], now: SystemTime, faults: &[Fault]) -> Result<Value, Refusal> {
        let (request, _): (DescribeTasksRequest, _) = decode(body, &["SubAppId"])?;
        let behaviour = &self.behaviour;
        let stale = faults.iter().find_map(|fault| match fault {
            Fault::StaleList { seconds } => now.checked_sub(Duration::from_secs(*seconds)),
            _ => None,
        });
        let as_of = stale.unwrap_or(now);
        let kept = hours_long(behaviour.visible_hours);
        let tasks = self.tasks();
        let seen = tasks
            .all()
            .iter()
            .enumerate()
            .filter(|_| behaviour.list_shows_aigc)
            .filter(|(_, task)| request.sub_app_id == Some(task.entry.sub_app_id))
            .filter(|(_, task)| task.is_visible(as_of, behaviour.list_lag, kept));
        list::page(&request, seen, as_of, faults)
    }

    fn pull_events(&self, body: &[u8], now: SystemTime) -> Result<Value, Refusal> {
        let (request, _): (PullEventsRequest, _) = decode(body, &["SubAppId"])?;
        let sub_app_id = request.sub_app_id.unwrap_or_default();
        Ok(events::pull(&mut self.tasks(), sub_app_id, now, &self.identifiers, &self.endpoint))
    }

    fn confirm_events(&self, body: &[u8], now: SystemTime) -> Result<Value, Refusal> {
        let (request, _): (ConfirmEventsRequest, _) = decode(body, &["SubAppId", "EventHandles"])?;
        let sub_app_id = request.sub_app_id.unwrap_or_default();
        events::confirm(&mut self.tasks(), sub_app_id, &request.event_handles, now)
    }
}

impl Delayed {
    fn new(due: SystemTime, request_id: &str, received: &Received<'_>) -> Self {
        Self {
            due,
            request_id: request_id.to_owned(),
            method: received.method.to_owned(),
            path: received.path.to_owned(),
            query: received.query.to_owned(),
            headers: received.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            body: received.body.to_vec(),
        }
    }
}

/// What a mutex holds, whatever became of those who held it before.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hours_long(hours: u32) -> Duration {
    Duration::from_secs(u64::from(hours) * 60 * 60)
}

fn required_header<'a>(received: &Received<'a>, name: &str) -> Result<&'a str, Refusal> {
    routes::header(received, name)
        .and_then(|value| str::from_utf8(value).ok())
        .ok_or_else(|| Refusal::new("MissingParameter", format!("the header {name} is missing; send it")))
}
