//! What several of the modules use: an emulator and a client on one clock, an HTTP stack that a test interposes, a store
//! in memory, a tiny server that plays a script.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vod_aigc_client::{
    Client, ClientBuilder, JobFilter, JobRecord, JobState, JobStore as _, MemoryStore, Task, WaitPolicy,
};
use vod_aigc_core::{Action as _, CreateAigcVideoTaskRequest, Kling, VideoRequest, video};
use vod_aigc_emulator::{Builder, Emulator, InProcess};
use vod_aigc_signer::Credential;
pub(crate) use vod_aigc_testing::{InProcessHttp, SimulatedClock};
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{
    BoxFuture, Endpoint, Http, HttpClient, RawReply, SendError, SendErrorKind, Sent, SignedRequest,
};

pub(crate) const SUB_APP: u64 = 1_500_044_236;
pub(crate) const SECRET_KEY: &str = "canary-secret-key";

pub(crate) fn credential() -> Credential {
    Credential::new("AKIDEXAMPLE", SECRET_KEY).unwrap()
}

/// A time in 2026, so that no test depends on the real one.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200)
}

/// A running emulator that takes [`credential`], at noon of a day in 2026.
pub(crate) async fn emulator() -> Emulator {
    emulator_with(|builder| builder).await
}

pub(crate) async fn emulator_with(set: impl FnOnce(Builder) -> Builder) -> Emulator {
    let clock = vod_aigc_emulator::Clock::manual(noon());
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
        .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
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

/// Polls every second, whatever the progress.
pub(crate) fn eager(deadline: Duration) -> WaitPolicy {
    let mut policy = WaitPolicy::until(deadline);
    policy.first = Duration::from_secs(1);
    policy.every = policy.first;
    policy
}

/// A refusal for frequency.
const BUSY: &str = r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"slow down"},"RequestId":"r"}}"#;

/// What becomes of one send.
#[derive(Clone)]
pub(crate) enum Step {
    /// It goes through.
    Pass,
    /// Nothing of it leaves, or its reply is lost after the service has had it.
    Fail(SendErrorKind, Sent),
    /// The service never sees it; this is the answer.
    Answer(u16, String),
    /// The same, and the answer is a refusal for frequency that asks to wait for so many seconds.
    Busy(u64),
}

/// An HTTP stack that writes down what is sent and asks a function what to do with each send, counted from 0.
pub(crate) struct Interposed {
    inner: HttpClient,
    sent: Mutex<Vec<Sending>>,
    only_creates: bool,
    decide: Box<dyn Fn(usize) -> Step + Send + Sync>,
}

/// One send.
struct Sending {
    action: String,
    session_id: Option<String>,
}

impl Interposed {
    pub(crate) fn new(decide: impl Fn(usize) -> Step + Send + Sync + 'static) -> Arc<Self> {
        Self::asking(false, Box::new(decide))
    }

    /// Asks for each create only, counted from 0; all else goes through.
    pub(crate) fn on_creates(decide: impl Fn(usize) -> Step + Send + Sync + 'static) -> Arc<Self> {
        Self::asking(true, Box::new(decide))
    }

    /// Answers every send with the status and the body.
    pub(crate) fn answering(status: u16, body: impl Into<String>) -> Arc<Self> {
        let body = body.into();
        Self::new(move |_| Step::Answer(status, body.clone()))
    }

    fn asking(only_creates: bool, decide: Box<dyn Fn(usize) -> Step + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { inner: HttpClient::new(), sent: Mutex::default(), only_creates, decide })
    }

    pub(crate) fn sends(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// The actions that were sent, in order.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|sending| sending.action.clone()).collect()
    }

    /// The SessionIds of the creates that were sent, in order.
    pub(crate) fn session_ids(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let creates = sent.iter().filter(|sending| sending.action == CreateAigcVideoTaskRequest::NAME);
        creates.map(|sending| sending.session_id.clone().unwrap()).collect()
    }

    /// Writes a send down and says what becomes of it.
    fn step(&self, request: &SignedRequest) -> Step {
        let mut sent = self.sent.lock().unwrap();
        let action = action(request).to_owned();
        let before =
            if self.only_creates { sent.iter().filter(|sending| sending.action == action).count() } else { sent.len() };
        let asked = !self.only_creates || action == CreateAigcVideoTaskRequest::NAME;
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        sent.push(Sending { action, session_id: body["SessionId"].as_str().map(str::to_owned) });
        if asked { (self.decide)(before) } else { Step::Pass }
    }
}

/// The action that a request calls.
pub(crate) fn action(request: &SignedRequest) -> &str {
    request.headers().find(|(name, _)| *name == "x-tc-action").unwrap().1
}

impl fmt::Debug for Interposed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Interposed").field("sends", &self.sends()).finish_non_exhaustive()
    }
}

impl Http for Interposed {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let step = self.step(&request);
        Box::pin(async move {
            match step {
                Step::Pass => self.inner.send(request, timeout).await,
                Step::Fail(kind, sent) => {
                    if sent != Sent::No {
                        self.inner.send(request, timeout).await?;
                    }
                    Err(SendError::new(kind, sent, "the test says so"))
                }
                Step::Answer(status, body) => Ok(RawReply { status, headers: Default::default(), body: body.into() }),
                Step::Busy(seconds) => {
                    let retry_after = [("retry-after".to_owned(), seconds.to_string())];
                    Ok(RawReply { status: 200, headers: headers(&retry_after), body: BUSY.into() })
                }
            }
        })
    }
}

/// Headers as an HTTP stack gives them.
pub(crate) fn headers(headers: &[(String, String)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// What the emulator in process says to a request, as an HTTP stack would say it.
pub(crate) fn exchange(emulator: &InProcess, request: &SignedRequest) -> Result<RawReply, SendError> {
    InProcessHttp::new(emulator.clone()).exchange(request, request.body())
}

/// What tests do with a store in memory, whose futures are ready at once.
pub(crate) trait StoreExt {
    /// All jobs, oldest first, with their bodies.
    fn jobs(&self) -> Vec<JobRecord>;

    /// Replaces a job.
    fn replace(&self, job: &JobRecord);

    /// The job of a store that holds one.
    fn only_job(&self) -> JobRecord {
        let [job] = self.jobs().try_into().unwrap();
        job
    }

    /// Gives that job another state, as another process would.
    fn put(&self, state: JobState) {
        self.replace(&self.only_job().with_state(state));
    }
}

impl StoreExt for MemoryStore {
    fn jobs(&self) -> Vec<JobRecord> {
        let page = ready(self.page(&JobFilter::all(), None, usize::MAX)).unwrap();
        page.jobs().map(|job| ready(self.load(&job.key)).unwrap().unwrap()).collect()
    }

    fn replace(&self, job: &JobRecord) {
        ready(self.save(job, seconds(noon()))).unwrap();
    }
}

/// The result of a future that is ready at once.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is ready at once")
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// A server that answers each connection with the next of some whole HTTP answers and closes it.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Vec<u8>, IntoIter: Send + 'static>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        let answers = answers.into_iter();
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

/// A number that sets the size of a test.
#[expect(clippy::disallowed_methods, reason = "a variable sets the size of a test")]
pub(crate) fn size(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Says what a test has counted, also where it passes: straight to standard error, which the harness does not keep back.
pub(crate) fn report(counted: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{counted}");
}
