//! The reply of DescribeTaskDetail, in each of its two documented shapes.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{iso, later};
use crate::files::{self, TEMPORARY};
use crate::media;
use crate::tasks::{Stage, Task};

/// The only number that failed tasks were seen with (others' public code); the word beside it
/// says more.
const FAILED: i64 = 70000;

/// Which members a reply of DescribeTaskDetail has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplyShape {
    /// Those of the official description: task type, times and status outside; inside the input, the
    /// output and, for a failure, FINISH with an error code.
    #[default]
    Official,
    /// That of the integration card: only `AigcVideoTask`, with PROCESSING, FINISH or FAIL, progress,
    /// error code and output.
    Minimal,
}

/// The members of `Response` beside the RequestId. `endpoint` is where the files are served.
pub(crate) fn reply(task: &Task, now: SystemTime, shape: ReplyShape, endpoint: &str) -> Value {
    let stage = task.stage(now);
    match shape {
        ReplyShape::Official => official(task, stage, endpoint),
        ReplyShape::Minimal => minimal(stage, || output(task, shape, endpoint)),
    }
}

/// What is inside the official reply, and in the event of the task's end.
pub(crate) fn inner(task: &Task, stage: Stage<'_>, endpoint: &str) -> Value {
    const INPUT: [&str; 14] = [
        "ModelName",
        "ModelVersion",
        "FileInfos",
        "SubjectInfos",
        "LastFrameFileId",
        "LastFrameUrl",
        "Prompt",
        "NegativePrompt",
        "EnhancePrompt",
        "OutputConfig",
        "InputRegion",
        "SceneType",
        "Seed",
        "ExtInfo",
    ];
    let input: serde_json::Map<String, Value> =
        INPUT.into_iter().filter_map(|name| Some((name.to_owned(), task.request.get(name)?.clone()))).collect();
    let mut inner = json!({
        "TaskId": task.entry.task_id,
        "Status": if stage == Stage::Waiting { "PROCESSING" } else { stage.word() },
        "ErrCode": 0,
        "ErrCodeExt": "",
        "Message": "",
        "Progress": progress(stage),
        "Input": input,
        "Output": {},
        "SessionId": task.entry.session_id.as_deref().unwrap_or_default(),
        "SessionContext": task.request.get("SessionContext").unwrap_or(&json!("")),
    });
    match stage {
        Stage::Failed(code) => {
            inner["ErrCode"] = FAILED.into();
            inner["ErrCodeExt"] = code.into();
            inner["Message"] = message(code).into();
        }
        Stage::Finished => inner["Output"] = output(task, ReplyShape::Official, endpoint),
        Stage::Waiting | Stage::Processing(_) => {}
    }
    inner
}

fn official(task: &Task, stage: Stage<'_>, endpoint: &str) -> Value {
    let mut reply = json!({
        "TaskType": "AigcVideoTask",
        "Status": stage.word(),
        "CreateTime": iso(task.entry.time),
        "AigcVideoTask": inner(task, stage, endpoint),
    });
    if stage != Stage::Waiting {
        reply["BeginProcessTime"] = iso(task.begins).into();
    }
    if stage.word() == "FINISH" {
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
        Stage::Failed(code) => json!({
            "Status": "FAIL",
            "Progress": progress,
            "ErrCode": FAILED,
            "ErrCodeExt": code,
            "Message": message(code),
        }),
    };
    json!({ "AigcVideoTask": inner })
}

fn progress(stage: Stage<'_>) -> u8 {
    match stage {
        Stage::Waiting => 0,
        Stage::Processing(done) => done,
        Stage::Finished | Stage::Failed(_) => 100,
    }
}

fn message(code: &str) -> String {
    format!("the emulator was asked to end this task with {code}")
}

fn output(task: &Task, shape: ReplyShape, endpoint: &str) -> Value {
    let task_id = &task.entry.task_id;
    let seconds = task.length.as_secs_f64();
    let duration = if seconds.fract() == 0.0 { json!(seconds as u64) } else { json!(seconds) };
    let mut metadata = json!({
        "Duration": duration,
        "Width": task.size.width,
        "Height": task.size.height,
        "CoverUrl": format!("{endpoint}/files/{task_id}/cover.jpg"),
    });
    let url = format!("{endpoint}/files/{task_id}/video.mp4");
    if shape == ReplyShape::Minimal {
        return json!({ "FileInfos": [{ "FileUrl": url, "MetaData": metadata }] });
    }

    let bytes = files::video(task.size, task.length).len();
    let bitrate = (bytes as f64 * 8.0 / seconds).round() as u64;
    metadata["Size"] = bytes.into();
    metadata["Container"] = "mp4".into();
    metadata["Bitrate"] = bitrate.into();
    metadata["Rotate"] = 0.into();
    metadata["VideoDuration"] = duration;
    metadata["AudioDuration"] = 0.into();
    metadata["AudioStreamSet"] = json!([]);
    metadata["VideoStreamSet"] = json!([{
        "Bitrate": bitrate,
        "Width": task.size.width,
        "Height": task.size.height,
        "Codec": "h264",
        "Fps": media::FRAMES_A_SECOND,
    }]);
    let mut file = json!({ "FileType": "mp4", "FileUrl": url, "MetaData": metadata });
    if task.is_stored() {
        file["StorageMode"] = "Permanent".into();
        file["FileId"] = file_id(task_id).into();
        for name in ["MediaName", "ClassId", "ExpireTime"] {
            if let Some(value) = task.request["OutputConfig"].get(name) {
                file[name] = value.clone();
            }
        }
    } else {
        file["StorageMode"] = "Temporary".into();
        file["ExpireTime"] = iso(later(task.ends, TEMPORARY)).into();
    }
    json!({ "FileInfos": [file], "Usage": { "OutputSeconds": seconds.ceil() as u64 } })
}

/// The digits of the task's id, as the service's file ids are numbers.
fn file_id(task_id: &str) -> String {
    task_id.chars().filter(char::is_ascii_digit).take(19).collect()
}
