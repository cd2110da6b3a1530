//! `vod-aigc generate`: from a prompt and flags to a video on disk.

use std::path::Path;

use clap::Args;
use vod_aigc_client::core::{Model, Resolution, VideoRequest, VideoRequestBuilder};
use vod_aigc_client::transport::{InvalidEndpoint, Random as _, SystemRandom};
use vod_aigc_client::{AttachError, Client, InputProblem, Inputs, Job, JobRecord, PreparedJob, WaitPolicy};
use vod_aigc_emulator::Emulator;

use crate::failure::Failure;
use crate::parameters::Parameters;
use crate::progress::{ProgressDisplay, say};
use crate::settings::{Connection, NAMESPACE};
use crate::task::{Output, Submit, Wait, document, finish};
use crate::{Interruption, print, print_json, text};

/// The sub-application of a request that goes to the embedded emulator; any number will do there.
const EMULATOR_SUB_APP_ID: u64 = 1_500_000_001;

/// Make a video and download it.
#[derive(Debug, Args)]
#[command(after_help = text::HELP)]
pub(crate) struct Generate {
    /// What the video shows, at most 1000 characters
    #[arg(value_name = "PROMPT|@FILE|-")]
    prompt: Option<String>,
    /// The model, as Kling:2.1, or its family with --model-version
    #[arg(short, long, help_heading = "Model")]
    model: String,
    /// The version of the model
    #[arg(long, value_name = "VERSION", help_heading = "Model")]
    model_version: Option<String>,
    /// Send it although this release does not know the model; nothing but limits is checked
    #[arg(long, help_heading = "Model")]
    unchecked: bool,
    /// An image to make the video from: a file or a URL; may be repeated
    #[arg(short, long, value_name = "FILE|URL", help_heading = "Input")]
    image: Vec<String>,
    /// An image to take subjects or style from: a file or a URL; may be repeated
    #[arg(long, value_name = "FILE|URL", help_heading = "Input")]
    reference: Vec<String>,
    /// A video to take motion or style from, or to edit: a file or a URL; may be repeated
    #[arg(long, value_name = "FILE|URL", help_heading = "Input")]
    video: Vec<String>,
    /// A sound to work with: a file or a URL; may be repeated
    #[arg(long, value_name = "FILE|URL", help_heading = "Input")]
    sound: Vec<String>,
    /// The last frame: a file or a URL
    #[arg(long, value_name = "FILE|URL", help_heading = "Input")]
    last_frame: Option<String>,
    /// Upload every local file to VOD, also one that would fit into the request; it costs storage there
    #[arg(long, help_heading = "Input")]
    upload: bool,
    /// The size, for example 1080P
    #[arg(short, long, help_heading = "Output")]
    resolution: Option<Resolution>,
    #[command(flatten)]
    parameters: Parameters,
    /// What you know the job by: the same key with the same request is billed once, from any process or host
    #[arg(long, help_heading = "Job")]
    key: Option<String>,
    /// A name for a group of jobs, by which `task list` selects them
    #[arg(long, help_heading = "Job")]
    label: Option<String>,
    #[command(flatten)]
    submit: Submit,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    output: Output,
    /// Print the task's id and do not wait for it
    #[arg(long, conflicts_with_all = ["output", "no_download"])]
    no_wait: bool,
    /// Print the JSON body that would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Send it to an emulator that runs in this process: no account, no cost, a test picture
    #[arg(long, conflicts_with_all = ["endpoint", "no_wait"])]
    emulator: bool,
}

impl Generate {
    pub(crate) async fn run(
        mut self,
        connection: &Connection,
        json: bool,
        interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        let key = self.key.clone();
        let generated = match self.read_texts() {
            Ok(()) => self.generate(connection, json, interruption).await,
            Err(failure) => Err(failure),
        };
        generated.map_err(|failure| failure.with_key(key.as_deref()))
    }

    /// Takes the texts from where their arguments point.
    fn read_texts(&mut self) -> Result<(), Failure> {
        text::refuse_blank("--key", self.key.as_deref())?;
        text::refuse_blank("--session-id", self.parameters.session_id.as_deref())?;
        text::resolve(std::iter::once(("PROMPT", &mut self.prompt)).chain(self.parameters.texts()))
    }

    async fn generate(
        &self,
        connection: &Connection,
        json: bool,
        mut interruption: Interruption<'_>,
    ) -> Result<(), Failure> {
        let builder = self.builder()?;
        // Without a client, so that what cannot work is refused whatever the settings are.
        let embedded = match self.inputs().embed(builder.clone()).await {
            Err(AttachError::Input(error)) if !self.dry_run && *error.problem() == InputProblem::DoesNotFit => None,
            embedded => Some(embedded?),
        };
        if let (true, Some(request)) = (self.dry_run, &embedded) {
            self.output.check().await?;
            return dry_run(self.job(request.clone())?, self.emulator, connection);
        }
        let emulator = match self.emulator {
            true => Some(start_emulator().await?),
            false => None,
        };
        let prepared = self.prepare(connection, emulator.as_ref(), builder, embedded.clone(), interruption.as_mut());
        let (client, job) = match prepared.await {
            Ok(prepared) => prepared,
            Err(failure) => {
                return Err(match self.earlier(connection, embedded).await {
                    Some(job) => failure.of_job(&job, &self.output),
                    None => failure,
                });
            }
        };
        // Kept, because an interrupted submit can only be traced by them.
        let (key, session_id) = (job.key().to_owned(), job.session_id());
        let submitted = tokio::select! {
            submitted = client.submit_prepared(job) => submitted.map_err(Failure::from),
            _ = interruption.as_mut() => Err(Failure::interrupted_submit(session_id)),
        };
        let task = submitted.map_err(|failure| failure.with_key(Some(&key)))?;
        if let Some(new) = task.handle().key.as_deref().filter(|new| **new != key) {
            ProgressDisplay::new().line(format!(
                "job {} was forgotten; this is a new job, {}",
                key.escape_debug(),
                new.escape_debug()
            ));
        }
        let follow = async {
            if self.no_wait {
                return match json {
                    true => print_json(&document(&task, "submitted", None)),
                    false => print(task.id()),
                };
            }
            ProgressDisplay::new().line(format!("task {}: submitted", task.id()));
            let mut policy = self.wait.policy();
            if emulator.is_some() {
                // Its tasks take seconds, and polls are free.
                (policy.first, policy.every) = (WaitPolicy::FLOOR, WaitPolicy::FLOOR);
            }
            finish(&task, policy, &self.output, json, interruption).await
        };
        follow.await.map_err(|failure| failure.of_task(task.handle(), &self.output))
    }

    /// Everything before the submit.
    async fn prepare(
        &self,
        connection: &Connection,
        emulator: Option<&Emulator>,
        builder: VideoRequestBuilder,
        embedded: Option<VideoRequest>,
        interruption: Interruption<'_>,
    ) -> Result<(Client, PreparedJob), Failure> {
        self.output.check().await?;
        let client = match emulator {
            Some(emulator) => emulator_client(emulator)?,
            None => {
                let builder = connection.client()?.submit_policy(self.submit.policy());
                builder.store(connection.store().await?).build()
            }
        };
        let request = match embedded {
            Some(request) => request,
            None => tokio::select! {
                attached = upload(&client, builder, self.inputs()) => attached?,
                _ = interruption => return Err(Failure::interrupted_upload()),
            },
        };
        let job = client.prepare(self.job(request)?)?;
        Ok((client, job))
    }

    /// The job that an earlier run with the same key has left in the store: it may be paid for already.
    async fn earlier(&self, connection: &Connection, request: Option<VideoRequest>) -> Option<JobRecord> {
        if self.emulator || self.key.is_none() && self.parameters.session_id.is_none() {
            return None;
        }
        let sub_app_id = connection.sub_app_id().ok()??;
        let job = self.job(request?).ok()?.prepare(sub_app_id, NAMESPACE, &SystemRandom).ok()?;
        let record = connection.store().await.ok()?.load(job.key()).await.ok()??;
        (record.session_id() == job.session_id()).then_some(record)
    }

    fn model(&self) -> Result<Model, Failure> {
        let text = match &self.model_version {
            Some(version) => format!("{}:{version}", self.model),
            None => self.model.clone(),
        };
        match (text.parse::<Model>(), text.split_once(':')) {
            (Ok(model), _) => Ok(model),
            (Err(_), Some((name, version))) if self.unchecked => Ok(Model::other(name, version)),
            (Err(error), _) => Err(Failure::usage(format!(
                "{error}; `vod-aigc models` lists all, --unchecked sends NAME:VERSION as it is"
            ))),
        }
    }

    fn inputs(&self) -> Inputs {
        let inputs = self.image.iter().fold(Inputs::new(), Inputs::image);
        let inputs = self.reference.iter().fold(inputs, Inputs::reference);
        let inputs = self.video.iter().fold(inputs, Inputs::video);
        let inputs = self.sound.iter().fold(inputs, Inputs::sound);
        self.last_frame.iter().fold(inputs, Inputs::last_frame).upload_always(self.upload)
    }

    fn job(&self, request: VideoRequest) -> Result<Job, Failure> {
        let job = Job::new(request);
        let job = self.key.iter().fold(job, Job::key);
        let job = self.label.iter().fold(job, Job::label);
        Ok(self.output.absolute()?.into_iter().fold(job, Job::output))
    }

    fn builder(&self) -> Result<VideoRequestBuilder, Failure> {
        let builder = VideoRequest::builder(self.model()?);
        let builder = self.prompt.iter().fold(builder, VideoRequestBuilder::prompt);
        let builder = self.resolution.into_iter().fold(builder, VideoRequestBuilder::resolution);
        Ok(self.parameters.apply(builder))
    }
}

/// Uploads the files that do not fit into the request, and shows it.
async fn upload(client: &Client, builder: VideoRequestBuilder, inputs: Inputs) -> Result<VideoRequest, AttachError> {
    let mut display = ProgressDisplay::new();
    let show = |path: &Path, sent, all| {
        let doing = format!("uploading {}", path.display());
        display.show_bytes(&doing, sent, Some(all));
        display.line(doing);
    };
    client.attach(builder, inputs).on_progress(show).await
}

/// Prints the body that the job would be sent with.
fn dry_run(job: Job, emulator: bool, connection: &Connection) -> Result<(), Failure> {
    let sub_app_id = match connection.sub_app_id()? {
        _ if emulator => EMULATOR_SUB_APP_ID,
        Some(id) => id,
        None => {
            say(format_args!("no sub-application is set, so SubAppId is 0: set VOD_SUB_APP_ID or give --sub-app-id"));
            0
        }
    };
    print(job.prepare(sub_app_id, NAMESPACE, &SystemRandom)?.body())
}

async fn start_emulator() -> Result<Emulator, Failure> {
    let builder = Emulator::builder().seed(SystemRandom.next_u64());
    builder.start().await.map_err(|error| Failure::usage(error.to_string()))
}

fn emulator_client(emulator: &Emulator) -> Result<Client, Failure> {
    let endpoint = emulator.endpoint().parse().map_err(|error: InvalidEndpoint| Failure::usage(error.to_string()))?;
    Ok(Client::builder(emulator.credential().clone(), EMULATOR_SUB_APP_ID).endpoint(endpoint).build())
}
