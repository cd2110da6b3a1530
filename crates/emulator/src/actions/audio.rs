//! Sounds, and voices cloned from a recording.

use std::time::Duration;

use vod_aigc_core::{CreateAigcAudioCloneRequest, CreateAigcAudioTaskRequest};

use crate::call::Call;
use crate::product::Product;
use crate::refusal::{Refusal, invalid, missing};
use crate::start::Plan;

/// Of a sound whose request names no length.
const DEFAULT_LENGTH: u64 = 10;
/// The longest sample of a voice in seconds, so that no text makes it build a sound of days.
const LONGEST: u64 = 600;
/// How many characters of a text are spoken in a second.
const CHARACTERS_A_SECOND: usize = 5;

pub(super) fn sound(_: &Call<'_>, request: &CreateAigcAudioTaskRequest) -> Result<Plan, Refusal> {
    let model = request.model_name.as_deref().ok_or_else(|| missing("ModelName"))?;
    let model = match request.model_version.as_deref() {
        Some(version) => format!("{model}:{version}"),
        None => model.to_owned(),
    };
    let has_files = request.video_infos.as_ref().is_some_and(|files| !files.is_empty())
        || request.audio_infos.as_ref().is_some_and(|files| !files.is_empty());
    if request.prompt.is_none() && !has_files {
        return Err(missing("Prompt, which a request without VideoInfos and AudioInfos needs,"));
    }
    let seconds = request.output_config.as_ref().and_then(|config| config.duration);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    let seconds = seconds.unwrap_or(DEFAULT_LENGTH);
    let sound = Product::Sound { length: Duration::from_secs(seconds) };
    Ok(Plan::new(model, sound).with_prompt(request.prompt.as_deref()))
}

/// A voice's id is the caller's choice, so that each is taken once.
pub(super) fn clone(call: &Call<'_>, request: &CreateAigcAudioCloneRequest) -> Result<Plan, Refusal> {
    let voice_id = &request.voice_id;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_id = voice_id.starts_with(|first: char| first.is_ascii_alphabetic())
        && voice_id.bytes().all(is_part)
        && !voice_id.ends_with(['-', '_']);
    if !is_id {
        return Err(invalid(format!(
            "VoiceId {voice_id:?} is invalid; write letters, digits, - and _ with a letter first and neither - nor _ last"
        )));
    }
    let is_taken = call.store().tasks.all().iter().any(|task| {
        let same = matches!(&task.product, Product::Clone { voice_id: taken, .. } if taken == voice_id);
        same && task.entry.sub_app_id == request.sub_app_id && task.entry.failure.is_none()
    });
    if is_taken {
        return Err(invalid(format!("VoiceId {voice_id:?} is taken; choose another")));
    }
    let seconds = request.text.chars().count().div_ceil(CHARACTERS_A_SECOND) as u64;
    let seconds = seconds.min(LONGEST);
    let voice = Product::Clone { voice_id: voice_id.clone(), length: Duration::from_secs(seconds) };
    Ok(Plan::new("", voice).with_prompt(Some(&request.text)))
}
