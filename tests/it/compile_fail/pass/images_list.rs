//! The twin of `fail/images_list.rs` that compiles.

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(GV::V3_1, image = "https://example.com/a.png");
}
