//! Neither a prompt nor an image.
//! rustc: Kling 2.1 needs a prompt when it has no image to start from

use vod_aigc_core::{Kling, video};

fn main() {
    let _ = video!(Kling::V2_1, negative_prompt = "a panda");
}
