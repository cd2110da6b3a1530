//! Serves an emulator until Ctrl-C: `cargo run -p vod-aigc-emulator --example serve`.
#![allow(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;

use vod_aigc_emulator::{Credential, Emulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::builder().credential(Credential::new("AKIDEXAMPLE", "not-a-real-key")?).start().await?;
    println!("endpoint    {}", emulator.endpoint());
    println!("secret id   AKIDEXAMPLE");
    println!("secret key  not-a-real-key");
    println!("ledger      {}/_emulator/ledger", emulator.endpoint());
    tokio::signal::ctrl_c().await?;
    emulator.stop().await;
    Ok(())
}
