//! The reply of DescribeTaskDetail, in each of its two documented shapes.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, ReplyShape};
use crate::clock::{iso, later};
use crate::files::{File, TEMPORARY};
use crate::kind::Kind;
use crate::media;
use crate::product::Product;
use crate::tasks::{CANCELED, Stage, Task};

/// The only number that failed tasks were seen with (others' public code); the word beside it
/// says more.
const FAILED: i64 = 70000;

/// The members of `Response` beside the RequestId. `endpoint` is where the files are served.
pub(crate) fn reply(task: &Task, now: SystemTime, behaviour: &Behaviour, endpoint: &str) -> Value {
    let shape = behaviour.reply_shape;
    let stage = match task.stage(now) {
        Stage::Processing(_) if !behaviour.smooth_progress => Stage::Processing(0),
        stage => stage,
    };
    match shape {
        ReplyShape::Minimal if task.kind == Kind::Video => minimal(stage, || output(task, shape, endpoint)),
        _ => official(task, stage, endpoint),
    }
}

/// The event of the end of `task`, without a handle.
pub(crate) fn event(task: &Task, now: SystemTime, endpoint: &str) -> Option<Value> {
    let (name, member) = task.kind.event()?;
    Some(json!({ "EventType": name, member: inner(task, task.stage(now), endpoint) }))
}

/// What is inside the official reply, and in the event of the task's end.
pub(crate) fn inner(task: &Task, stage: Stage<'_>, endpoint: &str) -> Value {
    let mut inner = json!({
        "TaskId": task.entry.task_id,
        "Status": if is_end(stage) { "FINISH" } else { "PROCESSING" },
        "ErrCode": 0,
        "ErrCodeExt": "",
        "Message": "",
        "Progress": progress(stage),
        "Input": task.input,
        "Output": {},
        "SessionId": task.entry.session_id.as_deref().unwrap_or_default(),
        "SessionContext": task.entry.session_context.as_deref().unwrap_or_default(),
    });
    match stage {
        Stage::Failed(code) => {
            inner["ErrCode"] = FAILED.into();
            inner["ErrCodeExt"] = code.into();
            inner["Message"] = message(code).into();
        }
        Stage::Aborted => {
            inner["ErrCode"] = FAILED.into();
            inner["ErrCodeExt"] = CANCELED.into();
            inner["Message"] = "the task was stopped before it began".into();
        }
        Stage::Finished => {
            let output = output(task, ReplyShape::Official, endpoint);
            match (inner.as_object_mut(), output) {
                // This kind has its result beside the status.
                (Some(inner), Value::Object(output)) if task.kind == Kind::Pull => inner.extend(output),
                (_, output) => inner["Output"] = output,
            }
        }
        Stage::Waiting | Stage::Processing(_) => {}
    }
    // The shape of a video task has all of these members, and it is the one that is asked for most.
    if task.kind == Kind::Video { inner } else { task.kind.details(inner) }
}

fn official(task: &Task, stage: Stage<'_>, endpoint: &str) -> Value {
    let mut reply = json!({
        "TaskType": task.kind.task_type(),
        "Status": stage.word(),
        "CreateTime": iso(task.entry.time),
        task.kind.member(): inner(task, stage, endpoint),
    });
    if stage != Stage::Waiting {
        reply["BeginProcessTime"] = iso(task.begins).into();
    }
    if is_end(stage) {
        reply["FinishTime"] = iso(task.ends).into();
    }
    reply
}

fn minimal(stage: Stage<'_>, output: impl FnOnce() -> Value) -> Value {
    let progress = progress(stage);
    let inner = match stage {
        Stage::Waiting | Stage::Processing(_) => {
            json!({ "Status": "PROCESSING", "Progress": progress, "ErrCode": 0 })
        }
        Stage::Finished => {
            json!({ "Status": "FINISH", "Progress": progress, "ErrCode": 0, "Output": output() })
        }
        Stage::Failed(_) | Stage::Aborted => {
            let code = if let Stage::Failed(code) = stage { code } else { CANCELED };
            json!({
                "Status": "FAIL",
                "Progress": progress,
                "ErrCode": FAILED,
                "ErrCodeExt": code,
                "Message": message(code),
            })
        }
    };
    json!({ "AigcVideoTask": inner })
}

fn progress(stage: Stage<'_>) -> u8 {
    match stage {
        Stage::Waiting => 0,
        Stage::Processing(done) => done,
        Stage::Finished | Stage::Failed(_) | Stage::Aborted => 100,
    }
}

fn is_end(stage: Stage<'_>) -> bool {
    !matches!(stage, Stage::Waiting | Stage::Processing(_))
}

fn message(code: &str) -> String {
    format!("the emulator was asked to end this task with {code}")
}

fn output(task: &Task, shape: ReplyShape, endpoint: &str) -> Value {
    match &task.product {
        Product::Film { size, length } => {
            let seconds = length.as_secs_f64();
            let cover = url(task, "cover.jpg", endpoint);
            if shape == ReplyShape::Minimal {
                let url = url(task, "video.mp4", endpoint);
                let metadata = json!({
                    "Duration": number(seconds),
                    "Width": size.width,
                    "Height": size.height,
                    "CoverUrl": cover,
                });
                return json!({ "FileInfos": [{ "FileUrl": url, "MetaData": metadata }] });
            }
            let mut file = stored(task, "video.mp4", File::Film(*size, *length), endpoint);
            file["MetaData"]["CoverUrl"] = cover.into();
            if task.kind == Kind::Redraw {
                return json!({ "FileInfo": file });
            }
            json!({ "FileInfos": [file], "Usage": { "OutputSeconds": seconds.ceil() as u64 } })
        }
        Product::Pictures { .. } => {
            let files = task.product.files().into_iter();
            let files: Vec<Value> = files.map(|(name, file)| stored(task, &name, file, endpoint)).collect();
            json!({ "FileInfos": files })
        }
        Product::Sound { length } => {
            let mut file = stored(task, "audio.wav", File::Sound(*length), endpoint);
            file["Duration"] = number(length.as_secs_f64());
            json!({ "AudioInfos": [file] })
        }
        Product::Body => {
            let mut file = stored(task, "model.glb", File::Body, endpoint);
            file["PreviewFileUrl"] = url(task, "preview.jpg", endpoint).into();
            json!({ "FileInfos": [file] })
        }
        // What a model says of such a thing is not documented; it is what the request said.
        Product::Thing { id } if task.kind == Kind::Element => {
            json!({ "InfoList": [{ "ElementId": id, "ElementInfo": task.input.to_string() }] })
        }
        Product::Thing { id } => json!({ "SubjectId": id, "SubjectInfo": task.input.to_string() }),
        Product::Voice { id } => {
            let mut info = task.input.clone();
            info["DemoAudio"] = url(task, "sample.wav", endpoint).into();
            json!({ "InfoList": [{ "VoiceId": id, "VoiceInfo": info.to_string() }] })
        }
        Product::Clone { voice_id, .. } => json!({
            "TaskId": task.entry.task_id,
            "State": "success",
            "VoiceId": voice_id,
            "DemoAudio": url(task, "sample.wav", endpoint),
            "Payload": task.input.get("Payload").unwrap_or(&json!("")),
            "CreatedAt": iso(task.begins),
        }),
        Product::Faces { id } => json!({ "FaceInfoSet": faces(id, &url(task, "face.jpg", endpoint)) }),
        Product::Fetched => {
            let media = &task.input;
            json!({
                "FileId": file_id(&task.entry.task_id, ""),
                "MediaBasicInfo": {
                    "Name": media.get("MediaName"),
                    "CreateTime": iso(task.ends),
                    "UpdateTime": iso(task.ends),
                    "ExpireTime": media.get("ExpireTime"),
                    "ClassId": media.get("ClassId").unwrap_or(&json!(0)),
                    "Type": media.get("MediaType"),
                    "Status": "Normal",
                },
            })
        }
    }
}

/// One face, whose lips can be moved for five seconds.
pub(crate) fn faces(session_id: &str, image: &str) -> Value {
    let face = json!({ "FaceId": "0", "FaceImage": image, "StartTime": 0, "EndTime": 5000 });
    json!([{ "SessionId": session_id, "FaceInfoList": [face] }])
}

fn url(task: &Task, name: &str, endpoint: &str) -> String {
    format!("{endpoint}/files/{}/{name}", task.entry.task_id)
}

/// A file as the outputs describe it.
fn stored(task: &Task, name: &str, file: File, endpoint: &str) -> Value {
    let mut info = json!({
        "FileType": file.file_type(),
        "FileUrl": url(task, name, endpoint),
        "MetaData": metadata(file),
    });
    if task.is_stored() {
        info["StorageMode"] = "Permanent".into();
        info["FileId"] = file_id(&task.entry.task_id, name).into();
        for name in ["MediaName", "ClassId", "ExpireTime"] {
            if let Some(value) = task.input["OutputConfig"].get(name) {
                info[name] = value.clone();
            }
        }
    } else {
        info["StorageMode"] = "Temporary".into();
        info["ExpireTime"] = iso(later(task.ends, TEMPORARY)).into();
    }
    info
}

fn metadata(file: File) -> Value {
    let bytes = file.bytes().len();
    match file {
        File::Film(size, length) => {
            let seconds = length.as_secs_f64();
            let bitrate = (bytes as f64 * 8.0 / seconds).round() as u64;
            json!({
                "Duration": number(seconds),
                "Width": size.width,
                "Height": size.height,
                "Size": bytes,
                "Container": "mp4",
                "Bitrate": bitrate,
                "Rotate": 0,
                "VideoDuration": number(seconds),
                "AudioDuration": 0,
                "AudioStreamSet": [],
                "VideoStreamSet": [{
                    "Bitrate": bitrate,
                    "Width": size.width,
                    "Height": size.height,
                    "Codec": "h264",
                    "Fps": media::FRAMES_A_SECOND,
                }],
            })
        }
        File::Picture(size) => json!({
            "Width": size.width,
            "Height": size.height,
            "Size": bytes,
            "Container": "jpeg",
        }),
        File::Sound(length) => {
            let bitrate = 16 * media::SAMPLING_RATE;
            json!({
                "Duration": number(length.as_secs_f64()),
                "Size": bytes,
                "Container": "wav",
                "Bitrate": bitrate,
                "AudioDuration": number(length.as_secs_f64()),
                "AudioStreamSet": [{
                    "Bitrate": bitrate,
                    "SamplingRate": media::SAMPLING_RATE,
                    "Codec": "pcm_s16le",
                }],
            })
        }
        File::Body => json!({ "Size": bytes, "Container": "glb" }),
    }
}

/// A number of seconds, without a fraction where it has none.
fn number(seconds: f64) -> Value {
    if seconds.fract() == 0.0 { json!(seconds as u64) } else { json!(seconds) }
}

/// The digits of the task's id, as the service's file ids are numbers, with those of the file's name at the end.
fn file_id(task_id: &str, name: &str) -> String {
    let digits = |text: &str, count| text.chars().filter(char::is_ascii_digit).take(count).collect::<String>();
    digits(task_id, 19) + &digits(name.split('.').next().unwrap_or_default(), 3)
}
