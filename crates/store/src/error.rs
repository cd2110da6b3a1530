//! Why a store could not be read or written.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a store could not be read or written.
///
/// `Display` says what happened and where, [`hint`](Self::hint) what to do about it, and `source` has the database's own
/// error. Nothing was written, except where [`StoreError::Other`] comes from a commit that the database did not confirm.
///
/// ```
/// use vod_aigc_store::{StoreError, StoreFailure};
///
/// let error = StoreError::Full(StoreFailure::new("/var/lib/jobs.sqlite3"));
/// assert_eq!(error.to_string(), "there is no room left for the job store /var/lib/jobs.sqlite3");
/// assert_eq!(error.kind(), "store_full");
/// assert!(error.hint().is_some());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another part of this one, has changed the job since it was read. Nothing was written.
    Changed,
    /// Others hold the store, and did so for the whole wait.
    Locked(StoreFailure),
    /// The disk is full, or the store has reached the size that it may have.
    Full(StoreFailure),
    /// The store may be read and not written.
    ReadOnly(StoreFailure),
    /// The file is no database, or that of another program. It is as it was.
    NotADatabase(StoreFailure),
    /// A newer release has changed the layout of the store.
    NewerRelease(StoreFailure),
    /// The job of this key is in the store and cannot be read; a newer release may have written it.
    Unreadable(StoreFailure),
    /// Anything else.
    Other(StoreFailure),
}

impl StoreError {
    /// A stable word for programs, for example `store_locked`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Changed => "store_changed",
            Self::Locked(_) => "store_locked",
            Self::Full(_) => "store_full",
            Self::ReadOnly(_) => "store_read_only",
            Self::NotADatabase(_) => "store_not_a_database",
            Self::NewerRelease(_) => "store_of_newer_release",
            Self::Unreadable(_) => "store_unreadable_job",
            Self::Other(_) => "store_failed",
        }
    }

    /// What to do about it, as one sentence without a full stop; none where that depends on the source.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Changed => "load the job again and decide by what it says now",
            Self::Locked(_) => "end the process that holds the store, or try again later",
            Self::Full(_) => "make room on the disk, or delete old jobs, then resume",
            Self::ReadOnly(_) => "name a store in a folder that this user may write to",
            Self::NotADatabase(_) => "name another file for the store",
            Self::NewerRelease(_) => "use the release that wrote the store, or a newer one",
            Self::Unreadable(_) => "use the release that wrote the job; other jobs are not affected",
            Self::Other(_) => return None,
        })
    }

    /// Where and how it failed; none for [`StoreError::Changed`].
    pub fn failure(&self) -> Option<&StoreFailure> {
        match self {
            Self::Changed => None,
            Self::Locked(failure)
            | Self::Full(failure)
            | Self::ReadOnly(failure)
            | Self::NotADatabase(failure)
            | Self::NewerRelease(failure)
            | Self::Unreadable(failure)
            | Self::Other(failure) => Some(failure),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self {
            Self::Changed => ("another process has changed the job in the store", ""),
            Self::Locked(_) => ("the job store", " is locked by another process"),
            Self::Full(_) => ("there is no room left for the job store", ""),
            Self::ReadOnly(_) => ("the job store", " cannot be written"),
            Self::NotADatabase(_) => ("the file", " is no job store"),
            Self::NewerRelease(_) => ("the job store", " is of a newer release"),
            Self::Unreadable(_) => ("a job of the store", " cannot be read"),
            Self::Other(_) => ("the job store", " failed"),
        };
        f.write_str(before)?;
        let Some(StoreFailure { store, detail, .. }) = self.failure() else { return Ok(()) };
        write!(f, " {store}{after}")?;
        if detail.is_empty() { Ok(()) } else { write!(f, ": {detail}") }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure()?.source.as_deref().map(|source| source as _)
    }
}

/// Where and how a store failed. Those who implement a store make one, and a [`StoreError`] of it.
///
/// ```
/// use std::io;
/// use vod_aigc_store::{StoreError, StoreFailure};
///
/// let cause = io::Error::from(io::ErrorKind::TimedOut);
/// let failure = StoreFailure::new("redis://jobs").with_detail("no reply to HSETNX").with_source(cause);
/// let error = StoreError::Other(failure);
/// assert_eq!(error.to_string(), "the job store redis://jobs failed: no reply to HSETNX");
/// assert!(std::error::Error::source(&error).is_some());
/// ```
#[derive(Debug, Clone)]
pub struct StoreFailure {
    store: String,
    detail: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreFailure {
    /// A failure of the store of this name or path. The name is printed, so it must hold no password.
    pub fn new(store: impl Into<String>) -> Self {
        Self { store: store.into(), detail: String::new(), source: None }
    }

    /// Says what failed, where the variant of the error does not say all of it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// The name or the path of the store.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// What failed; empty where the variant of the error says it.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_and_where_and_its_hint_apart() {
        let failure = || StoreFailure::new("/jobs.sqlite3").with_detail("detail").with_source("cause");
        let all = [
            StoreError::Locked(failure()),
            StoreError::Full(failure()),
            StoreError::ReadOnly(failure()),
            StoreError::NotADatabase(failure()),
            StoreError::NewerRelease(failure()),
            StoreError::Unreadable(failure()),
            StoreError::Other(failure()),
        ];
        for error in &all {
            let text = error.to_string();
            assert!(text.contains("/jobs.sqlite3") && text.ends_with(": detail"), "{text}");
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("cause"));
            assert!(error.hint().is_none_or(|hint| !text.contains(hint)));
        }
        assert!(StoreError::Changed.to_string().contains("another process") && StoreError::Changed.source().is_none());
    }
}
