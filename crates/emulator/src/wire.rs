//! The service on real sockets: what befalls an exchange becomes what befalls its connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use vod_aigc_core::MAX_REQUEST_BYTES;
use vod_aigc_signer::Received;

use crate::cos;
use crate::exchange::{Exchange, Reply};
use crate::fault::{Fault, Pace};
use crate::service;
use crate::state::State;

/// How long a connection hangs whose fault names no time.
const LONGEST_HANG: Duration = Duration::from_secs(10 * 60);

/// Serves until the sender of `stopped` is gone, then until the open requests are answered.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&state), stopped.clone()));
            }
            // The process is out of sockets, most likely: some of them will be closed.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
    drop(listener);
    connections.join_all().await;
}

async fn connection(stream: TcpStream, state: Arc<State>, mut stopped: watch::Receiver<()>) {
    // Without it a reply in pieces waits for acknowledgements; a socket that refuses it works all the same.
    let _ = stream.set_nodelay(true);
    let reset = Reset::default();
    let line = Line { stream, reset: reset.clone() };
    let serving = stopped.clone();
    let answer = service_fn(move |request| {
        let (state, reset, stopped) = (Arc::clone(&state), reset.clone(), serving.clone());
        async move { Ok::<_, Infallible>(answer(&state, request, &reset, stopped).await) }
    });
    let mut connection =
        pin!(http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(line), answer));
    // An error here is a client that went away, or a fault that was asked for.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    state: &State,
    request: Request<Incoming>,
    reset: &Reset,
    stopped: watch::Receiver<()>,
) -> Response<Paced> {
    let (head, mut body) = request.into_parts();
    let headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let received = Received {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &[],
    };
    let faults = service::draw(state, &received);
    if crate::spoil::early(&faults).is_some() {
        if faults.contains(&Fault::ResetInRequest) {
            let half = body.size_hint().lower() / 2;
            read(&mut body, half, 0).await;
        }
        return reset.now();
    }
    let most = if received.path.starts_with(cos::ROOT) { cos::LARGEST_OBJECT } else { MAX_REQUEST_BYTES };
    let Some(bytes) = read(&mut body, u64::MAX, most).await else {
        return reset.now();
    };
    let exchange = service::exchange(state, &Received { body: &bytes, ..received }, &faults);
    match exchange {
        Exchange::Reply(reply) => response(reply, Pace::default(), false),
        Exchange::Slow(reply, pace) => {
            sleep(pace.first).await;
            response(reply, pace, false)
        }
        Exchange::Truncated(reply) => response(reply, Pace::default(), true),
        Exchange::Hang => {
            hang(&faults, stopped).await;
            reset.now()
        }
        Exchange::NotConnected | Exchange::ResetBefore | Exchange::LostAfter => reset.now(),
    }
}

/// At least `wanted` bytes of a body, or all; `None` if it broke off. One that is too large is read to its end all the
/// same, because a client that is still sending would not see the reply; but little more than `most` of it is kept.
async fn read(body: &mut Incoming, wanted: u64, most: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while length < wanted
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame.ok()?.into_data() {
            length += data.len() as u64;
            if bytes.len() <= most {
                bytes.extend(data);
            }
        }
    }
    Some(bytes)
}

async fn hang(faults: &[Fault], mut stopped: watch::Receiver<()>) {
    let longest = faults.iter().find_map(|fault| match fault {
        Fault::Hang { milliseconds, .. } => milliseconds.map(Duration::from_millis),
        _ => None,
    });
    // Whichever ends it, the connection is reset then.
    let _ = timeout(longest.unwrap_or(LONGEST_HANG), stopped.changed()).await;
}

fn response(reply: Reply, pace: Pace, breaks: bool) -> Response<Paced> {
    let mut response = Response::new(Paced::new(reply.body, pace, breaks));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Whether a connection is to be reset.
#[derive(Clone, Default)]
struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Resets it as soon as something is written to it; the response never leaves.
    fn now(&self) -> Response<Paced> {
        self.0.store(true, Ordering::Relaxed);
        Response::new(Paced::default())
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

/// A connection that can be reset.
struct Line {
    stream: TcpStream,
    reset: Reset,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reset.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.reset.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reset.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reset.check()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.reset.check().is_err() {
            // Closing a socket that does not linger sends a reset; if that cannot be set, it closes the ordinary way.
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// A body that keeps to a pace.
#[derive(Default)]
struct Paced {
    steps: VecDeque<Step>,
    length: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
}

enum Step {
    Send(Bytes),
    Wait(Duration),
    /// The connection is closed here.
    Break,
}

impl Paced {
    fn new(mut bytes: Bytes, pace: Pace, breaks: bool) -> Self {
        let length = Some(bytes.len() as u64).filter(|_| !breaks && pace.last.is_zero());
        let piece = pace.piece.unwrap_or(usize::MAX);
        let mut steps = VecDeque::new();
        while !bytes.is_empty() {
            if !steps.is_empty() {
                steps.push_back(Step::Wait(pace.between));
            }
            steps.push_back(Step::Send(bytes.split_to(piece.min(bytes.len()))));
        }
        if !pace.last.is_zero() {
            steps.push_back(Step::Wait(pace.last));
        }
        if breaks {
            // In this moment what was sent so far leaves the buffer; the break would discard it.
            steps.extend([Step::Wait(Duration::from_millis(1)), Step::Break]);
        }
        Self { steps, length, pause: None }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Wait(time)) => self.pause = Some(Box::pin(sleep(time))),
                Some(Step::Break) => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.pause.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
