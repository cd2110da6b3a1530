//! A last frame where the service would choose the resolution.
//! rustc: Kling 2.1 takes a last frame only at 1080P; set that resolution

use vod_aigc_core::{Kling, video};

fn main() {
    let _ = video!(Kling::V2_1, image = "https://example.com/a.png", last_frame = "https://example.com/b.png");
}
