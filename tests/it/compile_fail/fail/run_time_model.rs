//! A model that is only known at run time.
//! rustc: non-constant value in a constant

use vod_aigc_core::{Kling, video};

fn main() {
    let CHOSEN: Kling = Kling::V2_1;
    let _ = video!(CHOSEN, prompt = "a panda");
}
