//! One call by crate tencentcloud.

use std::error::Error;

use serde::Serialize;
use tencentcloud::api::Api;
use tencentcloud::{Auth, Client};

struct DescribeTaskDetail;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    task_id: &'a str,
}

impl Api for DescribeTaskDetail {
    type Request<'a> = Request<'a>;
    type Response = serde_json::Value;
    const VERSION: &'static str = "2018-07-17";
    const ACTION: &'static str = "DescribeTaskDetail";
    const SERVICE: &'static str = "vod";
    const HOST: &'static str = "vod.tencentcloudapi.com";
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name| std::env::var(name);
    let auth = Auth::new(variable("TENCENTCLOUD_SECRET_KEY")?, variable("TENCENTCLOUD_SECRET_ID")?);
    let client = Client::new("ap-guangzhou".to_owned(), auth, None);
    let (reply, _) = client.send::<DescribeTaskDetail>(&Request { task_id: "1500044236-AigcVideoTask-0" }).await?;
    println!("{}", reply["Status"]);
    Ok(())
}
