//! A resolution that is only known at run time.
//! rustc: non-constant value in a constant

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let CHOSEN: Resolution = Resolution::P1080;
    let _ = video!(Kling::V2_1, prompt = "a panda", resolution = CHOSEN);
}
