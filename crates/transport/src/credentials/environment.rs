//! Credentials in environment variables, looked up through a closure.

use std::fmt;
use std::time::SystemTime;

use vod_aigc_signer::Credential;

use super::{CredentialError, ProvideCredential, Provided, pair};
use crate::BoxFuture;

/// The environment variables of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct VariableNames {
    /// The secret id.
    pub secret_id: &'static str,
    /// The secret key.
    pub secret_key: &'static str,
    /// The token of temporary keys; the first name that has a value counts.
    pub tokens: &'static [&'static str],
}

impl VariableNames {
    /// The names that the official SDKs use.
    pub const TENCENT_CLOUD: Self = Self {
        secret_id: "TENCENTCLOUD_SECRET_ID",
        secret_key: "TENCENTCLOUD_SECRET_KEY",
        tokens: &["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN"],
    };
}

/// The environment as a source. An empty variable counts as unset.
pub struct Environment {
    names: VariableNames,
    look_up: Box<LookUp>,
}

type LookUp = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Looks for a pair under these names; pass `|name| std::env::var(name).ok()` for the process's own
    /// environment.
    pub fn new(names: VariableNames, look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { names, look_up: Box::new(look_up) }
    }

    /// Reads the variables now.
    ///
    /// # Errors
    ///
    /// When there is no pair, half a pair, or a part that cannot be right.
    pub fn read(&self) -> Result<Credential, CredentialError> {
        let VariableNames { secret_id, secret_key, tokens } = self.names;
        let source = format!("the environment ({secret_id}, {secret_key})");
        let token = tokens.iter().find_map(|name| (self.look_up)(name).filter(|token| !token.is_empty()));
        pair(&source, (secret_id, (self.look_up)(secret_id)), (secret_key, (self.look_up)(secret_key)), token)
    }
}

impl ProvideCredential for Environment {
    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(std::future::ready(self.read().map(Provided::from)))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("names", &self.names).finish_non_exhaustive()
    }
}
