//! Tasks of other kinds than videos, by the same verbs: against an API that plays its answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_client::{
    Client, ClientBuilder, Finished, Job, JobRecord, JobState, MemoryStore, Outcome, SubmitError, Task, WaitError,
};
use vod_aigc_core::{
    Action as _, AigcAudioTask, AigcHunyuan3DTask, AigcImageTask, AigcTask, AigcVideoRedrawTask,
    CreateAigcAdvancedCustomElementTask, CreateAigcAudioCloneTask, CreateAigcAudioTaskRequest,
    CreateAigcCustomVoiceTask, CreateAigcImageTaskRequest, CreateAigcSubjectTask, CreateAigcVideoTaskRequest,
    DescribeAigcFaceInfoAsyncTask, PullUploadTask, SceneAigcImageTask, SceneAigcVideoTask,
};
use vod_aigc_transport::testing::{ManualClock, SeededRandom};
use vod_aigc_transport::{
    BoxFuture, Clock, Http, RawReply, RetryPolicy, SendError, SendErrorKind, Sent, SignedRequest,
};

use crate::support::*;

/// What the API says to one call: the members of its Response, or nothing at all.
type Answer = Option<Value>;

/// An API that plays its answers and writes down what it was asked. The call that confirms the task of a submit is not part
/// of the script.
#[derive(Debug, Default)]
struct Api {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(String, Value)>>,
    /// The SessionId of a create that was accepted and not yet confirmed.
    accepted: Mutex<Option<Value>>,
}

impl Api {
    fn actions(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(action, _)| action.clone()).collect()
    }

    /// The bodies that were sent to an action.
    fn bodies(&self, action: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked == action).map(|(_, body)| body.clone()).collect()
    }
}

impl Http for Api {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let action = action(&request);
        let accepted = self.accepted.lock().unwrap().take();
        if let ("DescribeTaskDetail", Some(session_id)) = (action, accepted) {
            let task = json!({ "Status": "PROCESSING", "SessionId": session_id });
            let body = json!({ "Response": { "AigcImageTask": task } }).to_string().into();
            return Box::pin(std::future::ready(Ok(RawReply { status: 200, headers: Default::default(), body })));
        }
        self.asked.lock().unwrap().push((action.to_owned(), body.clone()));
        let answer = self.answers.lock().unwrap().pop_front().expect("an answer for every call");
        let started = answer.as_ref().is_some_and(|answer| answer["TaskId"].is_string());
        *self.accepted.lock().unwrap() = started.then(|| body["SessionId"].clone());
        Box::pin(std::future::ready(match answer {
            Some(members) => {
                let body = json!({ "Response": members }).to_string().into();
                Ok(RawReply { status: 200, headers: Default::default(), body })
            }
            None => Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "cut")),
        }))
    }
}

fn client(answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Api>, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let (client, api) = client_with(store.clone(), answers);
    (client, api, store)
}

fn client_with(store: Arc<MemoryStore>, answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Api>) {
    let answers = Mutex::new(answers.into_iter().collect());
    let api = Arc::new(Api { answers, ..Api::default() });
    let http = api.clone();
    (builder(store).transport(|transport| transport.http(http)).build(), api)
}

fn builder(store: Arc<MemoryStore>) -> ClientBuilder {
    Client::builder(credential(), SUB_APP)
        .endpoint("http://127.0.0.1:9".parse().unwrap())
        .clock(Arc::new(ManualClock::at(1_795_435_200)))
        .random(Arc::new(SeededRandom::new(7)))
        .store(store)
        .transport(|transport| transport.read_retry(RetryPolicy::once(Duration::from_secs(30))))
}

fn picture() -> CreateAigcImageTaskRequest {
    let mut request = CreateAigcImageTaskRequest::new("GG", "2.5");
    request.prompt = Some("a panda in a bamboo forest".to_owned());
    request
}

fn accepted() -> Answer {
    Some(json!({ "TaskId": "1-AigcImage-t", "RequestId": "r" }))
}

fn refused(code: &str) -> Answer {
    Some(json!({ "Error": { "Code": code, "Message": "no" }, "RequestId": "r" }))
}

fn drawn() -> Answer {
    let file = |name: &str| {
        json!({ "FileUrl": format!("https://pictures.example/{name}"), "FileType": "png",
                "MetaData": { "Width": 64, "Height": 36, "Size": 7 } })
    };
    let files = [file("one.png"), file("two.png")];
    Some(json!({ "Status": "FINISH", "AigcImageTask": { "Status": "FINISH", "Output": { "FileInfos": files } } }))
}

/// The one request that takes no `SessionId`.
fn sound() -> CreateAigcAudioTaskRequest {
    let mut request = CreateAigcAudioTaskRequest::default();
    request.prompt = Some("rain on leaves".to_owned());
    request
}

#[tokio::test]
async fn an_image_task_is_submitted_and_waited_for_like_a_videos() {
    let going = Some(json!({ "Status": "PROCESSING", "AigcImageTask": { "Status": "PROCESSING", "Progress": 40 } }));
    let (client, api, store) = client([accepted(), going, drawn()]);
    let task: Task<AigcImageTask> = client.submit(Job::new(picture()).key("order-1")).await.unwrap();
    assert_eq!(task.handle().model.as_deref(), Some("GG:2.5"));
    assert_eq!(store.only_job().action, "CreateAigcImageTask");
    let made: Finished<AigcImageTask> = task.wait().await.unwrap();
    assert_eq!(
        made.files().iter().map(|file| file.url().unwrap()).collect::<Vec<_>>(),
        ["https://pictures.example/one.png", "https://pictures.example/two.png"]
    );
    assert_eq!((made.width(), made.height(), made.size()), (Some(64), Some(36), Some(7)));
    assert_eq!(made.output().file_infos.as_ref().map(Vec::len), Some(2));
    assert_eq!(store.only_job().state, JobState::Done { task_id: "1-AigcImage-t".to_owned() });

    assert_eq!(api.actions(), ["CreateAigcImageTask", "DescribeTaskDetail", "DescribeTaskDetail"]);
    let sent = &api.bodies("CreateAigcImageTask")[0];
    assert_eq!(sent["SubAppId"], SUB_APP);
    assert!(sent["SessionId"].as_str().unwrap().starts_with("va2-"), "{sent}");
}

/// The result of a wait for a task of this kind, if the service says that it has made `output`.
async fn ended<K: AigcTask>(member: &str, output: Value) -> Result<Finished<K>, WaitError> {
    let mut reply = json!({ "Status": "FINISH" });
    reply[member] = json!({ "Status": "FINISH", "ErrCode": 0, "Output": output });
    let (client, ..) = client([Some(reply)]);
    client.task_as::<K>("t").wait().await
}

#[tokio::test]
async fn every_kind_of_task_is_waited_for_and_shows_its_files() {
    let file = json!({ "FileUrl": "https://files.example/f" });
    macro_rules! shows {
        ($kind:ident, $files:expr, $output:tt) => {
            let made = ended::<$kind>(stringify!($kind), json!($output)).await.unwrap();
            assert_eq!(made.files().len(), $files, stringify!($kind));
            // Without an output there is no result.
            assert!(matches!(ended::<$kind>(stringify!($kind), json!({})).await, Err(WaitError::Failed { .. })));
        };
    }
    shows!(AigcImageTask, 2, { "FileInfos": [file, file] });
    shows!(SceneAigcImageTask, 1, { "FileInfos": [file] });
    shows!(SceneAigcVideoTask, 1, { "FileInfos": [file] });
    shows!(AigcHunyuan3DTask, 2, { "FileInfos": [file, file] });
    shows!(AigcVideoRedrawTask, 1, { "FileInfo": file });
    shows!(AigcAudioTask, 3, { "AudioInfos": [file, file], "VideoInfos": [file] });
    shows!(CreateAigcAudioCloneTask, 1, { "VoiceId": "v", "DemoAudio": "https://files.example/f.mp3" });
    shows!(CreateAigcSubjectTask, 0, { "SubjectId": "s" });
    shows!(CreateAigcAdvancedCustomElementTask, 0, { "InfoList": [{ "ElementId": "e" }] });
    shows!(CreateAigcCustomVoiceTask, 0, { "InfoList": [{ "VoiceId": "v" }] });
    shows!(DescribeAigcFaceInfoAsyncTask, 0, { "FaceInfoSet": [{ "SessionId": "s" }] });

    let pulled = json!({ "PullUploadTask": { "Status": "FINISH", "ErrCode": 0, "FileId": "5145403694" } });
    let (client, ..) = client([Some(pulled)]);
    assert_eq!(client.task_as::<PullUploadTask>("t").wait().await.unwrap().file_id(), Some("5145403694"));
}

#[tokio::test]
async fn all_files_of_a_task_are_downloaded_by_names_of_their_own_and_the_job_is_done_when_they_are_there() {
    let server = Server::start([answer(200, b"first"), answer(200, b"first"), answer(200, b"second")]).await;
    let file = |name: &str| json!({ "FileUrl": format!("{}/{name}?sign=1", server.url) });
    let output = json!({ "FileInfos": [file("../a.PNG"), file("b")] });
    let done = json!({ "AigcImageTask": { "Status": "FINISH", "Output": output } });
    let (client, _, store) = client([accepted(), Some(done)]);
    let task = client.submit(Job::new(picture()).key("order-1")).await.unwrap();
    let made = task.wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = || store.only_job().state;
    made.download(folder.path().join("one")).await.unwrap();
    assert_eq!(state(), JobState::Done { task_id: "1-AigcImage-t".to_owned() }, "one of two is not all");

    let paths: Vec<_> = made.download_all(folder.path()).await.unwrap().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["1-AigcImage-t-1.png", "1-AigcImage-t-2.bin"].map(|name| folder.path().join(name)));
    assert_eq!(std::fs::read(&paths[0]).unwrap(), b"first");
    assert_eq!(std::fs::read(&paths[1]).unwrap(), b"second");
    let path = folder.path().to_owned();
    assert_eq!(state(), JobState::Downloaded { task_id: "1-AigcImage-t".to_owned(), path });
}

#[tokio::test]
async fn a_failure_of_another_kind_says_why() {
    let failed =
        json!({ "AigcImageTask": { "Status": "FINISH", "ErrCode": 1, "ErrCodeExt": "ContentModerationFailed" } });
    let (client, _, _) = client([Some(failed)]);
    let error = client.task_as::<AigcImageTask>("t").wait().await.unwrap_err();
    assert!(matches!(error, WaitError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("ContentModerationFailed"), "{error}");
}

#[tokio::test]
async fn a_request_names_its_own_sub_application_or_gets_the_clients() {
    let (client, api, _) = client([accepted()]);
    let mut request = picture();
    request.sub_app_id = 8;
    client.submit(request).await.unwrap();
    assert_eq!(api.bodies("CreateAigcImageTask")[0]["SubAppId"], 8);
}

#[tokio::test]
async fn limits_of_every_kind_and_the_rules_of_video_models_are_judged_before_anything_leaves() {
    let (client, api, store) = client([]);
    let mut long = picture();
    long.session_context = Some("x".repeat(1001));
    let error = client.submit(long).await.unwrap_err();
    assert!(matches!(error, SubmitError::Refused(_)), "{error}");

    let mut video = CreateAigcVideoTaskRequest::new("Kling", "2.1");
    video.output_config.get_or_insert_default().resolution = Some("4K".to_owned());
    let error = client.submit(video).await.unwrap_err();
    assert!(error.to_string().contains("choose 720P, 1080P or 2K"), "{error}");
    assert_eq!((api.actions().len(), store.jobs().len()), (0, 0));
}

#[tokio::test]
async fn a_lost_answer_of_another_kind_is_looked_for_and_sent_again_with_the_same_bytes() {
    let nothing = Some(json!({ "TaskSet": [] }));
    let (client, api, _) = client([None, nothing, accepted()]);
    client.submit(picture()).await.unwrap();
    assert_eq!(api.actions(), ["CreateAigcImageTask", "DescribeTasks", "CreateAigcImageTask"]);
    let sent = api.bodies("CreateAigcImageTask");
    assert_eq!(sent[0], sent[1]);
}

#[tokio::test]
async fn a_request_without_a_session_id_is_never_sent_again_once_its_outcome_is_unknown() {
    for lost in [None, Some(json!({ "RequestId": "r" })), refused("InternalError"), refused("NobodyKnowsThis")] {
        let (client, api, store) = client([lost]);
        let error = client.submit(Job::new(sound()).key("song")).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert_eq!(error.session_id(), None);
        assert!(error.to_string().contains("CreateAigcAudioTask takes no SessionId"), "{error}");
        assert!(!error.to_string().contains("resume the job"), "{error}");
        assert_eq!(api.bodies("CreateAigcAudioTask"), [json!({ "SubAppId": SUB_APP, "Prompt": "rain on leaves" })]);
        assert!(matches!(store.only_job().state, JobState::Unresolved { .. }));

        // Neither a new process nor a new submit under its key sends it again.
        assert!(client.resume_job_as::<CreateAigcAudioTaskRequest>(store.only_job()).await.is_err());
        assert!(client.submit(Job::new(sound()).key("song")).await.is_err());
        assert_eq!(api.actions(), ["CreateAigcAudioTask"]);
    }
}

#[tokio::test]
async fn a_request_without_a_session_id_that_was_being_sent_when_its_process_died_is_held() {
    let (client, api, store) = client([accepted()]);
    client.submit(Job::new(sound()).key("song")).await.unwrap();
    store.put(JobState::Sending);
    let error = client.resume_job_as::<CreateAigcAudioTaskRequest>(store.only_job()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error}");
    assert_eq!(api.actions().len(), 1);
}

/// An API whose first call lets another process resume the same job before it answers.
#[derive(Debug)]
struct Slow {
    api: Api,
    store: Arc<MemoryStore>,
    resumed: Mutex<Option<SubmitError>>,
}

impl Http for Slow {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(async move {
            let (other, _) = client_with(self.store.clone(), []);
            let resumed = other.resume_job_as::<CreateAigcAudioTaskRequest>(self.store.only_job()).await;
            *self.resumed.lock().unwrap() = resumed.err();
            self.api.send(request, timeout).await
        })
    }
}

#[tokio::test]
async fn a_second_holder_of_a_job_without_a_session_id_cannot_undo_that_its_task_runs() {
    let store = Arc::new(MemoryStore::new());
    let answers = Mutex::new([accepted()].into_iter().collect());
    let api = Api { answers, ..Api::default() };
    let slow = Arc::new(Slow { api, store: store.clone(), resumed: Mutex::default() });
    let http = slow.clone();
    let client = builder(store.clone()).transport(|transport| transport.http(http)).build();
    let task = client.submit(Job::new(sound()).key("song")).await.unwrap();
    let other = slow.resumed.lock().unwrap().take();
    assert!(matches!(other, Some(SubmitError::Unresolved(_))), "{other:?}");
    assert_eq!(store.only_job().state, JobState::Accepted { task_id: task.id().to_owned() });
}

/// A clock whose sleeps are recorded; in the third of them the first holder writes down its task.
#[derive(Debug)]
struct Waiting {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    sleeps: Mutex<Vec<u64>>,
}

impl Clock for Waiting {
    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let mut sleeps = self.sleeps.lock().unwrap();
        sleeps.push(duration.as_secs());
        if sleeps.len() == 3 {
            self.store.put(JobState::Accepted { task_id: "t".to_owned() });
        }
        self.clock.sleep(duration)
    }
}

#[tokio::test]
async fn a_second_holder_of_a_job_without_a_session_id_waits_for_the_answer_of_the_first() {
    let (first, _, store) = client([accepted()]);
    first.submit(Job::new(sound()).key("song")).await.unwrap();
    store.put(JobState::Sending);
    let clock = ManualClock::at(1_795_435_200);
    let clock = Arc::new(Waiting { clock, store: store.clone(), sleeps: Mutex::default() });
    let second = builder(store.clone()).clock(clock.clone()).build();
    let task = second.resume_job_as::<CreateAigcAudioTaskRequest>(store.only_job()).await.unwrap();
    assert_eq!(task.id(), "t");
    assert_eq!(*clock.sleeps.lock().unwrap(), [2, 4, 8]);
}

#[tokio::test]
async fn a_request_without_a_session_id_that_was_refused_for_now_is_sent_again() {
    let (client, api, _) = client([refused("RequestLimitExceeded"), accepted()]);
    assert_eq!(client.submit(sound()).await.unwrap().id(), "1-AigcImage-t");
    assert_eq!(api.actions().len(), 2);
}

#[tokio::test]
async fn a_job_is_resumed_as_what_it_is() {
    let (client, api, store) = client([accepted()]);
    client.submit(Job::new(picture()).key("order-1")).await.unwrap();
    let error = client.resume_job(store.only_job()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("CreateAigcImageTask"), "{error}");
    let task = client.resume_job_as::<CreateAigcImageTaskRequest>(store.only_job()).await.unwrap();
    assert_eq!(task.id(), "1-AigcImage-t");
    // The key identifies a picture, and nothing else.
    let error = client.submit(Job::new(panda()).key("order-1")).await.unwrap_err();
    assert!(matches!(error, SubmitError::KeyTaken { .. }), "{error}");
    assert_eq!(api.actions().len(), 1);
}

#[test]
fn a_record_of_a_release_that_knew_videos_only_is_a_videos() {
    let record: JobRecord = serde_json::from_value(json!({
        "key": "k", "shared": true, "digest": "00", "session": "va2-00112233445566778899aabbccddeeff", "attempt": 0,
        "endpoint": "e", "sub_app_id": 1, "model": "Kling:2.1", "body": null, "output": null,
        "state": {"state": "planned"}, "first_sent": null, "last_sent": null, "refused_before": false,
        "request_id": null, "revision": 0,
    }))
    .unwrap();
    assert_eq!(record.action, CreateAigcVideoTaskRequest::NAME);
    assert!(!record.off_peak);
}
