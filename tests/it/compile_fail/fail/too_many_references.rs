//! More images than the model takes, however their roles are spelled out.
//! rustc: GV 3.1 takes at most 3 images, not 4

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(
        GV::V3_1,
        image = "https://example.com/a.png",
        first_frame = "https://example.com/a.png",
        reference = "https://example.com/a.png",
        reference = "https://example.com/b.png",
    );
}
