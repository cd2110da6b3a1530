//! Judges the body of a CreateAigcVideoTask, and works out what the task will make.

use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vod_aigc_core::{Asked, CreateAigcVideoTaskRequest, Fault, FileInfoType, Model, Resolution};

use crate::media::{Ratio, Size};
use crate::refusal::{Refusal, decode};

/// What the emulator makes where a request names no length and the table states no default.
const DEFAULT_LENGTH: u32 = 5;
/// The emulator's own limits in seconds, around every documented length, so that no request makes it
/// build a film of days.
const LENGTHS: RangeInclusive<f64> = 1.0..=60.0;
const DEFAULT_RATIO: &str = "16:9";
/// What a prompt holds before the code that its task is to fail with.
const FAIL_MARKER: &str = "[[emulator:fail=";

/// An accepted request, as far as the emulator acts on it.
pub(crate) struct Job {
    pub(crate) sub_app_id: u64,
    /// As `Kling:2.1`.
    pub(crate) model: String,
    pub(crate) session_id: Option<String>,
    pub(crate) size: Size,
    pub(crate) length: Duration,
    /// The code that the prompt asks the task to fail with.
    pub(crate) failure: Option<String>,
    /// The request without the bytes of its files.
    pub(crate) request: Value,
}

impl Job {
    /// The stored files that it works from.
    pub(crate) fn file_ids(&self) -> impl Iterator<Item = &str> {
        let files = self.request["FileInfos"].as_array().into_iter().flatten().map(|file| &file["FileId"]);
        files.chain([&self.request["LastFrameFileId"]]).filter_map(Value::as_str)
    }
}

/// # Errors
///
/// The first rule that the request breaks, with the vendor's code.
pub(crate) fn judge(body: &[u8]) -> Result<Job, Refusal> {
    let (request, mut value): (CreateAigcVideoTaskRequest, Value) =
        decode(body, &["SubAppId", "ModelName", "ModelVersion"])?;
    check(&request)?;
    check_files(&request)?;

    let resolution = match request.shape().resolution {
        Asked::Known(resolution) => resolution,
        Asked::Nothing | Asked::Unknown => Resolution::DEFAULT,
    };
    let config = request.output_config.as_ref();
    let ratio = config.and_then(|config| config.aspect_ratio.as_ref());
    let ratio = ratio.map_or(DEFAULT_RATIO, |ratio| ratio.as_str());
    let ratio = Ratio::parse(ratio).ok_or_else(|| {
        invalid(format!("OutputConfig.AspectRatio {ratio:?} is no shape; write it as 16:9, from 1:4 to 4:1"))
    })?;
    let default = request.model().capabilities().and_then(|row| row.default_duration).unwrap_or(DEFAULT_LENGTH);
    let seconds = config.and_then(|config| config.duration).unwrap_or(f64::from(default));
    if !LENGTHS.contains(&seconds) {
        return Err(invalid(format!(
            "OutputConfig.Duration {seconds} is no length that the emulator makes; give {} to {} seconds",
            LENGTHS.start(),
            LENGTHS.end()
        )));
    }

    let files = value.get_mut("FileInfos").and_then(Value::as_array_mut);
    for file in files.into_iter().flatten().filter_map(Value::as_object_mut) {
        file.remove("Base64");
    }
    Ok(Job {
        sub_app_id: request.sub_app_id,
        model: request.model().to_string(),
        session_id: request.session_id.filter(|session_id| !session_id.is_empty()),
        size: Size::new(resolution.short_side(), ratio),
        length: Duration::from_secs_f64(seconds),
        failure: request.prompt.as_deref().and_then(asked_failure),
        request: value,
    })
}

/// The sub-application and SessionId of a request, however wrong the rest of it is.
pub(crate) fn session(body: &[u8]) -> Option<(u64, String)> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let session_id = request.get("SessionId")?.as_str().filter(|session_id| !session_id.is_empty())?;
    Some((request.get("SubAppId")?.as_u64()?, session_id.to_owned()))
}

/// The capability table and the documented limits, by the rule engine of the whole workspace. Unlike a
/// client, a service knows its models: one that is not in the table does not exist.
fn check(request: &CreateAigcVideoTaskRequest) -> Result<(), Refusal> {
    if request.sub_app_id == 0 {
        return Err(Refusal::new("InvalidParameterValue.SubAppId", "SubAppId is 0; give the id of a sub-application"));
    }
    if let Model::Other(_) = request.model() {
        let name = request.model().to_string();
        return Err(invalid(match name.parse::<Model>() {
            Err(unknown) => unknown.to_string(),
            Ok(known) => format!("no model {name:?}; it is written {known}"),
        }));
    }
    request.check().map_err(|error| {
        let member = error.faults().iter().find_map(|fault| match fault {
            Fault::Limit(breach) => Some(breach.member()),
            _ => None,
        });
        let code = match member {
            Some("SessionId") => "InvalidParameterValue.SessionIdTooLong",
            Some("SessionContext") => "InvalidParameterValue.SessionContextTooLong",
            _ => "InvalidParameterValue",
        };
        Refusal::new(code, error.to_string())
    })
}

/// Each file must have what its type names, and Base64 must be what it says.
fn check_files(request: &CreateAigcVideoTaskRequest) -> Result<(), Refusal> {
    for (index, file) in request.file_infos.iter().flatten().enumerate() {
        let (name, content) = match &file.type_ {
            Some(FileInfoType::File) => ("FileId", &file.file_id),
            Some(FileInfoType::Base64) => ("Base64", &file.base64),
            Some(FileInfoType::Url) => ("Url", &file.url),
            _ => {
                return Err(invalid(format!("FileInfos[{index}].Type must be File, Url or Base64")));
            }
        };
        let content = content.as_deref().unwrap_or_default();
        if content.is_empty() {
            return Err(invalid(format!("FileInfos[{index}].{name} is missing; its Type asks for it")));
        }
        if name == "Base64"
            && let Err(error) = STANDARD.decode(content)
        {
            return Err(invalid(format!(
                "FileInfos[{index}].Base64 is not Base64 ({error}); send it without a data: prefix"
            )));
        }
    }
    Ok(())
}

fn asked_failure(prompt: &str) -> Option<String> {
    let (_, rest) = prompt.split_once(FAIL_MARKER)?;
    let (code, _) = rest.split_once("]]")?;
    Some(code.to_owned())
}

fn invalid(message: String) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}
