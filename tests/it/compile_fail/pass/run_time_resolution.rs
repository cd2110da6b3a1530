//! The twin of `fail/run_time_resolution.rs` that compiles.

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    const CHOSEN: Resolution = Resolution::P1080;
    let _ = video!(Kling::V2_1, prompt = "a panda", resolution = CHOSEN);
}
