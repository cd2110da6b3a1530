//! The twin of `fail/too_many_images.rs` that compiles.

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(
        Kling::V2_1,
        image = "https://example.com/a.png",
        last_frame = "https://example.com/b.png",
        resolution = Resolution::P1080,
    );
}
