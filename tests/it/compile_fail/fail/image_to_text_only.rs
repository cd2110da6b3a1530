//! An image for a model that makes video from text only.
//! rustc: OS 2.0 makes video from text only; it takes no image

use vod_aigc_core::{OS, video};

fn main() {
    let _ = video!(OS::V2_0, image = "https://example.com/a.png");
}
