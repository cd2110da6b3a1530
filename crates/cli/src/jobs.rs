//! `vod-aigc task list` and `vod-aigc resume`: the jobs of the journal.

use serde_json::{Value, json};
use vod_aigc_client::transport::Billed;
use vod_aigc_client::{Client, ForgetError, JobRecord, JobState, Journal as _, Task, TaskHandle, forget_job};

use crate::failure::{Failure, word};
use crate::settings::Connection;
use crate::task::{Output, Submit, Wait, complete, document};
use crate::{Interruption, print, print_json};

/// Finish every job that a crash, an interruption or an outage has left behind: submits, waits and downloads.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    submit: Submit,
    #[command(flatten)]
    wait: Wait,
}

/// Prints every job of the journal. Nothing is sent.
pub(crate) fn list(connection: &Connection, json: bool) -> Result<(), Failure> {
    let jobs = connection.journal()?.jobs()?;
    if json {
        return print_json(&jobs.iter().map(describe).collect::<Vec<_>>());
    }
    for job in &jobs {
        let key = job.key.escape_debug();
        print(format_args!("{key}  {}  {}  {}", job.state.task_id().unwrap_or("-"), job.model, job.state))?;
    }
    Ok(())
}

/// Gives a job up, and prints what was known of it. Nothing is sent.
pub(crate) fn forget(connection: &Connection, key: &str, json: bool) -> Result<(), Failure> {
    let job = forget_job(&*connection.journal()?, key).map_err(|error| match error {
        ForgetError::Journal(error) => error.into(),
        error => Failure::usage(format!("job {}: {error}", key.escape_debug())).with_key(Some(key)),
    })?;
    if json {
        let mut document = describe(&job);
        document["forgotten"] = true.into();
        return print_json(&document);
    }
    let said = match job.state.billed() {
        Billed::No => "it was not billed",
        Billed::Yes => "it was billed, and its task is not stopped",
        Billed::Unknown => "whether it was billed is not known",
    };
    print(format_args!(
        "job {} is forgotten; it was {}; {said}; the same command with the same key makes a new job, which is billed",
        key.escape_debug(),
        job.state
    ))
}

/// What names the task of a job, once one was started. Its age is left out, so that it is asked for at once.
pub(crate) fn handle_of(job: &JobRecord) -> Option<TaskHandle> {
    let mut handle = TaskHandle::new(job.state.task_id()?, job.sub_app_id);
    handle.key = Some(job.key.clone());
    handle.session_id = job.session_id();
    handle.request_id = job.request_id.clone();
    handle.model = Some(job.model.clone());
    Some(handle)
}

impl Resume {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        json: bool,
        mut interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        // Without the journal nothing is known of the jobs that it holds.
        let journal = connection.journal().map_err(Failure::unresolved)?;
        let mut jobs = journal.jobs().map_err(|error| Failure::from(error).unresolved())?;
        jobs.retain(|job| !job.state.is_final());
        let client = connection.client().map_err(|failure| failure.of_jobs(&jobs))?;
        let client = client.journal(journal.clone()).submit_policy(self.submit.policy()).build();
        let endpoint = client.transport().endpoint().map(ToString::to_string).unwrap_or_default();
        let mut documents = Vec::new();
        let mut gravest: Option<Failure> = None;
        for job in &jobs {
            let key = job.key.escape_debug();
            if job.endpoint != endpoint {
                eprintln!("job {key} belongs to {}; resume it with --endpoint", job.endpoint);
                continue;
            }
            match self.finish(&client, job, interruption.as_mut()).await {
                Ok(document) => documents.push(document),
                Err(failure) => {
                    eprintln!("job {key}: {}", failure.message());
                    documents.push(failure.document(&job.key));
                    let interrupted = failure.is_interruption();
                    if gravest.as_ref().is_none_or(|gravest| gravest.gravity() < failure.gravity()) {
                        gravest = Some(failure);
                    }
                    if interrupted {
                        break;
                    }
                }
            }
        }
        let printed = match json {
            true => print_json(&documents),
            false => {
                let mut files = documents.iter().filter_map(|document| document["video"]["file"].as_str());
                files.try_for_each(print)
            }
        };
        match (gravest, printed) {
            (Some(failure), _) => Err(failure.already_described()),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => {
                let now: Vec<_> = jobs.iter().filter_map(|job| journal.load(&job.key).ok()?).collect();
                Err(failure.of_jobs(&now))
            }
        }
    }

    async fn finish(
        &self,
        client: &Client,
        job: &JobRecord,
        mut interruption: Interruption<'_>,
    ) -> Result<Value, Failure> {
        let output = Output::to(job.output.clone());
        let task =
            Self::submit(client, job, interruption.as_mut()).await.map_err(|failure| failure.of_job(job, &output))?;
        let completed = complete(&task, self.wait.policy(), &output, interruption).await;
        let (video, file) = completed.map_err(|failure| failure.of_task(task.handle(), &output))?;
        Ok(document(&task, "succeeded", Some((&video, file.as_deref()))))
    }

    async fn submit(client: &Client, job: &JobRecord, interruption: Interruption<'_>) -> Result<Task, Failure> {
        tokio::select! {
            submitted = client.resume_job(job.clone()) => Ok(submitted?),
            _ = interruption => Err(Failure::interrupted_submit(job.session_id())),
        }
    }
}

fn describe(job: &JobRecord) -> Value {
    let (state, path) = match &job.state {
        JobState::Downloaded { path, .. } => ("downloaded", Some(path)),
        JobState::Planned => ("planned", None),
        JobState::Sending => ("unknown", None),
        JobState::Held { .. } => ("held", None),
        JobState::Refused { .. } => ("refused", None),
        JobState::Accepted { .. } => ("accepted", None),
        JobState::Failed { .. } => ("failed", None),
        JobState::Done { .. } => ("done", None),
        JobState::Forgotten { .. } => ("forgotten", None),
        _ => ("other", None),
    };
    json!({
        "key": job.key,
        "state": state,
        "description": job.state.to_string(),
        "billed": word(job.state.billed()),
        "task_id": job.state.task_id(),
        "session_id": job.session_id(),
        "request_id": job.request_id,
        "model": job.model,
        "sub_app_id": job.sub_app_id,
        "endpoint": job.endpoint,
        "first_sent": job.first_sent,
        "output": path.or(job.output.as_ref()),
    })
}
