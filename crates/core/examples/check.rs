//! Checks a request against the capability table: `cargo run -p vod-aigc-core --example check -- Kling:2.1 4K`.
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use vod_aigc_core::{Model, Resolution, VideoRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model: Model = arguments.next().as_deref().unwrap_or("Kling:2.1").parse()?;
    let resolution: Resolution = arguments.next().as_deref().unwrap_or("4K").parse()?;
    match VideoRequest::builder(model).prompt("a panda in a bamboo forest").resolution(resolution).build() {
        Ok(request) => println!("{} makes it", request.model()),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
