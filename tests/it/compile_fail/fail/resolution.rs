//! A resolution that the model does not offer.
//! rustc: Kling 2.1 does not output 4K; choose 720P, 1080P or 2K

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(Kling::V2_1, prompt = "a panda", resolution = Resolution::P4K);
}
