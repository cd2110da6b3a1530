//! A length that is only known at run time.
//! rustc: non-constant value in a constant

use vod_aigc_core::{Kling, video};

fn main() {
    let SECONDS: u32 = 5;
    let _ = video!(Kling::V2_1, prompt = "a panda", duration = SECONDS);
}
