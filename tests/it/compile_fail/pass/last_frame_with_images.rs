//! The twin of `fail/last_frame_with_images.rs` that compiles.

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(
        GV::V3_1,
        image = "https://example.com/a.png",
        image = "https://example.com/a.png",
        image = "https://example.com/b.png",
    );
}
