//! Where credentials come from: one trait, six sources, a chain and a cache.

mod cached;
mod chain;
mod cvm_role;
mod environment;
mod profile_file;
mod sts_role;

use std::error::Error;
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use vod_aigc_signer::{Credential, InvalidCredential};

pub use cached::Cached;
pub use chain::Chain;
pub use cvm_role::CvmRole;
pub use environment::{Environment, VariableNames};
pub use profile_file::ProfileFile;
pub use sts_role::StsRole;

use crate::BoxFuture;

/// A source of credentials. It is asked before every attempt, so keys may change at any time.
pub trait ProvideCredential: Debug + Send + Sync {
    /// The credential to use at the time `now`, if there is nothing to wait for; otherwise [`provide`](Self::provide) is asked.
    fn at_hand(&self, now: SystemTime) -> Option<Provided> {
        let _ = now;
        None
    }

    /// The credential to use at the time `now`.
    fn provide(&self, now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>>;

    /// Is notified that the service refused a credential at the time `now`, and says whether the source may provide
    /// another one if it is asked again. A source that keeps nothing has no other one.
    fn replace<'a>(&'a self, refused: &'a Credential, now: SystemTime) -> BoxFuture<'a, bool> {
        let _ = (refused, now);
        Box::pin(std::future::ready(false))
    }
}

/// A credential and how long it lasts.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Provided {
    /// The keys.
    pub credential: Credential,
    /// When temporary keys end; none for permanent ones.
    pub expires: Option<SystemTime>,
}

impl From<Credential> for Provided {
    fn from(credential: Credential) -> Self {
        Self { credential, expires: None }
    }
}

/// A fixed credential is its own source.
impl ProvideCredential for Credential {
    fn at_hand(&self, _now: SystemTime) -> Option<Provided> {
        Some(self.clone().into())
    }

    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(std::future::ready(Ok(self.clone().into())))
    }
}

impl<P: ProvideCredential + ?Sized> ProvideCredential for Arc<P> {
    fn at_hand(&self, now: SystemTime) -> Option<Provided> {
        (**self).at_hand(now)
    }

    fn provide(&self, now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        (**self).provide(now)
    }

    fn replace<'a>(&'a self, refused: &'a Credential, now: SystemTime) -> BoxFuture<'a, bool> {
        (**self).replace(refused, now)
    }
}

/// Why there is no credential. No secret is repeated in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// The source has nothing; a chain goes on to its next source.
    Absent {
        /// Where it looked.
        looked: String,
    },
    /// The source has one half of a pair; a chain stops here, because halves never mix.
    Half {
        /// Where it looked.
        source: String,
        /// The name of the half that is there.
        present: String,
        /// The name of the half that is missing.
        missing: String,
    },
    /// A part cannot be right.
    Invalid {
        /// Where it is defined.
        source: String,
        /// Which part, and why.
        problem: InvalidCredential,
    },
    /// Others may read the file.
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The source is there and cannot be read or understood.
    Unreadable {
        /// Where it looked.
        source: String,
        /// What is wrong, in one line.
        problem: String,
    },
}

impl fmt::Display for CredentialError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { looked } => write!(formatter, "no credentials in {looked}"),
            Self::Half { source, present, missing } => {
                write!(formatter, "{source} has {present} but not {missing}; give both or neither")
            }
            Self::Invalid { source, problem } => write!(formatter, "in {source}: {problem}"),
            Self::Exposed { path, mode } => write!(
                formatter,
                "the credentials in {0} can be read by others (mode {mode:03o}); run chmod 600 {0}",
                path.display()
            ),
            Self::Unreadable { source, problem } => {
                write!(formatter, "the credentials of {source} cannot be read: {problem}")
            }
        }
    }
}

impl Error for CredentialError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// Builds a credential out of parts that all come from one source. Empty parts count as missing.
fn pair(
    source: &str,
    (id_name, id): (&str, Option<String>),
    (key_name, key): (&str, Option<String>),
    token: Option<String>,
) -> Result<Credential, CredentialError> {
    let given = |part: Option<String>| part.filter(|part| !part.is_empty());
    let half = |present: &str, missing: &str| CredentialError::Half {
        source: source.to_owned(),
        present: present.to_owned(),
        missing: missing.to_owned(),
    };
    match (given(id), given(key)) {
        (Some(id), Some(key)) => {
            let credential = Credential::new(id, key);
            match given(token) {
                Some(token) => credential.and_then(|credential| credential.with_token(token)),
                None => credential,
            }
            .map_err(|problem| CredentialError::Invalid { source: source.to_owned(), problem })
        }
        (Some(_), None) => Err(half(id_name, key_name)),
        (None, Some(_)) => Err(half(key_name, id_name)),
        (None, None) => Err(CredentialError::Absent { looked: source.to_owned() }),
    }
}
