//! How replies are read by any stack: within their time, whole, up to a limit.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

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

/// The whole reply, decompressed, up to [`LARGEST_REPLY`].
pub(crate) async fn read(mut response: Response) -> Result<RawReply, SendError> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(piece) = next_piece(&mut response).await? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST_REPLY {
            let reason = format!("it has more than {LARGEST_REPLY} bytes");
            return Err(SendError::new(SendErrorKind::TooLarge, Sent::Yes, reason));
        }
    }
    Ok(RawReply { status, headers, body: body.freeze() })
}

/// The next piece of a body; none after the last.
pub(crate) async fn next_piece(response: &mut Response) -> Result<Option<Bytes>, SendError> {
    let interrupted =
        |error: reqwest::Error| SendError::new(SendErrorKind::Interrupted, Sent::Yes, reason(&error.without_url()));
    response.chunk().await.map_err(interrupted)
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
