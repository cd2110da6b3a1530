//! The settings of an emulator.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use vod_aigc_core::Secret;
use vod_aigc_signer::Credential;

use crate::behaviour::{Behaviour, ReplyShape};
use crate::callback_url::CallbackUrl;
use crate::clock::Clock;
use crate::emulator::{Emulator, StartError};
use crate::event_config::EventConfig;
use crate::fault::FaultRule;
use crate::identifiers::Identifiers;
use crate::in_process::InProcess;
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use crate::state::State;
use crate::store::Store;
use crate::tasks::Timing;
use crate::timeouts::Timeouts;

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
        Builder::new()
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
    hosts: Vec<String>,
    timeouts: Timeouts,
    callback_url: Option<CallbackUrl>,
    callback_key: Option<Secret>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            credentials: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::real(),
            timing: Timing::default(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            seed: 0,
            hosts: Vec::new(),
            timeouts: Timeouts::default(),
            callback_url: None,
            callback_key: None,
        }
    }

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

    /// Answers `/_emulator/*` also to requests whose `Host` or `Origin` has this host name, without a port, for example
    /// the name of a container; may be called several times. Loopback names and addresses and the address that it
    /// listens on are always allowed.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Closes slow and idle connections after these times.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Posts the events of tasks that end to this URL, of every sub-application that sets nothing else by
    /// ModifyEventConfig; they are in no queue then. An [`InProcess`] posts nothing.
    #[must_use]
    pub fn callback_url(mut self, url: CallbackUrl) -> Self {
        self.callback_url = Some(url);
        self
    }

    /// Signs what is posted to [`callback_url`](Self::callback_url), as the service does with a `SignKey`.
    #[must_use]
    pub fn callback_key(mut self, key: impl Into<String>) -> Self {
        self.callback_key = Some(Secret::from(key.into()));
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

    /// Lets the progress of a task grow with time, instead of 0 until the end.
    #[must_use]
    pub fn smooth_progress(mut self, smooth: bool) -> Self {
        self.behaviour.smooth_progress = smooth;
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
        self.callback_url = scenario.callback_url.or(self.callback_url);
        self.callback_key = scenario.callback_key.or(self.callback_key);
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
        let mut store = Store::default();
        store.event_configs.default =
            self.callback_url.map(|url| EventConfig::push(url.to_string(), self.callback_key));
        let state = State {
            credentials: self.credentials.into_iter().map(by_id).collect(),
            clock: self.clock,
            timing: self.timing,
            behaviour: self.behaviour,
            endpoint,
            changed: Notify::new(),
            timeouts: self.timeouts,
            listening: Mutex::default(),
            hosts: self.hosts,
            identifiers: Identifiers::new(self.seed),
            schedule: Mutex::new(Schedule::new(self.seed, self.faults)),
            store: Mutex::new(store),
            rates: Mutex::default(),
            delayed: Mutex::default(),
        };
        InProcess { state: Arc::new(state), credential }
    }
}

/// A key pair that no account has.
fn made_up_credential() -> Credential {
    Credential::new("AKIDemulator", "emulator").expect("neither is empty nor holds a blank")
}

/// `address`, or loopback where it is the unspecified address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
