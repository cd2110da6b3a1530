//! The client for programs without async code. It runs a small tokio runtime of its own.
//!
//! ```no_run
//! use vod_aigc_client::blocking::Client;
//! use vod_aigc_client::core::{Kling, video};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(vod_aigc_client::Client::from_env()?)?;
//! let task = client.submit(video!(Kling::V2_1, prompt = "a panda in a bamboo forest"))?;
//! let video = client.wait(&task)?;
//! client.download(&video, "panda.mp4")?;
//! # Ok(())
//! # }
//! ```
//!
//! Every method panics when it is called inside a tokio runtime: use the async [`Client`](crate::Client) there.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use vod_aigc_core::{Action, AigcTask, IntoTaskRequest, StartsTask};
use vod_aigc_store::StoreError;
use vod_aigc_transport::{Error, Reply};

use crate::download::{DownloadError, Downloaded};
use crate::error::{SubmitError, WaitError};
use crate::finished::Finished;
use crate::job::Job;
use crate::resume::Resumed;
use crate::task::Task;

/// A [`Client`](crate::Client) whose methods return when they are done. A clone is cheap and shares connections and threads.
#[derive(Debug, Clone)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Starts a runtime with one thread for this client.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new(client: crate::Client) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("vod-aigc").enable_all().build()?;
        Ok(Self { client, runtime: Arc::new(runtime) })
    }

    /// The async client, for what has no method here: its futures run in [`run`](Self::run).
    pub fn client(&self) -> &crate::Client {
        &self.client
    }

    /// Runs any future of the client to its end.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use vod_aigc_client::{Task, WaitError, blocking::Client};
    /// # fn example(client: &Client, task: Task) -> Result<(), WaitError> {
    /// let video = client.run(task.wait().timeout(Duration::from_secs(600)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<F: IntoFuture>(&self, future: F) -> F::Output {
        self.runtime.block_on(async { future.await })
    }

    /// Submits a job: see [`Client::submit`](crate::Client::submit).
    ///
    /// # Errors
    /// Each says whether anything was sent and whether money may have been spent.
    pub fn submit<O: IntoTaskRequest>(
        &self,
        job: impl Into<Job<O>>,
    ) -> Result<Task<<O::Request as StartsTask>::Task>, SubmitError> {
        self.run(self.client.submit(job))
    }

    /// Waits for the result of a task by the client's policy.
    ///
    /// # Errors
    /// Each names the task, so that it can be waited for again.
    #[expect(clippy::result_large_err, reason = "the async method has the same error")]
    pub fn wait<K: AigcTask>(&self, task: &Task<K>) -> Result<Finished<K>, WaitError> {
        self.run(task.wait())
    }

    /// Downloads the first file of a result to `path`.
    ///
    /// # Errors
    /// What failed; the file stays where it is and can be downloaded again.
    pub fn download<K: AigcTask>(
        &self,
        result: &Finished<K>,
        path: impl AsRef<Path>,
    ) -> Result<Downloaded, DownloadError> {
        self.run(result.download(path))
    }

    /// Finishes every unfinished job of the client's store: see [`Client::resume_all`](crate::Client::resume_all).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn resume_all(&self) -> Result<Vec<Resumed>, StoreError> {
        self.run(self.client.resume_all())
    }

    /// Calls any action: see [`Client::call`](crate::Client::call).
    ///
    /// # Errors
    /// What went wrong with the call.
    pub fn call<A: Action>(&self, action: A) -> Result<Reply<A::Reply>, Error> {
        self.run(self.client.call(action))
    }
}
