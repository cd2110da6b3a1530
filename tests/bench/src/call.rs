//! Whole calls on loopback: our ways, and the connection of hyper below which nobody gets.

use std::cell::RefCell;
use std::hint::black_box;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use vod_aigc_bench::material::{GOES_ON, HAS_ENDED, HEADERS, SECRET_ID, SECRET_KEY, SUB_APP_ID, describe};
use vod_aigc_bench::repeat::{repeat, runtime};
use vod_aigc_bench::worker::{Run, Way};
use vod_aigc_client::Client;
use vod_aigc_client::core::{AigcVideoTask, DescribeTaskDetailRequest, TaskGlance};
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{Http, HttpClient, RateLimiter, Rates, RawReply, ReqwestClient, glance};

pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (work, together, task) in [
        ("poll", 1, GOES_ON),
        ("poll, 64 in flight", 64, GOES_ON),
        ("full call", 1, HAS_ENDED),
        ("full call, 64 in flight", 64, HAS_ENDED),
    ] {
        ways.push(Way::new(work, "raw hyper", move |server| raw(server, together, task)));
        let ours = |http: fn() -> Arc<dyn Http>| {
            move |server| {
                let client = client(server, http());
                if task == GOES_ON { poll(client, together) } else { full_call(client, together) }
            }
        };
        ways.push(Way::new(work, "ours", ours(|| Arc::new(HttpClient::new()))));
        ways.push(Way::new(work, "ours, on reqwest", ours(|| Arc::new(on_reqwest()))));
    }
    ways
}

/// A poll as a wait does it: the request is the same each time, and only its time and signature are new.
fn poll(client: Client, together: u32) -> Run {
    let call = client.transport().prepare(request(GOES_ON)).expect("a request");
    let shared = Rc::new((client, call));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, call) = &*shared;
            let look = |reply: &RawReply| {
                Ok(glance::<TaskGlance<AigcVideoTask>>(reply).and_then(TaskGlance::goes_on).expect("it goes on"))
            };
            black_box(client.transport().execute_with(call, look).await.expect("a reply"));
        }
    })
}

/// A call from a typed request to the whole typed reply.
fn full_call(client: Client, together: u32) -> Run {
    repeat(runtime(), together, move || {
        let client = client.clone();
        async move {
            black_box(client.call(request(HAS_ENDED)).await.expect("a reply"));
        }
    })
}

fn request(task: &str) -> DescribeTaskDetailRequest {
    let mut request = DescribeTaskDetailRequest::new(task);
    request.sub_app_id = Some(SUB_APP_ID);
    request
}

fn client(server: SocketAddr, http: Arc<dyn Http>) -> Client {
    let credential = Credential::new(SECRET_ID, SECRET_KEY).expect("a credential");
    let endpoint = format!("http://{server}").parse().expect("an endpoint");
    let unlimited = RateLimiter::new(Rates { read: u32::MAX, ..Rates::default() });
    let client = Client::builder(credential, SUB_APP_ID).endpoint(endpoint);
    client.transport(|transport| transport.http(http).rate_limiter(unlimited)).build()
}

fn on_reqwest() -> ReqwestClient {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.expect("versions").with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    ReqwestClient::new(reqwest::Client::builder().tls_backend_preconfigured(tls)).expect("a client")
}

/// The connection alone: the same bytes of a body, no signature, and the reply as it comes.
fn raw(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let runtime = runtime();
    let idle: Vec<_> = (0..together).map(|_| connect(&runtime, server)).collect();
    let idle = Rc::new(RefCell::new(idle));
    let body = Bytes::from(describe(task));
    repeat(runtime, together, move || {
        let (idle, body) = (idle.clone(), body.clone());
        async move {
            let mut connection = idle.borrow_mut().pop().expect("one for each call under way");
            let request = Request::post("/").header("host", "127.0.0.1:40000");
            let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let request = request.body(Full::new(body)).expect("a request");
            let response = connection.send_request(request).await.expect("a reply");
            black_box(response.into_body().collect().await.expect("a body").to_bytes());
            // It takes the next request only after its task has seen the end of this reply.
            connection.ready().await.expect("a connection");
            idle.borrow_mut().push(connection);
        }
    })
}

fn connect(runtime: &Runtime, server: SocketAddr) -> SendRequest<Full<Bytes>> {
    runtime.block_on(async {
        let stream = TcpStream::connect(server).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        sender
    })
}
