//! Downloads from a scripted server on a loopback socket: under the target's name there is nothing or the exact file.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::testing::SeededRandom;
use vod_aigc_client::transport::{Random as _, SendErrorKind};
use vod_aigc_client::{Client, DownloadError, DownloadPolicy, Downloaded, Video};

use crate::service::{NOW, Service, task};

/// A server that gives each request to a closure, sends what that returns and closes the connection.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

#[derive(Debug, Clone)]
struct Request {
    number: usize,
    head: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The first byte that is asked for.
    fn offset(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

impl Server {
    async fn start(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v.mp4?sign=canary", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let request = {
                    let mut requests = recorded.lock().unwrap();
                    let request = Request { number: requests.len(), head: String::from_utf8(head).unwrap() };
                    requests.push(request.clone());
                    request
                };
                let _ = stream.write_all(&answer(&request)).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn offsets(&self) -> Vec<Option<usize>> {
        self.requests().iter().map(Request::offset).collect()
    }
}

/// An answer with these header lines besides its length, and perhaps only a part of the body that it announces.
fn answer(status: u16, headers: &str, body: &[u8], sent: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), &body[..sent.min(body.len())]].concat()
}

/// What a server with ranges sends of a film, cut off after `sent` bytes.
fn ranged(film: &[u8], request: &Request, etag: &str, sent: usize) -> Vec<u8> {
    let tag = format!("etag: {etag}\r\n");
    match request.offset().filter(|_| request.header("if-range") == Some(etag)) {
        Some(from) => {
            let range = format!("{tag}content-range: bytes {from}-{}/{}\r\n", film.len() - 1, film.len());
            answer(206, &range, &film[from..], sent)
        }
        None => answer(200, &tag, film, sent),
    }
}

fn film(length: usize) -> Vec<u8> {
    let random = SeededRandom::new(length as u64);
    (0..length).map(|_| random.next_u64() as u8).collect()
}

/// A folder of this test alone, and a target in it.
struct Target {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("v.mp4");
        Self { folder, path }
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join(".v.mp4.part")
    }

    /// The names in the folder.
    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.folder.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

fn finished(url: &str, meta: &str) -> String {
    format!(
        r#"{{"AigcVideoTask":{{"Status":"FINISH","Output":{{"FileInfos":[{{"FileUrl":"{url}","MetaData":{{{meta}}}}}]}}}}}}"#
    )
}

/// The video at a URL, of which the service says `meta`; asked again, it says `later`.
async fn video_then(url: &str, meta: &str, later: Option<String>) -> (Video, Arc<Service>) {
    let answers = std::iter::once(finished(url, meta)).chain(later).map(Some);
    let (task, service) = task(answers, Some(NOW));
    (task.wait().await.unwrap(), service)
}

async fn video(url: &str, meta: &str) -> Video {
    video_then(url, meta, None).await.0
}

async fn download(video: &Video, target: &Target) -> Result<Downloaded, DownloadError> {
    video.download(&target.path).await
}

/// A download that fails after this many requests and leaves nothing.
async fn failed(server: &Server, meta: &str, requests: usize) -> DownloadError {
    let target = Target::new();
    let error = download(&video(&server.url, meta).await, &target).await.expect_err("it must fail");
    assert_eq!(server.requests().len(), requests, "{error}");
    assert_eq!(target.names(), Vec::<String>::new(), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    error
}

#[tokio::test]
async fn a_video_arrives_whole_and_nothing_else_is_left_and_no_credentials_are_sent() {
    let whole = film(300_000);
    let sent = whole.clone();
    let server = Server::start(move |request| ranged(&sent, request, "\"a\"", usize::MAX)).await;
    let target = Target::new();
    let downloaded = download(&video(&server.url, r#""Size":300000"#).await, &target).await.unwrap();
    assert_eq!((downloaded.bytes, &downloaded.path), (300_000, &target.path));
    assert_eq!(fs::read(&target.path).unwrap(), whole);
    assert_eq!(target.names(), ["v.mp4"]);
    let head = server.requests()[0].head.to_lowercase();
    for header in ["authorization", "x-tc-", "cookie", "referer", "range"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn a_video_that_is_cut_anywhere_is_resumed_and_never_seen_in_part() {
    for seed in 0..30 {
        let whole = film(100_000);
        let sent = whole.clone();
        let random = SeededRandom::new(seed);
        let server = Server::start(move |request| {
            let sent_bytes = if request.number < 5 { (random.next_u64() % 20_000) as usize } else { usize::MAX };
            ranged(&sent, request, "\"a\"", sent_bytes)
        })
        .await;
        let target = Target::new();
        fs::write(&target.path, "before").unwrap();
        let see = |_, _| assert_eq!(fs::read(&target.path).unwrap(), b"before");
        video(&server.url, "").await.download(&target.path).on_progress(see).await.unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), whole, "seed {seed}");
        assert_eq!(target.names(), ["v.mp4"]);
        let offsets = server.offsets();
        assert!(offsets.is_sorted() && offsets[5].is_some(), "seed {seed}: {offsets:?}");
        let ranged = server.requests().into_iter().filter(|request| request.offset().is_some());
        assert!(ranged.clone().all(|request| request.header("if-range") == Some("\"a\"")));
    }
}

#[tokio::test]
async fn a_file_that_has_changed_meanwhile_begins_anew() {
    let (old, new) = (film(50_000), film(40_000));
    let sent = new.clone();
    let server = Server::start(move |request| match request.number {
        0 => ranged(&old, request, "\"old\"", 20_000),
        _ => ranged(&sent, request, "\"new\"", usize::MAX),
    })
    .await;
    let target = Target::new();
    assert_eq!(download(&video(&server.url, "").await, &target).await.unwrap().bytes, 40_000);
    assert_eq!(server.offsets(), [None, Some(20_000)]);
    assert_eq!(fs::read(&target.path).unwrap(), new);
}

#[tokio::test]
async fn a_range_that_does_not_continue_what_is_there_begins_anew() {
    let wrong: [&'static str; 4] = [
        "etag: \"b\"\r\ncontent-range: bytes 20000-49999/50000\r\n",
        "etag: \"a\"\r\ncontent-range: bytes 19999-49999/50000\r\n",
        "etag: \"a\"\r\ncontent-range: nonsense\r\n",
        "etag: \"a\"\r\n",
    ];
    for headers in wrong {
        let whole = film(50_000);
        let sent = whole.clone();
        let server = Server::start(move |request| match request.number {
            0 => ranged(&sent, request, "\"a\"", 20_000),
            1 => answer(206, headers, &sent[20_000..], usize::MAX),
            _ => ranged(&sent, request, "\"a\"", usize::MAX),
        })
        .await;
        let target = Target::new();
        download(&video(&server.url, "").await, &target).await.unwrap();
        assert_eq!(server.offsets(), [None, Some(20_000), None], "{headers}");
        assert_eq!(fs::read(&target.path).unwrap(), whole, "{headers}");
    }
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_not_the_file() {
    let server = Server::start(|request| match request.number {
        0 => answer(206, "content-range: bytes 0-3/*\r\n", b"film", usize::MAX),
        _ => ranged(b"filmfilm", request, "\"a\"", usize::MAX),
    })
    .await;
    assert_eq!(download(&video(&server.url, "").await, &Target::new()).await.unwrap().bytes, 8);
    assert_eq!(server.offsets(), [None, None]);
}

#[tokio::test]
async fn a_range_that_is_answered_in_parts_is_asked_for_until_the_file_is_whole() {
    let whole = film(10_000);
    let sent = whole.clone();
    let server = Server::start(move |request| match request.offset() {
        None => ranged(&sent, request, "\"a\"", 4_000),
        Some(from) => {
            let to = (from + 2_500).min(sent.len());
            part(&sent, from..to, &sent.len().to_string())
        }
    })
    .await;
    let target = Target::new();
    download(&video(&server.url, "").await, &target).await.unwrap();
    assert_eq!(server.offsets(), [None, Some(4_000), Some(6_500), Some(9_000)]);
    assert_eq!(fs::read(&target.path).unwrap(), whole);
}

#[tokio::test]
async fn a_rest_of_a_file_whose_whole_length_is_not_said_ends_with_its_own_length() {
    let whole = film(10_000);
    let sent = whole.clone();
    let server = Server::start(move |request| match request.offset() {
        None => ranged(&sent, request, "\"a\"", 4_000),
        Some(from) => part(&sent, from..sent.len(), "*"),
    })
    .await;
    let target = Target::new();
    download(&video(&server.url, "").await, &target).await.unwrap();
    assert_eq!(server.offsets(), [None, Some(4_000)]);
    assert_eq!(fs::read(&target.path).unwrap(), whole);
}

/// A part of a film, and how long the server says the whole is.
fn part(film: &[u8], range: Range<usize>, whole: &str) -> Vec<u8> {
    let headers = format!("etag: \"a\"\r\ncontent-range: bytes {}-{}/{whole}\r\n", range.start, range.end - 1);
    answer(206, &headers, &film[range], usize::MAX)
}

/// An answer whose end is its own, and which says no length before.
fn chunked(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 X\r\nconnection: close\r\netag: \"a\"\r\ntransfer-encoding: chunked\r\n\r\n";
    [format!("{head}{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

#[tokio::test]
async fn a_file_that_ends_early_is_continued_and_one_that_is_too_long_begins_anew() {
    for (first, offsets) in [(&b"fil"[..], [None, Some(3)]), (b"films", [None, None])] {
        let server = Server::start(move |request| match request.number {
            0 => chunked(first),
            _ => ranged(b"film", request, "\"a\"", usize::MAX),
        })
        .await;
        let target = Target::new();
        download(&video(&server.url, r#""Size":4"#).await, &target).await.unwrap();
        assert_eq!(server.offsets(), offsets);
        assert_eq!(fs::read(&target.path).unwrap(), b"film");
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_range_is_asked_for_the_whole() {
    let whole = film(10_000);
    let sent = whole.clone();
    let server = Server::start(move |request| match request.number {
        0 => ranged(&sent, request, "\"a\"", 7_000),
        1 => answer(416, "", b"", 0),
        _ => ranged(&sent, request, "\"a\"", usize::MAX),
    })
    .await;
    let target = Target::new();
    download(&video(&server.url, "").await, &target).await.unwrap();
    assert_eq!(server.offsets(), [None, Some(7_000), None]);
    assert_eq!(fs::read(&target.path).unwrap(), whole);
}

#[tokio::test]
async fn without_a_strong_etag_nothing_is_resumed() {
    for tag in ["", "etag: W/\"a\"\r\n", "etag: a\r\n"] {
        let whole = film(10_000);
        let sent = whole.clone();
        let server =
            Server::start(move |request| answer(200, tag, &sent, if request.number == 0 { 7_000 } else { usize::MAX }))
                .await;
        let target = Target::new();
        download(&video(&server.url, "").await, &target).await.unwrap();
        assert_eq!(server.offsets(), [None, None], "{tag}");
        assert_eq!(fs::read(&target.path).unwrap(), whole, "{tag}");
    }
}

#[tokio::test]
async fn a_wrong_length_is_an_error() {
    let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
    let error = failed(&server, r#""Size":5"#, 6).await;
    assert_eq!(error, DownloadError::Length { found: 4, expected: 5 });
    let chunked = b"HTTP/1.1 200 X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfilm\r\n0\r\n\r\n";
    for size in [3, 5] {
        let server = Server::start(|_| chunked.to_vec()).await;
        let error = failed(&server, &format!(r#""Size":{size}"#), 6).await;
        assert_eq!(error, DownloadError::Length { found: 4, expected: size });
    }
    let server = Server::start(|_| chunked.to_vec()).await;
    let target = Target::new();
    assert_eq!(download(&video(&server.url, "").await, &target).await.unwrap().bytes, 4, "its end is its own");
}

#[tokio::test]
async fn a_file_whose_end_nobody_knows_is_not_believed() {
    let endless = b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\nfilm";
    let server = Server::start(|_| endless.to_vec()).await;
    assert_eq!(failed(&server, r#""Size":0"#, 1).await, DownloadError::NoLength);
    let server = Server::start(|_| endless.to_vec()).await;
    download(&video(&server.url, r#""Size":4"#).await, &Target::new()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_md5_is_an_error_and_a_right_one_is_not() {
    const FILM: &str = "bdbd6db1d8cc09a957e86180fda9442a";
    let right = format!(r#""Md5":"{}""#, FILM.to_uppercase());
    let wrong = r#""Md5":"00000000000000000000000000000000""#;
    let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
    download(&video(&server.url, &right).await, &Target::new()).await.unwrap();

    let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
    let error = failed(&server, wrong, 6).await;
    assert!(matches!(&error, DownloadError::Checksum { found, .. } if found == FILM), "{error}");
    assert_eq!(server.offsets(), [None; 6], "what is wrong is not resumed");

    let server = Server::start(|request| {
        let body: &[u8] = if request.number == 0 { b"fool" } else { b"film" };
        ranged(body, request, "\"a\"", if request.number == 1 { 2 } else { usize::MAX })
    })
    .await;
    let target = Target::new();
    download(&video(&server.url, &right).await, &target).await.unwrap();
    assert_eq!(server.offsets(), [None, None, Some(2)]);
    assert_eq!(fs::read(&target.path).unwrap(), b"film");
}

#[tokio::test]
async fn six_attempts_are_made_with_waits_between_them() {
    let server = Server::start(|request| ranged(b"film", request, "\"a\"", 0)).await;
    let target = Target::new();
    let (video, service) = video_then(&server.url, "", None).await;
    let before = service.clock.sleeps().len();
    let error = download(&video, &target).await.expect_err("no byte ever comes");
    assert!(matches!(&error, DownloadError::Fetch(cut) if cut.kind() == SendErrorKind::Interrupted), "{error}");
    assert!(error.to_string().contains("could not be fetched"), "{error}");
    assert_eq!(server.requests().len(), 6);
    let waits = service.clock.sleeps().split_off(before);
    assert_eq!(waits.len(), 5);
    // The jitter of these tests is always a half.
    for (wait, longest) in waits.iter().zip([500, 1_000, 2_000, 4_000, 8_000]) {
        assert_eq!((wait.as_secs_f64() * 1e3).round() as u64, longest / 2);
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_and_its_retry_after_obeyed() {
    let server = Server::start(|request| match request.number {
        0 => answer(503, "retry-after: 7\r\n", b"busy", 9),
        1 => answer(429, "", b"busy", 9),
        _ => ranged(b"film", request, "\"a\"", usize::MAX),
    })
    .await;
    let (video, service) = video_then(&server.url, "", None).await;
    let before = service.clock.sleeps().len();
    download(&video, &Target::new()).await.unwrap();
    assert_eq!(service.clock.sleeps()[before], Duration::from_secs(7));
    let server = Server::start(|_| answer(400, "", b"no", 9)).await;
    assert_eq!(failed(&server, "", 1).await, DownloadError::Status(400));
}

#[tokio::test]
async fn an_address_that_has_ended_is_asked_for_anew_once() {
    for status in [403, 404, 410] {
        let fresh = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
        let ended = Server::start(move |_| answer(status, "", b"", 0)).await;
        let target = Target::new();
        let (video, service) = video_then(&ended.url, "", Some(finished(&fresh.url, ""))).await;
        download(&video, &target).await.unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"film");
        assert_eq!((ended.requests().len(), service.polls.lock().unwrap().len()), (1, 2), "{status}");

        let ended = Server::start(move |_| answer(status, "", b"", 0)).await;
        assert_eq!(failed(&ended, "", 2).await, DownloadError::Status(status));
    }
}

#[tokio::test]
async fn an_address_that_ends_in_the_middle_goes_on_from_there() {
    let whole = film(10_000);
    let (first, second) = (whole.clone(), whole.clone());
    let fresh = Server::start(move |request| ranged(&second, request, "\"a\"", usize::MAX)).await;
    let ended = Server::start(move |request| match request.number {
        0 => ranged(&first, request, "\"a\"", 4_000),
        _ => answer(403, "", b"", 0),
    })
    .await;
    let target = Target::new();
    let (video, _) = video_then(&ended.url, "", Some(finished(&fresh.url, ""))).await;
    download(&video, &target).await.unwrap();
    assert_eq!(fresh.offsets(), [Some(4_000)]);
    assert_eq!(fs::read(&target.path).unwrap(), whole);
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_refused_at_once() {
    let places = ["https://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "https://[fd00:ec2::254]/"];
    for place in places.into_iter().chain(["http://169.254.0.23/", "file:///etc/passwd"]) {
        let redirect = format!("location: {place}\r\n");
        let server = Server::start(move |_| answer(302, &redirect, b"", 0)).await;
        let error = failed(&server, "", 1).await;
        assert!(matches!(&error, DownloadError::Fetch(it) if it.kind() == SendErrorKind::Refused), "{place}: {error}");
        assert!(error.to_string().contains("must not be read from"), "{error}");
    }
}

#[tokio::test]
async fn a_real_service_cannot_send_the_download_to_this_machine() {
    let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
    let (_, service) = video_then(&server.url, "", None).await;
    let client = Client::builder(Credential::new("AKID", "key").unwrap(), 1)
        .clock(service.clock.clone())
        .transport(|transport| transport.http(service.clone()))
        .build();
    let target = Target::new();
    let video = client.task("task-1").wait().await.unwrap();
    let error = download(&video, &target).await.expect_err("the endpoint is not on this machine");
    assert!(matches!(&error, DownloadError::Fetch(refused) if refused.kind() == SendErrorKind::Refused), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_file_above_the_limit_is_not_read_to_its_end() {
    let mut policy = DownloadPolicy::default();
    policy.largest = 1_000;
    let longer = Server::start(|request| ranged(&film(3_000), request, "\"a\"", usize::MAX)).await;
    let endless = Server::start(|_| {
        let chunks = b"400\r\n".iter().chain(&[b'x'; 1_024]).chain(b"\r\n").copied().collect::<Vec<u8>>().repeat(10);
        [&b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n"[..], &chunks].concat()
    })
    .await;
    for (url, meta, is_read) in
        [(&longer.url, "", false), (&endless.url, "", true), (&endless.url, r#""Size":1001"#, false)]
    {
        let target = Target::new();
        let mut shown = 0;
        let downloaded =
            video(url, meta).await.download(&target.path).policy(policy).on_progress(|bytes, _| shown = bytes).await;
        assert_eq!(downloaded, Err(DownloadError::TooLarge { largest: 1_000 }));
        assert!(shown <= 1_000 && (is_read || shown == 0), "{shown} bytes were read");
        assert_eq!(target.names(), Vec::<String>::new());
    }
    assert_eq!(longer.requests().len(), 1);

    let fits = Server::start(|request| ranged(&film(1_000), request, "\"a\"", usize::MAX)).await;
    let target = Target::new();
    video(&fits.url, r#""Size":1000"#).await.download(&target.path).policy(policy).await.unwrap();
}

#[tokio::test]
async fn what_a_dead_process_left_is_replaced_and_not_continued() {
    let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
    let target = Target::new();
    fs::write(target.part(), "fi of another film").unwrap();
    download(&video(&server.url, "").await, &target).await.unwrap();
    assert_eq!(fs::read(&target.path).unwrap(), b"film");
    assert_eq!(target.names(), ["v.mp4"]);
    assert_eq!(server.offsets(), [None]);
}

#[tokio::test]
async fn a_dropped_download_leaves_what_was_there_before() {
    let server = Server::start(|request| ranged(&film(100_000), request, "\"a\"", 50_000)).await;
    let target = Target::new();
    fs::write(&target.path, "before").unwrap();
    let video = video(&server.url, "").await;
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let path = target.path.clone();
    let running =
        tokio::spawn(
            async move { video.download(&path).on_progress(move |bytes, _| begun.send(bytes).unwrap()).await },
        );
    assert!(has_begun.recv().await.unwrap() > 0);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(target.names(), ["v.mp4"]);
    assert_eq!(fs::read(&target.path).unwrap(), b"before");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[tokio::test]
    async fn the_file_is_private_until_it_is_whole_and_then_as_any_other() {
        let server = Server::start(|request| ranged(&film(100_000), request, "\"a\"", usize::MAX)).await;
        let target = Target::new();
        let part = target.part();
        let see = |_, _| assert_eq!(fs::metadata(&part).unwrap().permissions().mode() & 0o777, 0o600);
        video(&server.url, "").await.download(&target.path).on_progress(see).await.unwrap();
        let other = target.folder.path().join("other");
        fs::write(&other, "").unwrap();
        assert_eq!(fs::metadata(&target.path).unwrap().mode(), fs::metadata(&other).unwrap().mode());
    }

    #[tokio::test]
    async fn no_symbolic_link_is_followed() {
        let server = Server::start(|request| ranged(b"film", request, "\"a\"", usize::MAX)).await;
        let video = video(&server.url, "").await;
        let target = Target::new();
        let victim = target.folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();

        symlink(&victim, target.part()).unwrap();
        let error = download(&video, &target).await.expect_err("a link is in the way");
        assert!(matches!(&error, DownloadError::Target { .. }) && error.to_string().contains("in the way"), "{error}");
        assert_eq!(target.names(), [".v.mp4.part", "victim"]);
        fs::remove_file(target.part()).unwrap();

        symlink(&victim, &target.path).unwrap();
        download(&video, &target).await.unwrap();
        assert!(fs::symlink_metadata(&target.path).unwrap().is_file(), "the link itself was replaced");
        assert_eq!(fs::read(&victim).unwrap(), b"precious");

        fs::hard_link(&victim, target.part()).unwrap();
        download(&video, &target).await.unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(target.names(), ["v.mp4", "victim"]);
    }

    #[tokio::test]
    async fn two_downloads_to_one_file_do_not_mix() {
        let server = Server::start(|request| ranged(&film(3_000_000), request, "\"a\"", usize::MAX)).await;
        let target = Target::new();
        let (first, second) = (video(&server.url, "").await, video(&server.url, "").await);
        let (begun, mut has_begun) = mpsc::unbounded_channel();
        let mut running = Box::pin(first.download(&target.path).on_progress(|bytes, _| begun.send(bytes).unwrap()));
        tokio::select! {
            ended = &mut running => panic!("three million bytes in one step: {ended:?}"),
            _ = has_begun.recv() => {}
        }
        let error = download(&second, &target).await.expect_err("the first holds the file");
        assert!(error.to_string().contains("another download"), "{error}");
        running.await.unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), film(3_000_000));
        assert_eq!(target.names(), ["v.mp4"]);
    }
}

/// All pieces of a stream, and the error that ended it.
async fn streamed(video: &Video) -> (Vec<u8>, Option<DownloadError>) {
    streamed_up_to(video, 1 << 20).await
}

async fn streamed_up_to(video: &Video, largest: u64) -> (Vec<u8>, Option<DownloadError>) {
    let mut pieces = std::pin::pin!(video.file().unwrap().stream(largest));
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                assert!(pieces.next().await.is_none(), "nothing follows an error");
                return (bytes, Some(error));
            }
        }
    }
    (bytes, None)
}

#[tokio::test]
async fn a_file_in_memory_and_as_a_stream_goes_on_where_the_connection_broke() {
    let film = film(40_000);
    let served = film.clone();
    let server = Server::start(move |request| {
        let sent = if request.number.is_multiple_of(2) { 15_000 } else { usize::MAX };
        ranged(&served, request, "\"1\"", sent)
    })
    .await;
    let video = video(&server.url, "").await;
    assert_eq!(video.bytes(1 << 20).await.unwrap(), film);
    assert_eq!(streamed(&video).await, (film, None));
    assert_eq!(server.offsets(), [None, Some(15_000), None, Some(15_000)]);
}

#[tokio::test]
async fn a_file_that_begins_anew_replaces_what_is_in_memory_and_ends_a_stream() {
    let film = film(40_000);
    let served = film.clone();
    let server = Server::start(move |request| {
        let sent = if request.number.is_multiple_of(2) { 15_000 } else { usize::MAX };
        // Without an ETag nothing says that the rest is of the same file.
        answer(200, "", &served, sent)
    })
    .await;
    let video = video(&server.url, "").await;
    assert_eq!(video.bytes(1 << 20).await.unwrap(), film);
    let (bytes, error) = streamed(&video).await;
    assert_eq!(bytes, &film[..15_000]);
    assert!(matches!(error, Some(DownloadError::Fetch(_))), "{error:?}");
}

#[tokio::test]
async fn a_stream_ends_with_an_error_where_the_md5_is_wrong_or_the_file_too_large() {
    let served = film(1_000);
    let server = Server::start(move |_| answer(200, "", &served, usize::MAX)).await;
    let video = video(&server.url, r#""Md5":"00112233445566778899aabbccddeeff""#).await;
    let (bytes, error) = streamed(&video).await;
    // The checksum shows the fault when everything has been passed on, so that nothing can be fetched again.
    assert_eq!(bytes.len(), 1_000);
    assert!(matches!(error, Some(DownloadError::Checksum { .. })), "{error:?}");
    assert!(matches!(video.bytes(999).await, Err(DownloadError::TooLarge { largest: 999 })));
    assert_eq!(streamed_up_to(&video, 999).await, (Vec::new(), Some(DownloadError::TooLarge { largest: 999 })));
}

#[tokio::test]
async fn a_stream_is_asked_for_again_where_nothing_came_and_ends_where_the_whole_file_comes_again() {
    let film = film(40_000);
    let served = film.clone();
    let server = Server::start(move |request| match request.number {
        0 => answer(503, "", b"", 0),
        1 => ranged(&served, request, "\"1\"", 15_000),
        // Another file than the one that has been passed on in part.
        _ => answer(200, "etag: \"2\"\r\n", &served, usize::MAX),
    })
    .await;
    let video = video(&server.url, "").await;
    assert_eq!(streamed(&video).await, (film[..15_000].to_vec(), Some(DownloadError::NotResumable)));
    assert_eq!(server.offsets(), [None, None, Some(15_000)]);
}
