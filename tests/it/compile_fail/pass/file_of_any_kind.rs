//! The twin of `fail/file_of_any_kind.rs` that compiles.

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(GV::V3_1, image = "https://example.com/a.png");
}
