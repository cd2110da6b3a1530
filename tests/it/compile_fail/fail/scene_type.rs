//! A scene type of another family.
//! rustc: Kling 2.6 takes the scene type motion_control, avatar_i2v or lip_sync, not template_effect

use vod_aigc_core::{Kling, SceneType, video};

fn main() {
    let _ = video!(Kling::V2_6, prompt = "a panda", scene_type = SceneType::TemplateEffect);
}
