//! One call from a typed action to its typed reply: prepare, sign, send, open, and again where that is safe.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use vod_aigc_core::{Action, Effect};
use vod_aigc_signer::Signer;

use crate::error::Cause;
use crate::retry::retry_after;
use crate::signed_request::Destination;
use crate::{
    Call, Clock, Endpoint, Error, Http, HttpClient, Language, ProvideCredential, Random, RawReply, Reply, RetryPolicy,
    SignedRequest, SystemClock, SystemRandom, fill_session_id, open,
};

/// Sends actions to Tencent Cloud API 3.0. A clone is cheap and shares connections and keys.
#[derive(Clone)]
pub struct Transport(Arc<Settings>);

struct Settings {
    credentials: Arc<dyn ProvideCredential>,
    endpoint: Option<Endpoint>,
    region: Option<String>,
    language: Option<Language>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http: Arc<dyn Http>,
    read_attempt: Duration,
    write_attempt: Duration,
    read_retry: RetryPolicy,
    write_retry: RetryPolicy,
    signer: Signer,
}

impl Transport {
    /// Starts from where the credentials come from; a [`Credential`](crate::signer::Credential) is one source.
    pub fn builder(credentials: impl ProvideCredential + 'static) -> TransportBuilder {
        TransportBuilder(Settings {
            credentials: Arc::new(credentials),
            endpoint: None,
            region: None,
            language: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            http: Arc::new(HttpClient::new()),
            read_attempt: Duration::from_secs(30),
            write_attempt: Duration::from_secs(60),
            read_retry: RetryPolicy::READ,
            write_retry: RetryPolicy::WRITE,
            signer: Signer::new(),
        })
    }

    /// Sends an action and returns its reply.
    ///
    /// An action whose session id is empty gets one first, so that a lost reply can be traced.
    ///
    /// # Errors
    ///
    /// Every failure as one [`Error`], which says whether anything was sent and, for a paid action, whether money may
    /// have been spent. Dropping the future of a paid action leaves its outcome unknown in the same way.
    pub async fn call<A: Action>(&self, action: A) -> Result<Reply<A::Reply>, Error> {
        let call = self.prepare(action)?;
        self.execute(&call).await
    }

    /// The first arrow: from an action to the call with its final bytes.
    ///
    /// # Errors
    ///
    /// When the action cannot be serialised.
    pub fn prepare<A: Action>(&self, mut action: A) -> Result<Call, Error> {
        fill_session_id(&mut action, &*self.0.random);
        Call::of(&mut action).map_err(|error| {
            Error::early(Cause::Request(format!("the request of {} cannot be serialised: {error}", A::NAME)))
        })
    }

    /// The second arrow: from a call to the signed request, for this moment.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or a part of the call cannot be sent.
    pub async fn sign(&self, call: &Call) -> Result<SignedRequest, Error> {
        let settings = &*self.0;
        let refused = |cause| Error::of(call, cause, None);
        let of_service;
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint,
            None => {
                of_service = Endpoint::of_service(call.service())
                    .map_err(|error| refused(Cause::Configuration(error.to_string())))?;
                &of_service
            }
        };
        let now = settings.clock.now();
        let credential = settings.credentials.provide(now).await.map_err(|error| refused(Cause::Credential(error)))?;
        let destination = Destination { endpoint, region: settings.region.as_deref(), language: settings.language };
        SignedRequest::new(call, destination, &credential.credential, &settings.signer, settings.clock.now())
            .map_err(|problem| refused(Cause::Request(problem)))
    }

    /// The third arrow: from a signed request to the raw reply. One attempt, never repeated.
    ///
    /// # Errors
    ///
    /// When there is no complete reply.
    pub async fn send(&self, call: &Call, request: &SignedRequest) -> Result<RawReply, Error> {
        self.send_within(call, request, self.attempt_timeout(call)).await
    }

    /// Signs, sends and opens a call once.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn attempt<R: DeserializeOwned>(&self, call: &Call) -> Result<Reply<R>, Error> {
        self.attempt_within(call, Duration::MAX).await
    }

    /// Signs, sends and opens a call, and repeats the three where that is safe.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn execute<R: DeserializeOwned>(&self, call: &Call) -> Result<Reply<R>, Error> {
        let settings = &*self.0;
        let policy = if call.effect() == Effect::Read { settings.read_retry } else { settings.write_retry };
        let start = settings.clock.now();
        let remaining = || {
            let elapsed = settings.clock.now().duration_since(start).unwrap_or_default();
            policy.total.saturating_sub(elapsed)
        };
        let mut failed = 0;
        loop {
            let error = match self.attempt_within(call, remaining()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            failed += 1;
            if !error.is_retryable() || failed >= policy.attempts {
                return Err(error);
            }
            let wait = policy.wait(failed, error.retry_after(), &*settings.random);
            if wait >= remaining() {
                return Err(error);
            }
            settings.clock.sleep(wait).await;
        }
    }

    /// The time of day that requests are signed with.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// The clock that deadlines are taken from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The source of jitter and session ids.
    #[must_use]
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.0.random
    }

    /// Where every action goes; each goes to its own service's endpoint if none is set.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.0.endpoint.as_ref()
    }

    async fn attempt_within<R: DeserializeOwned>(&self, call: &Call, remaining: Duration) -> Result<Reply<R>, Error> {
        let request = self.sign(call).await?;
        let timeout = match call.effect() {
            Effect::Read => self.0.read_attempt.min(remaining),
            // Cut short, it would end with an unknown outcome for no reason.
            Effect::Write | Effect::Paid => self.0.write_attempt,
        };
        let reply = self.send_within(call, &request, timeout).await?;
        open(&reply).map_err(|error| Error::of(call, Cause::Open(error), retry_after(&reply, self.0.clock.now())))
    }

    async fn send_within(&self, call: &Call, request: &SignedRequest, timeout: Duration) -> Result<RawReply, Error> {
        self.0.http.send(request, timeout).await.map_err(|error| Error::of(call, Cause::Send(error), None))
    }

    fn attempt_timeout(&self, call: &Call) -> Duration {
        if call.effect() == Effect::Read { self.0.read_attempt } else { self.0.write_attempt }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The settings of a [`Transport`], each with a default.
pub struct TransportBuilder(Settings);

impl TransportBuilder {
    /// Sends every action here instead of to `https://<service>.tencentcloudapi.com`.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.endpoint = Some(endpoint);
        self
    }

    /// The value of `X-TC-Region`, for example `ap-guangzhou`; not sent by default.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.0.region = Some(region.into());
        self
    }

    /// The language of the service's messages; the account's own by default.
    #[must_use]
    pub fn language(mut self, language: Language) -> Self {
        self.0.language = Some(language);
        self
    }

    /// The clock; the system's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// The source of session ids and jitter; the operating system's by default.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.0.random = random;
        self
    }

    /// The HTTP stack; an [`HttpClient`] by default.
    #[must_use]
    pub fn http(mut self, http: Arc<dyn Http>) -> Self {
        self.0.http = http;
        self
    }

    /// The time for one attempt of an action that reads (30 s by default) and of any other (60 s).
    #[must_use]
    pub fn attempt_timeouts(mut self, read: Duration, write: Duration) -> Self {
        self.0.read_attempt = read;
        self.0.write_attempt = write;
        self
    }

    /// How reads are repeated and how long a whole read may take; [`RetryPolicy::READ`] by default.
    #[must_use]
    pub fn read_retry(mut self, policy: RetryPolicy) -> Self {
        self.0.read_retry = policy;
        self
    }

    /// The same for all other actions; [`RetryPolicy::WRITE`] by default.
    #[must_use]
    pub fn write_retry(mut self, policy: RetryPolicy) -> Self {
        self.0.write_retry = policy;
        self
    }

    /// The finished transport. Nothing is connected or checked yet.
    #[must_use]
    pub fn build(self) -> Transport {
        Transport(Arc::new(self.0))
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("credentials", &self.credentials)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("language", &self.language)
            .field("clock", &self.clock)
            .field("http", &self.http)
            .field("read_attempt", &self.read_attempt)
            .field("write_attempt", &self.write_attempt)
            .field("read_retry", &self.read_retry)
            .field("write_retry", &self.write_retry)
            .finish_non_exhaustive()
    }
}
