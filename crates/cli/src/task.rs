//! `vod-aigc task`: a task that was submitted before, and the wait and the download that `generate` shares with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vod_aigc_client::core::TaskState;
use vod_aigc_client::{DownloadError, SubmitPolicy, Task as ClientTask, TaskHandle, Video, WaitPolicy, check_target};

use crate::failure::Failure;
use crate::progress::ProgressDisplay;
use crate::settings::Connection;
use crate::{Interruption, jobs, print, print_json};

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Ask once how a task is
    Get {
        /// The task's id
        id: String,
    },
    /// List the jobs of the store
    List(jobs::List),
    /// Delete the jobs of the store that ended long ago. A submit under the key of a deleted job is a new one, which is billed
    Prune(jobs::Prune),
    /// Ask the service to stop a task, which it does only while the task waits in its queue
    Cancel {
        /// The task's id
        id: String,
    },
    /// Give a job up whose outcome stays unknown, or whose result can no longer be had. Nothing is sent and no task is stopped
    Forget {
        /// What the job is known by: see `task list`
        key: String,
    },
    /// Wait for a task and download its video
    Wait {
        /// The task's id
        id: String,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        output: Output,
    },
    /// Download the video of a task that is done
    Download {
        /// The task's id
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

/// How long to wait.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(crate) struct Wait {
    /// Hand the task back after this time; it goes on
    #[arg(long, default_value = "30m", value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Poll a task that has just been submitted first after this time, and so often if that is less than 3s
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = humantime::parse_duration)]
    first_poll: Duration,
}

/// How patiently a lost answer is made up for.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(crate) struct Submit {
    /// Where the service's answer was lost, look for the task for this time after the last send, then leave the job unresolved
    #[arg(long, default_value = "2m", value_name = "TIME", value_parser = humantime::parse_duration)]
    look_for: Duration,
}

/// Where the video goes.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub(crate) struct Output {
    /// The file that the video is written to [default: TASK_ID.mp4]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave the video where it is and print its URL
    #[arg(long, conflicts_with = "output")]
    no_download: bool,
}

impl Task {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        json: bool,
        interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        let (id, output) = match &self {
            Self::List(list) => return list.run(connection, json).await,
            Self::Prune(prune) => return prune.run(connection, json).await,
            Self::Forget { key } => return jobs::forget(connection, key, json).await,
            Self::Get { id } | Self::Cancel { id } => (id.clone(), Output::default()),
            Self::Wait { id, output, .. } | Self::Download { id, output } => (id.clone(), output.clone()),
        };
        let store = connection.store().await;
        // With its job where the store knows it, so that its end is recorded.
        let job = match &store {
            Ok(store) => store.find_by_task(&id).await,
            Err(_) => Ok(None),
        };
        let (job, unreadable) = match job {
            Ok(job) => (job, None),
            Err(error) => (None, Some(error)),
        };
        let job = job.as_ref();
        let handle = job.and_then(jobs::handle_of).unwrap_or_else(|| TaskHandle::new(&id, 0));
        let follow = async {
            let client = connection.client()?.store(store?).build();
            if let Some(error) = unreadable {
                return Err(error.into());
            }
            let mut handle = handle.clone();
            handle.sub_app_id = client.sub_app_id();
            self.follow(&client.resume(handle), json, interruption).await
        };
        follow.await.map_err(|failure| match job {
            Some(job) => failure.of_job(job, &output),
            None => failure.of_task(&handle, &output),
        })
    }

    async fn follow(self, task: &ClientTask, json: bool, interruption: Interruption<'_>) -> Result<(), Failure> {
        match self {
            Self::List(_) | Self::Prune(_) | Self::Forget { .. } => Ok(()),
            Self::Cancel { .. } => {
                task.cancel().await?;
                if json {
                    return print_json(&document(task, "cancelled", None));
                }
                print(format_args!("task {} is cancelled", task.id()))
            }
            Self::Get { .. } => {
                let reply = task.poll().await?;
                if json {
                    let status = status(&reply.state());
                    let key = &task.handle().key;
                    return print_json(&json!({ "task_id": task.id(), "key": key, "status": status, "detail": reply }));
                }
                print(describe(&reply.state()))
            }
            Self::Wait { wait, output, .. } => {
                output.check().await?;
                finish(task, wait.policy(), &output, json, interruption).await
            }
            Self::Download { output, .. } => {
                output.check().await?;
                // A task that has ended is known at the first poll; one that has not is handed back.
                finish(task, WaitPolicy::until(Duration::ZERO), &output, json, interruption).await
            }
        }
    }
}

impl Wait {
    pub(crate) fn policy(&self) -> WaitPolicy {
        let mut policy = WaitPolicy::until(self.timeout);
        policy.first = self.first_poll;
        policy.every = policy.every.min(self.first_poll.max(WaitPolicy::FLOOR));
        policy
    }
}

impl Submit {
    pub(crate) fn policy(&self) -> SubmitPolicy {
        let mut policy = SubmitPolicy::default();
        policy.look_for = self.look_for;
        policy
    }
}

impl Output {
    /// Refuses a target that could not be written, before anything is asked for or paid.
    pub(crate) async fn check(&self) -> Result<(), DownloadError> {
        match &self.output {
            Some(path) => check_target(path).await,
            None => Ok(()),
        }
    }

    /// The file, so that it means the same from another working directory.
    pub(crate) fn absolute(&self) -> Result<Option<PathBuf>, Failure> {
        let absolute = self.output.as_ref().map(std::path::absolute).transpose();
        absolute.map_err(|error| Failure::usage(format!("the output cannot be found: {error}")))
    }

    /// A download to this file, or to one that is named after the task.
    pub(crate) fn to(output: Option<PathBuf>) -> Self {
        Self { output, no_download: false }
    }

    /// The flags that say the same to another command, as a shell reads them.
    pub(crate) fn flags(&self) -> String {
        match &self.output {
            Some(path) => format!(" --output {}", shell_word(&path.display().to_string())),
            None if self.no_download => " --no-download".to_owned(),
            None => String::new(),
        }
    }

    async fn download(&self, video: &Video, display: &mut ProgressDisplay) -> Result<Option<PathBuf>, DownloadError> {
        if self.no_download {
            return Ok(None);
        }
        // The id comes from outside: only its own letters, digits and hyphens may become a name.
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        let default = || PathBuf::from(format!("{}.mp4", video.task().task_id.chars().map(safe).collect::<String>()));
        let path = self.output.clone().unwrap_or_else(default);
        let downloaded =
            video.download(&path).on_progress(|bytes, all| display.show_bytes("downloading", bytes, all)).await?;
        Ok(Some(downloaded.path))
    }
}

/// Waits for the task, downloads its video, and prints what came of it.
pub(crate) async fn finish(
    task: &ClientTask,
    policy: WaitPolicy,
    output: &Output,
    json: bool,
    interruption: Interruption<'_>,
) -> Result<(), Failure> {
    let (video, file) = complete(task, policy, output, interruption).await?;
    if json {
        return print_json(&document(task, "succeeded", Some((&video, file.as_deref()))));
    }
    match file {
        Some(file) => print(file.display()),
        None => print(video.url().or(video.file_id()).unwrap_or_default()),
    }
}

/// Waits for the task and downloads its video.
pub(crate) async fn complete(
    task: &ClientTask,
    policy: WaitPolicy,
    output: &Output,
    interruption: Interruption<'_>,
) -> Result<(Video, Option<PathBuf>), Failure> {
    let mut display = ProgressDisplay::new();
    let work = async {
        let video = task.wait().policy(policy).on_event(|event| display.show(task.id(), event)).await?;
        let file = output.download(&video, &mut display).await?;
        Ok((video, file))
    };
    tokio::select! {
        result = work => result,
        _ = interruption => Err(Failure::interrupted()),
    }
}

/// The document of a task, and of its video once there is one.
pub(crate) fn document(task: &ClientTask, status: &str, video: Option<(&Video, Option<&Path>)>) -> Value {
    document_of(task.handle(), status, video)
}

/// The same, of a task by its handle.
pub(crate) fn document_of(handle: &TaskHandle, status: &str, video: Option<(&Video, Option<&Path>)>) -> Value {
    json!({
        "task_id": handle.task_id,
        "key": handle.key,
        "session_id": handle.session_id,
        "request_id": handle.request_id,
        "model": handle.model,
        "status": status,
        "video": video.map(|(video, file)| json!({
            "url": video.url(),
            "file_id": video.file_id(),
            "width": video.width(),
            "height": video.height(),
            "duration": video.duration(),
            "size": video.size(),
            "cover_url": video.cover_url(),
            "usage": video.usage(),
            "file": file.map(|file| file.display().to_string()),
        })),
    })
}

/// A text as one word for a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn status(state: &TaskState<'_>) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Processing { .. } => "processing",
        TaskState::Unrecognised { .. } => "unknown",
        TaskState::Succeeded(_) => "succeeded",
        TaskState::Failed(_) => "failed",
    }
}

fn describe(state: &TaskState<'_>) -> String {
    match state {
        TaskState::Processing { progress: Some(percent) } => format!("processing, {percent} %"),
        TaskState::Unrecognised { status } => format!("unknown status {status:?}"),
        TaskState::Failed(failure) => format!("failed: {failure}"),
        TaskState::Succeeded(output) => {
            let url = output.file().and_then(|file| file.file_url.as_deref()).unwrap_or_default();
            format!("succeeded {url}")
        }
        state => status(state).to_owned(),
    }
}
