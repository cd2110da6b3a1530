//! One call by crate tencentcloud-sdk.

use std::error::Error;

use serde_json::{Value, json};
use tencentcloud_sdk::{Client, CommonClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Its HTTP client looks for one of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().credentials_from_env().region("ap-guangzhou").build()?;
    let client = CommonClient::new(client, "vod", "2018-07-17")?;
    let request = json!({ "TaskId": "1500044236-AigcVideoTask-0" });
    let reply = client.call::<_, Value>("DescribeTaskDetail", &request).await?;
    println!("{}", reply.data["Status"]);
    Ok(())
}
