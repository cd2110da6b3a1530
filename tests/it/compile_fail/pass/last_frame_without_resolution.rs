//! The twin of `fail/last_frame_without_resolution.rs` that compiles.

use vod_aigc_core::{Kling, video};

fn main() {
    let _ = video!(Kling::V2_1, image = "https://example.com/a.png", prompt = "https://example.com/b.png");
}
