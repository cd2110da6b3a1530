//! A tiny HTTP server that plays a script, and the actions that the tests send to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use vod_aigc_core::{Action, Effect};
use vod_aigc_transport::signer::{Credential, Received, Refusal, Verified, verify};
use vod_aigc_transport::testing::{ManualClock, SeededRandom};
use vod_aigc_transport::{Endpoint, Transport, TransportBuilder};

pub(crate) const NOW: u64 = 1_764_072_000;
pub(crate) const SECRET_KEY: &str = "canary-secret-key";

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Answers and keeps the connection.
    Answer(Vec<u8>),
    /// Reads the request and closes the connection.
    Close,
    /// Writes these bytes and closes the connection.
    Break(Vec<u8>),
    /// Reads the request and never answers.
    Hang,
    /// Reads the first bytes of the request, records them as its head, and closes the connection.
    Cut,
}

pub(crate) struct Server {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Arrived>>>,
}

/// A request as its bytes arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Plays one step a request, whichever connection it comes on; a request too many gets status 500 and is
    /// recorded like any other.
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let steps = Arc::new(Mutex::new(VecDeque::from(steps)));
        let recorded = requests.clone();
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, connection, steps.clone(), recorded.clone()));
                connection += 1;
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Arrived> {
        self.requests.lock().unwrap().clone()
    }

    /// A transport to this server on a stopped clock.
    pub(crate) fn transport(&self) -> TransportBuilder {
        transport_to(&self.url())
    }
}

pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    connection: usize,
    steps: Arc<Mutex<VecDeque<Step>>>,
    requests: Arc<Mutex<Vec<Arrived>>>,
) {
    loop {
        let is_cut = matches!(steps.lock().unwrap().front(), Some(Step::Cut));
        let request = if is_cut { read_start(&mut stream).await } else { read_request(&mut stream).await };
        let Some(request) = request else {
            return;
        };
        requests.lock().unwrap().push(Arrived { connection, ..request });
        let step = steps.lock().unwrap().pop_front();
        match step.unwrap_or_else(|| answer(500, "text/plain", "the script has ended")) {
            Step::Answer(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Close | Step::Cut => return,
            Step::Break(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Step::Hang => std::future::pending().await,
        }
    }
}

async fn read_start(stream: &mut (impl AsyncRead + Unpin)) -> Option<Arrived> {
    let mut bytes = vec![0; 16];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(Arrived { connection: 0, head: String::from_utf8(bytes).ok()?, body: Vec::new() })
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Arrived> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Arrived { connection: 0, head, body })
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn verify(&self) -> Result<Verified, Refusal> {
        let (_, target, _) = self.request_line();
        let headers: Vec<(&str, &[u8])> = self.headers().map(|(name, value)| (name, value.as_bytes())).collect();
        let received =
            Received { method: self.request_line().0, path: target, query: "", headers: &headers, body: &self.body };
        let timestamp = self.header("x-tc-timestamp").unwrap().parse().unwrap();
        verify(&received, "vod", timestamp, |_| Some(credential()))
    }

    pub(crate) fn request_line(&self) -> (&str, &str, &str) {
        let mut parts = self.head.lines().next().unwrap().split(' ');
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).map(|line| line.split_once(": ").unwrap())
    }
}

/// A complete HTTP answer.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> Step {
    answer_with(status, &format!("content-type: {content_type}\r\n"), body)
}

/// A complete HTTP answer with these header lines.
pub(crate) fn answer_with(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Answer(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes())
}

pub(crate) fn ok(response: &str) -> Step {
    answer(200, "application/json", &format!(r#"{{"Response":{response}}}"#))
}

/// An API error, with the status and one of the content types that the service uses for it.
pub(crate) fn api_error(code: &str) -> Step {
    let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}},"RequestId":"req-1"}}}}"#);
    answer(200, "application/json; charset=utf-8", &body)
}

pub(crate) fn credential() -> Credential {
    Credential::new("AKIDEXAMPLE", SECRET_KEY).unwrap()
}

/// A transport on a stopped clock, with the same random numbers each time.
pub(crate) fn transport_to(url: &str) -> TransportBuilder {
    let endpoint: Endpoint = url.parse().unwrap();
    Transport::builder(credential())
        .endpoint(endpoint)
        .clock(Arc::new(ManualClock::at(NOW)))
        .random(Arc::new(SeededRandom::new(1)))
        .http(crate::stack::http())
        .attempt_timeouts(Duration::from_secs(20), Duration::from_secs(20))
}

/// A URL whose port is taken but not listened on, as long as the socket lives.
pub(crate) fn closed_url() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

/// A paid action.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Create {
    pub(crate) prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
}

impl Action for Create {
    const NAME: &'static str = "CreateAigcVideoTask";
    const SERVICE: &'static str = "vod";
    const VERSION: &'static str = "2018-07-17";
    const EFFECT: Effect = Effect::Paid;
    type Reply = Created;

    fn session_id_mut(&mut self) -> Option<&mut Option<String>> {
        Some(&mut self.session_id)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    pub(crate) task_id: String,
}

/// An action that reads.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Describe {
    pub(crate) task_id: String,
}

impl Action for Describe {
    const NAME: &'static str = "DescribeTaskDetail";
    const SERVICE: &'static str = "vod";
    const VERSION: &'static str = "2018-07-17";
    const EFFECT: Effect = Effect::Read;
    type Reply = Described;
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    pub(crate) status: String,
}

pub(crate) fn create() -> Create {
    Create { prompt: "a cat".to_owned(), session_id: None }
}

pub(crate) fn describe() -> Describe {
    Describe { task_id: "task-1".to_owned() }
}
