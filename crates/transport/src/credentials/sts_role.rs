//! Temporary keys of a role, asked for with other keys: the action AssumeRole of the service sts.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use vod_aigc_core::api::{Action, Effect};

use super::{CredentialError, ProvideCredential, Provided, pair};
use crate::{BoxFuture, Transport};

/// A role that other keys may take on. Wrap it in [`Cached`](super::Cached): each use asks for new keys.
#[derive(Debug, Clone)]
pub struct StsRole {
    transport: Transport,
    request: AssumeRole,
}

impl StsRole {
    /// Asks through a transport of its own, whose credentials must be allowed to take on the role and which needs a
    /// region. The keys last two hours.
    pub fn new(transport: Transport, role_arn: impl Into<String>, session_name: impl Into<String>) -> Self {
        let (role_arn, role_session_name) = (role_arn.into(), session_name.into());
        Self { transport, request: AssumeRole { role_arn, role_session_name, duration_seconds: 7_200 } }
    }

    /// How long the keys last, in whole seconds: at most 12 hours (API description of AssumeRole).
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.request.duration_seconds = duration.as_secs();
        self
    }

    async fn read(&self) -> Result<Provided, CredentialError> {
        let reply = self
            .transport
            .call(self.request.clone())
            .await
            .map_err(|error| CredentialError::Unreadable { source: SOURCE.to_owned(), problem: error.to_string() })?;
        let Keys { tmp_secret_id, tmp_secret_key, token } = reply.value.credentials;
        let credential = pair(SOURCE, ("TmpSecretId", tmp_secret_id), ("TmpSecretKey", tmp_secret_key), token)?;
        let expires = reply.value.expired_time.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Ok(Provided { credential, expires })
    }
}

impl ProvideCredential for StsRole {
    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(self.read())
    }
}

const SOURCE: &str = "the role (sts AssumeRole)";

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    duration_seconds: u64,
}

impl Action for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const SERVICE: &'static str = "sts";
    const VERSION: &'static str = "2018-08-13";
    // Unused keys simply end, so asking twice does no harm.
    const EFFECT: Effect = Effect::Read;
    type Reply = Assumed;
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: Keys,
    expired_time: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    tmp_secret_id: Option<String>,
    tmp_secret_key: Option<String>,
    token: Option<String>,
}
