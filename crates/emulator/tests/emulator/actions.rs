//! All actions: each is answered in its own shape, and none is upset by any body.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vod_aigc_core::*;
use vod_aigc_emulator::{Clock, Credential, Emulator, Exchange, InProcess, Received};
use vod_aigc_signer::CosRequest;

use crate::support::{Call, SUB_APP, answer, deliver, noon};

/// An emulator in which there is something of everything, and for each action a body that it takes then. The order
/// matters: what is deleted is asked for before.
fn bodies() -> (InProcess, Vec<(&'static str, Value)>) {
    let service = Emulator::builder().clock(Clock::manual(noon())).in_process();
    let token = answer(&service, "CreateAigcApiToken", &json!({ "SubAppId": SUB_APP }))["ApiToken"].clone();
    let element = answer(&service, "CreateAigcAdvancedCustomElement", &element());
    let upload = answer(&service, "ApplyUpload", &json!({ "SubAppId": SUB_APP, "MediaType": "png" }));
    put(&service, &upload);
    service.advance(Duration::from_secs(30));
    let made = answer(&service, "DescribeTaskDetail", &json!({ "SubAppId": SUB_APP, "TaskId": element["TaskId"] }));
    let element_id = &made["CreateAigcAdvancedCustomElementTask"]["Output"]["InfoList"][0]["ElementId"];
    let waiting = answer(&service, "PullUpload", &json!({ "SubAppId": SUB_APP, "MediaUrl": "https://host/a.mp4" }));
    let events = answer(&service, "PullEvents", &json!({ "SubAppId": SUB_APP }));
    let handle = &events["EventSet"][0]["EventHandle"];
    let quota = json!({ "SubAppId": SUB_APP, "QuotaType": "Video", "QuotaLimit": 600 });

    let mut bodies: Vec<(&'static str, Value)> = tasks();
    bodies.extend([
        ("DescribeTaskDetail", json!({ "SubAppId": SUB_APP, "TaskId": element["TaskId"] })),
        ("DescribeTasks", json!({ "SubAppId": SUB_APP, "Limit": 5 })),
        ("ManageTask", json!({ "SubAppId": SUB_APP, "TaskId": waiting["TaskId"], "OperationType": "Abort" })),
        ("PullEvents", json!({ "SubAppId": SUB_APP })),
        ("ConfirmEvents", json!({ "SubAppId": SUB_APP, "EventHandles": [handle] })),
        ("ModifyEventConfig", json!({ "SubAppId": SUB_APP, "Mode": "PUSH", "NotificationUrl": "https://host/event", "SignKey": "abc123" })),
        ("DescribeEventConfig", json!({ "SubAppId": SUB_APP })),
        ("ApplyUpload", json!({ "SubAppId": SUB_APP, "MediaType": "png" })),
        ("CommitUpload", json!({ "SubAppId": SUB_APP, "VodSessionKey": upload["VodSessionKey"] })),
        (
            "CreateAigcCustomElement",
            json!({
                "ElementName": "panda",
                "ElementDescription": "a red panda",
                "ElementFrontalImage": "https://host/front.png",
                "ElementReferList": [{ "ImageUrl": "https://host/left.png" }],
            }),
        ),
        ("DescribeAigcAdvancedCustomElements", json!({ "SubAppId": SUB_APP, "Limit": 10, "Offset": 0 })),
        ("DeleteAigcAdvancedCustomElement", json!({ "SubAppId": SUB_APP, "ElementId": element_id })),
        ("DescribeAigcFaceInfo", json!({ "SubAppId": SUB_APP, "FileInfos": [{ "Type": "Url", "Url": "https://host/a.mp4" }] })),
        ("CreateAigcQuota", quota.clone()),
        ("ModifyAigcQuota", quota),
        ("DescribeAigcQuotas", json!({ "SubAppId": SUB_APP, "QuotaType": "Video" })),
        ("DeleteAigcQuota", json!({ "SubAppId": SUB_APP, "QuotaType": "Video" })),
        ("CreateAigcApiToken", json!({ "SubAppId": SUB_APP })),
        ("UpdateAigcApiToken", json!({ "SubAppId": SUB_APP, "ApiToken": token, "ExtInfo": "{\"note\":1}" })),
        ("DescribeAigcApiTokens", json!({ "SubAppId": SUB_APP })),
        ("DeleteAigcApiToken", json!({ "SubAppId": SUB_APP, "ApiToken": token })),
        (
            "DescribeAigcUsageData",
            json!({
                "SubAppId": SUB_APP,
                "StartTime": "2026-11-23T00:00:00Z",
                "EndTime": "2026-11-24T00:00:00Z",
                "AigcType": "Video",
            }),
        ),
    ]);
    (service, bodies)
}

fn put(service: &InProcess, upload: &Value) {
    let text = |name: &str| upload["TempCertificate"][name].as_str().unwrap().to_owned();
    let (bucket, key) = (upload["StorageBucket"].as_str().unwrap(), upload["MediaStoragePath"].as_str().unwrap());
    let path = format!("/cos/{bucket}{key}");
    let (credential, token) = (Credential::new(text("SecretId"), text("SecretKey")).unwrap(), text("Token"));
    let seconds = service.clock().now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let headers = [("host", "localhost"), ("x-cos-security-token", token.as_str())];
    let signature = CosRequest { method: "PUT", path: &path, headers: &headers };
    let authorization = signature.authorization(&credential, (seconds, seconds + 60));
    let headers =
        [headers[0], headers[1], ("authorization", &authorization)].map(|(name, value)| (name, value.as_bytes()));
    let received = Received { method: "PUT", path: &path, query: "", headers: &headers, body: b"not looked into" };
    let Exchange::Reply(reply) = service.exchange(&received) else { panic!("no reply to the PUT") };
    assert_eq!(reply.status, 200, "{:?}", reply.body);
}

fn element() -> Value {
    json!({
        "SubAppId": SUB_APP,
        "ElementName": "panda",
        "ElementDescription": "a red panda",
        "ReferenceType": "image_refer",
        "ElementImageList": "{\"frontal_image\":\"https://host/a.png\",\"refer_images\":[{\"image_url\":\"https://host/b.png\"}]}",
    })
}

/// A body for every action that starts a task.
pub(crate) fn tasks() -> Vec<(&'static str, Value)> {
    let file = json!({ "Type": "Url", "Url": "https://host/a.mp4" });
    vec![
        (
            "CreateAigcVideoTask",
            json!({ "SubAppId": SUB_APP, "ModelName": "Kling", "ModelVersion": "2.1", "Prompt": "a panda" }),
        ),
        (
            "CreateAigcImageTask",
            json!({
                "SubAppId": SUB_APP,
                "ModelName": "Kling",
                "ModelVersion": "2.1",
                "Prompt": "a panda",
                "OutputConfig": { "Resolution": "2k", "AspectRatio": "16:9", "OutputImageCount": 2 },
            }),
        ),
        (
            "CreateSceneAigcImageTask",
            json!({
                "SubAppId": SUB_APP,
                "SceneInfo": {
                    "Type": "ai_try_on",
                    "AiTryOnConfig": { "Model": "WAND-tryon-1.0-pro", "ClothesFileInfos": [file], "Prompt": "a hat" },
                },
                "FileInfos": [file],
            }),
        ),
        (
            "CreateSceneAigcVideoTask",
            json!({
                "SubAppId": SUB_APP,
                "SceneInfo": { "Type": "product_showcase", "ProductShowcaseConfig": { "CameraMovement": "ZoomIn" } },
                "FileInfos": [file],
                "OutputConfig": { "AspectRatio": "9:16", "Duration": 4 },
                "Prompt": "a watch",
            }),
        ),
        ("CreateAigcVideoRedrawTask", json!({ "SubAppId": SUB_APP, "FileInfo": file, "TaskInfo": { "Style": "ink" } })),
        ("CreateAigcHunyuan3DTask", json!({ "SubAppId": SUB_APP, "Prompt": "a cube" })),
        (
            "CreateAigcAudioTask",
            json!({
                "SubAppId": SUB_APP,
                "ModelName": "Kling",
                "SceneType": "sfx",
                "Prompt": "rain",
                "OutputConfig": { "Duration": 3 },
            }),
        ),
        (
            "CreateAigcAudioClone",
            json!({
                "SubAppId": SUB_APP,
                "AudioFileInfo": file,
                "VoiceId": "narrator01",
                "Text": "Hello, my name is Kofi.",
                "Payload": "job 7",
            }),
        ),
        ("CreateAigcAdvancedCustomElement", element()),
        (
            "CreateAigcCustomVoice",
            json!({ "SubAppId": SUB_APP, "VoiceName": "narrator", "VoiceUrl": "https://host/voice.mp3" }),
        ),
        (
            "CreateAigcSubject",
            json!({ "SubAppId": SUB_APP, "SubjectName": "Kofi", "SubjectImages": ["https://host/a.png"] }),
        ),
        ("DescribeAigcFaceInfoAsync", json!({ "SubAppId": SUB_APP, "FileInfos": [file] })),
        ("PullUpload", json!({ "SubAppId": SUB_APP, "MediaUrl": "https://host/a.mp4", "MediaName": "panda" })),
    ]
}

/// Fails unless the reply is just what its type has.
#[track_caller]
fn check_reply<A: Action<Reply: Serialize + DeserializeOwned>>(mut response: Value) {
    response.as_object_mut().unwrap().remove("RequestId");
    let typed: A::Reply = serde_json::from_value(response.clone()).unwrap();
    let again = serde_json::to_value(typed).unwrap();
    assert_eq!(numbers(again), numbers(response), "{}", A::NAME);
}

/// The same value with every number as one with a fraction.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.into_iter().map(numbers).collect(),
        Value::Object(members) => members.into_iter().map(|(name, member)| (name, numbers(member))).collect(),
        other => other,
    }
}

macro_rules! check_replies {
    ($action:expr, $response:expr; $($request:ty,)*) => {
        match $action {
            $(<$request>::NAME => check_reply::<$request>($response),)*
            other => panic!("no shape is known of {other}"),
        }
    };
}

#[track_caller]
fn check_reply_of(action: &str, response: Value) {
    check_replies! {
        action, response;
        ApplyUploadRequest, CommitUploadRequest, ConfirmEventsRequest, CreateAigcAdvancedCustomElementRequest,
        CreateAigcApiTokenRequest, CreateAigcAudioCloneRequest, CreateAigcAudioTaskRequest,
        CreateAigcCustomElementRequest, CreateAigcCustomVoiceRequest, CreateAigcHunyuan3DTaskRequest,
        CreateAigcImageTaskRequest, CreateAigcQuotaRequest, CreateAigcSubjectRequest, CreateAigcVideoRedrawTaskRequest,
        CreateAigcVideoTaskRequest, CreateSceneAigcImageTaskRequest, CreateSceneAigcVideoTaskRequest,
        DeleteAigcAdvancedCustomElementRequest, DeleteAigcApiTokenRequest, DeleteAigcQuotaRequest,
        DescribeAigcAdvancedCustomElementsRequest, DescribeAigcApiTokensRequest, DescribeAigcFaceInfoRequest,
        DescribeAigcFaceInfoAsyncRequest, DescribeAigcQuotasRequest, DescribeAigcUsageDataRequest,
        DescribeEventConfigRequest, DescribeTaskDetailRequest, DescribeTasksRequest, ManageTaskRequest,
        ModifyAigcQuotaRequest, ModifyEventConfigRequest, PullEventsRequest, PullUploadRequest,
        UpdateAigcApiTokenRequest,
    }
}

#[test]
fn every_action_is_answered_in_the_shape_of_its_reply() {
    let (service, bodies) = bodies();
    for (action, body) in &bodies {
        let response = answer(&service, action, body);
        assert!(response.get("Error").is_none(), "{action}: {response}");
        check_reply_of(action, response);
    }
    let asked: BTreeSet<&str> = bodies.iter().map(|(action, _)| *action).collect();
    let known: BTreeSet<&str> = ACTIONS.iter().map(|action| action.name).collect();
    assert_eq!(asked, known);
}

#[test]
fn every_detail_and_event_and_row_is_in_its_shape_at_every_stage() {
    let service = Emulator::builder().clock(Clock::manual(noon())).in_process();
    let started: Vec<Value> = tasks().iter().map(|(action, body)| answer(&service, action, body)).collect();
    for _ in 0..4 {
        for task in &started {
            let detail =
                answer(&service, "DescribeTaskDetail", &json!({ "SubAppId": SUB_APP, "TaskId": task["TaskId"] }));
            check_reply_of("DescribeTaskDetail", detail);
        }
        check_reply_of(
            "DescribeTasks",
            answer(&service, "DescribeTasks", &json!({ "SubAppId": SUB_APP, "Limit": 100 })),
        );
        check_reply_of("PullEvents", answer(&service, "PullEvents", &json!({ "SubAppId": SUB_APP })));
        service.advance(Duration::from_millis(1500));
    }
}

#[test]
fn no_body_upsets_any_action() {
    const JUNK: [&str; 14] = [
        "null",
        "true",
        "-1",
        "0",
        "1e300",
        "18446744073709551615",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[null]",
        "[[]]",
        "[{}]",
        "\"{\\\"a\\\":[\"",
    ];
    let (service, bodies) = bodies();
    let judge = |action: &str, body: Vec<u8>| {
        let call = Call::signed_by(service.clock(), service.credential(), "localhost", action, body);
        let Exchange::Reply(reply) = deliver(&service, &call) else { panic!("no whole reply to {action}") };
        let reply: Value = serde_json::from_slice(&reply.body).unwrap();
        let response = &reply["Response"];
        assert_eq!(response["RequestId"].as_str().unwrap().len(), 36);
        let Some(error) = response.get("Error") else { return };
        // Some actions of uploads have codes of their own, whose families are known.
        let family = error["Code"].as_str().unwrap().split('.').next().unwrap();
        let message = error["Message"].as_str().unwrap();
        assert!(!matches!(ErrorCode::from(family), ErrorCode::Unknown(_)), "{action}: {error}");
        assert!(!message.is_empty() && !message.contains('\n'), "{action}: {error}");
    };
    for (action, body) in &bodies {
        for junk in JUNK.into_iter().chain(["", "{", "[1,2", "{\"SubAppId\":", "\u{0}", "nul"]) {
            judge(action, junk.into());
        }
        judge(action, vec![0xFF, 0xFE, b'{', b'}']);
        judge(action, "[".repeat(100_000).into());
        let long = json!("é".repeat(3000));
        let every = |corrupt: &dyn Fn(&mut Value)| {
            for index in 0..places(body) {
                let mut malformed = body.clone();
                corrupt(place(&mut malformed, &mut index.clone()).unwrap());
                judge(action, malformed.to_string().into());
            }
        };
        for junk in JUNK {
            let junk: Value = serde_json::from_str(junk).unwrap();
            every(&|place| *place = junk.clone());
        }
        every(&|place| *place = long.clone());
    }
}

/// How many values there are in `value`, itself not counted.
fn places(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(|value| 1 + places(value)).sum(),
        Value::Object(members) => members.values().map(|value| 1 + places(value)).sum(),
        _ => 0,
    }
}

/// The value of this number within `value`.
fn place<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    let inside: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inside {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        if *left < places(value) {
            return place(value, left);
        }
        *left -= places(value);
    }
    None
}
