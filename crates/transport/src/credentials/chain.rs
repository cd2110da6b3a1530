//! Several sources in order.

use std::time::SystemTime;

use super::{CredentialError, ProvideCredential, Provided};
use crate::BoxFuture;
use crate::signer::Credential;

/// The first source that has a complete credential.
///
/// A source with nothing is passed over. Half a pair, an exposed file or a broken source is an error and not passed
/// over, so that a mistake never silently selects other keys.
#[derive(Debug, Default)]
pub struct Chain(Vec<Box<dyn ProvideCredential>>);

impl Chain {
    /// A chain without sources.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same chain with one more source at its end.
    #[must_use]
    pub fn or(mut self, source: impl ProvideCredential + 'static) -> Self {
        self.0.push(Box::new(source));
        self
    }

    async fn read(&self, now: SystemTime) -> Result<Provided, CredentialError> {
        let mut looked = Vec::new();
        for source in &self.0 {
            match source.provide(now).await {
                Err(CredentialError::Absent { looked: place }) => looked.push(place),
                other => return other,
            }
        }
        Err(CredentialError::Absent { looked: looked.join(", nor in ") })
    }
}

impl ProvideCredential for Chain {
    fn provide(&self, now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(self.read(now))
    }

    fn replace<'a>(&'a self, refused: &'a Credential, now: SystemTime) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let mut replaced = false;
            for source in &self.0 {
                replaced |= source.replace(refused, now).await;
            }
            replaced
        })
    }
}
