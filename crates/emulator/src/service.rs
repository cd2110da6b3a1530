//! The service itself: what it answers to a request, and what goes wrong. It knows no sockets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_core::{Action, CreateAigcVideoTaskRequest, MAX_REQUEST_BYTES};
use vod_aigc_signer::{Credential, Received, verify};

use crate::actions::{self, Call, Target};
use crate::behaviour::{Behaviour, Burn};
use crate::clock::{Clock, later};
use crate::exchange::{Exchange, Reply};
use crate::fault::{Fate, Fault};
use crate::files::File;
use crate::identifiers::Identifiers;
use crate::rates::Rates;
use crate::refusal::{Refusal, TOO_MANY};
use crate::schedule::Schedule;
use crate::store::Store;
use crate::tasks::{Failing, Timing};
use crate::{routes, spoil, start};

/// Every action has the service and the version of this one.
type Create = CreateAigcVideoTaskRequest;

/// What every connection works on.
pub(crate) struct Service {
    pub(crate) credentials: HashMap<String, Credential>,
    pub(crate) clock: Clock,
    pub(crate) timing: Timing,
    pub(crate) behaviour: Behaviour,
    /// Where this service is reached, for example `http://127.0.0.1:4000`.
    pub(crate) endpoint: String,
    pub(crate) identifiers: Identifiers,
    pub(crate) store: Mutex<Store>,
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
            if faults.contains(&Fault::DeliveredTwice) {
                // The client never gets the first answer.
                let _ = self.answer(received, &self.identifiers.request_id(), now, faults);
            }
            self.answer(received, &request_id, now, faults)
        } else {
            if let Some(target) = routes::header(received, "x-tc-action").and_then(Target::of_action) {
                let body = received.body;
                self.burn_dropped(&Call { service: self, target, body, request_id: &request_id, now, faults });
            }
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

    pub(crate) fn fail_task(&self, task_id: &str, code: String) -> Failing {
        let now = self.clock.now();
        self.settle(now);
        locked(&self.store).tasks.fail(task_id, now, code)
    }

    /// A file of what `id` names, while it is served.
    pub(crate) fn file(&self, id: &str, name: &str, now: SystemTime) -> Option<File> {
        self.settle(now);
        locked(&self.store).file(id, name, now)
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
        actions::answer(&Call { service: self, target, body, request_id, now, faults })
    }

    fn admit(&self, target: Target, now: SystemTime) -> Result<(), Refusal> {
        let Behaviour { creates_a_second, reads_a_second, .. } = self.behaviour;
        if (creates_a_second, reads_a_second) == (None, None) {
            return Ok(());
        }
        match if target.is_paid() { creates_a_second } else { reads_a_second } {
            Some(limit) if !locked(&self.rates).admit(target, now, limit) => {
                locked(&self.store).tasks.calls_refused += 1;
                Err(Refusal::new(TOO_MANY, format!("{limit} calls of {target:?} were served within a second; wait")))
            }
            _ => Ok(()),
        }
    }

    /// A request that an error of the API drops has reached the action all the same.
    fn burn_dropped(&self, call: &Call<'_>) {
        let reached = |code: &str| !code.starts_with(TOO_MANY) && !code.starts_with("AuthFailure");
        let burns = call.faults.iter().any(|fault| match fault {
            Fault::Error { request: Fate::Dropped, code } => reached(code),
            _ => false,
        });
        if burns
            && self.behaviour.burn == Burn::Request
            && let Some(session) = start::session(call)
        {
            let mut store = call.store();
            if !store.tasks.is_used(&session, call.now, self.behaviour.window()) {
                store.tasks.use_up(session, call.now);
            }
        }
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

fn required_header<'a>(received: &Received<'a>, name: &str) -> Result<&'a str, Refusal> {
    routes::header(received, name)
        .and_then(|value| str::from_utf8(value).ok())
        .ok_or_else(|| Refusal::new("MissingParameter", format!("the header {name} is missing; send it")))
}
