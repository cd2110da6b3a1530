//! A storage mode that the model does not take.
//! rustc: Hunyuan 3d_2.0 takes the storage mode Temporary, not Permanent

use vod_aigc_core::{Hunyuan, StorageMode, video};

fn main() {
    let _ = video!(Hunyuan::V3d2_0, prompt = "a palace", storage_mode = StorageMode::Permanent);
}
