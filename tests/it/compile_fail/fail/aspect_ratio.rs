//! A shape that the model does not make from text.
//! rustc: Kling 3.0 makes 16:9, 9:16 or 1:1 from text, not 21:9

use vod_aigc_core::{AspectRatio, Kling, video};

fn main() {
    let _ = video!(Kling::V3_0, prompt = "a panda", aspect_ratio = AspectRatio::R21x9);
}
