//! The client: submits a request, finds a task again, and calls any other action.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vod_aigc_core::{
    Action, CreateAigcVideoTaskRequest, DescribeTaskDetailRequest, DescribeTaskDetailResponse, VideoRequest,
};
use vod_aigc_transport::{
    Clock, Endpoint, Error, HttpClient, ProvideCredential, Random, Reply, Transport, TransportBuilder, fill_session_id,
};

use crate::{Settings, SettingsError, SubmitError, Task, TaskHandle, WaitPolicy};

/// The server of the integration spec.
const ENDPOINT: &str = "vod.ap-guangzhou.tencentcloudapi.com";
/// The region of the integration spec.
const REGION: &str = "ap-guangzhou";

/// Makes videos through one sub-application. A clone is cheap and shares connections.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    http: HttpClient,
    sub_app_id: u64,
    wait_policy: WaitPolicy,
}

impl Client {
    /// A client from the process's environment: see [`Settings`] for the variables.
    ///
    /// # Errors
    /// A variable that is missing or cannot be used. Nothing has been sent.
    #[expect(clippy::disallowed_methods, reason = "this is where the process's own environment comes in")]
    pub fn from_env() -> Result<Self, SettingsError> {
        Ok(Self::from_settings(Settings::read(|name| std::env::var(name).ok())?).build())
    }

    /// Begins a client with these settings.
    pub fn from_settings(settings: Settings) -> ClientBuilder {
        let mut builder = Self::builder(settings.credential, settings.sub_app_id);
        if let Some(region) = settings.region {
            builder = builder.region(region);
        }
        match settings.endpoint {
            Some(endpoint) => builder.endpoint(endpoint),
            None => builder,
        }
    }

    /// Begins a client from where its credentials come from and the sub-application that will own its videos.
    pub fn builder(credentials: impl ProvideCredential + 'static, sub_app_id: u64) -> ClientBuilder {
        let http = HttpClient::new();
        let endpoint = ENDPOINT.parse().expect("the constant is a host name");
        let transport = Transport::builder(credentials).endpoint(endpoint).region(REGION).http(Arc::new(http.clone()));
        ClientBuilder { transport, http, sub_app_id, wait_policy: WaitPolicy::default() }
    }

    /// Submits a request: the service starts a task, which costs money.
    ///
    /// The request is checked first. It is sent once; it is sent again only while nothing of it has left this machine or
    /// the service has refused it for its frequency.
    ///
    /// # Errors
    /// Each says whether anything was sent and whether money may have been spent. Where the outcome is unknown it carries
    /// the `SessionId` by which the task can be found. Dropping the future leaves the outcome unknown in the same way.
    pub async fn submit(&self, request: VideoRequest) -> Result<Task, SubmitError> {
        request.check().map_err(SubmitError::Refused)?;
        self.submit_action(request.into_action(self.sub_app_id)).await
    }

    /// Submits a request as it is, without a check of it. It gets a `SessionId` if it has none.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub async fn submit_action(&self, mut action: CreateAigcVideoTaskRequest) -> Result<Task, SubmitError> {
        fill_session_id(&mut action, &**self.transport.random());
        let model = action.model().to_string();
        let (sub_app_id, session_id) = (action.sub_app_id, action.session_id.clone());
        let reply = self.transport.call(action).await.map_err(SubmitError::Call)?;
        let Some(task_id) = reply.value.task_id.filter(|id| !id.is_empty()) else {
            return Err(SubmitError::NoTaskId { session_id, request_id: reply.request_id });
        };
        let handle = TaskHandle {
            task_id,
            sub_app_id,
            session_id,
            request_id: reply.request_id,
            model: Some(model),
            submitted_at: Some(seconds(self.transport.clock().now())),
        };
        Ok(Task::new(self.clone(), handle))
    }

    /// A task of this client's sub-application by its id, from this process or any other. Nothing is sent.
    pub fn task(&self, task_id: impl Into<String>) -> Task {
        self.resume(TaskHandle::new(task_id, self.sub_app_id))
    }

    /// A task from its serialised handle. Nothing is sent.
    pub fn resume(&self, handle: TaskHandle) -> Task {
        Task::new(self.clone(), handle)
    }

    /// Asks for the state of a task once, with the transport's retries.
    ///
    /// # Errors
    /// What went wrong with the call; the task goes on.
    pub async fn describe(&self, handle: &TaskHandle) -> Result<Reply<DescribeTaskDetailResponse>, Error> {
        let mut action = DescribeTaskDetailRequest::new(&handle.task_id);
        action.sub_app_id = Some(handle.sub_app_id);
        self.transport.call(action).await
    }

    /// Calls any action, with the transport's rules on what is sent again.
    ///
    /// # Errors
    /// What went wrong with the call.
    pub async fn call<A: Action>(&self, action: A) -> Result<Reply<A::Reply>, Error> {
        self.transport.call(action).await
    }

    /// The transport, for single steps of a call.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The sub-application that owns this client's videos.
    pub fn sub_app_id(&self) -> u64 {
        self.sub_app_id
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(crate) fn wait_policy(&self) -> &WaitPolicy {
        &self.wait_policy
    }
}

/// The settings of a [`Client`], each with a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    transport: TransportBuilder,
    http: HttpClient,
    sub_app_id: u64,
    wait_policy: WaitPolicy,
}

impl ClientBuilder {
    /// Another server than `vod.ap-guangzhou.tencentcloudapi.com`, for example a local emulator.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.transport = self.transport.endpoint(endpoint);
        self
    }

    /// Another region than `ap-guangzhou`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.transport = self.transport.region(region);
        self
    }

    /// Another clock than the system's: timestamps, waits and deadlines follow it.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.transport = self.transport.clock(clock);
        self
    }

    /// Another source of session ids and jitter than the operating system's.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.transport = self.transport.random(random);
        self
    }

    /// How tasks are waited for.
    pub fn wait_policy(mut self, policy: WaitPolicy) -> Self {
        self.wait_policy = policy;
        self
    }

    /// Any other setting of the transport: time-outs, retries, language.
    pub fn transport(mut self, set: impl FnOnce(TransportBuilder) -> TransportBuilder) -> Self {
        self.transport = set(self.transport);
        self
    }

    /// The finished client. Nothing is connected or checked yet.
    pub fn build(self) -> Client {
        let Self { transport, http, sub_app_id, wait_policy } = self;
        Client { transport: transport.build(), http, sub_app_id, wait_policy }
    }
}

/// Whole seconds since 1970-01-01 UTC.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
