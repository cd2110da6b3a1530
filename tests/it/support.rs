//! What several of the modules use: an emulator and a client on one clock, an HTTP stack that a test interposes, a tiny
//! server that plays a script.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vod_aigc_client::{Client, ClientBuilder, Task, WaitPolicy};
use vod_aigc_core::{Kling, VideoRequest, video};
use vod_aigc_emulator::{Builder, Emulator};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{
    BoxFuture, Clock, Endpoint, Http, HttpClient, RawReply, SendError, SendErrorKind, Sent, SignedRequest,
};

pub(crate) const SUB_APP: u64 = 1_500_044_236;
pub(crate) const SECRET_KEY: &str = "canary-secret-key";

pub(crate) fn credential() -> Credential {
    Credential::new("AKIDEXAMPLE", SECRET_KEY).unwrap()
}

/// The emulator's clock as the client's: a sleep moves it on and returns at once.
#[derive(Debug, Clone)]
pub(crate) struct SharedClock(pub(crate) vod_aigc_emulator::Clock);

impl Clock for SharedClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

/// A running emulator that takes [`credential`], at noon of a day in 2026.
pub(crate) async fn emulator() -> Emulator {
    emulator_with(|builder| builder).await
}

pub(crate) async fn emulator_with(set: impl FnOnce(Builder) -> Builder) -> Emulator {
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
    let clock = vod_aigc_emulator::Clock::manual(noon);
    set(Emulator::builder().clock(clock).credential(credential())).start().await.unwrap()
}

/// A client of the emulator, on its clock.
pub(crate) fn client(emulator: &Emulator) -> Client {
    client_to(emulator, emulator.endpoint()).build()
}

/// A client on the emulator's clock that sends elsewhere.
pub(crate) fn client_to(emulator: &Emulator, endpoint: &str) -> ClientBuilder {
    Client::builder(credential(), SUB_APP)
        .endpoint(endpoint.parse::<Endpoint>().unwrap())
        .clock(Arc::new(SharedClock(emulator.clock().clone())))
        .random(Arc::new(SeededRandom::new(7)))
}

/// A client whose every request passes through `http`.
pub(crate) fn client_through(emulator: &Emulator, http: &Arc<Interposed>) -> Client {
    let http: Arc<dyn Http> = http.clone();
    client_to(emulator, emulator.endpoint()).transport(|transport| transport.http(http)).build()
}

pub(crate) fn panda() -> VideoRequest {
    video!(Kling::V2_1, prompt = "a panda in a bamboo forest")
}

pub(crate) async fn submitted(client: &Client) -> Task {
    client.submit(panda()).await.unwrap()
}

/// Polls every second.
pub(crate) fn eager(deadline: Duration) -> WaitPolicy {
    let mut policy = WaitPolicy::until(deadline);
    policy.first = Duration::from_secs(1);
    policy.growth = 1.0;
    policy
}

/// What becomes of one send.
#[derive(Clone)]
pub(crate) enum Step {
    /// It goes through.
    Pass,
    /// Nothing of it leaves, or its reply is lost after the service has had it.
    Fail(SendErrorKind, Sent),
    /// The service never sees it; this is the answer.
    Answer(u16, String),
}

/// An HTTP stack that counts what is sent and asks a function what to do with each send, counted from 0.
pub(crate) struct Interposed {
    inner: HttpClient,
    sends: AtomicUsize,
    decide: Box<dyn Fn(usize) -> Step + Send + Sync>,
}

impl Interposed {
    pub(crate) fn new(decide: impl Fn(usize) -> Step + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { inner: HttpClient::new(), sends: AtomicUsize::new(0), decide: Box::new(decide) })
    }

    /// Answers every send with the status and the body.
    pub(crate) fn answering(status: u16, body: impl Into<String>) -> Arc<Self> {
        let body = body.into();
        Self::new(move |_| Step::Answer(status, body.clone()))
    }

    pub(crate) fn sends(&self) -> usize {
        self.sends.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Interposed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Interposed").field("sends", &self.sends()).finish_non_exhaustive()
    }
}

impl Http for Interposed {
    fn send<'a>(&'a self, request: &'a SignedRequest, timeout: Duration) -> BoxFuture<'a, Result<RawReply, SendError>> {
        let step = (self.decide)(self.sends.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            match step {
                Step::Pass => self.inner.send(request, timeout).await,
                Step::Fail(kind, sent) => {
                    if sent != Sent::No {
                        self.inner.send(request, timeout).await?;
                    }
                    Err(SendError::new(kind, sent, "the test says so"))
                }
                Step::Answer(status, body) => Ok(RawReply { status, headers: Vec::new(), body: body.into() }),
            }
        })
    }
}

/// A server that answers each connection with the next of some whole HTTP answers and closes it.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                recorded.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
                // The client may hang up before the end of an answer that is too long.
                let _ = stream.write_all(&answer).await;
            }
        });
        Self { url, requests }
    }

    /// The first lines of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An HTTP answer with its length.
pub(crate) fn answer(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Head and body of one request, whose length must be announced.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().filter_map(|line| line.split_once(": "));
            let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if body.len() >= length.map(|(_, value)| value.parse::<usize>().unwrap()).sum() {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return text;
        }
    }
}
