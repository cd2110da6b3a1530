//! An unknown key.
//! rustc: `resolutoin`

use vod_aigc_core::{Kling, Resolution, video};

fn main() {
    let _ = video!(Kling::V2_1, prompt = "a panda", resolutoin = Resolution::P1080);
}
