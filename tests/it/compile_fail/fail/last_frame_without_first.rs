//! A last frame without a first image.
//! rustc: Vidu q2-pro: a last frame needs a first image

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q2Pro, prompt = "https://example.com/a.png", last_frame = "https://example.com/b.png");
}
