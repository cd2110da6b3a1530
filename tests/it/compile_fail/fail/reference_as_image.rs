//! An image that is no reference for a model that works from references only.
//! rustc: Vidu q3-mix works from references only; give every file as a reference

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q3Mix, prompt = "a panda", image = "https://example.com/a.png");
}
