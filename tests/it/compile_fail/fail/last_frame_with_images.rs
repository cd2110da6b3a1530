//! A last frame beside several images.
//! rustc: GV 3.1 takes a last frame with one image only

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(
        GV::V3_1,
        image = "https://example.com/a.png",
        image = "https://example.com/a.png",
        last_frame = "https://example.com/b.png",
    );
}
