//! The client: submits a request, finds a task again, receives events, and calls any other action.

use std::sync::Arc;

use futures_util::stream::{Stream, try_unfold};
use vod_aigc_core::{
    Action, AigcTask, CreateAigcVideoTaskRequest, DescribeTaskDetailResponse, IntoTaskRequest, Paged, StartsTask,
};
use vod_aigc_store::{JobRecord, JobStore};
use vod_aigc_transport::{
    Clock, Endpoint, Error, HttpClient, ProvideCredential, Random, Reply, Transport, TransportBuilder,
};

use crate::context::Context;
use crate::error::SubmitError;
use crate::events::{self, Notification, PullPolicy};
use crate::job::{Job, PreparedJob};
use crate::policy::{SubmitPolicy, WaitPolicy};
use crate::poller::Poller;
use crate::resume::ResumeAll;
use crate::submit::Submit;
use crate::task::Task;
use crate::task_handle::TaskHandle;
use crate::variables::{Settings, SettingsError};

/// The server of the integration spec.
const ENDPOINT: &str = "vod.ap-guangzhou.tencentcloudapi.com";
/// The region of the integration spec.
const REGION: &str = "ap-guangzhou";

/// Makes videos through one sub-application. A clone is cheap and shares connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Context>);

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
        ClientBuilder {
            transport,
            http,
            cos_endpoint: None,
            sub_app_id,
            namespace: String::new(),
            store: None,
            submit_policy: SubmitPolicy::default(),
            wait_policy: WaitPolicy::default(),
        }
    }

    /// Submits a job: the service starts a task, which costs money. A plain request is a job without a key: a
    /// [`VideoRequest`](vod_aigc_core::VideoRequest), or the request of any other action that starts a task.
    ///
    /// The request is checked first. Then the submit protocol makes sure that it is billed once: see
    /// [`Job::key`] and [`ClientBuilder::store`]. Where an answer is lost, it looks for the task and sends the same bytes
    /// with the same `SessionId` again, which the service recognises.
    ///
    /// Dropping the future after the request may have left leaves the outcome unknown; with a store,
    /// [`resume_job`](Self::resume_job) finishes it.
    ///
    /// # Errors
    /// Each says whether anything was sent and whether money may have been spent.
    pub async fn submit<O: IntoTaskRequest>(
        &self,
        job: impl Into<Job<O>>,
    ) -> Result<Task<<O::Request as StartsTask>::Task>, SubmitError> {
        self.submit_prepared(self.prepare(job)?).await
    }

    /// Checks a job and gives it its identity. Nothing is sent.
    ///
    /// # Errors
    /// Every rule and limit that the request breaks.
    pub fn prepare<O: IntoTaskRequest>(
        &self,
        job: impl Into<Job<O>>,
    ) -> Result<PreparedJob<<O::Request as StartsTask>::Task>, SubmitError> {
        job.into().prepare(self.0.sub_app_id, &self.0.namespace, &**self.transport().random())
    }

    /// Submits a job that has been prepared.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub async fn submit_prepared<K: AigcTask>(&self, job: PreparedJob<K>) -> Result<Task<K>, SubmitError> {
        let (mut record, body) = job.into_parts();
        record.endpoint = self.transport().endpoint().map(ToString::to_string).unwrap_or_default();
        let handle = Submit::begin::<K>(&self.0, record, body).await?.run().await?;
        Ok(self.resume_as(handle))
    }

    /// Goes on with a video's job of the store whose submit was interrupted or left unresolved, or finds its task again.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); [`SubmitError::OtherAction`] where the job is not a video's.
    pub async fn resume_job(&self, job: JobRecord) -> Result<Task, SubmitError> {
        self.resume_job_as::<CreateAigcVideoTaskRequest>(job).await
    }

    /// The same for a job of any action, which is named by its request. [`JobRecord::action`] says which it is.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); [`SubmitError::OtherAction`] where the job is of another action.
    pub async fn resume_job_as<R: StartsTask>(&self, job: JobRecord) -> Result<Task<R::Task>, SubmitError> {
        if job.action != R::NAME {
            return Err(SubmitError::OtherAction { key: job.key, action: job.action });
        }
        let handle = Submit::resume::<R::Task>(&self.0, job).run().await?;
        Ok(self.resume_as(handle))
    }

    /// Finishes every unfinished job of the client's store, whatever its action: submits what was not submitted, waits, and
    /// downloads. Jobs are worked on at the same time, so that one that does not end holds up no other.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{Client, store::StoreError};
    /// # async fn example(client: Client) -> Result<(), StoreError> {
    /// for resumed in client.resume_all().folder("videos").await? {
    ///     match resumed.result {
    ///         Ok(task) => println!("{}: {} files", resumed.key, task.downloaded.len()),
    ///         Err(error) => println!("{}: {error} (billed: {})", resumed.key, error.billed()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without a store there is nothing to resume. [`ResumeAll::stream`] gives each result as soon as it is known.
    pub fn resume_all<'a>(&self) -> ResumeAll<'a> {
        ResumeAll::new(self.clone())
    }

    /// The store of its jobs, if it has one.
    pub fn store(&self) -> Option<&Arc<dyn JobStore>> {
        self.0.store.as_ref()
    }

    /// A video's task of this client's sub-application by its id, from this process or any other. Nothing is sent.
    pub fn task(&self, task_id: impl Into<String>) -> Task {
        self.task_as(task_id)
    }

    /// The same for a task of any kind, for example `AigcImageTask`.
    pub fn task_as<K: AigcTask>(&self, task_id: impl Into<String>) -> Task<K> {
        self.resume_as(TaskHandle::new(task_id, self.0.sub_app_id))
    }

    /// A video's task from its serialised handle. Nothing is sent.
    pub fn resume(&self, handle: TaskHandle) -> Task {
        self.resume_as(handle)
    }

    /// The same for a task of any kind.
    pub fn resume_as<K: AigcTask>(&self, handle: TaskHandle) -> Task<K> {
        Task::new(self.0.clone(), handle)
    }

    /// Reads the queue of events of this client's sub-application while anyone in this process waits for a task, and lets
    /// each wait ask for its task as soon as the queue says that it has ended. Runs until it is dropped.
    ///
    /// Waits go on polling by their policy, so that this only makes them faster: nothing is lost where no event comes. Only
    /// events of tasks that this client or a clone of it waits for, or has waited for to the end, are taken off the queue.
    /// All others are left, but the service hides an event that one consumer has read from the others for 30 seconds:
    /// several consumers of one queue, which belongs to the whole sub-application, slow each other down.
    ///
    /// The sub-application must receive events by reliable notification (`Mode` `PULL` of `ModifyEventConfig`).
    ///
    /// # Errors
    /// Comes back only with an error that would come again, for example where the key may not read the queue.
    pub async fn pull_events(&self, policy: PullPolicy) -> Error {
        events::pull_events(&self.0, policy).await
    }

    /// Asks for the task that a callback is about, because nothing is believed that a callback says, and lets those who wait
    /// for it in this process ask for it at once. None where the callback is about no task.
    ///
    /// # Errors
    /// What went wrong with the call; the task goes on.
    pub async fn confirm(&self, notification: &Notification) -> Result<Option<DescribeTaskDetailResponse>, Error> {
        let Some(task_id) = &notification.task_id else {
            return Ok(None);
        };
        self.0.poller.wake(task_id);
        let handle = TaskHandle::new(task_id, self.0.sub_app_id);
        Ok(Some(self.describe(&handle).await?.value))
    }

    /// Asks for the state of a task once, with the transport's retries.
    ///
    /// # Errors
    /// What went wrong with the call; the task goes on.
    pub async fn describe(&self, handle: &TaskHandle) -> Result<Reply<DescribeTaskDetailResponse>, Error> {
        self.0.describe(handle).await
    }

    /// Calls any action, with the transport's rules on what is sent again. A request that names no sub-application gets this
    /// client's. [`transport`](Self::transport) sends a request as it is.
    ///
    /// ```no_run
    /// # async fn example(client: &vod_aigc_client::Client) -> Result<(), vod_aigc_client::transport::Error> {
    /// use vod_aigc_client::core::DescribeTasksRequest;
    ///
    /// let page = client.call(DescribeTasksRequest::default()).await?;
    /// println!("{:?}", page.value.task_set);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What went wrong with the call.
    pub async fn call<A: Action>(&self, mut action: A) -> Result<Reply<A::Reply>, Error> {
        action.fill_sub_app_id(self.0.sub_app_id);
        self.0.transport.call(action).await
    }

    /// The pages of a list, each asked for when it is needed. A request that names no sub-application gets this client's.
    ///
    /// ```no_run
    /// # async fn example(client: &vod_aigc_client::Client) -> Result<(), vod_aigc_client::transport::Error> {
    /// use futures_util::TryStreamExt as _;
    /// use vod_aigc_client::core::DescribeTasksRequest;
    ///
    /// let mut pages = std::pin::pin!(client.pages(DescribeTasksRequest::default()));
    /// while let Some(page) = pages.try_next().await? {
    ///     for task in page.task_set.iter().flatten() {
    ///         println!("{:?} {:?}", task.task_id, task.status);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What went wrong with a call; nothing follows it.
    pub fn pages<A: Paged + Send>(&self, mut request: A) -> impl Stream<Item = Result<A::Reply, Error>> + use<A> {
        request.fill_sub_app_id(self.0.sub_app_id);
        let transport = self.transport().clone();
        try_unfold(Some(request), move |request| {
            let transport = transport.clone();
            async move {
                let Some(request) = request else { return Ok(None) };
                let reply = transport.call(request.clone()).await?.value;
                let next = request.next_page(&reply);
                Ok(Some((reply, next)))
            }
        })
    }

    /// The transport, for single steps of a call.
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The sub-application that owns this client's videos.
    pub fn sub_app_id(&self) -> u64 {
        self.0.sub_app_id
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0
    }
}

/// The settings of a [`Client`], each with a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    transport: TransportBuilder,
    http: HttpClient,
    cos_endpoint: Option<Endpoint>,
    sub_app_id: u64,
    namespace: String,
    store: Option<Arc<dyn JobStore>>,
    submit_policy: SubmitPolicy,
    wait_policy: WaitPolicy,
}

impl ClientBuilder {
    /// Another server than `vod.ap-guangzhou.tencentcloudapi.com`, for example a local emulator.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.transport = self.transport.endpoint(endpoint);
        self
    }

    /// Another server for uploads than `https://BUCKET.cos.REGION.myqcloud.com`: it is asked for `/cos/BUCKET/KEY`, as an
    /// emulator serves it. Where it is not set, an endpoint on this machine takes the uploads too.
    pub fn cos_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.cos_endpoint = Some(endpoint);
        self
    }

    /// Another HTTP client, with proxies, roots, client certificates or time limits of the caller's. It serves calls, uploads and
    /// downloads alike.
    ///
    /// ```
    /// use vod_aigc_client::Client;
    /// use vod_aigc_client::transport::signer::Credential;
    /// use vod_aigc_client::transport::{HttpClient, reqwest};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let proxy = reqwest::Proxy::all("socks5h://user:password@proxy.example:1080")?;
    /// let http = HttpClient::with(move |builder| builder.proxy(proxy.clone()));
    /// let client = Client::builder(Credential::new("AKIDEXAMPLE", "not-a-real-key")?, 1).http_client(http).build();
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.transport = self.transport.http(Arc::new(http.clone()));
        self.http = http;
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

    /// Records every job in this store before it is sent, so that a process that dies loses none. Without a store a job
    /// survives lost answers, but not the end of the process.
    pub fn store(mut self, store: Arc<dyn JobStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the keys of this client's jobs apart from those of others in the same sub-application.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// How patiently jobs are submitted.
    pub fn submit_policy(mut self, policy: SubmitPolicy) -> Self {
        self.submit_policy = policy;
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
        let Self { transport, http, cos_endpoint, sub_app_id, namespace, store, submit_policy, wait_policy } = self;
        let transport = transport.build();
        let on_this_machine = || transport.endpoint().filter(|endpoint| endpoint.is_loopback()).cloned();
        let cos_endpoint = cos_endpoint.or_else(on_this_machine);
        let poller = Poller::default();
        Client(Arc::new(Context {
            transport,
            http,
            cos_endpoint,
            sub_app_id,
            namespace,
            store,
            submit_policy,
            wait_policy,
            poller,
        }))
    }
}
