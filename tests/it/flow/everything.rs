//! Every action, called by the client against the emulator: what one makes is used in the next, nothing is paid twice though
//! answers are lost, and all that was said is what the schemas of the actions allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vod_aigc_client::{Client, Finished, Outcome};
use vod_aigc_core::{
    ACTIONS, Action, ActionSpec, AigcAudioTask, AigcFaceInfo, ApplyUploadRequest, ConfirmEventsRequest,
    CreateAigcAdvancedCustomElementRequest, CreateAigcApiTokenRequest, CreateAigcAudioCloneRequest,
    CreateAigcAudioTaskRequest, CreateAigcCustomElementRequest, CreateAigcCustomVoiceRequest,
    CreateAigcHunyuan3DTaskRequest, CreateAigcImageTaskRequest, CreateAigcQuotaRequest, CreateAigcSubjectRequest,
    CreateAigcVideoRedrawTaskRequest, CreateSceneAigcImageTaskRequest, CreateSceneAigcVideoTaskRequest,
    DeleteAigcAdvancedCustomElementRequest, DeleteAigcApiTokenRequest, DeleteAigcQuotaRequest,
    DescribeAigcAdvancedCustomElementsRequest, DescribeAigcApiTokensRequest, DescribeAigcFaceInfoAsyncRequest,
    DescribeAigcFaceInfoRequest, DescribeAigcQuotasRequest, DescribeAigcUsageDataRequest, DescribeEventConfigRequest,
    DescribeTasksRequest, Effect, ExtInfo, FaceChoice, Kling, ManageTaskRequest, Media, ModifyAigcQuotaRequest,
    ModifyEventConfigRequest, Orientation, PullEventsRequest, PullUploadRequest, SceneType, Shot, StartsTask,
    UpdateAigcApiTokenRequest, VideoRequest, Vidu,
};
use vod_aigc_emulator::Emulator;
use vod_aigc_transport::{BoxFuture, Http, HttpClient, RawReply, SendError, SendErrorKind, Sent, SignedRequest};

use crate::support::*;

/// One call: its action, its body and the `Response`.
type Said = (String, Value, Value);

/// Writes down what is said and, where it `loses`, loses the first answer to each paid request that has a SessionId.
#[derive(Debug)]
struct Wire {
    inner: HttpClient,
    loses: bool,
    said: Mutex<Vec<Said>>,
}

impl Wire {
    fn new(loses: bool) -> Arc<Self> {
        Arc::new(Self { inner: HttpClient::new(), loses, said: Mutex::default() })
    }

    fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    /// Records a call and returns whether it is the first of its kind.
    fn note(&self, action: &str, body: Value, response: Value) -> bool {
        let mut said = self.said.lock().unwrap();
        let is_first = said.iter().all(|(other, sent, _)| other != action || *sent != body);
        said.push((action.to_owned(), body, response));
        is_first
    }
}

impl Http for Wire {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(async move {
            let known = ActionSpec::find(action(&request)).unwrap();
            let body = serde_json::from_slice(request.body()).unwrap();
            let reply = self.inner.send(request, timeout).await?;
            let response = serde_json::from_slice::<Value>(&reply.body).unwrap()["Response"].take();
            let is_first = self.note(known.name, body, response);
            let is_job = known.effect == Effect::Paid && known.session_id.is_some();
            if self.loses && is_job && is_first {
                return Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "the answer is lost"));
            }
            Ok(reply)
        })
    }
}

fn client_on(emulator: &Emulator, wire: &Arc<Wire>) -> Client {
    let http: Arc<dyn Http> = wire.clone();
    client_to(emulator, emulator.endpoint()).transport(|transport| transport.http(http)).build()
}

/// A request from its members; the sub-application is there wherever it can be.
fn ask<R: Action + DeserializeOwned>(mut members: Value) -> R {
    if R::NAME != "CreateAigcCustomElement" {
        members["SubAppId"] = SUB_APP.into();
    }
    serde_json::from_value(members).unwrap()
}

async fn called<R: Action + DeserializeOwned>(client: &Client, members: Value) -> R::Reply {
    client.call(ask::<R>(members)).await.unwrap().value
}

/// Submits a request and waits for what comes of it.
async fn made<R: StartsTask + DeserializeOwned>(client: &Client, members: Value) -> Finished<R::Task> {
    client.submit(ask::<R>(members)).await.unwrap().wait().await.unwrap()
}

async fn filmed(client: &Client, request: VideoRequest) -> String {
    let film = client.submit(request).await.unwrap().wait().await.unwrap();
    film.url().unwrap().to_owned()
}

fn by_url(url: &str) -> Value {
    json!({ "Type": "Url", "Url": url })
}

/// The session and the first face of a look at a video.
fn seen(faces: Option<Vec<AigcFaceInfo>>) -> (String, String) {
    let [look] = faces.unwrap().try_into().unwrap();
    let face = look.face_info_list.unwrap().remove(0);
    (look.session_id.unwrap(), face.face_id.unwrap())
}

fn lip_sync((session, face): (String, String), sound: &str) -> VideoRequest {
    let says = FaceChoice::new(face).sound_file(sound).sound_from_to(0, 2_000).insert_at(0);
    VideoRequest::builder(Kling::V2_6)
        .prompt("she speaks")
        .scene_type(SceneType::LipSync)
        .ext_info(ExtInfo::new().lip_sync(session, [says]))
        .build()
        .unwrap()
}

/// Makes one of everything, and of videos one of each way. Gives how often each action must have been paid.
async fn make_everything(client: &Client) -> BTreeMap<&'static str, u64> {
    // Sources: a picture, a film that is stored, a sound.
    let picture = made::<CreateAigcImageTaskRequest>(
        client,
        json!({ "ModelName": "GEM", "ModelVersion": "2.5", "Prompt": "a panda" }),
    )
    .await;
    let picture = picture.url().unwrap();
    let pulled = made::<PullUploadRequest>(client, json!({ "MediaUrl": "https://example.com/dance.mp4" })).await;
    let dance = pulled.output().file_id.clone().unwrap();
    let sound: Finished<AigcAudioTask> = made::<CreateAigcAudioTaskRequest>(
        client,
        json!({ "ModelName": "Kling", "SceneType": "sfx", "Prompt": "rain", "OutputConfig": { "Duration": 3 } }),
    )
    .await;
    let sound = sound.url().unwrap();

    // Kling's ways that take parameters outside the schema.
    let dancing = VideoRequest::builder(Kling::V2_6)
        .prompt("the panda dances")
        .image(picture)
        .video(Media::file_id(&dance))
        .scene_type(SceneType::MotionControl)
        .ext_info(ExtInfo::new().character_orientation(Orientation::Video).keep_original_sound(true));
    let film = filmed(client, dancing.build().unwrap()).await;
    let speaking = VideoRequest::builder(Kling::V2_6)
        .prompt("the panda speaks")
        .image(picture)
        .scene_type(SceneType::AvatarI2v)
        .ext_info(ExtInfo::new().sound_file(sound));
    filmed(client, speaking.build().unwrap()).await;
    let look = called::<DescribeAigcFaceInfoRequest>(client, json!({ "FileInfos": [by_url(&film)] })).await;
    filmed(client, lip_sync(seen(look.face_info_set), sound)).await;
    let look = made::<DescribeAigcFaceInfoAsyncRequest>(client, json!({ "FileInfos": [by_url(&film)] })).await;
    filmed(client, lip_sync(seen(look.output().face_info_set.clone()), sound)).await;
    let shots = [Shot::new("a panda wakes", 2), Shot::new("a panda eats", 4)];
    let cut = VideoRequest::builder(Kling::V3_0).duration(6).ext_info(ExtInfo::new().multi_shot(shots));
    filmed(client, cut.prompt("a day of a panda").build().unwrap()).await;

    // Things that a video is made of.
    let voice = made::<CreateAigcCustomVoiceRequest>(client, json!({ "VoiceName": "Kofi", "VoiceUrl": sound })).await;
    let voice = voice.output().info_list.as_ref().unwrap()[0].voice_id.clone().unwrap();
    let subject = made::<CreateAigcSubjectRequest>(
        client,
        json!({ "SubjectName": "Kofi", "SubjectImages": [picture], "VoiceId": voice }),
    )
    .await;
    let subject = subject.output().subject_id.clone().unwrap();
    let acting: VideoRequest = VideoRequest::builder(Vidu::Q2)
        .prompt("[@Kofi] walks")
        .subject(serde_json::from_value(json!({ "Id": subject, "Name": "Kofi", "VoiceId": voice })).unwrap())
        .build()
        .unwrap();
    filmed(client, acting).await;
    let list = json!({ "frontal_image": picture, "refer_images": [{ "image_url": picture }] }).to_string();
    let advanced = made::<CreateAigcAdvancedCustomElementRequest>(
        client,
        json!({
            "ElementName": "panda", "ElementDescription": "a red panda", "ReferenceType": "image_refer",
            "ElementImageList": list,
        }),
    )
    .await;
    let advanced = advanced.output().info_list.as_ref().unwrap()[0].element_id.clone().unwrap();
    let custom = called::<CreateAigcCustomElementRequest>(
        client,
        json!({
            "ElementName": "hat", "ElementDescription": "a straw hat", "ElementFrontalImage": picture,
            "ElementReferList": [{ "ImageUrl": picture }],
        }),
    )
    .await;
    let ids = [advanced.as_str(), custom.element_id.as_deref().unwrap()];
    let elements = VideoRequest::builder(Kling::V3_0Omni)
        .prompt("<<<element_1>>> wears <<<element_2>>>")
        .ext_info(ExtInfo::new().elements(ids));
    filmed(client, elements.build().unwrap()).await;
    let listed = called::<DescribeAigcAdvancedCustomElementsRequest>(client, json!({})).await;
    assert_eq!(listed.element_set.unwrap().len(), 1);
    called::<DeleteAigcAdvancedCustomElementRequest>(client, json!({ "ElementId": advanced })).await;

    // The other kinds of results.
    made::<CreateSceneAigcImageTaskRequest>(
        client,
        json!({
            "SceneInfo": {
                "Type": "ai_try_on",
                "AiTryOnConfig": { "Model": "WAND-tryon-1.0-pro", "ClothesFileInfos": [by_url(picture)] },
            },
            "FileInfos": [by_url(picture)],
        }),
    )
    .await;
    made::<CreateSceneAigcVideoTaskRequest>(
        client,
        json!({
            "SceneInfo": { "Type": "product_showcase", "ProductShowcaseConfig": { "CameraMovement": "ZoomIn" } },
            "FileInfos": [by_url(picture)],
            "Prompt": "a watch",
        }),
    )
    .await;
    made::<CreateAigcVideoRedrawTaskRequest>(
        client,
        json!({ "FileInfo": by_url(&film), "TaskInfo": { "Style": "ink" } }),
    )
    .await;
    made::<CreateAigcHunyuan3DTaskRequest>(client, json!({ "ImageInfos": [by_url(picture)] })).await;
    made::<CreateAigcAudioCloneRequest>(
        client,
        json!({ "AudioFileInfo": by_url(sound), "VoiceId": "narrator01", "Text": "Hello, my name is Kofi." }),
    )
    .await;

    ACTIONS
        .iter()
        .filter(|action| action.effect == Effect::Paid)
        .map(|action| (action.name, if action.name == "CreateAigcVideoTask" { FILMS } else { 1 }))
        .collect()
}

/// How many videos [`make_everything`] makes.
const FILMS: u64 = 7;

/// Calls whatever makes nothing.
async fn manage_everything(client: &Client, emulator: &Emulator) {
    called::<ModifyEventConfigRequest>(client, json!({ "Mode": "PULL", "SignKey": "abc123" })).await;
    called::<DescribeEventConfigRequest>(client, json!({})).await;
    let events = called::<PullEventsRequest>(client, json!({})).await.event_set.unwrap();
    let handles: Vec<_> = events.iter().map(|event| event.event_handle.as_ref().unwrap()).collect();
    assert!(!handles.is_empty());
    called::<ConfirmEventsRequest>(client, json!({ "EventHandles": handles })).await;

    let quota = json!({ "QuotaType": "Video", "QuotaLimit": 600 });
    called::<CreateAigcQuotaRequest>(client, quota.clone()).await;
    called::<ModifyAigcQuotaRequest>(client, quota).await;
    let quotas = called::<DescribeAigcQuotasRequest>(client, json!({ "QuotaType": "Video" })).await;
    assert_eq!(quotas.quota_set.unwrap().len(), 1);
    called::<DeleteAigcQuotaRequest>(client, json!({ "QuotaType": "Video" })).await;

    let token = called::<CreateAigcApiTokenRequest>(client, json!({})).await.api_token.unwrap();
    emulator.advance(Duration::from_secs(60));
    called::<UpdateAigcApiTokenRequest>(client, json!({ "ApiToken": token, "ExtInfo": "{\"note\":1}" })).await;
    called::<DescribeAigcApiTokensRequest>(client, json!({})).await;
    called::<DeleteAigcApiTokenRequest>(client, json!({ "ApiToken": token })).await;
    let day = json!({ "StartTime": "2026-11-23T00:00:00Z", "EndTime": "2026-11-25T00:00:00Z", "AigcType": "Video" });
    called::<DescribeAigcUsageDataRequest>(client, day).await;

    let waiting = client.submit(panda()).await.unwrap();
    called::<ManageTaskRequest>(client, json!({ "TaskId": waiting.id(), "OperationType": "Abort" })).await;
    let tasks = called::<DescribeTasksRequest>(client, json!({ "Limit": 100 })).await.task_set.unwrap();
    assert!(tasks.len() > 10);
    called::<ApplyUploadRequest>(client, json!({ "MediaType": "png" })).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panda.png");
    fs::write(&path, b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0").unwrap();
    client.upload(&path).await.unwrap();
}

#[tokio::test]
async fn everything_is_paid_once_though_every_answer_that_can_be_found_again_is_lost() {
    for loses in [false, true] {
        let (emulator, wire) = (emulator().await, Wire::new(loses));
        let paid = make_everything(&client_on(&emulator, &wire)).await;
        assert_eq!(emulator.bill().by_action, paid, "loses: {loses}");
        let lists = wire.said().iter().filter(|(action, ..)| action == "DescribeTasks").count();
        assert_eq!(lists > 0, loses, "a lost answer is looked for, and nothing else is");
    }
}

#[tokio::test]
async fn a_sound_whose_answer_is_lost_is_neither_sent_nor_paid_again() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Fail(SendErrorKind::Interrupted, Sent::Maybe));
    let client = client_through(&emulator, &http);
    let sound = ask::<CreateAigcAudioTaskRequest>(
        json!({ "ModelName": "Kling", "SceneType": "sfx", "Prompt": "rain", "OutputConfig": { "Duration": 3 } }),
    );
    let error = client.submit(sound).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!((http.sends(), emulator.bill().billed), (1, 1));
}

#[tokio::test]
async fn lips_follow_only_a_look_that_was_taken() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let look = called::<DescribeAigcFaceInfoRequest>(
        &client,
        json!({ "FileInfos": [by_url("https://example.com/dance.mp4")] }),
    )
    .await;
    let (session, face) = seen(look.face_info_set);
    let error = client.submit(lip_sync((format!("{session}0"), face.clone()), "https://a/b.mp3")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected, "{error}");
    client.submit(lip_sync((session, face), "https://a/b.mp3")).await.unwrap();
    assert_eq!(emulator.bill().by_action["CreateAigcVideoTask"], 1);
}

#[tokio::test]
async fn all_that_is_said_is_what_the_schemas_allow() {
    let (emulator, wire) = (emulator().await, Wire::new(false));
    let client = client_on(&emulator, &wire);
    make_everything(&client).await;
    manage_everything(&client, &emulator).await;

    let said = wire.said();
    let actions: BTreeSet<&str> = said.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(actions, ACTIONS.iter().map(|action| action.name).collect());
    for action in ACTIONS {
        let (request, reply) = (Validator::of(action.request_schema()), Validator::of(action.reply_schema()));
        for (_, body, response) in said.iter().filter(|(name, ..)| name == action.name) {
            assert_eq!(response.get("Error"), None, "{}", action.name);
            for (validator, value) in [(&request, body), (&reply, response)] {
                assert_eq!(validator.refuses(value), None, "{}: {value}", action.name);
            }
            // It validates: none of the members may be of another type, and a request may have no other member.
            for (validator, value) in [(&request, body), (&reply, response)] {
                for name in value.as_object().unwrap().keys().filter(|name| *name != "RequestId") {
                    let mut malformed = value.clone();
                    malformed[name] = if value[name].is_boolean() { json!(1) } else { json!(true) };
                    assert!(validator.refuses(&malformed).is_some(), "{}: {malformed}", action.name);
                }
            }
            let mut malformed = body.clone();
            malformed["Invented"] = json!(1);
            assert!(request.refuses(&malformed).is_some(), "{}: {malformed}", action.name);
        }
    }
}

/// A schema as an independent validator reads it.
struct Validator(Schemas, SchemaIndex);

impl Validator {
    fn of(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// Why it refuses a value, if it does.
    fn refuses(&self, value: &Value) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| error.to_string())
    }
}
