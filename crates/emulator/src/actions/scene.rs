//! Pictures and videos of ready-made scenes.

use std::time::Duration;

use vod_aigc_core::{
    AigcImageSceneInfoType, AigcVideoSceneInfoType, CreateSceneAigcImageTaskRequest, CreateSceneAigcVideoTaskRequest,
    StorageMode,
};

use super::image::size;
use super::video::{film, length};
use crate::call::Call;
use crate::media::Size;
use crate::product::Product;
use crate::refusal::{Refusal, invalid, missing};
use crate::start::Plan;

/// The largest side of a picture that names its sides.
const LARGEST_SIDE: u64 = 4096;

pub(super) fn image(_: &Call<'_>, request: &CreateSceneAigcImageTaskRequest) -> Result<Plan, Refusal> {
    let scene = &request.scene_info;
    let kind = scene.type_.as_ref().ok_or_else(|| missing("SceneInfo.Type"))?;
    let (config, is_there) = match kind {
        AigcImageSceneInfoType::AiTryOn => ("SceneInfo.AiTryOnConfig", scene.ai_try_on_config.is_some()),
        AigcImageSceneInfoType::ProductImage => ("SceneInfo.ProductImageConfig", scene.product_image_config.is_some()),
        AigcImageSceneInfoType::Outpainting => ("", true),
        _ => ("SceneInfo.ChangeClothesConfig", scene.change_clothes_config.is_some()),
    };
    if !is_there {
        return Err(missing(config));
    }
    if request.file_infos.as_ref().is_none_or(Vec::is_empty) {
        return Err(missing("FileInfos"));
    }
    let prompts = [
        scene.ai_try_on_config.as_ref().and_then(|config| config.prompt.as_deref()),
        scene.change_clothes_config.as_ref().and_then(|config| config.prompt.as_deref()),
        scene.product_image_config.as_ref().and_then(|config| config.prompt.as_deref()),
    ];
    let output = request.output_config.as_ref();
    let sides = output.and_then(|output| output.image_width.zip(output.image_height));
    let size = match sides {
        Some((width, height)) => sized(width, height)?,
        None => size(
            output.and_then(|output| output.resolution.as_ref()).map(|resolution| resolution.as_str()),
            output.and_then(|output| output.aspect_ratio.as_deref()),
        )?,
    };
    let products = scene.product_image_config.as_ref();
    let count = products.and_then(|config| config.output_image_count).unwrap_or(1);
    let plan = Plan::new(kind.as_str(), Product::Pictures { size, count });
    Ok(prompts.into_iter().fold(plan, Plan::with_prompt))
}

fn sized(width: u64, height: u64) -> Result<Size, Refusal> {
    let side = |side: u64| u16::try_from(side).ok().filter(|_| (2..=LARGEST_SIDE).contains(&side));
    let size = side(width).zip(side(height)).map(|(width, height)| Size { width, height });
    size.ok_or_else(|| {
        invalid(format!(
            "OutputConfig makes no picture of {width} by {height}; the emulator makes sides of 2 to {LARGEST_SIDE}"
        ))
    })
}

pub(super) fn video(_: &Call<'_>, request: &CreateSceneAigcVideoTaskRequest) -> Result<Plan, Refusal> {
    /// The only length that both scenes take.
    const DEFAULT_LENGTH: f64 = 4.0;
    let kind = request.scene_info.type_.as_ref().ok_or_else(|| missing("SceneInfo.Type"))?;
    if request.file_infos.as_ref().is_none_or(Vec::is_empty) {
        return Err(missing("FileInfos"));
    }
    let output = request.output_config.as_ref();
    let is_character = *kind == AigcVideoSceneInfoType::CharacterScene;
    if is_character && output.and_then(|output| output.storage_mode.as_ref()) == Some(&StorageMode::Permanent) {
        return Err(invalid("OutputConfig.StorageMode is Permanent; a character scene takes Temporary"));
    }
    let size = film(
        output.and_then(|output| output.resolution.as_deref()),
        output.and_then(|output| output.aspect_ratio.as_deref()),
    )?;
    let length: Duration = length(output.and_then(|output| output.duration).unwrap_or(DEFAULT_LENGTH))?;
    Ok(Plan::new(kind.as_str(), Product::Film { size, length }).with_prompt(request.prompt.as_deref()))
}
