//! The body of a reply on the wire: in parts that are made when they are sent, and at a pace.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::exchange::Part;
use crate::fault::Pace;
use crate::line::Busy;

/// How much of a repeated byte is made at once.
const MADE_AT_ONCE: usize = 64 * 1024;

/// A body that keeps to a pace.
#[derive(Default)]
pub(crate) struct Paced {
    parts: VecDeque<Part>,
    piece: Option<usize>,
    between: Duration,
    /// What happens after the last part.
    ending: VecDeque<End>,
    length: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
    /// The connection waits for the next request once this is dropped.
    _busy: Option<Busy>,
}

enum End {
    Wait(Duration),
    /// The connection is closed here.
    Break,
}

impl Paced {
    pub(crate) fn new(body: Bytes, rest: Vec<Part>, pace: Pace, breaks: bool) -> Self {
        let mut parts: VecDeque<Part> = rest.into();
        parts.push_front(Part::Bytes(body));
        parts.retain(|part| part.len() > 0);
        let length = parts.iter().map(Part::len).sum::<usize>() as u64;
        let length = Some(length).filter(|_| !breaks && pace.last.is_zero());
        let mut ending = VecDeque::new();
        if !pace.last.is_zero() {
            ending.push_back(End::Wait(pace.last));
        }
        if breaks {
            // In this moment what was sent so far leaves the buffer; the break would discard it.
            ending.extend([End::Wait(Duration::from_millis(1)), End::Break]);
        }
        Self { parts, piece: pace.piece, between: pace.between, ending, length, ..Self::default() }
    }

    pub(crate) fn while_busy(self, busy: Busy) -> Self {
        Self { _busy: Some(busy), ..self }
    }

    /// The next piece, at most as large as the pace allows.
    fn next_piece(&mut self) -> Option<Bytes> {
        let most = self.piece.unwrap_or(usize::MAX);
        let part = self.parts.front_mut()?;
        let piece = match part {
            Part::Bytes(bytes) => bytes.split_to(most.min(bytes.len())),
            Part::Repeated(byte, left) => {
                let count = most.min(*left).min(MADE_AT_ONCE);
                *left -= count;
                vec![*byte; count].into()
            }
        };
        if part.len() == 0 {
            self.parts.pop_front();
        }
        Some(piece)
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
            if let Some(piece) = self.next_piece() {
                if !self.between.is_zero() && !self.parts.is_empty() {
                    self.pause = Some(Box::pin(sleep(self.between)));
                }
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match self.ending.pop_front() {
                None => return Poll::Ready(None),
                Some(End::Wait(time)) => self.pause = Some(Box::pin(sleep(time))),
                Some(End::Break) => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && self.ending.is_empty() && self.pause.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
