//! A list of images, whose length rustc could not count.
//! rustc: `images` is a list made at run time: use `VideoRequest::builder(..)`, or write `image = ..` once for each image

use vod_aigc_core::{GV, video};

fn main() {
    let _ = video!(GV::V3_1, images = "https://example.com/a.png");
}
