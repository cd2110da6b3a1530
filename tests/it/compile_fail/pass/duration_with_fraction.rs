//! The twin of `fail/duration_with_fraction.rs` that compiles.

use vod_aigc_core::{Hailuo, video};

fn main() {
    let _ = video!(Hailuo::H3, prompt = "a panda", duration = 4.0);
}
