//! Asks any Tencent Cloud action by name and prints its reply:
//! `cargo run -p vod-aigc-transport --example describe -- cvm 2017-03-12 DescribeRegions '{}'`.
//!
//! Keys come from TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY. Name only actions that read: this one repeats them.
#![allow(clippy::print_stdout, reason = "printing is what the example is for")]
#![allow(clippy::disallowed_methods, reason = "a program takes its own environment")]

use std::error::Error;

use serde_json::Value;
use vod_aigc_core::Effect;
use vod_aigc_transport::{Call, Environment, Transport, VariableNames};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [service, version, action, body] = &arguments[..] else {
        return Err("give a service, a version, an action and a JSON body".into());
    };
    let call = Call::new(action.clone(), service.clone(), version.clone(), Effect::Read, body.clone());
    let environment = Environment::new(VariableNames::TENCENT_CLOUD, |name| std::env::var(name).ok());
    let transport = Transport::builder(environment).region("ap-guangzhou").build();
    let reply = transport.execute::<Value>(&call).await?;
    println!("{:#}", reply.value);
    Ok(())
}
