//! The twin of `fail/duration.rs` that compiles.

use vod_aigc_core::{OS, video};

fn main() {
    let _ = video!(OS::V2_0, prompt = "a panda", duration = 8);
}
