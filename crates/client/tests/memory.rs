//! How much memory payloads take: an image of the largest size on its way into a request, and long streams.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, MutexGuard};
use vod_aigc_client::core::{Kling, MAX_BASE64_BYTES, VideoRequest};
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{BoxFuture, Endpoint, Http, RawReply, SendError, SignedRequest};
use vod_aigc_client::{Client, ClientBuilder, Inputs, TaskHandle};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What is allocated beside payloads: connections, buffers, the runtime.
const SLACK: usize = 256 * 1024;
/// Longer than anything that is buffered in between.
const STREAM: u64 = 64 * 1024 * 1024;

/// The process's memory from now on, measured by one test at a time.
struct Measured {
    start: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Measured {
    async fn from_now() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let _alone = ALONE.lock().await;
        ALLOCATED.reset_peak_usage();
        Self { start: ALLOCATED.current_usage(), _alone }
    }

    /// The most that was allocated at once beyond what was there.
    fn peak(&self) -> usize {
        ALLOCATED.peak_usage() - self.start
    }
}

/// The API, which answers each action with a constant.
#[derive(Debug, Default)]
struct Api {
    film: String,
    longest_body: AtomicUsize,
}

impl Http for Api {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.longest_body.fetch_max(request.body().len(), Ordering::Relaxed);
        let (_, action) = request.headers().find(|(name, _)| *name == "x-tc-action").unwrap();
        let response = match action {
            "CreateAigcVideoTask" => r#"{"TaskId":"task-1"}"#.to_owned(),
            "DescribeTaskDetail" => format!(
                r#"{{"AigcVideoTask":{{"Status":"FINISH","Output":{{"FileInfos":[{{"FileUrl":"{}"}}]}}}}}}"#,
                self.film
            ),
            // The details show no SessionId, so a submit looks for its task.
            "DescribeTasks" => r#"{"TaskSet":[]}"#.to_owned(),
            "ApplyUpload" => r#"{"StorageBucket":"b","StorageRegion":"r","MediaStoragePath":"f","VodSessionKey":"s",
                "TempCertificate":{"SecretId":"i","SecretKey":"k"}}"#
                .to_owned(),
            "CommitUpload" => r#"{"FileId":"1"}"#.to_owned(),
            other => panic!("nobody asked for {other}"),
        };
        let body = format!(r#"{{"Response":{response}}}"#).into();
        Box::pin(std::future::ready(Ok(RawReply { status: 200, headers: Default::default(), body })))
    }
}

fn client(api: &Arc<Api>) -> ClientBuilder {
    let http = api.clone();
    Client::builder(Credential::new("AKID", "key").unwrap(), 1)
        .endpoint("http://127.0.0.1:9".parse().unwrap())
        .transport(|transport| transport.http(http))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    /// A file with this head, with nothing but zeros behind it, which take no room on the disk.
    fn file(&self, head: &[u8], bytes: u64) -> PathBuf {
        let path = self.0.path().join("file");
        let mut file = File::create(&path).unwrap();
        file.write_all(head).unwrap();
        file.set_len(bytes).unwrap();
        path
    }
}

/// A server for one exchange after the other: reads a head and `received` bytes, then answers with `sent` bytes.
async fn server(received: u64, sent: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(exchange(stream, received, sent));
        }
    });
    address
}

async fn exchange(stream: TcpStream, received: u64, sent: u64) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    tokio::io::copy_buf(&mut (&mut stream).take(received), &mut tokio::io::sink()).await?;
    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {sent}\r\n\r\n").as_bytes()).await?;
    tokio::io::copy(&mut tokio::io::repeat(0).take(sent), &mut stream).await?;
    stream.flush().await
}

/// From the file to the signed request: the text of the file and the body, or the body and what is sent of it.
async fn peak_of_a_submit(client: Client, api: &Api) -> (usize, usize) {
    let folder = Folder::new();
    let image = folder.file(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0", MAX_BASE64_BYTES as u64);
    let measured = Measured::from_now().await;
    let builder = VideoRequest::builder(Kling::V2_1).prompt("a panda");
    let request = client.attach(builder, Inputs::new().image(image)).await.unwrap();
    client.submit(request).await.unwrap();
    (measured.peak(), api.longest_body.load(Ordering::Relaxed))
}

#[tokio::test]
async fn an_image_of_the_largest_size_is_held_four_times_at_most() {
    let api = Arc::new(Api::default());
    let (peak, body) = peak_of_a_submit(client(&api).build(), &api).await;
    assert!(body > MAX_BASE64_BYTES / 3 * 4, "{body}");
    assert!(peak <= 4 * body + SLACK, "{peak} with a body of {body}");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_store_holds_no_further_copy_of_an_image() {
    let folder = Folder::new();
    let store = vod_aigc_client::SqliteStore::open(folder.0.path().join("jobs")).await.unwrap();
    let api = Arc::new(Api::default());
    let (peak, body) = peak_of_a_submit(client(&api).store(Arc::new(store)).build(), &api).await;
    assert!(peak <= 4 * body + SLACK, "{peak} with a body of {body}");
}

#[tokio::test]
async fn a_download_takes_the_same_memory_however_long_it_is() {
    let film = server(0, STREAM).await;
    let client = client(&Arc::new(Api { film, ..Api::default() })).build();
    let finished = client.resume(TaskHandle::new("task-1", 1)).wait().await.unwrap();
    let folder = Folder::new();
    let measured = Measured::from_now().await;
    let downloaded = finished.download(folder.0.path().join("film.mp4")).await.unwrap();
    assert_eq!(downloaded.bytes, STREAM);
    assert!(measured.peak() < 10 * 1024 * 1024, "{}", measured.peak());
}

#[tokio::test]
async fn an_upload_takes_the_same_memory_however_long_it_is() {
    let storage: Endpoint = server(STREAM, 0).await.parse().unwrap();
    let client = client(&Arc::new(Api::default())).cos_endpoint(storage).build();
    let folder = Folder::new();
    let film = folder.file(b"\0\0\0\x18ftypmp42", STREAM);
    let measured = Measured::from_now().await;
    let uploaded = client.upload(film).await.unwrap();
    assert_eq!(uploaded.bytes, STREAM);
    assert!(measured.peak() < 10 * 1024 * 1024, "{}", measured.peak());
}
