//! One call from a typed action to its typed reply: prepare, sign, send, open, and again where that is safe.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde::de::DeserializeOwned;
use tracing::{debug, info, trace};
use vod_aigc_core::api::{Action, Effect, ErrorClass, ErrorCode};
use vod_aigc_signer::{Credential, Signer};

use crate::correction::{Correction, TOLERANCE, measure};
use crate::error::{Cause, Remedy};
use crate::limits::Tokens;
use crate::retry::retry_after;
use crate::signed_request::{Destination, name_value};
use crate::{
    Call, Clock, Endpoint, Error, Http, HttpClient, Language, OpenError, ProvideCredential, Random, RateLimiter,
    RawReply, Reply, RetryBudget, RetryPolicy, SignedRequest, SystemClock, SystemRandom, fill_session_id, open,
};

/// Sends actions to Tencent Cloud API 3.0. A clone is cheap and shares connections, keys, rates and what is known of the
/// service's clock.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    settings: Settings,
    correction: Correction,
    tokens: Tokens,
}

struct Settings {
    credentials: Arc<dyn ProvideCredential>,
    endpoint: Option<Endpoint>,
    /// The value of its header, or why it cannot be one.
    region: Option<Result<HeaderValue, String>>,
    language: Option<Language>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http: Arc<dyn Http>,
    read_attempt: Duration,
    write_attempt: Duration,
    read_retry: RetryPolicy,
    write_retry: RetryPolicy,
    retry_budget: RetryBudget,
    rate_limiter: RateLimiter,
    correct_clock: bool,
    signed_up_to: usize,
    signer: Signer,
}

/// What a request was signed with.
struct Signed {
    request: SignedRequest,
    credential: Credential,
    time: SystemTime,
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
            retry_budget: RetryBudget::default(),
            rate_limiter: RateLimiter::default(),
            correct_clock: true,
            signed_up_to: usize::MAX,
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
        fill_session_id(&mut action, &*self.settings().random);
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
        Ok(self.sign_at(call, None).await?.request)
    }

    /// The third arrow: from a signed request to the raw reply. One attempt, never repeated.
    ///
    /// # Errors
    ///
    /// When there is no complete reply.
    pub async fn send(&self, call: &Call, request: SignedRequest) -> Result<RawReply, Error> {
        let timeout =
            if call.effect() == Effect::Read { self.settings().read_attempt } else { self.settings().write_attempt };
        self.settings().http.send(request, timeout).await.map_err(|error| Error::of(call, Cause::Send(error), None))
    }

    /// Waits for the call's turn: until the action's rate allows one more.
    ///
    /// Callers that record when something is sent do so between this and [`attempt`](Self::attempt), because with many
    /// callers a turn may be minutes away.
    #[doc(hidden)]
    pub async fn admit(&self, call: &Call) {
        let settings = self.settings();
        settings.rate_limiter.acquire(call.action(), call.effect(), &*settings.clock).await;
    }

    /// Signs with the timestamp `time`, sends and opens a call exactly once. The caller waits for the rate limit first, by
    /// [`admit`](Self::admit).
    ///
    /// `time` is [`now`](Self::now) of a moment ago, for example the one that a write-ahead record holds. The service
    /// refuses a timestamp that is more than 300 s from its own clock, so a request that was delayed after that moment,
    /// even by a suspended machine, starts nothing.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). Where [`Error::remedy`] is set, the same call may be attempted once more at once.
    #[doc(hidden)]
    pub async fn attempt<R: DeserializeOwned>(&self, call: &Call, time: SystemTime) -> Result<Reply<R>, Error> {
        self.attempt_once(call, Some(time), Duration::MAX).await
    }

    /// Signs, sends and opens a call, and repeats the three where that is safe.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn execute<R: DeserializeOwned>(&self, call: &Call) -> Result<Reply<R>, Error> {
        let Shared { settings, tokens, .. } = &*self.0;
        let policy = if call.effect() == Effect::Read { settings.read_retry } else { settings.write_retry };
        self.admit(call).await;
        // The time begins only after the wait for the first turn.
        let start = settings.clock.now();
        let remaining = || {
            let elapsed = settings.clock.now().duration_since(start).unwrap_or_default();
            policy.total.saturating_sub(elapsed)
        };
        let mut failed = 0;
        loop {
            let error = match self.attempt_within(call, remaining()).await {
                Ok(reply) => {
                    tokens.put_back(settings.retry_budget);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            failed += 1;
            if !error.is_retryable() || failed >= policy.attempts {
                return Err(error);
            }
            let wait = policy.wait(failed, error.retry_after(), &*settings.random);
            let throttled = error.class() == Some(ErrorClass::Frequency);
            let budget = settings.retry_budget;
            let cost = if throttled { budget.throttled } else { budget.transient };
            if wait >= remaining() || !tokens.take(cost) {
                return Err(error);
            }
            debug!(action = call.action(), attempt = failed + 1, wait = wait.as_secs_f64(), "retry");
            settings.clock.sleep(wait).await;
            self.admit(call).await;
            if remaining().is_zero() {
                return Err(error);
            }
        }
    }

    /// The service's time of day as far as it is known: the clock's, corrected by what replies have shown. Requests are
    /// signed with it.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.correction.apply(self.settings().clock.now())
    }

    /// The clock that deadlines are taken from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings().clock
    }

    /// The source of jitter and session ids.
    #[must_use]
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.settings().random
    }

    /// Where every action goes; each goes to its own service's endpoint if none is set.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.settings().endpoint.as_ref()
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Signs for the timestamp `time`, or for the moment at which everything else is ready.
    async fn sign_at(&self, call: &Call, time: Option<SystemTime>) -> Result<Signed, Error> {
        let settings = self.settings();
        let refused = |cause| Error::of(call, cause, None);
        call.header_values().map_err(|problem| refused(Cause::Request(problem)))?;
        let endpoint = match self.endpoint() {
            Some(endpoint) => Cow::Borrowed(endpoint),
            None => Endpoint::of_service(call.service())
                .map(Cow::Owned)
                .map_err(|error| refused(Cause::Configuration(error.to_string())))?,
        };
        let region = settings.region.as_ref().map(Result::as_ref).transpose();
        let region = region.map_err(|problem| refused(Cause::Request(problem.clone())))?;
        let now = self.now();
        let provided = match settings.credentials.at_hand(now) {
            Some(provided) => Ok(provided),
            None => settings.credentials.provide(now).await,
        };
        let credential = provided.map_err(|error| refused(Cause::Credential(error)))?.credential;
        let signs_body = call.body().len() <= settings.signed_up_to;
        if signs_body {
            call.hash_large_body().await;
        }
        let destination = Destination { endpoint: &endpoint, region, language: settings.language, signs_body };
        let time = time.unwrap_or_else(|| self.now());
        let request = SignedRequest::new(call, destination, &credential, &settings.signer, time)
            .map_err(|problem| refused(Cause::Request(problem)))?;
        Ok(Signed { request, credential, time })
    }

    /// Attempts a call. A refusal whose cause was remedied is attempted again at once, once for each remedy.
    async fn attempt_within<R: DeserializeOwned>(&self, call: &Call, remaining: Duration) -> Result<Reply<R>, Error> {
        let mut remedies = Vec::new();
        loop {
            let error = match self.attempt_once(call, None, remaining).await {
                Err(error) => error,
                reply => return reply,
            };
            match error.remedy() {
                Some(remedy) if !remedies.contains(&remedy) => remedies.push(remedy),
                _ => return Err(error),
            }
            self.admit(call).await;
        }
    }

    async fn attempt_once<R: DeserializeOwned>(
        &self,
        call: &Call,
        time: Option<SystemTime>,
        remaining: Duration,
    ) -> Result<Reply<R>, Error> {
        let Shared { settings, correction, .. } = &*self.0;
        let timeout = match call.effect() {
            Effect::Read => settings.read_attempt.min(remaining),
            // Cut short, it would end with an unknown outcome for no reason.
            Effect::Write | Effect::Paid => settings.write_attempt,
        };
        let signed = self.sign_at(call, time).await?;
        let sent = settings.clock.now();
        debug!(action = call.action(), session_id = call.session_id(), "send");
        let reply = settings.http.send(signed.request, timeout).await;
        let reply = reply.map_err(|error| {
            debug!(action = call.action(), session_id = call.session_id(), %error, sent = ?error.sent(), "no reply");
            Error::of(call, Cause::Send(error), None)
        })?;
        let received = settings.clock.now();

        let measured = measure(&reply, sent, received);
        let learn = |refused| settings.correct_clock && correction.learn(measured, refused);
        let error = match open(&reply) {
            Ok(reply) => {
                learn(false);
                trace!(action = call.action(), request_id = reply.request_id.as_deref(), "reply");
                return Ok(reply);
            }
            Err(error) => error,
        };
        let code = match &error {
            OpenError::Service { code, .. } => Some(code),
            OpenError::Unreadable { .. } => None,
        };
        let shown = learn(code == Some(&ErrorCode::AuthFailureSignatureExpire));
        let remedy = match code {
            Some(ErrorCode::AuthFailureSignatureExpire) if settings.correct_clock => {
                let stale = shown || distance(signed.time, self.now()) > TOLERANCE;
                if stale {
                    info!(action = call.action(), "clock corrected by the service's");
                }
                stale.then_some(Remedy::Clock)
            }
            Some(ErrorCode::AuthFailureTokenFailure | ErrorCode::AuthFailure) => {
                let replaced = settings.credentials.replace(&signed.credential, self.now()).await;
                replaced.then_some(Remedy::Credential)
            }
            Some(code) if code.class() == ErrorClass::Frequency => {
                settings.rate_limiter.slow_down(call.action(), call.effect(), received);
                None
            }
            _ => None,
        };
        let error = Error::of(call, Cause::Open(error), retry_after(&reply, self.now())).with_remedy(remedy);
        let code = error.code().map(tracing::field::display);
        debug!(
            action = call.action(),
            session_id = call.session_id(),
            request_id = error.request_id(),
            code,
            "refused"
        );
        Err(error)
    }
}

fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings().fmt(formatter)
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
        self.0.region = Some(name_value("region", region.into().into()));
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

    /// What repetitions cost; [`RetryBudget::default`] by default.
    #[must_use]
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.0.retry_budget = budget;
        self
    }

    /// How many requests a second are sent; a limiter of its own with [`Rates::default`](crate::Rates) by default. Share
    /// one between the transports of one account.
    #[must_use]
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.0.rate_limiter = limiter;
        self
    }

    /// Whether requests are signed with the service's time where replies show that this machine's clock is more than four
    /// minutes off; on by default.
    #[must_use]
    pub fn correct_clock(mut self, correct: bool) -> Self {
        self.0.correct_clock = correct;
        self
    }

    /// Leaves bodies of more bytes than this out of the signature (`X-TC-Content-SHA256: UNSIGNED-PAYLOAD`). By default every
    /// body is signed.
    ///
    /// It saves the hashing of the body, about 4 ms of a thread for blocking work for the first attempt of 7 MB. Its
    /// price: the signature then says who asks and for which action, and no longer for what. Anyone who can change bytes
    /// on the way, for example a proxy that opens TLS, can make the request another and dearer one on this account, and
    /// nothing but TLS keeps them from it.
    #[must_use]
    pub fn leave_bodies_unsigned_above(mut self, bytes: usize) -> Self {
        self.0.signed_up_to = bytes;
        self
    }

    /// The finished transport. Nothing is connected or checked yet.
    #[must_use]
    pub fn build(self) -> Transport {
        let tokens = Tokens::new(self.0.retry_budget);
        Transport(Arc::new(Shared { settings: self.0, correction: Correction::default(), tokens }))
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
            .field("retry_budget", &self.retry_budget)
            .field("rate_limiter", &self.rate_limiter)
            .field("correct_clock", &self.correct_clock)
            .field("signed_up_to", &self.signed_up_to)
            .finish_non_exhaustive()
    }
}
