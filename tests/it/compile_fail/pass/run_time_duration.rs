//! The twin of `fail/run_time_duration.rs` that compiles.

use vod_aigc_core::{Kling, video};

fn main() {
    const SECONDS: u32 = 5;
    let _ = video!(Kling::V2_1, prompt = "a panda", duration = SECONDS);
}
