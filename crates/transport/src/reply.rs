//! How replies are read by any stack: within their time, whole, up to a limit.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Body;

use crate::http::LARGEST_REPLY;
use crate::{RawReply, SendError, SendErrorKind, Sent};

pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let reason = format!("no complete reply within {limit:?}");
        Err(SendError::new(SendErrorKind::Timeout, Sent::Maybe, reason))
    })
}

pub(crate) async fn read<B>(response: Response<B>) -> Result<RawReply, SendError>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let (head, mut pieces) = response.into_parts();
    // Most replies are one piece, which is passed on as it is.
    let mut body = next_piece(&mut pieces).await?.unwrap_or_default();
    if !pieces.is_end_stream() {
        let mut whole = BytesMut::from(body);
        while let Some(piece) = next_piece(&mut pieces).await? {
            whole.extend_from_slice(&piece);
            if whole.len() > LARGEST_REPLY {
                break;
            }
        }
        body = whole.freeze();
    }
    if body.len() > LARGEST_REPLY {
        let reason = format!("it has more than {LARGEST_REPLY} bytes");
        return Err(SendError::new(SendErrorKind::TooLarge, Sent::Yes, reason));
    }
    Ok(RawReply { status: head.status.as_u16(), headers: head.headers, body })
}

/// The next piece of a body; none after the last.
pub(crate) async fn next_piece<B>(body: &mut B) -> Result<Option<Bytes>, SendError>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            // What is no data are trailers, which nobody asked for.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Some(Err(error)) => return Err(SendError::new(SendErrorKind::Interrupted, Sent::Yes, reason(&error))),
            None => return Ok(None),
        }
    }
}

/// The error and its causes in one line.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    let text = causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    crate::envelope::one_line(&text)
}

/// What lies behind an error, the nearest first.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
