//! More images than the model takes.
//! rustc: Kling 2.1 takes at most 1 image, not 2

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(
        Kling::V2_1,
        image = "https://example.com/a.png",
        image = "https://example.com/b.png",
        resolution = Resolution::P1080,
    );
}
