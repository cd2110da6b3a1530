//! No image for a model that makes video from an image only.
//! rustc: Hailuo 2.3-fast makes video from an image only; give it an image

use vod_aigc_core::{Hailuo, video};

fn main() {
    let _ = video!(Hailuo::V2_3Fast, prompt = "a panda");
}
