//! Pictures.

use vod_aigc_core::CreateAigcImageTaskRequest;

use crate::call::Call;
use crate::media::Size;
use crate::product::Product;
use crate::refusal::{Refusal, invalid, missing};
use crate::start::Plan;

/// The emulator does not check which model makes which picture: the capability table is about video.
pub(super) fn plan(_: &Call<'_>, request: &CreateAigcImageTaskRequest) -> Result<Plan, Refusal> {
    if request.prompt.is_none() && request.file_infos.as_ref().is_none_or(Vec::is_empty) {
        return Err(missing("Prompt, which a request without FileInfos needs,"));
    }
    let config = request.output_config.as_ref();
    let size = size(
        config.and_then(|config| config.resolution.as_deref()),
        config.and_then(|config| config.aspect_ratio.as_deref()),
    )?;
    let count = config.and_then(|config| config.output_image_count).unwrap_or(1);
    let model = format!("{}:{}", request.model_name, request.model_version);
    Ok(Plan::new(model, Product::Pictures { size, count }).with_prompt(request.prompt.as_deref()))
}

/// The size of a picture of this resolution, 1K unless given, and of this ratio, a square unless given.
///
/// # Errors
///
/// When the emulator can make none of that size.
pub(super) fn size(resolution: Option<&str>, ratio: Option<&str>) -> Result<Size, Refusal> {
    let resolution = resolution.unwrap_or("1K");
    let ratio = ratio.filter(|ratio| *ratio != "auto").unwrap_or("1:1");
    Size::of_picture(resolution, ratio).ok_or_else(|| {
        invalid(format!(
            "OutputConfig makes no picture of {resolution:?} and {ratio:?}; write them as 1K, 2K, 4K or 720P and as 16:9, from 1:4 to 4:1"
        ))
    })
}
