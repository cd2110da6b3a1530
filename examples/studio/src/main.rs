//! Twenty videos at once, through a crash: `cargo run -p vod-aigc-studio`. It needs no account, because it runs against an
//! emulator in this process.
//!
//! A worker process orders twenty shots, cancels one of them, and is killed while the others are made. Then this process resumes what
//! the worker left in the store, while a server takes the callbacks of the tasks. At the end every shot was billed once, and every
//! file is there. Log lines go to standard error.
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

mod callbacks;
mod studio;

use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::Command;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use vod_aigc_client::events::SignKey;
use vod_aigc_client::store::SqliteStore;
use vod_aigc_client::transport::signer::{Credential, InvalidCredential};
use vod_aigc_client::{Client, WaitPolicy};
use vod_aigc_emulator::{CallbackUrl, Emulator, Timing};

const SUB_APP_ID: u64 = 1_500_000_001;
const KEY: &str = "studioKey";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logged: Targets = "vod_aigc_client=info,vod_aigc_studio=info".parse()?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(layer).with(logged).init();
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => studio().await,
        [endpoint, folder] => worker(endpoint, Path::new(folder)).await,
        _ => Err("it takes no arguments".into()),
    }
}

/// The key pair of the emulator, which opens nothing else.
fn credential() -> Result<Credential, InvalidCredential> {
    Credential::new("AKIDSTUDIO", "not-a-real-key")
}

/// A client of the emulator whose jobs are in the store of the folder.
async fn client(endpoint: &str, folder: &Path) -> Result<Client, Box<dyn Error>> {
    let store = SqliteStore::open(folder.join("jobs.sqlite3")).await?;
    let mut quick = WaitPolicy::default();
    (quick.first, quick.every) = (WaitPolicy::FLOOR, WaitPolicy::FLOOR);
    let client = Client::builder(credential()?, SUB_APP_ID).endpoint(endpoint.parse()?);
    Ok(client.store(Arc::new(store)).wait_policy(quick).build())
}

/// The process that is killed: it orders all shots, cancels the last, and waits.
async fn worker(endpoint: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let client = client(endpoint, folder).await?;
    let ordered = studio::order(&client, folder).await;
    if let Some(Ok(last)) = ordered.last() {
        last.cancel().await?;
    }
    // Says that all are ordered.
    println!("ordered");
    studio::finish(&client).await?;
    Ok(())
}

async fn studio() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback_url = CallbackUrl::new(format!("http://{}/vod", listener.local_addr()?))?;
    let timing = Timing { waiting: Duration::from_secs(2), processing: Duration::from_secs(2) };
    let emulator = Emulator::builder().credential(credential()?).timing(timing);
    let emulator = emulator.callback_url(callback_url).callback_key(KEY).start().await?;

    let mut worker = Command::new(std::env::current_exe()?)
        .arg(emulator.endpoint())
        .arg(folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    wait_until_ordered(&mut worker).await?;
    worker.kill().await?;
    println!("the worker was killed with {} tasks on the bill", billed(&emulator));

    let client = client(emulator.endpoint(), folder.path()).await?;
    let confirmed = callbacks::serve(listener, client.clone(), SignKey::new(KEY)?);
    let report = studio::finish(&client).await?;
    println!("{} videos, not made: {:?}", report.downloaded, report.failed);
    println!("billed: {}, callbacks confirmed: {}", billed(&emulator), confirmed.load(Ordering::SeqCst));
    let is_right = report.downloaded == studio::SHOTS - 1 && billed(&emulator) == studio::SHOTS - 1;
    if is_right && confirmed.load(Ordering::SeqCst) > 0 { Ok(()) } else { Err("something was lost".into()) }
}

async fn wait_until_ordered(worker: &mut tokio::process::Child) -> Result<(), Box<dyn Error>> {
    use tokio::io::AsyncBufReadExt as _;

    let output = worker.stdout.take().ok_or("its output is piped")?;
    let mut lines = tokio::io::BufReader::new(output).lines();
    match lines.next_line().await? {
        Some(line) if line == "ordered" => Ok(()),
        other => Err(format!("the worker said {other:?}").into()),
    }
}

/// How many tasks the service would bill.
fn billed(emulator: &Emulator) -> usize {
    emulator.ledger().iter().filter(|entry| entry.billed).count()
}
