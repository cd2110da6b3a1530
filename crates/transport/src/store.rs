//! Puts a file to a URL: streamed with its length, over https, without the credentials of the API.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use reqwest::{Method, Request, Url};
use tokio::sync::{mpsc, watch};

use crate::http_client::{HttpClient, send_error};
use crate::reply::{read, within};
use crate::url::{self, is_loopback};
use crate::{RawReply, SendError, SendErrorKind, Sent};

/// The pieces of a file in their order. One that fails, or an end before the whole length, breaks the request off.
#[doc(hidden)]
pub type Pieces = mpsc::Receiver<io::Result<Bytes>>;

/// Which file to put where.
#[doc(hidden)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct FileToStore<'a> {
    /// Where to: https, or plain http on this machine where `loopback` allows it.
    pub url: &'a str,
    /// What goes out beside `Host` and `Content-Length`, which follow from the address and `length`.
    pub headers: &'a [(&'a str, &'a str)],
    /// How long the file is, in bytes.
    pub length: u64,
    /// The file.
    pub pieces: Pieces,
    /// The longest time in which neither a piece leaves nor the reply comes.
    pub idle: Duration,
    /// Whether it may go to this machine, which is so where an emulator takes it.
    pub loopback: bool,
}

impl fmt::Debug for FileToStore<'_> {
    /// Leaves out the headers, which hold a signature and perhaps a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileToStore")
            .field("url", &self.url)
            .field("length", &self.length)
            .field("idle", &self.idle)
            .field("loopback", &self.loopback)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Puts a file and reads the reply; `show` learns how many bytes have left. Once, with no redirect followed.
    ///
    /// Unlike a file that is [fetched](Self::fetch), it may go to a host of a private network: the storage is reached by
    /// such addresses from inside the vendor's network, and has proved its name by its certificate before a byte leaves.
    ///
    /// # Errors
    ///
    /// When there is no reply, or [`SendErrorKind::Refused`] when the file must not go there. Any status is a reply.
    #[doc(hidden)]
    pub async fn store(&self, file: FileToStore<'_>, mut show: impl FnMut(u64)) -> Result<RawReply, SendError> {
        let url = judge(file.url, file.loopback)?;
        let client = self.for_host(&url)?;
        let (sent, mut progress) = watch::channel(0);
        let body = Streamed { pieces: file.pieces, length: file.length, left: file.length, sent };
        let mut request = Request::new(Method::PUT, url);
        *request.headers_mut() = headers(file.headers)?;
        *request.body_mut() = Some(reqwest::Body::wrap(body));

        let mut reply = pin!(async { read(client.execute(request).await.map_err(send_error)?).await });
        loop {
            // The time restarts with each piece that leaves; after the last the body is gone, and the reply is due.
            let left = {
                let moved = pin!(within(file.idle, async { Ok(progress.changed().await.is_ok()) }));
                match select(reply.as_mut(), moved).await {
                    Either::Left((reply, _)) => return reply,
                    Either::Right((left, _)) => left?,
                }
            };
            if !left {
                return within(file.idle, reply).await;
            }
            show(*progress.borrow_and_update());
        }
    }
}

fn judge(url: &str, loopback: bool) -> Result<Url, SendError> {
    let refused = |reason: &str| Err(SendError::new(SendErrorKind::Refused, Sent::No, reason));
    match url::parse(url) {
        Err(problem) => refused(&format!("the address {problem}")),
        Ok(url) if is_loopback(&url) && !loopback => refused("the address is on this machine"),
        Ok(url) if is_loopback(&url) || url.scheme() == "https" => Ok(url),
        Ok(_) => refused("the address is not https; files are only put to https"),
    }
}

fn headers(given: &[(&str, &str)]) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refused = || {
            let reason = format!("the header {name} holds a character that it cannot have");
            SendError::new(SendErrorKind::Connect, Sent::No, reason)
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        // Which of them are secret is the storage's matter, so all count as such.
        value.set_sensitive(true);
        if name != HOST && name != CONTENT_LENGTH {
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// A body of known length, whose pieces come from elsewhere.
pub(crate) struct Streamed {
    pieces: Pieces,
    length: u64,
    left: u64,
    sent: watch::Sender<u64>,
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match ready!(self.pieces.poll_recv(context)) {
            Some(Ok(piece)) if piece.len() as u64 <= self.left => piece,
            Some(Ok(_)) => return Poll::Ready(Some(Err(io::Error::other("the file is longer than was said")))),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        };
        self.left -= piece.len() as u64;
        let sent = self.length - self.left;
        self.sent.send_replace(sent);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_judged_before_a_byte_leaves() {
        let check = |url, loopback| judge(url, loopback).map(|_| ()).map_err(|error| (error.kind(), error.sent()));
        for url in ["https://b-1.cos.ap-guangzhou.myqcloud.com/a", "https://10.0.0.1/"] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in ["http://127.0.0.1:9/a", "https://[::1]/a", "http://localhost/a"] {
            assert_eq!(check(url, true), Ok(()), "{url}");
            assert_eq!(check(url, false), Err((SendErrorKind::Refused, Sent::No)), "{url}");
        }
        for url in
            ["", "/a", "http://b-1.cos.ap-guangzhou.myqcloud.com/a", "ftp://127.0.0.1/", "https://u:p@a.example/"]
        {
            assert_eq!(check(url, true), Err((SendErrorKind::Refused, Sent::No)), "{url}");
        }
    }

    #[test]
    fn no_header_prints_its_value() {
        let headers = headers(&[("x-cos-security-token", "canary"), ("Host", "a")]).unwrap();
        assert!(!format!("{headers:?}").contains("canary"));
        assert_eq!(headers.len(), 1, "the host is the address's");
        let error = super::headers(&[("authorization", "canary\n")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
