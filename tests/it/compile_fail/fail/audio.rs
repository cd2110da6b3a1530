//! Sound of a model that makes none.
//! rustc: PixVerse v5.6 makes no sound; leave audio generation off

use vod_aigc_core::{PixVerse, video};

fn main() {
    let _ = video!(PixVerse::V5_6, prompt = "a panda", audio = true);
}
