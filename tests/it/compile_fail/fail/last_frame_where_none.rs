//! A last frame for a model that takes none.
//! rustc: Vidu q2 takes no last frame

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q2, image = "https://example.com/a.png", last_frame = "https://example.com/b.png");
}
