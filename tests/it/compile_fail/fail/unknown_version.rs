//! A version that the table does not know.
//! rustc: `V9_9`

use vod_aigc_core::{Kling, video};

fn main() {
    let _ = video!(Kling::V9_9, prompt = "a panda");
}
