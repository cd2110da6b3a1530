//! One whole life of a task of each kind, to files that can be fetched and are what they say.

use std::time::Duration;

use serde_json::{Value, json};
use vod_aigc_core::*;
use vod_aigc_emulator::{Clock, Emulator, Exchange, InProcess, Received, Reply};

use crate::actions::tasks;
use crate::support::{SUB_APP, answer, assert_refused, noon};

fn service() -> InProcess {
    Emulator::builder().clock(Clock::manual(noon())).in_process()
}

fn describe(service: &InProcess, task_id: &Value) -> Value {
    answer(service, "DescribeTaskDetail", &json!({ "SubAppId": SUB_APP, "TaskId": task_id }))
}

/// A body that starts a task, with some members changed.
fn body(action: &str, changes: Value) -> Value {
    let (_, mut body) = tasks().into_iter().find(|(name, _)| *name == action).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Starts a task and waits for its end.
fn finished(service: &InProcess, action: &str, changes: Value) -> Value {
    let started = answer(service, action, &body(action, changes));
    assert!(started["TaskId"].is_string(), "{action}: {started}");
    service.advance(Duration::from_secs(5));
    describe(service, &started["TaskId"])
}

fn get(service: &InProcess, url: &Value, range: Option<&str>) -> Reply {
    let path = url.as_str().unwrap().strip_prefix(service.endpoint()).unwrap();
    let range = range.map(|range| ("range", range.as_bytes()));
    let headers: Vec<(&str, &[u8])> = range.into_iter().collect();
    let request = Received { method: "GET", path, query: "", headers: &headers, body: b"" };
    let Exchange::Reply(reply) = service.exchange(&request) else { panic!("no whole reply") };
    reply
}

/// A file by its address, whole and in part.
fn fetched(service: &InProcess, url: &Value, content_type: &str) -> Vec<u8> {
    let whole = get(service, url, None);
    assert_eq!((whole.status, whole.header("content-type")), (200, Some(content_type)), "{url}");
    let part = get(service, url, Some("bytes=3-9"));
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[3..=9]));
    whole.body.to_vec()
}

fn state<K: AigcTask>(reply: &Value, judge: impl FnOnce(TaskState<'_, K::Output>)) {
    let reply: DescribeTaskDetailResponse = serde_json::from_value(reply.clone()).unwrap();
    assert_eq!(reply.task_type.as_ref().unwrap().as_str(), K::TASK_TYPE);
    judge(reply.state_of::<K>());
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Width and height of a JPEG picture.
fn size_of(picture: &[u8]) -> (u64, u64) {
    assert_eq!(picture[..2], [0xFF, 0xD8]);
    let frame = picture.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let side = |at: usize| u64::from(picture[frame + at]) << 8 | u64::from(picture[frame + at + 1]);
    (side(7), side(5))
}

/// The seconds of a WAV file.
fn length_of(sound: &[u8]) -> f64 {
    assert_eq!((&sound[..4], &sound[8..16], &sound[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
    assert_eq!((number(sound, 4), number(sound, 40)), (sound.len() - 8, sound.len() - 44));
    assert!(sound[44..].iter().any(|byte| *byte != 0), "it is silent");
    number(sound, 40) as f64 / number(sound, 28) as f64
}

#[test]
fn each_kind_ends_with_success_in_the_state_of_its_type() {
    macro_rules! succeed {
        ($($action:literal: $kind:ty,)*) => {
            let service = service();
            $(
                let reply = finished(&service, $action, json!({ "SessionContext": "job 7" }));
                state::<$kind>(&reply, |state| assert!(matches!(state, TaskState::Succeeded(_)), "{}: {state:?}", $action));
            )*
            assert_eq!(tasks().len(), [$($action),*].len());
        };
    }
    succeed! {
        "CreateAigcVideoTask": AigcVideoTask,
        "CreateAigcImageTask": AigcImageTask,
        "CreateSceneAigcImageTask": SceneAigcImageTask,
        "CreateSceneAigcVideoTask": SceneAigcVideoTask,
        "CreateAigcVideoRedrawTask": AigcVideoRedrawTask,
        "CreateAigcHunyuan3DTask": AigcHunyuan3DTask,
        "CreateAigcAudioTask": AigcAudioTask,
        "CreateAigcAudioClone": CreateAigcAudioCloneTask,
        "CreateAigcAdvancedCustomElement": CreateAigcAdvancedCustomElementTask,
        "CreateAigcCustomVoice": CreateAigcCustomVoiceTask,
        "CreateAigcSubject": CreateAigcSubjectTask,
        "DescribeAigcFaceInfoAsync": DescribeAigcFaceInfoAsyncTask,
        "PullUpload": PullUploadTask,
    }
}

#[test]
fn pictures_have_the_asked_size_and_number() {
    let service = service();
    let reply = finished(&service, "CreateAigcImageTask", json!({}));
    let files = reply["AigcImageTask"]["Output"]["FileInfos"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    for file in files {
        let picture = fetched(&service, &file["FileUrl"], "image/jpeg");
        assert_eq!(size_of(&picture), (2048, 1152));
        let told = &file["MetaData"];
        assert_eq!(
            (&told["Width"], &told["Height"], &told["Size"]),
            (&json!(2048), &json!(1152), &json!(picture.len()))
        );
    }
    assert_ne!(files[0]["FileUrl"], files[1]["FileUrl"]);

    let reply = finished(
        &service,
        "CreateSceneAigcImageTask",
        json!({ "OutputConfig": { "ImageWidth": 640, "ImageHeight": 480 } }),
    );
    let file = &reply["SceneAigcImageTask"]["Output"]["FileInfos"][0];
    assert_eq!(size_of(&fetched(&service, &file["FileUrl"], "image/jpeg")), (640, 480));
    let refused = answer(
        &service,
        "CreateAigcImageTask",
        &body("CreateAigcImageTask", json!({ "OutputConfig": { "Resolution": "9K" } })),
    );
    assert_refused(&refused, "InvalidParameterValue", "9K");
}

#[test]
fn videos_of_scenes_and_in_another_style_can_be_fetched() {
    let service = service();
    let scene = finished(&service, "CreateSceneAigcVideoTask", json!({}));
    let scene = &scene["SceneAigcVideoTask"]["Output"]["FileInfos"][0];
    assert_eq!((&scene["MetaData"]["Width"], &scene["MetaData"]["Duration"]), (&json!(720), &json!(4.0)));
    let redrawn =
        finished(&service, "CreateAigcVideoRedrawTask", json!({ "OutputConfig": { "StorageMode": "Permanent" } }));
    let redrawn = &redrawn["AigcVideoRedrawTask"]["Output"]["FileInfo"];
    assert!(redrawn["FileId"].is_string() && scene.get("FileId").is_none());
    for file in [scene, redrawn] {
        assert_eq!(fetched(&service, &file["FileUrl"], "video/mp4")[4..8], *b"ftyp");
    }
    service.advance(Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(get(&service, &scene["FileUrl"], None).status, 404);
    assert_eq!(get(&service, &redrawn["FileUrl"], None).status, 200);
}

#[test]
fn sounds_and_voices_are_heard_as_long_as_they_say() {
    let service = service();
    let reply = finished(&service, "CreateAigcAudioTask", json!({}));
    let file = &reply["AigcAudioTask"]["Output"]["AudioInfos"][0];
    assert_eq!(length_of(&fetched(&service, &file["FileUrl"], "audio/wav")), 3.0);
    assert_eq!((&file["Duration"], &file["FileType"]), (&json!(3.0), &json!("wav")));

    let reply = finished(&service, "CreateAigcAudioClone", json!({}));
    let voice = &reply["CreateAigcAudioCloneTask"]["Output"];
    assert_eq!((&voice["VoiceId"], &voice["Payload"]), (&json!("narrator01"), &json!("job 7")));
    assert_eq!(length_of(&fetched(&service, &voice["DemoAudio"], "audio/wav")), 5.0);
    let again = answer(&service, "CreateAigcAudioClone", &body("CreateAigcAudioClone", json!({})));
    assert_refused(&again, "InvalidParameterValue", "narrator01");
}

#[test]
fn a_body_is_a_file_that_any_viewer_of_gltf_reads() {
    let service = service();
    let reply = finished(&service, "CreateAigcHunyuan3DTask", json!({}));
    let file = &reply["AigcHunyuan3DTask"]["Output"]["FileInfos"][0];
    size_of(&fetched(&service, &file["PreviewFileUrl"], "image/jpeg"));
    let glb = fetched(&service, &file["FileUrl"], "model/gltf-binary");

    assert_eq!((&glb[..4], number(&glb, 4), number(&glb, 8)), (&b"glTF"[..], 2, glb.len()));
    let (length, kind) = (number(&glb, 12), &glb[16..20]);
    assert_eq!((kind, length % 4), (&b"JSON"[..], 0));
    let scene: Value = serde_json::from_slice(&glb[20..20 + length]).unwrap();
    let buffer = &glb[20 + length + 8..];
    assert_eq!((number(&glb, 20 + length), &glb[24 + length..28 + length]), (buffer.len(), &b"BIN\0"[..]));
    assert_eq!(scene["asset"]["version"], "2.0");
    assert_eq!(scene["buffers"][0]["byteLength"], buffer.len());

    let primitive = &scene["meshes"][scene["nodes"][0]["mesh"].as_u64().unwrap() as usize]["primitives"][0];
    let accessed = |accessor: &Value| {
        let accessor = &scene["accessors"][accessor.as_u64().unwrap() as usize];
        let view = &scene["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
        let (offset, length) = (view["byteOffset"].as_u64().unwrap(), view["byteLength"].as_u64().unwrap());
        (accessor, &buffer[offset as usize..(offset + length) as usize])
    };
    let (corners, bytes) = accessed(&primitive["attributes"]["POSITION"]);
    assert_eq!(corners["count"].as_u64().unwrap() as usize * 12, bytes.len());
    let at = |index: usize| f32::from_le_bytes(bytes[4 * index..4 * index + 4].try_into().unwrap());
    let corner = |index: u16| [0, 1, 2].map(|axis| at(3 * usize::from(index) + axis));
    assert!((0..bytes.len() / 4).all(|index| at(index).abs() == 0.5), "all corners lie in the box that it names");

    let (triangles, bytes) = accessed(&primitive["indices"]);
    let indices: Vec<u16> = bytes.chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    assert_eq!(triangles["count"], indices.len());
    for triangle in indices.chunks(3) {
        // Seen from outside, each goes against the clock: its normal points away from the middle of the cube.
        let [a, b, c] = [corner(triangle[0]), corner(triangle[1]), corner(triangle[2])];
        let (u, v) = ([b[0] - a[0], b[1] - a[1], b[2] - a[2]], [c[0] - a[0], c[1] - a[1], c[2] - a[2]]);
        let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        assert!((0..3).map(|axis| normal[axis] * (a[axis] + b[axis] + c[axis])).sum::<f32>() > 0.0, "{triangle:?}");
    }
}

#[test]
fn every_kind_is_in_the_list_the_ledger_and_where_it_has_one_the_queue() {
    let service = service();
    for (action, body) in tasks() {
        answer(&service, action, &body);
    }
    service.advance(Duration::from_secs(5));
    let ledger = service.ledger();
    let actions: Vec<&str> = ledger.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, tasks().iter().map(|(action, _)| *action).collect::<Vec<_>>());
    for entry in &ledger {
        let known = ActionSpec::find(entry.action).unwrap();
        assert_eq!(entry.billed, known.effect == Effect::Paid, "{}", entry.action);
        assert!(entry.task_id.starts_with(&format!("{SUB_APP}-{}-", known.task.unwrap())), "{}", entry.task_id);
    }
    let listed = answer(&service, "DescribeTasks", &json!({ "SubAppId": SUB_APP, "Limit": 100 }));
    assert_eq!(listed["TaskSet"].as_array().unwrap().len(), tasks().len());

    let events = answer(&service, "PullEvents", &json!({ "SubAppId": SUB_APP }));
    let mut words: Vec<&str> =
        events["EventSet"].as_array().unwrap().iter().map(|event| event["EventType"].as_str().unwrap()).collect();
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "AigcHunyuan3DTaskComplete",
            "AigcImageTaskComplete",
            "AigcVideoTaskComplete",
            "CreateAigcAdvancedCustomElementCompleteEvent",
            "CreateAigcCustomVoiceCompleteEvent",
            "DescribeAigcFaceInfoAsyncComplete",
            "PullComplete",
            "SceneAigcImageCompleteEvent",
        ]
    );
}

#[test]
fn a_session_id_is_taken_once_by_every_kind_that_has_one() {
    for (action, _) in tasks() {
        let service = service();
        let start =
            |voice: &str| answer(&service, action, &body(action, json!({ "SessionId": "s", "VoiceId": voice })));
        assert!(start("narrator01")["TaskId"].is_string(), "{action}");
        let again = start("narrator02");
        match ActionSpec::find(action).unwrap().session_id {
            Some(_) => assert_refused(&again, "InvalidParameterValue.SessionId", "72 hours"),
            None => assert!(again["TaskId"].is_string(), "{action} is never recognised: {again}"),
        }
    }
}

#[test]
fn a_marker_in_any_prompt_and_the_control_surface_make_tasks_fail() {
    const MARKED: &str = "a panda [[emulator:fail=TaskTimeout]]";
    let service = service();
    let marked = [
        ("CreateAigcVideoTask", "AigcVideoTask", json!({ "Prompt": MARKED })),
        ("CreateAigcImageTask", "AigcImageTask", json!({ "Prompt": MARKED })),
        ("CreateSceneAigcVideoTask", "SceneAigcVideoTask", json!({ "Prompt": MARKED })),
        (
            "CreateSceneAigcImageTask",
            "SceneAigcImageTask",
            json!({ "SceneInfo": { "Type": "product_image", "ProductImageConfig": { "Prompt": MARKED } } }),
        ),
        ("CreateAigcVideoRedrawTask", "AigcVideoRedrawTask", json!({ "TaskInfo": { "Style": MARKED } })),
        ("CreateAigcHunyuan3DTask", "AigcHunyuan3DTask", json!({ "Prompt": MARKED })),
        ("CreateAigcAudioTask", "AigcAudioTask", json!({ "Prompt": MARKED })),
        ("CreateAigcAudioClone", "CreateAigcAudioCloneTask", json!({ "Text": MARKED })),
    ];
    for (action, member, changes) in marked {
        let reply = finished(&service, action, changes);
        assert_eq!(
            (&reply["Status"], &reply[member]["ErrCode"]),
            (&json!("FINISH"), &json!(70000)),
            "{action}: {reply}"
        );
    }
    for (action, body) in tasks() {
        let started = answer(&service, action, &body);
        assert!(service.fail_task(started["TaskId"].as_str().unwrap_or_else(|| panic!("{started}")), "InternalError"));
        let reply = describe(&service, &started["TaskId"]);
        let member = reply.as_object().unwrap().values().find(|member| member.get("ErrCode").is_some()).unwrap();
        assert_eq!(member["ErrCode"], 70000, "{action}");
    }
}

#[test]
fn only_a_waiting_task_is_stopped() {
    let service = service();
    let manage = |task_id: &Value| {
        let body = json!({ "SubAppId": SUB_APP, "TaskId": task_id, "OperationType": "Abort" });
        answer(&service, "ManageTask", &body)
    };
    let task_id = answer(&service, "CreateAigcVideoTask", &body("CreateAigcVideoTask", json!({})))["TaskId"].clone();
    assert!(manage(&task_id).get("Error").is_none());
    let reply = describe(&service, &task_id);
    assert_eq!(
        (&reply["Status"], &reply["AigcVideoTask"]["ErrCodeExt"]),
        (&json!("ABORTED"), &json!("OperationCanceled"))
    );
    state::<AigcVideoTask>(&reply, |state| assert!(matches!(state, TaskState::Failed(_)), "{state:?}"));
    assert_eq!((service.bill().accepted, service.bill().billed), (1, 0));
    assert_refused(&manage(&task_id), "InvalidParameterValue", "not waiting");

    let task_id = answer(&service, "CreateAigcVideoTask", &body("CreateAigcVideoTask", json!({})))["TaskId"].clone();
    service.advance(Duration::from_secs(2));
    assert_refused(&manage(&task_id), "InvalidParameterValue", "not waiting");
    service.advance(Duration::from_secs(2));
    assert_refused(&manage(&task_id), "InvalidParameterValue", "not waiting");
    assert_eq!(describe(&service, &task_id)["Status"], "FINISH");
    assert_refused(&manage(&json!("none")), "ResourceNotFound", "none");
    let other = json!({ "SubAppId": 7, "TaskId": task_id, "OperationType": "Abort" });
    assert_refused(&answer(&service, "ManageTask", &other), "ResourceNotFound", "check both");
    let pause = json!({ "SubAppId": SUB_APP, "TaskId": task_id, "OperationType": "Pause" });
    assert_refused(&answer(&service, "ManageTask", &pause), "InvalidParameterValue", "Abort");
}

#[test]
fn the_details_repeat_the_request_without_the_bytes_of_its_files() {
    let service = service();
    let file = json!({ "Type": "Base64", "Base64": "cGFuZGE=", "Text": "a panda" });
    let changes = json!({ "FileInfos": [file], "SessionId": "s", "SessionContext": "job 7", "TasksPriority": 3 });
    let reply = finished(&service, "CreateAigcImageTask", changes);
    let task = &reply["AigcImageTask"];
    assert_eq!(task["Input"]["FileInfos"], json!([{ "Type": "Base64", "Text": "a panda" }]));
    assert_eq!(task["Input"]["Prompt"], "a panda");
    assert!(task["Input"].get("TasksPriority").is_none() && task["Input"].get("SubAppId").is_none());
    assert_eq!((&task["SessionId"], &task["SessionContext"]), (&json!("s"), &json!("job 7")));
}

#[test]
fn a_request_that_contradicts_itself_is_refused_by_the_member() {
    let service = service();
    let file = json!({ "Type": "Url", "Url": "https://host/a.png" });
    let view = |view: &str| json!({ "Type": "Url", "Url": "https://host/a.png", "ViewType": view });
    for (action, changes, code, words) in [
        ("CreateAigcImageTask", json!({ "Prompt": null }), "MissingParameter", "Prompt"),
        (
            "CreateAigcImageTask",
            json!({ "FileInfos": [{ "Type": "Url" }] }),
            "InvalidParameterValue",
            "FileInfos[0].Url",
        ),
        ("CreateAigcImageTask", json!({ "FileInfos": [{}] }), "InvalidParameterValue", "FileInfos[0].Type"),
        ("CreateAigcImageTask", json!({ "ModelName": "" }), "MissingParameter", "ModelName"),
        (
            "CreateAigcImageTask",
            json!({ "FileInfos": [{ "Type": "Base64", "Base64": "AAAA".repeat(7 * 1024 * 1024 / 3 + 1) }] }),
            "InvalidParameterValue",
            "7340034 bytes together",
        ),
        (
            "CreateSceneAigcImageTask",
            json!({ "SceneInfo": { "Type": "ai_try_on" } }),
            "MissingParameter",
            "AiTryOnConfig",
        ),
        ("CreateSceneAigcImageTask", json!({ "SceneInfo": {} }), "MissingParameter", "SceneInfo.Type"),
        ("CreateSceneAigcImageTask", json!({ "FileInfos": [] }), "MissingParameter", "FileInfos"),
        (
            "CreateSceneAigcVideoTask",
            json!({ "SceneInfo": { "Type": "character_scene" }, "OutputConfig": { "StorageMode": "Permanent" } }),
            "InvalidParameterValue",
            "Temporary",
        ),
        ("CreateAigcVideoRedrawTask", json!({ "FileInfo": null }), "MissingParameter", "FileInfo"),
        ("CreateAigcHunyuan3DTask", json!({ "ImageInfos": [file] }), "InvalidParameterValue", "exclude each other"),
        ("CreateAigcHunyuan3DTask", json!({ "Prompt": null }), "InvalidParameterValue", "exclude each other"),
        (
            "CreateAigcHunyuan3DTask",
            json!({ "Prompt": null, "MultiViewImageInfos": [view("left"), view("right")] }),
            "InvalidParameterValue",
            "front",
        ),
        (
            "CreateAigcHunyuan3DTask",
            json!({ "Prompt": null, "MultiViewImageInfos": [view("front"), view("front")] }),
            "InvalidParameterValue",
            "twice",
        ),
        ("CreateAigcHunyuan3DTask", json!({ "GenerateType": "Texture" }), "InvalidParameterValue", "MeshInfos"),
        ("CreateAigcAudioTask", json!({ "ModelName": null }), "MissingParameter", "ModelName"),
        ("CreateAigcAudioTask", json!({ "OutputConfig": { "Duration": 61 } }), "InvalidParameterValue", "0 to 60"),
        ("CreateAigcAudioClone", json!({ "VoiceId": "1narrator" }), "InvalidParameterValue", "1narrator"),
        ("CreateAigcAudioClone", json!({ "VoiceId": "narrator-" }), "InvalidParameterValue", "narrator-"),
        ("CreateAigcAdvancedCustomElement", json!({ "ElementImageList": "[" }), "InvalidParameterValue", "JSON"),
        (
            "CreateAigcAdvancedCustomElement",
            json!({ "ReferenceType": "video_refer" }),
            "MissingParameter",
            "ElementVideoList",
        ),
        ("CreateAigcCustomVoice", json!({ "VoiceUrl": "" }), "MissingParameter", "VoiceUrl"),
        ("CreateAigcSubject", json!({ "SubjectImages": null }), "MissingParameter", "SubjectImages"),
        ("DescribeAigcFaceInfoAsync", json!({ "FileInfos": [] }), "MissingParameter", "FileInfos"),
        ("PullUpload", json!({ "MediaUrl": "file:///a.mp4" }), "InvalidParameterValue", "http"),
        ("PullUpload", json!({ "SubAppId": null }), "MissingParameter", "SubAppId"),
        ("PullUpload", json!({ "SubAppId": 0 }), "InvalidParameterValue.SubAppId", "SubAppId is 0"),
    ] {
        let response = answer(&service, action, &body(action, changes));
        assert_refused(&response, code, words);
    }
    assert!(service.ledger().is_empty());
}
