//! A client of few lines: raw HTTP over loopback, or without sockets, signed with `vod-aigc-signer`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vod_aigc_emulator::{Clock, Credential, Emulator, Exchange, InProcess, Received};
use vod_aigc_signer::{BodyHash, CanonicalRequest, Request, Scope, Signer};

pub(crate) const SUB_APP: u64 = 1_500_044_236;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A time in 2026, so that no test depends on the real one.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200)
}

pub(crate) async fn emulator() -> Emulator {
    Emulator::builder().clock(Clock::manual(noon())).start().await.unwrap()
}

/// A request that a test may corrupt after it is signed.
pub(crate) struct Call {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn signed(emulator: &Emulator, action: &str, body: &Value) -> Self {
        Self::signed_by(emulator.clock(), emulator.credential(), &host(emulator), action, body.to_string().into())
    }

    pub(crate) fn signed_by(clock: &Clock, credential: &Credential, host: &str, action: &str, body: Vec<u8>) -> Self {
        let now = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let headers = [("content-type", "application/json"), ("host", host)];
        let request = Request { method: "POST", path: "/", query: "", headers: &headers };
        let request = CanonicalRequest::new(&request, &BodyHash::of(&body)).unwrap();
        let authorization = Signer::new().sign(credential, &request, Scope::new(now, "vod").unwrap());
        let mut headers = vec![
            ("Host", host.to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("X-TC-Action", action.to_owned()),
            ("X-TC-Version", "2018-07-17".to_owned()),
            ("X-TC-Timestamp", now.to_string()),
            ("Authorization", authorization.as_str().to_owned()),
        ];
        if let Some(token) = credential.token() {
            headers.push(("X-TC-Token", token.to_owned()));
        }
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { headers, body }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it goes over a connection that is used once.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", self.body.len());
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    pub(crate) async fn reply(&self, emulator: &Emulator) -> Reply {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http(emulator, "POST", "/", &headers, &self.body).await
    }

    /// The `Response` of the reply.
    pub(crate) async fn send(&self, emulator: &Emulator) -> Value {
        let reply = self.reply(emulator).await;
        assert_eq!(reply.status, 200, "every answer of the API has status 200");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let response = reply.json()["Response"].clone();
        assert_eq!(response["RequestId"].as_str().unwrap().len(), 36);
        response
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse(reply: &[u8]) -> Self {
        let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let headers = String::from_utf8(reply[..end].to_vec()).unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, headers, body: reply[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn host(emulator: &Emulator) -> String {
    emulator.endpoint().strip_prefix("http://").unwrap().to_owned()
}

pub(crate) async fn http(
    emulator: &Emulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let host = host(emulator);
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head += &format!("Host: {host}\r\n");
    }
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    Reply::parse(&reply)
}

pub(crate) async fn get(emulator: &Emulator, path: &str) -> Reply {
    http(emulator, "GET", path, &[], b"").await
}

/// `changes` replace members of a request that would be accepted.
pub(crate) fn request(changes: Value) -> Value {
    let mut request = json!({ "SubAppId": SUB_APP, "ModelName": "Kling", "ModelVersion": "2.1", "Prompt": "a panda" });
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

pub(crate) async fn create(emulator: &Emulator, changes: Value) -> Value {
    Call::signed(emulator, "CreateAigcVideoTask", &request(changes)).send(emulator).await
}

pub(crate) async fn created(emulator: &Emulator, changes: Value) -> String {
    let response = create(emulator, changes).await;
    response["TaskId"].as_str().unwrap_or_else(|| panic!("refused: {response}")).to_owned()
}

pub(crate) async fn describe(emulator: &Emulator, task_id: &str) -> Value {
    let body = json!({ "TaskId": task_id, "SubAppId": SUB_APP });
    Call::signed(emulator, "DescribeTaskDetail", &body).send(emulator).await
}

#[track_caller]
pub(crate) fn assert_refused(response: &Value, code: &str, words: &str) {
    assert_eq!(response["Error"]["Code"], code, "{response}");
    let message = response["Error"]["Message"].as_str().unwrap();
    assert!(message.contains(words), "{message:?} does not say {words:?}");
    assert!(response.get("TaskId").is_none());
}

/// What an emulator without sockets answers.
pub(crate) fn exchange(service: &InProcess, action: &str, body: &Value) -> Exchange {
    let body = body.to_string().into();
    deliver(service, &Call::signed_by(service.clock(), service.credential(), "localhost", action, body))
}

pub(crate) fn deliver(service: &InProcess, call: &Call) -> Exchange {
    let headers: Vec<(&str, &[u8])> =
        call.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    service.exchange(&Received { method: "POST", path: "/", query: "", headers: &headers, body: &call.body })
}

/// The `Response` of its reply.
pub(crate) fn answer(service: &InProcess, action: &str, body: &Value) -> Value {
    let Exchange::Reply(reply) = exchange(service, action, body) else { panic!("no whole reply to {action}") };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["Response"].clone()
}

/// `changes` as in [`request`].
pub(crate) fn create_in(service: &InProcess, changes: Value) -> Value {
    answer(service, "CreateAigcVideoTask", &request(changes))
}

pub(crate) fn describe_in(service: &InProcess, task_id: &Value) -> Value {
    answer(service, "DescribeTaskDetail", &json!({ "TaskId": task_id, "SubAppId": SUB_APP }))
}

/// The SessionIds of a page of DescribeTasks, and its ScrollToken.
pub(crate) fn list_in(service: &InProcess, mut filter: Value) -> (Vec<String>, String) {
    filter["SubAppId"] = SUB_APP.into();
    let page = answer(service, "DescribeTasks", &filter);
    let rows = page["TaskSet"].as_array().unwrap_or_else(|| panic!("refused: {page}"));
    let session_ids = rows.iter().map(|row| row["SessionId"].as_str().unwrap().to_owned()).collect();
    (session_ids, page["ScrollToken"].as_str().unwrap().to_owned())
}
