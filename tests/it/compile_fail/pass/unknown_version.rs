//! The twin of `fail/unknown_version.rs` that compiles.

use vod_aigc_core::{Kling, video};

fn main() {
    let _ = video!(Kling::V2_1, prompt = "a panda");
}
