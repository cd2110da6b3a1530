//! Under the final name there is the whole video or what was there before, and nothing else is left behind.

use std::fs;
use std::path::Path;

use serde_json::json;
use vod_aigc_client::{DownloadError, Video};
use vod_aigc_transport::SendErrorKind;

use crate::support::*;

/// A finished task whose file is at `url` and, as the service says, `size` bytes long.
async fn video(url: Option<&str>, size: Option<usize>) -> Video {
    let emulator = emulator().await;
    let file = json!({ "FileUrl": url, "FileId": "1", "MetaData": { "Size": size } });
    let task = json!({ "Status": "FINISH", "ErrCode": 0, "Output": { "FileInfos": [file] } });
    let http = Interposed::answering(200, json!({ "Response": { "AigcVideoTask": task } }).to_string());
    client_through(&emulator, &http).task("t-1").wait().await.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_download_replaces_what_was_there_and_shows_its_progress() {
    let server = Server::start(vec![answer(200, &[7; 100_000])]).await;
    let video = video(Some(&server.url), Some(100_000)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panda.mp4");
    fs::write(&path, b"before").unwrap();
    let mut shown = Vec::new();
    let downloaded = video.download(&path).on_progress(|bytes, of| shown.push((bytes, of))).await.unwrap();
    assert_eq!((downloaded.bytes, &downloaded.path), (100_000, &path));
    assert_eq!(fs::read(&path).unwrap(), vec![7; 100_000]);
    assert_eq!(names(folder.path()), ["panda.mp4"]);
    assert_eq!(shown.last(), Some(&(100_000, Some(100_000))));
}

#[tokio::test]
async fn a_download_that_fails_leaves_everything_as_it_was() {
    let whole = || answer(200, b"a whole file");
    let mut cut = whole();
    cut.truncate(cut.len() - 3);
    let without_length = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\na file".to_vec();
    type Expected = fn(&DownloadError) -> bool;
    /// What the server answers, the size that is described, the error, and how often the file is asked for.
    type Case = (&'static str, Vec<u8>, Option<usize>, Expected, usize);
    let cases: Vec<Case> = vec![
        (
            "cut off",
            cut,
            None,
            |error| matches!(error, DownloadError::Fetch(error) if error.kind() == SendErrorKind::Interrupted),
            6,
        ),
        (
            "shorter than described",
            whole(),
            Some(13),
            |error| matches!(error, DownloadError::Length { found: 12, expected: 13, .. }),
            6,
        ),
        (
            "longer than described",
            whole(),
            Some(11),
            |error| matches!(error, DownloadError::Length { found: 12, expected: 11, .. }),
            6,
        ),
        (
            "of no stated length, and short",
            without_length,
            Some(7),
            |error| matches!(error, DownloadError::Length { found: 6, expected: 7, .. }),
            6,
        ),
        ("gone", answer(404, b"not found"), None, |error| *error == DownloadError::Status(404), 2),
        ("partial", answer(206, b"part"), None, |error| *error == DownloadError::Status(206), 6),
        ("hung up", Vec::new(), None, |error| matches!(error, DownloadError::Fetch(_)), 6),
    ];
    for (what, bytes, size, expected, attempts) in cases {
        for before in [None, Some("before")] {
            let server = Server::start(std::iter::repeat(bytes.clone())).await;
            let video = video(Some(&format!("{}/panda.mp4", server.url)), size).await;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("panda.mp4");
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
            }
            let error = video.download(&path).await.unwrap_err();
            assert!(expected(&error), "{what}: {error:?}");
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), before, "{what}");
            assert_eq!(names(folder.path()).len(), usize::from(before.is_some()), "{what}");
            assert_eq!(server.requests(), vec!["GET /panda.mp4 HTTP/1.1"; attempts], "{what}");
        }
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_written_is_refused_before_anything_is_fetched() {
    let server = Server::start(vec![answer(200, b"a whole file")]).await;
    let video = video(Some(&server.url), None).await;
    let folder = tempfile::tempdir().unwrap();
    for target in [folder.path().to_owned(), folder.path().join("no/such.mp4"), "".into()] {
        let error = video.download(&target).await.unwrap_err();
        assert!(matches!(error, DownloadError::Target { .. }), "{error:?}");
    }
    assert!(server.requests().is_empty());
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_video_that_is_only_stored_has_no_url_and_says_so() {
    let video = video(None, None).await;
    assert_eq!((video.url(), video.file_id()), (None, Some("1")));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(video.download(folder.path().join("panda.mp4")).await, Err(DownloadError::NoUrl));
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing_behind() {
    // Half of the file, then silence on an open connection.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/panda.mp4", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\na whol";
        tokio::io::AsyncWriteExt::write_all(&mut stream, half).await.unwrap();
        std::future::pending::<()>().await;
    });
    let video = video(Some(&url), None).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panda.mp4");
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let download = video.download(&path).on_progress(|_, _| {
        if let Some(begun) = begun.take() {
            begun.send(()).unwrap();
        }
    });
    tokio::select! {
        result = download => panic!("{result:?}"),
        begun = has_begun => begun.unwrap(),
    }
    assert_eq!(names(folder.path()), [""; 0]);
}
