//! The service on real sockets: a fault of an exchange becomes a fault of its connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use vod_aigc_signer::Received;

use crate::exchange::{Exchange, Reply, problem};
use crate::fault::{Fault, Pace};
use crate::line::{Line, Phase, Reset};
use crate::paced::Paced;
use crate::state::State;
use crate::timeouts::Timeouts;
use crate::{fault_injection, routes, service};

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
    let (reset, phase) = (Reset::default(), Phase::default());
    let line = Line::new(stream, reset.clone(), phase.clone(), state.timeouts);
    let serving = stopped.clone();
    let answer = service_fn(move |request| {
        let (state, reset, stopped) = (Arc::clone(&state), reset.clone(), serving.clone());
        let busy = phase.busy();
        async move {
            let response = answer(&state, request, &reset, stopped).await;
            Ok::<_, Infallible>(response.map(|body| body.while_busy(busy)))
        }
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
    if fault_injection::early(&faults).is_some() {
        if faults.contains(&Fault::ResetInRequest) {
            let half = body.size_hint().lower() / 2;
            discard(&mut body, half, state.timeouts).await;
        }
        return no_response(reset);
    }
    let continues = received.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("expect"));
    let exchange = match service::refuse_head(state, &received, &faults) {
        Some(refused) => {
            // A client that waits for 100 Continue sends nothing.
            if !continues {
                discard(&mut body, MOST_DISCARDED, state.timeouts).await;
            }
            refused
        }
        None => match read(&mut body, routes::largest_body(&received), continues, state.timeouts).await {
            Ok(bytes) => service::exchange(state, &Received { body: &bytes, ..received }, &faults),
            Err(Unread::TooLarge) => service::refuse_size(state, &received, &faults),
            Err(Unread::TimedOut) => {
                let reply = problem(408, "the body did not come in time; send it without pauses");
                return response(reply.with("connection", "close"), Pace::default(), false);
            }
            Err(Unread::Broken) => return no_response(reset),
        },
    };
    match exchange {
        Exchange::Reply(reply) => response(reply, Pace::default(), false),
        Exchange::Slow(reply, pace) => {
            sleep(pace.first).await;
            response(reply, pace, false)
        }
        Exchange::Truncated(reply) => response(reply, Pace::default(), true),
        Exchange::Hang => {
            hang(&faults, stopped).await;
            no_response(reset)
        }
        Exchange::NotConnected | Exchange::ResetBefore | Exchange::LostAfter => no_response(reset),
    }
}

/// How much of a discarded body is read: a client that is still sending would not see the reply.
const MOST_DISCARDED: u64 = 64 * 1024 * 1024;

/// Why there is no body.
enum Unread {
    TooLarge,
    TimedOut,
    /// The client went away.
    Broken,
}

/// The whole body, of at most `most` bytes. What has come of a larger one is dropped as soon as that is known.
async fn read(body: &mut Incoming, most: usize, continues: bool, timeouts: Timeouts) -> Result<Vec<u8>, Unread> {
    if body.size_hint().lower() > most as u64 {
        if !continues {
            discard(body, MOST_DISCARDED, timeouts).await;
        }
        return Err(Unread::TooLarge);
    }
    let deadline = Instant::now() + timeouts.body;
    let mut bytes = Vec::new();
    while let Some(frame) = next(body, deadline, timeouts.stall).await? {
        if bytes.len() + frame.len() > most {
            drop(bytes);
            discard(body, MOST_DISCARDED, timeouts).await;
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

/// Reads a body until `wanted` bytes have come, or it ends or stalls, and keeps nothing of it.
async fn discard(body: &mut Incoming, wanted: u64, timeouts: Timeouts) {
    let deadline = Instant::now() + timeouts.body;
    let mut length = 0;
    while length < wanted
        && let Ok(Some(frame)) = next(body, deadline, timeouts.stall).await
    {
        length += frame.len() as u64;
    }
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Incoming, deadline: Instant, stall: Duration) -> Result<Option<Bytes>, Unread> {
    match timeout_at(deadline.min(Instant::now() + stall), body.frame()).await {
        Err(_) => Err(Unread::TimedOut),
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) => Err(Unread::Broken),
    }
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
    let mut response = Response::new(Paced::new(reply.body, reply.rest, pace, breaks));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A response that never leaves, because the connection is reset.
fn no_response(reset: &Reset) -> Response<Paced> {
    reset.now();
    Response::new(Paced::default())
}
