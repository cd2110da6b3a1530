//! One call of ours.

use vod_aigc_client::Client;
use vod_aigc_client::core::DescribeTaskDetailRequest;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let reply = client.call(DescribeTaskDetailRequest::new("1500044236-AigcVideoTask-0")).await?;
    println!("{:?}", reply.value.status);
    Ok(())
}
