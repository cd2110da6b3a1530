//! The twin of `fail/no_reference.rs` that compiles.

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q3Turbo, prompt = "a panda");
}
