//! The twin of `fail/storage_mode.rs` that compiles.

use vod_aigc_core::{Hunyuan, StorageMode, video};

fn main() {
    let _ = video!(Hunyuan::V3d2_0, prompt = "a palace", storage_mode = StorageMode::Temporary);
}
