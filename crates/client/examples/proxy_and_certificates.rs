//! One video through a proxy with a password, with roots and a client certificate of one's own, for the call and the download
//! alike. Beside the variables of `Client::from_env`:
//!
//! ```text
//! PROXY=socks5h://user:password@proxy.example:1080 ROOTS=roots.pem IDENTITY=client.pem \
//!     cargo run -p vod-aigc-client --example proxy_and_certificates
//! ```
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]
#![allow(clippy::disallowed_methods, reason = "an example reads its own environment")]

use std::env;
use std::path::Path;

use vod_aigc_client::core::{Kling, video};
use vod_aigc_client::transport::{HttpClient, read_certificates, reqwest};
use vod_aigc_client::{Client, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proxy = reqwest::Proxy::all(env::var("PROXY")?)?;
    let roots = read_certificates(Path::new(&env::var("ROOTS")?))?;
    // The private key and the certificate in one PEM file.
    let identity = reqwest::Identity::from_pem(&std::fs::read(env::var("IDENTITY")?)?)?;
    let http = HttpClient::with(move |builder| {
        builder.proxy(proxy.clone()).tls_certs_merge(roots.clone()).identity(identity.clone())
    });

    let settings = Settings::read(|name| env::var(name).ok())?;
    let client = Client::from_settings(settings).http_client(http).build();
    let task = client.submit(video!(Kling::V2_1, prompt = "a panda in a bamboo forest")).await?;
    let downloaded = task.wait().await?.download("panda.mp4").await?;
    println!("{} bytes in {}", downloaded.bytes, downloaded.path.display());
    Ok(())
}
