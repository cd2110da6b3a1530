//! The API as a script: what it answers to one call after the other, on a manual clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::testing::ManualClock;
use vod_aigc_client::transport::{
    BoxFuture, Clock, Http, Random, RawReply, RetryPolicy, SendError, SendErrorKind, Sent, SignedRequest,
};
use vod_aigc_client::{Client, Task, TaskHandle};

pub(crate) const NOW: u64 = 1_764_072_000;

pub(crate) const DONE: &str =
    r#"{"AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[{"FileUrl":"https://films.example/v.mp4"}]}}}"#;

/// What the service says to one poll: the members of its Response, or nothing at all.
pub(crate) type Answer = Option<String>;

/// A service that plays its answers, the last one for ever, and records when it was asked.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) clock: Arc<ManualClock>,
    answers: Mutex<VecDeque<Answer>>,
    pub(crate) polls: Mutex<Vec<u64>>,
}

impl Http for Service {
    fn send(&self, _: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.polls.lock().unwrap().push(seconds(self.clock.now()) - NOW);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
        let reply = match answer {
            Some(response) => {
                let body = format!(r#"{{"Response":{response}}}"#).into();
                Ok(RawReply { status: 200, headers: Default::default(), body })
            }
            None => Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "cut")),
        };
        Box::pin(std::future::ready(reply))
    }
}

/// In the middle of every jitter.
#[derive(Debug)]
struct Middle;

impl Random for Middle {
    fn next_u64(&self) -> u64 {
        u64::MAX / 2
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64().round() as u64
}

/// A task of a client whose endpoint is on this machine.
pub(crate) fn task(answers: impl IntoIterator<Item = Answer>, submitted_at: Option<u64>) -> (Task, Arc<Service>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let answers = Mutex::new(answers.into_iter().collect());
    let service = Arc::new(Service { clock: clock.clone(), answers, polls: Mutex::default() });
    let http = service.clone();
    let client = Client::builder(Credential::new("AKID", "key").unwrap(), 1)
        .endpoint("http://127.0.0.1:9".parse().unwrap())
        .clock(clock)
        .random(Arc::new(Middle))
        .transport(|transport| transport.http(http).read_retry(RetryPolicy::once(Duration::from_secs(30))))
        .build();
    let mut handle = TaskHandle::new("task-1", 1);
    handle.submitted_at = submitted_at;
    (client.resume(handle), service)
}
