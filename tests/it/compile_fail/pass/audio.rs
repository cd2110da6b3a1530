//! The twin of `fail/audio.rs` that compiles.

use vod_aigc_core::{PixVerse, video};

fn main() {
    let _ = video!(PixVerse::V5_6, prompt = "a panda", audio = false);
}
