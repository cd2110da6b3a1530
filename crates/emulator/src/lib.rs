#![doc = include_str!("../README.md")]
//!
//! # What it answers
//!
//! | request | answer |
//! |---|---|
//! | `POST /`, `X-TC-Action: CreateAigcVideoTask` | a task id, or the vendor's error code for the rule that the request breaks |
//! | `POST /`, `X-TC-Action: DescribeTaskDetail` | the state of a task for three days after its creation, in one of two [shapes](ReplyShape) |
//! | `GET /files/{task id}/video.mp4` and `…/cover.jpg` | the finished video and its cover, for seven days; `Range` is understood |
//! | `GET /_emulator/health` | `{"status":"ok","now":"2026-11-23T08:00:00Z"}` |
//! | `GET /_emulator/ledger` | every accepted create as a [`LedgerEntry`], oldest first |
//! | `POST /_emulator/clock` with `{"advance_seconds": 60}` | moves the [`Clock`]; answers as health does |
//! | `POST /_emulator/tasks/{task id}/fail` with `{"code": "TaskTimeout"}` | ends a running task with this `ErrCodeExt` |
//!
//! Every request to `/` must be signed; the others are open to whoever reaches the port. A task whose prompt holds
//! `[[emulator:fail=ContentModerationFailed]]`, or any other code in that place, fails when its time is over.
//!
//! # What it refuses
//!
//! A wrong signature, key or time; an unknown action or version; a body over 10 MiB; members of wrong type or
//! beyond their documented limits; whatever the capability table of `vod-aigc-core` refuses, models that it does
//! not know included; inputs whose Base64 is broken or larger than 7 MB together; a SessionId that the same
//! sub-application has had accepted within three days. It does not fetch the URLs that a request names, nor look
//! into the pictures.

mod clock;
mod create;
mod describe;
mod files;
mod identifiers;
mod media;
mod refusal;
mod server;
mod tasks;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
pub use vod_aigc_signer::Credential;

pub use clock::Clock;
pub use describe::ReplyShape;
pub use tasks::{LedgerEntry, Timing};

use identifiers::Identifiers;
use server::Service;

/// A running emulator. It stops when it is dropped.
pub struct Emulator {
    service: Arc<Service>,
    credential: Credential,
    stop: oneshot::Sender<()>,
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
    /// Outside a tokio runtime with I/O enabled.
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
            reply_shape: ReplyShape::default(),
            seed: 0,
        }
    }

    /// Where it listens, for example `http://127.0.0.1:40123`, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.service.endpoint
    }

    /// The first of the key pairs that it accepts.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.service.clock
    }

    /// Moves its clock forward, and every task with it.
    pub fn advance(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// Every create that was accepted, and that the real service would bill, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.service.tasks().ledger().to_vec()
    }

    /// Ends a running task now with `code` as its `ErrCodeExt`. False if there is no such task or
    /// it has ended.
    pub fn fail_task(&self, task_id: &str, code: &str) -> bool {
        self.service.fail_task(task_id, code.to_owned()) == tasks::Failing::Done
    }

    /// Stops it: open requests are answered, then the port is free.
    pub async fn stop(self) {
        drop(self.stop);
        // An error here means that the serving task was cancelled with its runtime: stopped too.
        let _ = self.serving.await;
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Emulator")
            .field("endpoint", &self.service.endpoint)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// The settings of an [`Emulator`] that is about to start.
#[derive(Debug)]
pub struct Builder {
    credentials: Vec<Credential>,
    listen: SocketAddr,
    clock: Clock,
    timing: Timing,
    reply_shape: ReplyShape,
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
        self.reply_shape = shape;
        self
    }

    /// Where task ids and RequestIds come from: the same seed gives the same ids in the same order.
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
    /// Outside a tokio runtime with I/O enabled.
    pub async fn start(mut self) -> Result<Emulator, StartError> {
        let refused = |source| StartError { address: self.listen, source };
        let listener = TcpListener::bind(self.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;

        if self.credentials.is_empty() {
            self.credentials.push(made_up_credential());
        }
        let credential = self.credentials[0].clone();
        let by_id = |credential: Credential| (credential.secret_id().to_owned(), credential);
        let service = Arc::new(Service {
            credentials: self.credentials.into_iter().map(by_id).collect(),
            clock: self.clock,
            timing: self.timing,
            reply_shape: self.reply_shape,
            endpoint: format!("http://{}", reachable(address)),
            identifiers: Identifiers::new(self.seed),
            tasks: Default::default(),
            files: Default::default(),
        });

        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, server::router(Arc::clone(&service))).with_graceful_shutdown(async {
            // Nothing is ever sent: the wait ends when the sender is dropped.
            let _ = stopped.await;
        });
        let serving = tokio::spawn(async {
            // It never returns an error: it goes on after one that concerns a connection.
            let _ = serving.await;
        });
        Ok(Emulator { service, credential, stop, serving })
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
