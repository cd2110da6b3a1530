//! What SQLite and the file system report, as errors of the store.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{StoreError, StoreFailure};

/// The store's name in errors: its path.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<str>);

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.display().to_string().into())
    }

    pub(super) fn failure(&self) -> StoreFailure {
        StoreFailure::new(&*self.0)
    }

    /// The error of an operation on the file or its folder.
    pub(super) fn of_io(&self, detail: &str, error: io::Error) -> StoreError {
        let kind = error.kind();
        let failure = self.failure().with_detail(format!("{detail}: {error}")).with_source(error);
        match kind {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(failure),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(failure),
            _ => StoreError::Other(failure),
        }
    }

    /// The error of an operation on the database.
    pub(super) fn of_sqlx(&self, detail: &'static str) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        move |error| {
            let code = code(&error);
            let failure = self.failure().with_source(error);
            // https://www.sqlite.org/rescode.html; the lowest byte is the primary code.
            match code.map_or(0, |code| code & 0xff) {
                5 | 6 => StoreError::Locked(failure),
                8 => StoreError::ReadOnly(failure),
                13 => StoreError::Full(failure),
                26 => StoreError::NotADatabase(failure.with_detail("it is no database of SQLite")),
                11 => StoreError::Other(failure.with_detail(format!("{detail}: the file is damaged"))),
                _ => StoreError::Other(failure.with_detail(detail)),
            }
        }
    }

    pub(super) fn other(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Other(self.failure().with_detail(detail))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SQLite's extended result code.
fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}
