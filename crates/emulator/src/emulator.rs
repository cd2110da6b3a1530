//! A running emulator, and where it listens.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vod_aigc_signer::Credential;

use crate::clock::Clock;
use crate::fault::FaultRule;
use crate::in_process::InProcess;
use crate::state::locked;
use crate::tasks::{Bill, LedgerEntry};
use crate::upload::Upload;
use crate::{callbacks, wire};

/// A running emulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    inside: InProcess,
    stop: watch::Sender<()>,
    serving: JoinHandle<()>,
    posting: JoinHandle<()>,
}

impl Emulator {
    pub(crate) fn serve(listener: TcpListener, inside: InProcess) -> Self {
        if let Ok(address) = listener.local_addr() {
            locked(&inside.state.listening).push(address);
        }
        let (stop, stopped) = watch::channel(());
        let serving = tokio::spawn(wire::serve(listener, Arc::clone(&inside.state), stopped));
        let posting = tokio::spawn(callbacks::run(Arc::clone(&inside.state), stop.subscribe()));
        Self { inside, stop, serving, posting }
    }

    /// Its inside, which tests may call without a socket, and which outlives it.
    #[must_use]
    pub fn in_process(&self) -> &InProcess {
        &self.inside
    }

    /// Why others than this machine may use it, in one sentence for a log; `None` where it listens on loopback only.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let listening = locked(&self.inside.state.listening);
        let open = listening.iter().find(|address| !address.ip().to_canonical().is_loopback())?;
        Some(format!(
            "the emulator listens on {open}, which other machines may reach: the routes below /_emulator have no password; \
             listen on 127.0.0.1 unless others need it"
        ))
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
        let _ = self.posting.await;
    }
}

impl InProcess {
    /// Serves it on a socket, with all that it remembers. The addresses of files stay what they are, so this is for the
    /// address of an emulator that was stopped.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened at.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn listen(&self, address: SocketAddr) -> Result<Emulator, StartError> {
        let listener = TcpListener::bind(address).await.map_err(|source| StartError { address, source })?;
        Ok(Emulator::serve(listener, self.clone()))
    }
}

/// The emulator could not listen.
#[derive(Debug)]
pub struct StartError {
    pub(crate) address: SocketAddr,
    pub(crate) source: io::Error,
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
