//! A length with a fraction for a model that makes whole seconds.
//! rustc: Hailuo H3 makes 4 to 15 whole seconds, not 4.5

use vod_aigc_core::{Hailuo, video};

fn main() {
    let _ = video!(Hailuo::H3, prompt = "a panda", duration = 4.5);
}
