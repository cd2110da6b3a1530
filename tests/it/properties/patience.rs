//! Waits and repetitions: never too many, never too close, never too long.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use vod_aigc_client::{Client, ClientBuilder, Outcome, SubmitPolicy, WaitError, WaitPolicy};
use vod_aigc_core::{Kling, video};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom, http_fn, reply};
use vod_aigc_transport::{
    Billed, BoxFuture, Http, RawReply, RetryPolicy, SendError, SendErrorKind, Sent, SignedRequest,
};

use crate::support::headers;

use super::{block_on, cases};

/// What becomes of every create; all else is answered with a task that goes on and with empty lists.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Nothing leaves.
    Unreached,
    /// The reply is lost.
    Lost,
    /// The service is too busy.
    Busy,
}

/// An HTTP stack that answers by itself and keeps the creates that it was given.
#[derive(Debug)]
pub(super) struct Server {
    answer: Answer,
    creates: Mutex<Vec<Vec<u8>>>,
}

impl Server {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, creates: Mutex::default() }
    }
}

impl Http for Server {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let creates = request.headers().any(|(name, value)| name == "x-tc-action" && value == "CreateAigcVideoTask");
        let body = match self.answer {
            _ if !creates => r#"{"Response":{"AigcVideoTask":{"Status":"PROCESSING"},"TaskSet":[],"RequestId":"1"}}"#,
            Answer::Busy => {
                r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"busy"},"RequestId":"1"}}"#
            }
            Answer::Unreached | Answer::Lost => "",
        };
        if creates {
            self.creates.lock().unwrap().push(request.body().to_vec());
        }
        let result = match self.answer {
            Answer::Unreached if creates => Err(SendError::new(SendErrorKind::Connect, Sent::No, "no route")),
            Answer::Lost if creates => Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "reset")),
            _ => Ok(RawReply { status: 200, headers: Default::default(), body: body.into() }),
        };
        Box::pin(std::future::ready(result))
    }
}

fn client(answer: Answer, seed: u64) -> (ClientBuilder, Arc<ManualClock>, Arc<Server>) {
    let clock = Arc::new(ManualClock::at(1_795_435_200));
    let server = Arc::new(Server::new(answer));
    let http = server.clone();
    let builder = Client::builder(Credential::new("AKIDEXAMPLE", "key").unwrap(), 1)
        .clock(clock.clone())
        .random(Arc::new(SeededRandom::new(seed)))
        .transport(|transport| transport.http(http));
    (builder, clock, server)
}

fn milliseconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn repetitions_of_a_read_stay_within_the_policy(
        attempts in 1_u32..8, first in milliseconds(1..5_000), longest in milliseconds(1..20_000),
        total in milliseconds(1..120_000), retry_after in prop::option::of(0_u64..200), seed: u64,
    ) {
        let policy = RetryPolicy { attempts, first_wait: first, longest_wait: longest, total, ..RetryPolicy::READ };
        let clock = Arc::new(ManualClock::at(1_795_435_200));
        let sends = Arc::new(AtomicU32::new(0));
        let (given, counted) = (clock.clone(), sends.clone());
        let unavailable = http_fn(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let retry_after = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
            Ok(RawReply { headers: headers(retry_after.as_slice()), ..reply(503, "busy") })
        });
        let client = Client::builder(Credential::new("AKIDEXAMPLE", "key").unwrap(), 1)
            .clock(given)
            .random(Arc::new(SeededRandom::new(seed)))
            .transport(|transport| transport.http(unavailable).read_retry(policy))
            .build();
        prop_assert!(block_on(client.task("1").poll()).is_err());
        let sends = sends.load(Ordering::SeqCst);
        prop_assert!((1..=attempts).contains(&sends), "{sends} of {attempts}");
        let sleeps = clock.sleeps();
        prop_assert!(sleeps.len() < sends as usize + 1);
        prop_assert!(sleeps.iter().sum::<Duration>() <= total, "{sleeps:?}");
        let obeyed = retry_after.map(Duration::from_secs).filter(|wait| *wait <= policy.longest_retry_after);
        for (index, sleep) in sleeps.iter().enumerate() {
            match obeyed {
                Some(wait) => prop_assert_eq!(*sleep, wait),
                None => prop_assert!(*sleep <= longest.min(first * 2_u32.pow(index as u32)), "{sleeps:?}"),
            }
        }
    }

    #[test]
    fn pauses_between_polls_stay_within_the_policy(
        first in milliseconds(0..60_000), every in milliseconds(0..60_000), deadline in milliseconds(1_000..600_000), seed: u64,
    ) {
        let mut policy = WaitPolicy::until(deadline);
        (policy.first, policy.every) = (first, every);
        let (builder, clock, _) = client(Answer::Lost, seed);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ended = runtime.block_on(builder.wait_policy(policy).build().task("1").wait());
        let Err(WaitError::Deadline { waited, .. }) = ended else {
            return Err(TestCaseError::fail(format!("{ended:?}")));
        };
        // Also the last poll keeps its distance to the one before.
        prop_assert!(waited >= deadline && waited < deadline + WaitPolicy::FLOOR, "{waited:?}");
        let sleeps = clock.sleeps();
        let most = every.max(Duration::from_secs(30));
        prop_assert!(sleeps.iter().all(|sleep| *sleep <= most), "{most:?}: {sleeps:?}");
        prop_assert!(sleeps.iter().skip(1).all(|sleep| *sleep >= WaitPolicy::FLOOR), "{sleeps:?}");
    }

    #[test]
    fn a_lost_create_is_sent_again_a_bounded_number_of_times_with_the_same_bytes(
        resends in 0_u32..5, first_wait in milliseconds(1..30_000), look_for in milliseconds(0..600_000), seed: u64,
    ) {
        let mut policy = SubmitPolicy::default();
        (policy.resends, policy.first_wait, policy.look_for) = (resends, first_wait, look_for);
        let (builder, clock, server) = client(Answer::Lost, seed);
        let submit = builder.submit_policy(policy).build();
        let error = block_on(submit.submit(video!(Kling::V2_1, prompt = "panda"))).expect_err("no create is answered");
        prop_assert_eq!((error.outcome(), error.billed()), (Outcome::Unknown, Billed::Unknown));
        let creates = server.creates.lock().unwrap();
        prop_assert!((1..=1 + resends as usize).contains(&creates.len()), "{} creates", creates.len());
        prop_assert!(creates.windows(2).all(|pair| pair[0] == pair[1]), "the bytes differ");
        prop_assert!(clock.sleeps().iter().all(|sleep| *sleep <= Duration::from_secs(60)), "{:?}", clock.sleeps());
    }

    #[test]
    fn a_create_that_starts_nothing_is_repeated_a_bounded_number_of_times(refusals in 0_u32..6, busy: bool, seed: u64) {
        let mut policy = SubmitPolicy::default();
        policy.refusals = refusals;
        let (builder, clock, server) = client(if busy { Answer::Busy } else { Answer::Unreached }, seed);
        let submit = builder.submit_policy(policy).build();
        let error = block_on(submit.submit(video!(Kling::V2_1, prompt = "panda"))).expect_err("no create is taken");
        prop_assert_eq!(error.billed(), Billed::No);
        prop_assert_eq!(error.outcome(), if busy { Outcome::Rejected } else { Outcome::NotSent });
        // A server that cannot be reached is tried at most twice more.
        let again = if busy { refusals } else { refusals.min(2) };
        prop_assert_eq!(server.creates.lock().unwrap().len(), 1 + again as usize);
        prop_assert!(clock.sleeps().iter().all(|sleep| *sleep <= Duration::from_secs(60)), "{:?}", clock.sleeps());
    }
}
