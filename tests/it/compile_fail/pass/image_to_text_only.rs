//! The twin of `fail/image_to_text_only.rs` that compiles.

use vod_aigc_core::{OS, video};

fn main() {
    let _ = video!(OS::V2_0, prompt = "https://example.com/a.png");
}
