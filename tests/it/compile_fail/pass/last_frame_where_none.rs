//! The twin of `fail/last_frame_where_none.rs` that compiles.

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q2Pro, image = "https://example.com/a.png", last_frame = "https://example.com/b.png");
}
