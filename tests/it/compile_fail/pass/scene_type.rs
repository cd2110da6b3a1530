//! The twin of `fail/scene_type.rs` that compiles.

use vod_aigc_core::{Kling, SceneType, video};

fn main() {
    let _ = video!(Kling::V2_6, prompt = "a panda", scene_type = SceneType::MotionControl);
}
