//! A resolution for a model that takes its size in ExtInfo.
//! rustc: Hunyuan 1.5 takes its size in ExtInfo, as size; leave the resolution out

use vod_aigc_core::{Hunyuan, Resolution, video};

fn main() {
    let _ = video!(Hunyuan::V1_5, prompt = "a palace", resolution = Resolution::P720);
}
