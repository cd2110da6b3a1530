//! Uploads as a client of few lines makes them: what is kept, what is not, and what becomes a file.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vod_aigc_emulator::{Credential, Emulator};
use vod_aigc_signer::CosRequest;

use crate::support::*;

/// The MD5 of `a film`, in Base64.
const MD5: &str = "S7nH685JAmT3kD87jBvb8w==";

async fn apply(emulator: &Emulator) -> Value {
    let body = json!({ "SubAppId": SUB_APP, "MediaType": "mp4" });
    Call::signed(emulator, "ApplyUpload", &body).send(emulator).await
}

async fn commit(emulator: &Emulator, session: &Value, sub_app_id: u64) -> Value {
    let body = json!({ "SubAppId": sub_app_id, "VodSessionKey": session });
    Call::signed(emulator, "CommitUpload", &body).send(emulator).await
}

/// Where an upload goes to and the headers of its PUT, signed for this moment.
fn signed(emulator: &Emulator, place: &Value, md5: &str) -> (String, Vec<(String, String)>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = &place["TempCertificate"];
    let credential = Credential::new(text(&keys["SecretId"]), text(&keys["SecretKey"])).unwrap();
    let path = format!("/cos/{}{}", text(&place["StorageBucket"]), text(&place["MediaStoragePath"]));
    let mut headers = vec![
        ("Host".to_owned(), host(emulator)),
        ("Content-MD5".to_owned(), md5.to_owned()),
        ("x-cos-security-token".to_owned(), text(&keys["Token"])),
    ];
    let to_sign: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let now = emulator.clock().now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let request = CosRequest { method: "PUT", path: &path, headers: &to_sign };
    let authorization = request.authorization(&credential, (now, now + 3600));
    headers.push(("Authorization".to_owned(), authorization));
    (path, headers)
}

async fn put(emulator: &Emulator, place: &Value, md5: &str, body: &[u8]) -> Reply {
    let (path, headers) = signed(emulator, place, md5);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    http(emulator, "PUT", &path, &headers, body).await
}

fn code(reply: &Reply) -> (u16, String) {
    let xml = String::from_utf8(reply.body.clone()).unwrap();
    let code = xml.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    (reply.status, code.unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_upload_becomes_a_file_that_can_be_fetched_and_used() {
    let emulator = emulator().await;
    let place = apply(&emulator).await;
    let reply = put(&emulator, &place, MD5, b"a film").await;
    assert_eq!((reply.status, reply.header("etag")), (200, Some("\"4bb9c7ebce490264f7903f3b8c1bdbf3\"")));
    let committed = commit(&emulator, &place["VodSessionKey"], SUB_APP).await;
    let again = commit(&emulator, &place["VodSessionKey"], SUB_APP).await;
    assert_eq!(committed["FileId"], again["FileId"], "a repeated commit makes no second file");

    let url = committed["MediaUrl"].as_str().unwrap().strip_prefix(emulator.endpoint()).unwrap();
    assert_eq!(get(&emulator, url).await.body, b"a film");
    let files = json!({ "FileInfos": [{ "Type": "File", "FileId": committed["FileId"] }] });
    assert!(create(&emulator, files.clone()).await["TaskId"].is_string());
    let mut elsewhere = files;
    elsewhere["SubAppId"] = json!(SUB_APP + 1);
    assert_eq!(create(&emulator, elsewhere).await["Error"]["Code"], "InvalidParameterValue.FileId");
    let [upload] = emulator.uploads().try_into().unwrap();
    assert_eq!((upload.commits, upload.object.as_deref()), (2, Some(&b"a film"[..])));
}

#[tokio::test]
async fn an_object_that_is_not_what_was_signed_is_not_kept() {
    let emulator = emulator().await;
    let place = apply(&emulator).await;
    assert_eq!(code(&put(&emulator, &place, MD5, b"a fiml").await), (400, "BadDigest".to_owned()));
    let mut wrong = place.clone();
    wrong["TempCertificate"]["SecretKey"] = json!("another");
    assert_eq!(code(&put(&emulator, &wrong, MD5, b"a film").await), (403, "SignatureDoesNotMatch".to_owned()));
    let other = apply(&emulator).await;
    let mut crossed = place.clone();
    crossed["TempCertificate"] = other["TempCertificate"].clone();
    assert_eq!(code(&put(&emulator, &crossed, MD5, b"a film").await), (403, "InvalidAccessKeyId".to_owned()));
    let mut nowhere = place.clone();
    nowhere["MediaStoragePath"] = json!("/nowhere.mp4");
    assert_eq!(code(&put(&emulator, &nowhere, MD5, b"a film").await), (404, "NoSuchKey".to_owned()));
    emulator.advance(Duration::from_secs(2 * 3600));
    assert_eq!(code(&put(&emulator, &place, MD5, b"a film").await), (403, "AccessDenied".to_owned()));

    assert!(emulator.uploads().iter().all(|upload| upload.object.is_none()));
    let error = &commit(&emulator, &place["VodSessionKey"], SUB_APP).await["Error"];
    assert_eq!(error["Code"], "ResourceNotFound.FileNotExist");
}

#[tokio::test]
async fn half_an_object_is_not_kept() {
    let emulator = emulator().await;
    let place = apply(&emulator).await;
    let (path, headers) = signed(&emulator, &place, MD5);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(host(&emulator)).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nContent-Length: 6\r\n{headers}\r\n");
    stream.write_all(&[head.as_bytes(), b"a f"].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    // The connection ends once the emulator has done with it.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert!(emulator.uploads()[0].object.is_none());
}

#[tokio::test]
async fn a_commit_is_of_an_upload_of_the_same_application() {
    let emulator = emulator().await;
    let place = apply(&emulator).await;
    put(&emulator, &place, MD5, b"a film").await;
    for (session, sub_app_id) in [(&json!("unknown"), SUB_APP), (&place["VodSessionKey"], SUB_APP + 1)] {
        let error = &commit(&emulator, session, sub_app_id).await["Error"];
        assert_eq!(error["Code"], "InvalidParameterValue.VodSessionKey");
    }
    let body = json!({ "SubAppId": SUB_APP, "MediaType": "../mp4" });
    let reply = Call::signed(&emulator, "ApplyUpload", &body).send(&emulator).await;
    assert_eq!(reply["Error"]["Code"], "InvalidParameterValue.MediaType");
}
