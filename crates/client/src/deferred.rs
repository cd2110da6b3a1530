//! Work that is set up by methods and begins when it is first polled.

use std::task::{Context, Poll};

use vod_aigc_transport::BoxFuture;

pub(crate) enum Deferred<'a, S, T> {
    New(S),
    Running(BoxFuture<'a, T>),
    Starting,
}

impl<'a, S, T> Deferred<'a, S, T> {
    /// Changes the settings; work that has begun is not changed any more.
    pub(crate) fn set(&mut self, set: impl FnOnce(&mut S)) {
        if let Self::New(settings) = self {
            set(settings);
        }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>, start: impl FnOnce(S) -> BoxFuture<'a, T>) -> Poll<T> {
        if let Self::New(_) = self
            && let Self::New(settings) = std::mem::replace(self, Self::Starting)
        {
            *self = Self::Running(start(settings));
        }
        match self {
            Self::Running(work) => work.as_mut().poll(context),
            Self::New(_) | Self::Starting => Poll::Pending,
        }
    }
}
