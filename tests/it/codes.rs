//! Every error code of the data, and some unknown ones, as the answer to a create and to a read: what is sent then, the
//! outcome of the job and what the store says follow from the code's row.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vod_aigc_client::{Client, JobState, MemoryStore, Outcome, SubmitError};
use vod_aigc_core::{ErrorClass, ErrorCode, OnCreate, OnRead};
use vod_aigc_emulator::{Emulator, Fault, FaultRule, InProcess, RequestEffect, Target, When};
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{Billed, BoxFuture, Http, RawReply, RetryPolicy, SendError, SignedRequest};

use crate::support::*;

/// Every known code, children that are not known of parents that are, and one without a known parent.
fn codes() -> Vec<ErrorCode> {
    let new = [
        "AuthFailure.New",
        "AuthFailure.RequestLimitExceeded.New",
        "FailedOperation.TaskDuplicate.New",
        "FailedOperation.New",
        "InvalidParameterValue.SessionId.New",
        "Brand.New",
    ];
    ErrorCode::KNOWN.iter().cloned().chain(new.map(ErrorCode::from)).collect()
}

/// The emulator in process that writes down what it is called for: C creates, L lists, D describes a task.
#[derive(Debug)]
struct Service {
    emulator: InProcess,
    called: Mutex<String>,
}

impl Service {
    fn new(rules: impl IntoIterator<Item = FaultRule>) -> Arc<Self> {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let clock = vod_aigc_emulator::Clock::manual(start);
        let builder = Emulator::builder().clock(clock).credential(credential());
        let emulator = rules.into_iter().fold(builder, |builder, rule| builder.fault(rule)).in_process();
        Arc::new(Self { emulator, called: Mutex::default() })
    }

    fn client(self: &Arc<Self>, store: &Arc<MemoryStore>) -> Client {
        let http = self.clone();
        Client::builder(credential(), SUB_APP)
            .endpoint(self.emulator.endpoint().parse().unwrap())
            .clock(Arc::new(SimulatedClock::new(self.emulator.clock().clone())))
            .random(Arc::new(SeededRandom::new(7)))
            .store(store.clone())
            .transport(|transport| transport.http(http))
            .build()
    }

    fn called(&self) -> String {
        self.called.lock().unwrap().clone()
    }
}

impl Http for Service {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.called.lock().unwrap().push(match action(&request) {
            "CreateAigcVideoTask" => 'C',
            "DescribeTasks" => 'L',
            "DescribeTaskDetail" => 'D',
            other => panic!("nothing here calls {other}"),
        });
        Box::pin(std::future::ready(exchange(&self.emulator, &request)))
    }
}

/// Answers the n-th create with this code.
fn on_create(nth: u64, code: &ErrorCode, request: RequestEffect) -> FaultRule {
    let fault = Fault::Error { request, code: code.to_string() };
    FaultRule::new(Target::CreateAigcVideoTask, When::Nth(nth), fault)
}

/// The outcome of a submit, as a test compares it.
#[derive(Debug, PartialEq)]
struct End {
    called: String,
    outcome: Outcome,
    billed: Billed,
    state: &'static str,
    tasks: usize,
}

async fn submit_to(service: &Arc<Service>) -> (End, Option<SubmitError>) {
    let store = Arc::new(MemoryStore::new());
    let result = service.client(&store).submit(panda()).await;
    let ledger = service.emulator.ledger();
    let state = match store.only_job().state {
        JobState::Planned => "planned",
        JobState::Refused { .. } => "refused",
        JobState::Unresolved { .. } => "held",
        JobState::Accepted { task_id } => {
            assert_eq!(task_id, ledger[0].task_id);
            "accepted"
        }
        other => panic!("{other:?}"),
    };
    let (outcome, billed) = match &result {
        Ok(task) => {
            assert_eq!(task.id(), ledger[0].task_id);
            (Outcome::Accepted, Billed::Yes)
        }
        Err(error) => (error.outcome(), error.billed()),
    };
    (End { called: service.called(), outcome, billed, state, tasks: ledger.len() }, result.err())
}

/// C is a create, D a description of a task, which confirms the one that an answer names, and L a look at the list. This is
/// one create, then looks for as long as the policy says: at once and after 2, 4, 8, 16, 32 and 60 s.
const LOOKED_IN_VAIN: &str = "CLLLLLLL";

#[tokio::test]
async fn what_follows_each_code_on_a_create_is_what_its_row_says() {
    for code in codes() {
        let facts = code.facts();
        let effects: &[RequestEffect] = match facts.on_create {
            // These rows say that nothing was started.
            OnCreate::Refused | OnCreate::Again => &[RequestEffect::Discarded],
            OnCreate::Unclear | OnCreate::Taken => &[RequestEffect::Applied, RequestEffect::Discarded],
        };
        for effect in effects {
            let accepted = |called: &str| End {
                called: called.to_owned(),
                outcome: Outcome::Accepted,
                billed: Billed::Yes,
                state: "accepted",
                tasks: 1,
            };
            let expected = match (facts.on_create, effect) {
                (OnCreate::Refused, _) => End {
                    called: "C".to_owned(),
                    outcome: Outcome::Rejected,
                    billed: Billed::No,
                    state: "refused",
                    tasks: 0,
                },
                (OnCreate::Again, _) => accepted("CCD"),
                (OnCreate::Unclear | OnCreate::Taken, RequestEffect::Applied) => accepted("CL"),
                (OnCreate::Unclear, RequestEffect::Discarded) => accepted("CLCD"),
                (OnCreate::Taken, RequestEffect::Discarded) => End {
                    called: LOOKED_IN_VAIN.to_owned(),
                    outcome: Outcome::Unknown,
                    billed: Billed::Unknown,
                    state: "held",
                    tasks: 0,
                },
            };
            let service = Service::new([on_create(1, &code, *effect)]);
            let (end, error) = submit_to(&service).await;
            assert_eq!(end, expected, "{code}, {effect:?}");
            let Some(error) = error else { continue };
            assert!(error.session_id().is_some() && error.request_id().is_some(), "{code}: it leads to its request");
            if let SubmitError::Call(error) = error {
                assert_eq!((error.code(), error.class()), (Some(&code), Some(facts.class)), "{code}");
                assert_eq!(error.hint(), Some(facts.next_step), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_time_that_is_refused_for_good_starts_nothing_and_the_job_can_be_submitted_again() {
    let code = ErrorCode::AuthFailureSignatureExpire;
    let service =
        Service::new([on_create(1, &code, RequestEffect::Discarded), on_create(2, &code, RequestEffect::Discarded)]);
    let (end, error) = submit_to(&service).await;
    assert_eq!((end.called.as_str(), end.state, end.tasks), ("CC", "planned", 0));
    assert_eq!((end.outcome, end.billed), (Outcome::Rejected, Billed::No));
    assert_eq!(error.unwrap().class(), Some(ErrorClass::Clock));
}

#[tokio::test]
async fn no_later_answer_to_a_create_undoes_an_earlier_one_that_is_unknown() {
    for code in codes() {
        let lost = Fault::Reset { request: RequestEffect::Discarded };
        let lost = FaultRule::new(Target::CreateAigcVideoTask, When::Nth(1), lost);
        let service = Service::new([lost, on_create(2, &code, RequestEffect::Discarded)]);
        let (end, _) = submit_to(&service).await;
        let sent_again = match code.facts().on_create {
            OnCreate::Refused | OnCreate::Taken => None,
            OnCreate::Again | OnCreate::Unclear => Some("CLCLCD"),
        };
        if let Some(called) = sent_again {
            assert_eq!((end.outcome, end.state, end.tasks), (Outcome::Accepted, "accepted", 1), "{code}");
            assert_eq!(end.called, called, "{code}");
        } else {
            assert!(end.called.starts_with("CLCL"), "{code}: {}", end.called);
            assert_eq!((end.outcome, end.billed), (Outcome::Unknown, Billed::Unknown), "{code}");
            assert_eq!((end.state, end.tasks), ("held", 0), "{code}");
            assert_eq!(end.called.matches('C').count(), 2, "{code}");
        }
    }
}

#[tokio::test]
async fn a_read_is_repeated_as_the_row_of_the_code_says() {
    for code in codes() {
        let facts = code.facts();
        let repeated = facts.on_read == OnRead::Retry;
        for (when, answered) in [(When::Nth(1), repeated), (When::Every(1), false)] {
            let service = Service::new([]);
            let task = service.client(&Arc::new(MemoryStore::new())).submit(panda()).await.unwrap();
            let fault = Fault::Error { request: RequestEffect::Applied, code: code.to_string() };
            service.emulator.inject(FaultRule::new(Target::DescribeTaskDetail, when, fault));
            let polled = task.poll().await;
            assert_eq!(polled.is_ok(), answered, "{code}");
            let attempts = match (repeated, answered) {
                (false, _) => 1,
                (true, true) => 2,
                // A time that is refused is put right once, or not at all.
                (true, false) if facts.class == ErrorClass::Clock => 2,
                (true, false) => RetryPolicy::READ.attempts as usize,
            };
            // The submit has described the task once.
            assert_eq!(service.called(), format!("CD{}", "D".repeat(attempts)), "{code}");
            if let Err(error) = polled {
                assert_eq!((error.code(), error.billed()), (Some(&code), Billed::No), "{code}");
            }
        }
    }
}

#[test]
fn an_unknown_code_is_judged_by_its_longest_known_parent() {
    for code in codes() {
        let mut parents = code.as_str().to_owned();
        while ErrorCode::KNOWN.iter().all(|known| known.as_str() != parents) {
            match parents.rfind('.') {
                Some(dot) => parents.truncate(dot),
                None => parents.clear(),
            }
            if parents.is_empty() {
                break;
            }
        }
        assert_eq!(code.facts().code, parents, "{code}");
    }
    assert_eq!(ErrorCode::from("AuthFailure.RequestLimitExceeded.New").class(), ErrorClass::Frequency);
    assert_eq!(ErrorCode::from("AuthFailure.New").class(), ErrorClass::Credentials);
    assert_eq!(ErrorCode::from("AuthFailureNew").class(), ErrorClass::Unknown, "a parent ends at a dot");
}
