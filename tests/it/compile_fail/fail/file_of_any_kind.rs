//! A file whose kind rustc could not tell.
//! rustc: what `file` holds is only known at run time: use `VideoRequest::builder(..)`

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(GV::V3_1, file = "https://example.com/a.png");
}
