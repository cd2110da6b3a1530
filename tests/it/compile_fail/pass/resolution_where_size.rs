//! The twin of `fail/resolution_where_size.rs` that compiles.

use vod_aigc_core::{Hunyuan, Resolution, video};

fn main() {
    let _ = video!(Hunyuan::V3d2_0, prompt = "a palace", resolution = Resolution::P720);
}
