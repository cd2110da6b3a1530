//! The twin of `fail/none_to_image_only.rs` that compiles.

use vod_aigc_core::{Hailuo, video};

fn main() {
    let _ = video!(Hailuo::V2_3, prompt = "a panda");
}
