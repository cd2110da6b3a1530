//! The brakes of a transport: its store of repetitions, its rates, and the one renewal of refused keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vod_aigc_transport::signer::Credential;
use vod_aigc_transport::testing::ManualClock;
use vod_aigc_transport::{
    Billed, BoxFuture, Cached, Chain, Clock, CredentialError, Environment, Http, ProvideCredential, Provided,
    RateLimiter, Rates, RawReply, RetryBudget, RetryPolicy, SendError, SignedRequest, Transport, TransportBuilder,
    VariableNames,
};

use crate::server::{NOW, create, credential, describe};

const FINE: &str = r#"{"Response":{"TaskId":"t-1","Status":"FINISH"}}"#;

fn refused(code: &str) -> String {
    format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}}}}}}"#)
}

/// Answers each request with what `answer` says to its number and token, and records when it came.
struct Service<F> {
    clock: Arc<ManualClock>,
    times: Mutex<Vec<SystemTime>>,
    answer: F,
}

impl<F> std::fmt::Debug for Service<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Service")
    }
}

impl<F: Fn(usize, &str) -> String + Send + Sync> Http for Service<F> {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let number = {
            let mut times = self.times.lock().unwrap();
            times.push(self.clock.now());
            times.len() - 1
        };
        let token = request.headers().find(|(name, _)| *name == "x-tc-token").map_or("", |(_, value)| value);
        let body = (self.answer)(number, token).into();
        Box::pin(std::future::ready(Ok(RawReply { status: 200, headers: Default::default(), body })))
    }
}

impl<F> Service<F> {
    fn times(&self) -> Vec<SystemTime> {
        self.times.lock().unwrap().clone()
    }
}

fn service<F: Fn(usize, &str) -> String + Send + Sync + 'static>(
    credentials: impl ProvideCredential + 'static,
    answer: F,
) -> (TransportBuilder, Arc<Service<F>>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let service = Arc::new(Service { clock: clock.clone(), times: Mutex::default(), answer });
    let builder =
        Transport::builder(credentials).endpoint("127.0.0.1:9".parse().unwrap()).clock(clock).http(service.clone());
    (builder, service)
}

#[tokio::test]
async fn repetitions_end_when_the_store_is_empty_and_begin_again_after_successes() {
    let healthy = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let shown = healthy.clone();
    let (transport, service) =
        service(
            credential(),
            move |_, _| {
                if shown.load(Ordering::SeqCst) { FINE.to_owned() } else { refused("InternalError") }
            },
        );
    let transport = transport.build();
    for _ in 0..100 {
        transport.call(describe()).await.expect_err("the service fails");
    }
    // 500 tokens pay for 35 repetitions of 14.
    assert_eq!(service.times().len(), 100 + 35);

    healthy.store(true, Ordering::SeqCst);
    for _ in 0..4 {
        transport.call(describe()).await.expect("the service has recovered");
    }
    healthy.store(false, Ordering::SeqCst);
    let before = service.times().len();
    transport.call(describe()).await.expect_err("the service fails again");
    assert_eq!(service.times().len() - before, 2, "10 tokens were left and 4 were earned");
}

#[tokio::test]
async fn the_store_can_be_set() {
    let (transport, service) = service(credential(), |_, _| refused("InternalError"));
    let none = RetryBudget { capacity: 0, ..RetryBudget::default() };
    transport.retry_budget(none).build().call(describe()).await.expect_err("the service fails");
    assert_eq!(service.times().len(), 1);
}

#[tokio::test]
async fn a_transport_stays_within_its_rates() {
    let (transport, service) = service(credential(), |_, _| FINE.to_owned());
    let transport = transport.build();
    for _ in 0..120 {
        transport.call(describe()).await.expect("the service is well");
    }
    let whole_seconds = |number: usize| service.times()[number].duration_since(service.times()[0]).unwrap().as_secs();
    // Six at once, then one every 20 ms.
    assert_eq!((whole_seconds(54), whole_seconds(55), whole_seconds(105)), (0, 1, 2));
    let before = service.times().len();
    for _ in 0..12 {
        transport.call(create()).await.expect("the service is well");
    }
    let creates = &service.times()[before..];
    assert_eq!(creates[11].duration_since(creates[0]).unwrap(), Duration::from_secs(1));
}

#[tokio::test]
async fn a_refusal_for_frequency_slows_every_transport_with_the_same_limiter() {
    let limiter = RateLimiter::new(Rates { write: 8, ..Rates::default() });
    let (first, _) = service(credential(), |_, _| refused("RequestLimitExceeded.UinLimitExceeded"));
    let once = RetryPolicy::once(Duration::from_secs(120));
    let error =
        first.rate_limiter(limiter.clone()).write_retry(once).build().call(create()).await.expect_err("too many");
    assert_eq!(error.billed(), Billed::No);

    let (second, service) = service(credential(), |_, _| FINE.to_owned());
    let second = second.rate_limiter(limiter).build();
    for _ in 0..9 {
        second.call(create()).await.expect("the service is well");
    }
    let times = service.times();
    assert_eq!(times.iter().filter(|time| **time < times[0] + Duration::from_secs(1)).count(), 4, "half of eight");
}

#[tokio::test]
async fn a_call_that_waits_for_a_permit_keeps_its_whole_time() {
    let slow = RateLimiter::new(Rates { read: 1, ..Rates::default() });
    let (transport, _) = service(credential(), |_, _| FINE.to_owned());
    let hurried = RetryPolicy { total: Duration::from_millis(1), ..RetryPolicy::READ };
    let transport = transport.rate_limiter(slow).read_retry(hurried).build();
    for _ in 0..3 {
        transport.call(describe()).await.expect("the wait for the turn does not count");
    }
}

/// Temporary keys; each time it is asked it has the next token.
#[derive(Debug, Clone, Default)]
struct Tokens(Arc<AtomicUsize>);

impl ProvideCredential for Tokens {
    fn provide(&self, now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let credential = Credential::new("AKID", "key").unwrap().with_token(format!("token-{number}")).unwrap();
        let expires = Some(now + Duration::from_secs(7_200));
        Box::pin(std::future::ready(Ok(Provided { credential, expires })))
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_same_call_sent_again() {
    for code in ["AuthFailure.TokenFailure", "AuthFailure"] {
        let source = Tokens::default();
        let nothing = Environment::new(VariableNames::TENCENT_CLOUD, |_| None);
        let chain = Chain::new().or(nothing).or(Cached::new(source.clone()));
        let (transport, service) =
            service(chain, move |_, token| if token == "token-1" { FINE.to_owned() } else { refused(code) });
        let transport = transport.build();
        // Keys of this very moment are not asked for again.
        let error = transport.call(create()).await.expect_err("the first token is refused");
        assert_eq!((service.times().len(), error.billed()), (1, Billed::No));
        service.clock.advance(Duration::from_secs(60));
        transport.call(create()).await.expect("the second token is accepted");
        assert_eq!((service.times().len(), source.0.load(Ordering::SeqCst)), (3, 2));
    }
}

#[tokio::test]
async fn keys_that_stay_refused_are_renewed_once_a_call_and_not_more_than_twice_a_minute() {
    let source = Tokens::default();
    let (transport, service) = service(Cached::new(source.clone()), |_, _| refused("AuthFailure.TokenFailure"));
    let transport = transport.build();
    transport.call(describe()).await.expect_err("no token is accepted");
    service.clock.advance(Duration::from_secs(60));
    for _ in 0..20 {
        transport.call(describe()).await.expect_err("no token is accepted");
    }
    assert_eq!((service.times().len(), source.0.load(Ordering::SeqCst)), (22, 2));
}

#[tokio::test]
async fn permanent_keys_that_are_refused_are_not_sent_again() {
    for source in [Arc::new(Cached::new(credential())) as Arc<dyn ProvideCredential>, Arc::new(credential())] {
        let (transport, service) = service(source, |_, _| refused("AuthFailure"));
        transport.build().call(describe()).await.expect_err("the keys are wrong");
        assert_eq!(service.times().len(), 1);
    }
}
