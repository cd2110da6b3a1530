//! A length that the model does not make.
//! rustc: OS 2.0 makes 4, 8 or 12 seconds, not 5

use vod_aigc_core::{OS, video};

fn main() {
    let _ = video!(OS::V2_0, prompt = "a panda", duration = 5);
}
