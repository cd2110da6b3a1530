//! A service whose clock is not this machine's: what is learnt of it, and what is signed again.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, DATE};
use tokio::sync::Barrier;
use vod_aigc_transport::testing::ManualClock;
use vod_aigc_transport::{
    Billed, BoxFuture, Clock, Error, Http, RawReply, Remedy, Reply, SendError, SignedRequest, Transport,
    TransportBuilder,
};

use crate::server::{Created, Described, NOW, create, credential, describe};

const HOUR: i64 = 3_600;

/// A service with a clock of its own that refuses a timestamp more than 300 s away, and a network that can be slow.
#[derive(Debug)]
struct Service {
    local: Arc<ManualClock>,
    /// How far the service's clock is ahead of the local one, in seconds.
    ahead: AtomicI64,
    round_trip: Duration,
    headers: fn(date: String) -> HeaderMap,
    /// What the local clock does while a request is under way.
    step: AtomicU64,
    /// The first so many requests are answered together.
    together: Option<Barrier>,
    timestamps: Mutex<Vec<u64>>,
    billed: AtomicUsize,
}

fn only_date(date: String) -> HeaderMap {
    [(DATE, date.parse().unwrap())].into_iter().collect()
}

fn with_age(date: String) -> HeaderMap {
    [(DATE, date.parse().unwrap()), (AGE, 3.into())].into_iter().collect()
}

impl Service {
    fn ahead(seconds: i64) -> Self {
        Self {
            local: Arc::new(ManualClock::at(NOW)),
            ahead: AtomicI64::new(seconds),
            round_trip: Duration::ZERO,
            headers: only_date,
            step: AtomicU64::new(0),
            together: None,
            timestamps: Mutex::default(),
            billed: AtomicUsize::new(0),
        }
    }

    fn transport(self) -> (TransportBuilder, Arc<Self>) {
        let service = Arc::new(self);
        let builder = Transport::builder(credential())
            .endpoint("127.0.0.1:9".parse().unwrap())
            .clock(service.local.clone())
            .http(service.clone());
        (builder, service)
    }

    fn now(&self) -> SystemTime {
        shifted(self.local.now(), self.ahead.load(Ordering::SeqCst))
    }

    fn requests(&self) -> usize {
        self.timestamps.lock().unwrap().len()
    }
}

impl Http for Service {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(async move {
            let header = |wanted| request.headers().find(|(name, _)| *name == wanted).map(|(_, value)| value).unwrap();
            let timestamp: u64 = header("x-tc-timestamp").parse().unwrap();
            let number = {
                let mut timestamps = self.timestamps.lock().unwrap();
                timestamps.push(timestamp);
                timestamps.len()
            };
            if let Some(together) = self.together.as_ref().filter(|_| number <= 50) {
                together.wait().await;
            }
            self.local.advance(self.round_trip / 2);
            let now = self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let scope_of_the_day = header("authorization").contains(&format!("/{}/vod/tc3_request", day(timestamp)));
            let body = if now.abs_diff(timestamp) > 300 || !scope_of_the_day {
                r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"why"},"RequestId":"r"}}"#
            } else {
                self.billed.fetch_add(1, Ordering::SeqCst);
                r#"{"Response":{"TaskId":"t-1","Status":"FINISH","RequestId":"r"}}"#
            };
            let headers = (self.headers)(http_date(self.now()));
            self.local.advance(self.round_trip / 2 + Duration::from_secs(self.step.swap(0, Ordering::SeqCst)));
            Ok(RawReply { status: 200, headers, body: body.into() })
        })
    }
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - distance } else { time + distance }
}

fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

/// The UTC day of a timestamp as a scope writes it, by way of the date of another library.
fn day(timestamp: u64) -> String {
    let date = http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(timestamp));
    let parts: Vec<&str> = date.split(' ').collect();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == parts[2]).unwrap() + 1;
    format!("{}-{month:02}-{}", parts[3], parts[1])
}

fn accepted<T: Debug>(result: Result<Reply<T>, Error>) {
    assert_eq!(result.expect("the service accepts").request_id.as_deref(), Some("r"));
}

/// A create, and then a read, against a service whose clock is off.
async fn check_ahead(seconds: i64) {
    let (transport, service) = Service::ahead(seconds).transport();
    let transport = transport.build();
    accepted::<Created>(transport.call(create()).await);
    let first = if seconds.abs() > 300 { 2 } else { 1 };
    assert_eq!(service.requests(), first, "{seconds} s");
    assert_eq!(service.billed.load(Ordering::SeqCst), 1, "{seconds} s");
    accepted::<Described>(transport.call(describe()).await);
    assert_eq!(service.requests(), first + 1, "{seconds} s: what was learnt is used at once");
    let corrected = if seconds.abs() > 240 { service.now() } else { service.local.now() };
    assert_eq!(transport.now(), corrected, "{seconds} s");
}

#[tokio::test]
async fn a_clock_that_is_off_by_anything_is_corrected_once_and_for_all() {
    for seconds in [-26 * HOUR, -13 * HOUR, -HOUR, -301, -299, -241, 0, 241, 299, 301, HOUR, 13 * HOUR, 26 * HOUR] {
        check_ahead(seconds).await;
    }
}

#[tokio::test]
async fn a_difference_below_four_minutes_is_left_alone() {
    for seconds in [-240, -60, 60, 240] {
        check_ahead(seconds).await;
    }
}

#[tokio::test]
async fn fifty_requests_under_way_are_each_corrected_once() {
    let service = Service { together: Some(Barrier::new(50)), ..Service::ahead(3 * HOUR) };
    let (transport, service) = service.transport();
    let transport = transport.build();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move { transport.call(describe()).await })
        })
        .collect();
    for call in calls {
        accepted(call.await.unwrap());
    }
    assert_eq!((service.requests(), service.billed.load(Ordering::SeqCst)), (100, 50));
}

#[tokio::test]
async fn without_a_date_a_refused_time_is_an_error_at_once() {
    for headers in [|_| HeaderMap::new(), with_age] {
        let (transport, service) = Service { headers, ..Service::ahead(HOUR) }.transport();
        let error = transport.build().call(create()).await.expect_err("nothing shows the service's time");
        assert_eq!((service.requests(), error.billed(), error.is_retryable()), (1, Billed::No, false), "{error}");
        assert!(error.hint().expect("there is one").contains("set this machine's clock"), "{error}");
    }
}

#[tokio::test]
async fn a_date_after_a_slow_round_trip_is_not_believed() {
    let slow = Service { round_trip: Duration::from_secs(16 * 60), ..Service::ahead(0) };
    let (transport, service) = slow.transport();
    let error = transport.build().call(create()).await.expect_err("eight minutes on the way are too many");
    // The time of the second signature is another one, so it was worth its attempt.
    assert_eq!((service.requests(), error.billed()), (2, Billed::No), "{error}");
}

#[tokio::test]
async fn a_clock_that_steps_while_a_request_is_under_way_teaches_nothing() {
    let service = Service { step: AtomicU64::new(26 * 3_600), ..Service::ahead(0) };
    let (transport, service) = service.transport();
    let transport = transport.build();
    accepted::<Created>(transport.call(create()).await);
    assert_eq!(transport.now(), service.local.now());
}

#[tokio::test]
async fn a_clock_that_is_set_right_later_ends_the_correction() {
    let (transport, service) = Service::ahead(2 * HOUR).transport();
    let transport = transport.build();
    accepted::<Described>(transport.call(describe()).await);
    assert_eq!(transport.now(), service.now());
    service.ahead.store(0, Ordering::SeqCst);
    accepted::<Described>(transport.call(describe()).await);
    assert_eq!(transport.now(), service.local.now());
}

#[tokio::test]
async fn the_correction_can_be_turned_off() {
    let (transport, service) = Service::ahead(HOUR).transport();
    let transport = transport.correct_clock(false).build();
    let error = transport.call(create()).await.expect_err("an hour is too much");
    assert_eq!((service.requests(), error.billed()), (1, Billed::No));
    assert_eq!(transport.now(), service.local.now());
}

#[tokio::test]
async fn one_attempt_sends_once_and_says_that_the_clock_was_corrected() {
    let (transport, service) = Service::ahead(-5 * HOUR).transport();
    let transport = transport.build();
    let call = transport.prepare(create()).unwrap();
    let attempt = async || transport.attempt::<Created>(&call, transport.now()).await;
    let error = attempt().await.expect_err("five hours are too much");
    assert_eq!((service.requests(), error.billed(), error.remedy()), (1, Billed::No, Some(Remedy::Clock)));
    accepted::<Created>(attempt().await);
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn an_attempt_is_signed_for_the_time_that_it_is_given() {
    let (transport, service) = Service::ahead(0).transport();
    let transport = transport.build();
    let call = transport.prepare(create()).unwrap();
    let recorded = transport.now();
    // The machine is suspended between the record and the send.
    service.local.advance(Duration::from_secs(301));
    let error = transport.attempt::<Created>(&call, recorded).await.expect_err("the signature has expired");
    assert_eq!((service.billed.load(Ordering::SeqCst), error.billed()), (0, Billed::No));
}
