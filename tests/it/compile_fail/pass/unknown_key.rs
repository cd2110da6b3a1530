//! The twin of `fail/unknown_key.rs` that compiles.

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(Kling::V2_1, prompt = "a panda", resolution = Resolution::P1080);
}
