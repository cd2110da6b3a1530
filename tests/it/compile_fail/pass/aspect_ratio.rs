//! The twin of `fail/aspect_ratio.rs` that compiles.

use vod_aigc_core::{AspectRatio, Kling, video};

fn main() {
    let _ = video!(Kling::V3_0, prompt = "a panda", aspect_ratio = AspectRatio::R16x9);
}
