//! One video through every layer, against the emulator: `cargo run -p vod-aigc-client --example panda`.
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use vod_aigc_client::core::{Kling, Resolution, video};
use vod_aigc_client::{Client, Progress, TaskEvent, WaitPolicy};
use vod_aigc_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start().await?;
    let mut policy = WaitPolicy::default();
    (policy.first, policy.every) = (WaitPolicy::FLOOR, WaitPolicy::FLOOR);
    let client = Client::builder(emulator.credential().clone(), 1_500_000_001)
        .endpoint(emulator.endpoint().parse()?)
        .wait_policy(policy)
        .build();

    let request = video!(Kling::V2_1, prompt = "a panda in a bamboo forest", resolution = Resolution::P1080);
    let task = client.submit(request).await?;
    let show = |event: &TaskEvent| {
        if let TaskEvent::Progress(Progress::Processing(Some(percent))) = event {
            println!("{percent} %");
        }
    };
    let video = task.wait().policy(policy).on_event(show).await?;
    let file = std::env::temp_dir().join("panda.mp4");
    println!("{} bytes in {}", video.download(&file).await?.bytes, file.display());
    Ok(())
}
