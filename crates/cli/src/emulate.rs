//! `vod-aigc emulate`: a local VOD as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{Random as _, SystemRandom};
use vod_aigc_emulator::{Emulator, Scenario};

use crate::failure::Failure;
use crate::progress::say;
use crate::{print_json, settings};

/// The pair that is taken where none is set. No account has it.
const MADE_UP: (&str, &str) = ("AKIDemulator", "emulator");

/// Run a local VOD until it is interrupted. The first line on standard output is its endpoint as JSON.
///
/// It takes the key pair of the environment, or makes one up and says it on standard error.
#[derive(Debug, Args)]
pub(crate) struct Emulate {
    /// The address to listen on; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Play this scenario file: how the service behaves, and what goes wrong
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Let a task's progress grow with time; without it, it is 0 until the end, as the service shows it
    #[arg(long)]
    smooth_progress: bool,

    /// Answer /_emulator/* under this host name too, for example a container's; may be given several times
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

impl Emulate {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let credential = match settings::credential_if_set()? {
            Some(credential) => credential,
            None => {
                let (id, key) = MADE_UP;
                say(format_args!(
                    "no key pair is set; this emulator takes TENCENTCLOUD_SECRET_ID={id} TENCENTCLOUD_SECRET_KEY={key}"
                ));
                Credential::new(id, key).map_err(|error| Failure::usage(error.to_string()))?
            }
        };
        let mut builder = Emulator::builder()
            .listen(self.listen)
            .credential(credential)
            // Another run gives other task ids, so that what was stored of an earlier one is not mistaken for it.
            .seed(SystemRandom.next_u64());
        if let Some(file) = self.scenario {
            builder = builder.scenario(Scenario::read(file).map_err(|error| Failure::usage(error.to_string()))?);
        }
        if self.smooth_progress {
            builder = builder.smooth_progress(true);
        }
        builder = self.allow_host.into_iter().fold(builder, |builder, name| builder.allow_host(name));
        let emulator = builder.start().await.map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(warning) = emulator.warning() {
            say(format_args!("warning: {warning}"));
        }
        print_json(&serde_json::json!({ "endpoint": emulator.endpoint() }))?;
        tokio::signal::ctrl_c().await.map_err(|error| Failure::usage(error.to_string()))?;
        emulator.stop().await;
        Ok(())
    }
}
