#![doc = include_str!("../README.md")]
//!
//! # What it answers
//!
//! | request | answer |
//! |---|---|
//! | `POST /`, `X-TC-Action:` any that starts a task | a task id, or the vendor's error code for the rule that the request breaks |
//! | … `DescribeTaskDetail` | the state of a task for three days after its creation, with what was asked for and what was made; of a video task in one of two [shapes](ReplyShape) |
//! | … `DescribeTasks` | the tasks of three days, newest first, with filters, order and pages |
//! | … `ManageTask` | stops a task that waits; one that has begun goes on |
//! | … `PullEvents` and `ConfirmEvents` | the events of tasks that have ended, of those kinds that have one: 16 at most, hidden for 30 seconds, kept for four days. It never waits for one to come, because nothing does unless the clock is moved |
//! | … `DescribeEventConfig` and `ModifyEventConfig` | where the events go of tasks that end from now on; those that go to a URL are in no queue |
//! | … elements, subjects and voices | ids that a request may name from the moment that they are made; elements are listed and deleted |
//! | … `DescribeAigcFaceInfo` and `DescribeAigcFaceInfoAsync` | one face with its picture, and the session that lip sync names |
//! | … quotas | limit the images and the seconds of video that are ordered after they are set |
//! | … tokens of the text API | are listed, changed and deleted some 30 seconds after they are made ([`Behaviour::token_lag`]) |
//! | … `DescribeAigcUsageData` | what was ordered and is billed, by day or by 5 minutes |
//! | … `ApplyUpload` and `CommitUpload` | a place in object storage with keys to it for two hours, and then a file id, by which a create may name the file |
//! | `PUT /cos/{bucket}/{key}` | keeps the object of an upload in memory, once its signature and its MD5 are those of what came; 256 MiB at most |
//! | `GET /uploads/{file id}` | the file of a committed upload |
//! | `GET /files/{task id}/video.mp4` and `…/cover.jpg` | the finished video and its cover, for seven days or for good; `Range` is understood |
//! | `GET /files/{task id}/…` | what else was made: JPEG pictures, WAV sounds, a cube in glTF, as the details of the task name them |
//! | `GET /_emulator/health` | `{"status":"ok","now":"2026-11-23T08:00:00Z"}` |
//! | `GET /_emulator/ledger` | every accepted create, and whatever else costs money, as a [`LedgerEntry`], oldest first |
//! | `GET /_emulator/bill` | the [`Bill`] |
//! | `POST /_emulator/clock` with `{"advance_seconds": 60}` | moves the [`Clock`]; answers as health does |
//! | `POST /_emulator/tasks/{task id}/fail` with `{"code": "TaskTimeout"}` | ends a running task with this `ErrCodeExt` |
//! | `POST /_emulator/faults` with `[{"action": "DescribeTasks", "nth": 1, "fault": "refused"}]` | adds each [`FaultRule`] |
//! | `DELETE /_emulator/faults` | lets nothing go wrong any more |
//!
//! Every request to `/` must be signed; the others are open to whoever reaches the port. A task whose prompt holds
//! `[[emulator:fail=ContentModerationFailed]]`, or any other code in that place, fails when its time is over.
//!
//! # What it refuses
//!
//! A wrong signature, key or time; an unknown action or version; a body over 10 MiB; members that are missing, of wrong
//! type or beyond their documented limits and words; video requests that the capability table of `vod-aigc-core`
//! refuses, models that it does not know included; inputs whose Base64 is broken or larger than 7 MB together; files,
//! elements, voices, subjects and faces whose ids look like its own and are not there; what is beyond a quota; a
//! SessionId that the same sub-application has had accepted within three days, unless a [`Behaviour`] says otherwise.
//!
//! # What it does not imitate
//!
//! It fetches no URL that a request names, not even for PullUpload, whose file id stands for no bytes, and looks into no
//! file. Which image model makes what is not judged. Whatever format a request asks for, pictures are JPEG, sounds WAV and
//! bodies glTF; a redrawn video is five seconds long. Events that go to a URL are not posted. There is no text API, so that
//! its usage is nothing. Quotas count what was ordered; the service counts what was made, and lets a little more through.
//! Two things are guesses: that a task that was stopped ends with OperationCanceled, an event and no bill, and the names by
//! which usage is told.
//!
//! # What goes wrong
//!
//! What is not known about the service is a [`Behaviour`], what befalls an exchange is a [`Fault`], and a file that
//! holds both is a [`Scenario`]; some lie in the folder `scenarios`. On an [`Emulator`] a fault acts on the socket:
//! connections are reset, hang, drip and break off. An [`InProcess`] has no sockets, and says the same as an
//! [`Exchange`]; nothing else tells them apart.

mod actions;
mod behaviour;
mod clock;
mod cos;
mod describe;
mod exchange;
mod fault;
mod files;
mod identifiers;
mod in_process;
mod input;
mod kind;
mod media;
mod product;
mod rates;
mod refusal;
mod routes;
mod scenario;
mod schedule;
mod service;
mod spoil;
mod start;
mod store;
mod tasks;
mod upload;
mod wire;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
pub use vod_aigc_signer::{Credential, Received};

pub use actions::Target;
pub use behaviour::{Behaviour, Burn, Concurrency, DuplicateCode, Overflow};
pub use clock::Clock;
pub use describe::ReplyShape;
pub use exchange::{Exchange, Reply};
pub use fault::{Fate, Fault, FaultRule, Pace, StatusBody, When};
pub use in_process::InProcess;
pub use scenario::{Scenario, ScenarioError};
pub use tasks::{Bill, LedgerEntry, Timing};
pub use upload::Upload;

use identifiers::Identifiers;
use schedule::Schedule;
use service::Service;

/// A running emulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    inside: InProcess,
    stop: watch::Sender<()>,
    serving: JoinHandle<()>,
}

impl Emulator {
    /// Starts one with all defaults: a random port on loopback, real time, and the
    /// [`credential`](Self::credential) that it makes up.
    ///
    /// # Errors
    ///
    /// When no port can be opened.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Starts one with settings of its own.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            credentials: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::real(),
            timing: Timing::default(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            seed: 0,
        }
    }

    fn serve(listener: TcpListener, inside: InProcess) -> Self {
        let (stop, stopped) = watch::channel(());
        let serving = tokio::spawn(wire::serve(listener, Arc::clone(&inside.service), stopped));
        Self { inside, stop, serving }
    }

    /// Its inside, which tests may call without a socket, and which outlives it.
    #[must_use]
    pub fn in_process(&self) -> &InProcess {
        &self.inside
    }

    /// Where it listens, for example `http://127.0.0.1:40123`, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.inside.endpoint()
    }

    /// The first of the key pairs that it accepts.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        self.inside.credential()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.inside.clock()
    }

    /// Moves its clock forward, and every task with it.
    pub fn advance(&self, by: Duration) {
        self.inside.advance(by);
    }

    /// Every create that was accepted, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.inside.ledger()
    }

    /// What the real service would bill.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.inside.bill()
    }

    /// Every upload that was applied for, oldest first.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.inside.uploads()
    }

    /// Ends a running task now with `code` as its `ErrCodeExt`. False if there is no such task or
    /// it has ended.
    pub fn fail_task(&self, task_id: &str, code: &str) -> bool {
        self.inside.fail_task(task_id, code)
    }

    /// Lets something go wrong from now on.
    pub fn inject(&self, rule: FaultRule) {
        self.inside.inject(rule);
    }

    /// Lets nothing go wrong any more, except what has begun.
    pub fn clear_faults(&self) {
        self.inside.clear_faults();
    }

    /// Stops it: open requests are answered, those that hang are reset, then the port is free and refuses connections.
    /// [`InProcess::listen`] of a clone of its inside ends the outage.
    pub async fn stop(self) {
        drop(self.stop);
        // An error here means that the serving task was cancelled with its runtime: stopped too.
        let _ = self.serving.await;
    }
}

/// The settings of an [`Emulator`] that is about to start.
#[derive(Debug)]
pub struct Builder {
    credentials: Vec<Credential>,
    listen: SocketAddr,
    clock: Clock,
    timing: Timing,
    behaviour: Behaviour,
    faults: Vec<FaultRule>,
    seed: u64,
}

impl Builder {
    /// Accepts requests signed with this key pair; may be called several times. Without any, one
    /// pair is made up: [`Emulator::credential`].
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// Listens there instead of at a random port of 127.0.0.1. Port 0 is a random one.
    ///
    /// The control surface has no password: an address that others reach lets them fail tasks and
    /// move the clock.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Runs on this clock instead of real time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long each task takes.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Which of the two documented shapes DescribeTaskDetail answers with.
    #[must_use]
    pub fn reply_shape(mut self, shape: ReplyShape) -> Self {
        self.behaviour.reply_shape = shape;
        self
    }

    /// How it behaves where the service's behaviour is not known.
    #[must_use]
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// Lets something go wrong; may be called several times.
    #[must_use]
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Plays this scenario: it replaces behaviour, timing and, where it names them, seed and clock; its keys and
    /// faults are added.
    #[must_use]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.seed = scenario.seed.unwrap_or(self.seed);
        self.clock = scenario.clock.unwrap_or(self.clock);
        self.behaviour = scenario.behaviour;
        self.timing = scenario.timing;
        self.credentials.extend(scenario.keys);
        self.faults.extend(scenario.faults);
        self
    }

    /// Where task ids, RequestIds and dice come from: the same seed gives the same in the same order.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened at.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(self) -> Result<Emulator, StartError> {
        let refused = |source| StartError { address: self.listen, source };
        let listener = TcpListener::bind(self.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;

        Ok(Emulator::serve(listener, self.reached_at(format!("http://{}", reachable(address)))))
    }

    /// Makes one without sockets; the address to listen at is not used.
    #[must_use]
    pub fn in_process(self) -> InProcess {
        self.reached_at("http://localhost".to_owned())
    }

    fn reached_at(mut self, endpoint: String) -> InProcess {
        if self.credentials.is_empty() {
            self.credentials.push(made_up_credential());
        }
        let credential = self.credentials[0].clone();
        let by_id = |credential: Credential| (credential.secret_id().to_owned(), credential);
        let service = Service {
            credentials: self.credentials.into_iter().map(by_id).collect(),
            clock: self.clock,
            timing: self.timing,
            behaviour: self.behaviour,
            endpoint,
            identifiers: Identifiers::new(self.seed),
            schedule: Mutex::new(Schedule::new(self.seed, self.faults)),
            store: Mutex::default(),
            rates: Mutex::default(),
            delayed: Mutex::default(),
        };
        InProcess { service: Arc::new(service), credential }
    }
}

/// A key pair that no account has.
fn made_up_credential() -> Credential {
    Credential::new("AKIDemulator", "emulator").expect("neither is empty nor holds a blank")
}

/// `address`, or loopback where it stands for every address of this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The emulator could not listen.
#[derive(Debug)]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the emulator cannot listen at {}; choose another address, or port 0 for a random one",
            self.address
        )
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
