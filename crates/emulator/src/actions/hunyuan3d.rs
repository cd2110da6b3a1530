//! Bodies in three dimensions.

use vod_aigc_core::{AigcHunyuan3DGenerateType, AigcHunyuan3DViewType, CreateAigcHunyuan3DTaskRequest};

use crate::call::Call;
use crate::product::Product;
use crate::refusal::{Refusal, invalid};
use crate::start::Plan;

pub(super) fn plan(_: &Call<'_>, request: &CreateAigcHunyuan3DTaskRequest) -> Result<Plan, Refusal> {
    let views = request.multi_view_image_infos.as_deref().unwrap_or_default();
    let given = [
        request.image_infos.as_ref().is_some_and(|images| !images.is_empty()),
        !views.is_empty(),
        request.prompt.as_ref().is_some_and(|prompt| !prompt.is_empty()),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err(invalid("ImageInfos, MultiViewImageInfos and Prompt exclude each other; give one of them"));
    }
    let is_from = |view: &AigcHunyuan3DViewType| views.iter().filter(|it| it.view_type.as_ref() == Some(view)).count();
    if !views.is_empty() && is_from(&AigcHunyuan3DViewType::Front) == 0 {
        return Err(invalid("MultiViewImageInfos holds no picture from the front; add one"));
    }
    if let Some(twice) = views.iter().filter_map(|view| view.view_type.as_ref()).find(|view| is_from(view) > 1) {
        return Err(invalid(format!("MultiViewImageInfos holds {} twice; leave one out", twice.as_str())));
    }
    let is_texture = request.generate_type == Some(AigcHunyuan3DGenerateType::Texture);
    if is_texture != request.mesh_infos.as_ref().is_some_and(|meshes| !meshes.is_empty()) {
        return Err(invalid("MeshInfos and the GenerateType Texture need each other; give both or none"));
    }
    Ok(Plan::new("Hunyuan3D", Product::Body).with_prompt(request.prompt.as_deref()))
}
