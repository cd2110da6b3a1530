//! Checks a CreateAigcVideoTask, and works out what the task will make.

use std::ops::RangeInclusive;
use std::time::Duration;

use vod_aigc_core::{Asked, CreateAigcVideoTaskRequest, Model, Resolution};

use crate::call::Call;
use crate::media::{Ratio, Size};
use crate::product::Product;
use crate::refusal::{Refusal, invalid};
use crate::start::Plan;

/// What the emulator makes where a request names no length and the table states no default.
const DEFAULT_LENGTH: u32 = 5;
/// The emulator's own limits in seconds, around every documented length, so that no request makes it
/// build a film of days.
const LENGTHS: RangeInclusive<f64> = 1.0..=60.0;
const DEFAULT_RATIO: &str = "16:9";

/// The plan of a video request, checked against the capability table.
pub(super) fn plan(_: &Call<'_>, request: &CreateAigcVideoTaskRequest) -> Result<Plan, Refusal> {
    check(request)?;

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
    let size = Size::new(resolution.short_side(), ratio);
    let film = Product::Film { size, length: length(seconds)? };
    Ok(Plan::new(request.model().to_string(), film).with_prompt(request.prompt.as_deref()))
}

/// The size of a film of this resolution, 720P unless given, and of this ratio, 16:9 unless given.
///
/// # Errors
///
/// When the emulator can make none of that size.
pub(super) fn film(resolution: Option<&str>, ratio: Option<&str>) -> Result<Size, Refusal> {
    let (resolution, ratio) = (resolution.unwrap_or("720P"), ratio.unwrap_or(DEFAULT_RATIO));
    Size::of_film(resolution, ratio).ok_or_else(|| {
        invalid(format!(
            "OutputConfig makes no film of {resolution:?} and {ratio:?}; write them as 720P, 2K or 4K and as 16:9, from 1:4 to 4:1"
        ))
    })
}

/// The length of a film of so many seconds.
///
/// # Errors
///
/// When the emulator makes none so short or so long.
pub(super) fn length(seconds: f64) -> Result<Duration, Refusal> {
    if LENGTHS.contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(invalid(format!(
        "OutputConfig.Duration {seconds} is no length that the emulator makes; give {} to {} seconds",
        LENGTHS.start(),
        LENGTHS.end()
    )))
}

/// The capability table and the documented limits, by the rule engine of the whole workspace. Unlike a
/// client, a service knows its models: one that is not in the table does not exist.
fn check(request: &CreateAigcVideoTaskRequest) -> Result<(), Refusal> {
    if let Model::Other(_) = request.model() {
        let name = request.model().to_string();
        return Err(invalid(match name.parse::<Model>() {
            Err(unknown) => unknown.to_string(),
            Ok(known) => format!("no model {name:?}; it is written {known}"),
        }));
    }
    request.check().map_err(|error| invalid(error.to_string()))
}
