//! A resolution that there is not.
//! rustc: `P8K`

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(Kling::V2_1, prompt = "a panda", resolution = Resolution::P8K);
}
