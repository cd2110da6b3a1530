//! The twin of `fail/run_time_model.rs` that compiles.

use vod_aigc_core::{Kling, video};

fn main() {
    const CHOSEN: Kling = Kling::V2_1;
    let _ = video!(CHOSEN, prompt = "a panda");
}
