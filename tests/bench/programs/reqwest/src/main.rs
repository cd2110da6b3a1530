//! One post by reqwest with the same TLS, and no signature.

use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    rustls::crypto::CryptoProvider::install_default(rustls::crypto::ring::default_provider())
        .map_err(|provider| format!("{:?} is there already", Arc::clone(&provider).cipher_suites))?;
    let request = reqwest::Client::new().post("https://vod.tencentcloudapi.com/");
    let reply = request.header("content-type", "application/json").body(r#"{"TaskId":"0"}"#).send().await?;
    println!("{}", reply.text().await?);
    Ok(())
}
