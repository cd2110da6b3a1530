//! The twin of `fail/too_many_references.rs` that compiles.

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(
        GV::V3_1,
        image = "https://example.com/a.png",
        first_frame = "https://example.com/a.png",
        reference = "https://example.com/a.png",
        session_context = "https://example.com/b.png",
    );
}
