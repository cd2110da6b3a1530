//! No reference for a model that works from references only.
//! rustc: Vidu q3-drama works from references only; give it one

use vod_aigc_core::{Vidu, video};

fn main() {
    let _ = video!(Vidu::Q3Drama, prompt = "a panda");
}
