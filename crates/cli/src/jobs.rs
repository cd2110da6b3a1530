//! `vod-aigc task list` and `vod-aigc resume`: the jobs of the journal.

use serde_json::{Value, json};
use vod_aigc_client::{Client, JobRecord, JobState, Journal as _, Task, TaskHandle};

use crate::failure::Failure;
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
        print(format_args!("{}  {}  {}  {}", job.key, job.state.task_id().unwrap_or("-"), job.model, job.state))?;
    }
    Ok(())
}

/// A task by its id, with its job where the journal knows it, so that its end is written down.
pub(crate) fn task(client: &Client, id: String) -> Result<Task, Failure> {
    let jobs = client.journal().map(|journal| journal.jobs()).transpose()?.unwrap_or_default();
    let mut handle = TaskHandle::new(id, client.sub_app_id());
    handle.key = jobs.into_iter().find(|job| job.state.task_id() == Some(&handle.task_id)).map(|job| job.key);
    Ok(client.resume(handle))
}

impl Resume {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        json: bool,
        mut interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        let journal = connection.journal()?;
        let client = connection.client()?.journal(journal.clone()).submit_policy(self.submit.policy()).build();
        let endpoint = client.transport().endpoint().map(ToString::to_string).unwrap_or_default();
        let mut documents = Vec::new();
        let mut first_failure = None;
        for job in journal.jobs()?.into_iter().filter(|job| !job.state.is_final()) {
            if job.endpoint != endpoint {
                eprintln!("job {} belongs to {}; resume it with --endpoint", job.key, job.endpoint);
                continue;
            }
            match self.finish(&client, job.clone(), interruption.as_mut()).await {
                Ok(document) => documents.push(document),
                Err(failure) => {
                    eprintln!("job {}: {}", job.key, failure.message());
                    documents.push(failure.document(&job.key));
                    let interrupted = failure.is_interruption();
                    first_failure.get_or_insert(failure);
                    if interrupted {
                        break;
                    }
                }
            }
        }
        if json {
            print_json(&documents)?;
        } else {
            for file in documents.iter().filter_map(|document| document["video"]["file"].as_str()) {
                print(file)?;
            }
        }
        first_failure.map_or(Ok(()), |failure| Err(failure.already_described()))
    }

    async fn finish(
        &self,
        client: &Client,
        job: JobRecord,
        mut interruption: Interruption<'_>,
    ) -> Result<Value, Failure> {
        let output = Output::to(job.output.clone());
        let session_id = job.session_id();
        let task = tokio::select! {
            submitted = client.resume_job(job) => submitted?,
            _ = interruption.as_mut() => return Err(Failure::interrupted_submit(session_id)),
        };
        let (video, file) = complete(&task, self.wait.policy(), &output, interruption).await?;
        Ok(document(&task, "succeeded", Some((&video, file.as_deref()))))
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
        _ => ("other", None),
    };
    json!({
        "key": job.key,
        "state": state,
        "description": job.state.to_string(),
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
