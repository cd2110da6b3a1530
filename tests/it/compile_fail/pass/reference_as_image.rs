//! The twin of `fail/reference_as_image.rs` that compiles.

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q3Mix, prompt = "a panda", reference = "https://example.com/a.png");
}
