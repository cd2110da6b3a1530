//! A connection that can be reset, and that closes when its client is too slow.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::timeouts::Timeouts;

/// Whether a connection is to be reset.
#[derive(Clone, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Resets it as soon as something is written to it.
    pub(crate) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

/// What a connection is at: a number that grows by one with each step from idle, to the head of a request, to its answer,
/// and back to idle.
#[derive(Clone, Default)]
pub(crate) struct Phase(Arc<Inner>);

#[derive(Default)]
struct Inner {
    step: AtomicU64,
    /// The connection's task, to be woken once it is idle.
    waker: Mutex<Option<Waker>>,
}

const IDLE: u64 = 0;
const HEAD: u64 = 1;
const BUSY: u64 = 2;
const PHASES: u64 = 3;

impl Phase {
    fn get(&self) -> u64 {
        self.0.step.load(Ordering::Acquire)
    }

    /// Goes on to the next `phase`.
    fn advance(&self, phase: u64) {
        let now = self.get();
        self.0.step.store(now + (phase + PHASES - now % PHASES) % PHASES, Ordering::Release);
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is answered, until this is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.advance(BUSY);
        Busy(self.clone())
    }
}

/// A request is answered, until this is dropped.
pub(crate) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.advance(IDLE);
        if let Some(waker) = self.0.waker().take() {
            waker.wake();
        }
    }
}

/// A connection that can be reset. A client that is too slow with the head of a request, or with the next request,
/// seems to have closed it; the body of a request is the concern of its reader.
pub(crate) struct Line {
    stream: TcpStream,
    reset: Reset,
    phase: Phase,
    timeouts: Timeouts,
    /// When reading ends, and the phase that this is for.
    reading: Option<(u64, Pin<Box<Sleep>>)>,
    /// When writing ends.
    writing: Option<Pin<Box<Sleep>>>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, reset: Reset, phase: Phase, timeouts: Timeouts) -> Self {
        Self { stream, reset, phase, timeouts, reading: None, writing: None }
    }

    /// Ready once nothing has come for too long.
    fn poll_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let phase = self.phase.get();
        let limit = match phase % PHASES {
            IDLE => self.timeouts.idle,
            HEAD => self.timeouts.header,
            _ => {
                self.reading = None;
                *self.phase.waker() = Some(context.waker().clone());
                return Poll::Pending;
            }
        };
        if self.reading.as_ref().is_none_or(|(of, _)| *of != phase) {
            self.reading = Some((phase, Box::pin(sleep(limit))));
        }
        match &mut self.reading {
            Some((_, end)) => end.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// `written`, or an error once nothing could be written for too long.
    fn poll_written<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let stall: Duration = self.timeouts.stall;
        ready!(self.writing.get_or_insert_with(|| Box::pin(sleep(stall))).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reset.check()?;
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before && self.phase.get() % PHASES == IDLE {
                    self.phase.advance(HEAD);
                }
                Poll::Ready(read)
            }
            // As if the client had closed it.
            Poll::Pending => self.poll_slow(context).map(Ok),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.reset.check()?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_written(written, context)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_goes_on_and_never_back() {
        let phase = Phase::default();
        for _ in 0..2 {
            assert_eq!(phase.get() % PHASES, IDLE);
            phase.advance(HEAD);
            let head = phase.get();
            phase.advance(HEAD);
            assert_eq!(phase.get(), head);
            let busy = phase.busy();
            assert_eq!(phase.get(), head + 1);
            drop(busy);
            assert_eq!(phase.get(), head + 2);
        }
        // A request whose head had come before the last reply was sent.
        drop(phase.busy());
        assert_eq!(phase.get() % PHASES, IDLE);
    }
}
