//! Temporary keys of the role that is bound to a virtual machine, from its metadata service.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use vod_aigc_signer::Credential;

use super::{CredentialError, ProvideCredential, Provided, pair};
use crate::envelope::one_line;
use crate::{BoxFuture, HttpClient};

/// Where the metadata service answers inside a Tencent Cloud network. It is plain http by nature.
const METADATA: &str = "http://metadata.tencentyun.com";

/// A machine without a metadata service must not hold up a chain for long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The role of this virtual machine. Wrap it in [`Cached`](super::Cached): each use asks the metadata service.
pub struct CvmRole {
    base_url: String,
    role: Option<String>,
    http: HttpClient,
}

impl Default for CvmRole {
    fn default() -> Self {
        Self::new()
    }
}

impl CvmRole {
    /// The role that the metadata service names.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base_url: METADATA.to_owned(),
            role: None,
            http: HttpClient::with(|builder| builder.connect_timeout(TIMEOUT)),
        }
    }

    /// A role by its name, which saves one request.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Another metadata service, by its URL without a path.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    async fn read(&self) -> Result<Provided, CredentialError> {
        let role = match &self.role {
            Some(role) => role.clone(),
            None => {
                let roles = self.document("").await?;
                roles.lines().next().map(str::trim).filter(|role| !role.is_empty()).ok_or_else(absent)?.to_owned()
            }
        };
        if !role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(unreadable(format!("the role's name {:?} is not a name", one_line(&role))));
        }
        let document: Document = serde_json::from_str(&self.document(&role).await?)
            // The parser's own words could repeat a key.
            .map_err(|_| unreadable("the reply is not the expected JSON".to_owned()))?;
        if let Some(code) = document.code.filter(|code| code != "Success") {
            return Err(unreadable(format!("the reply's code is {}", one_line(&code))));
        }
        let (id, key) = (("TmpSecretId", document.tmp_secret_id), ("TmpSecretKey", document.tmp_secret_key));
        let credential: Credential = pair(SOURCE, id, key, document.token)?;
        let expires = document.expired_time.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Ok(Provided { credential, expires })
    }

    async fn document(&self, role: &str) -> Result<String, CredentialError> {
        let url = format!("{}/latest/meta-data/cam/security-credentials/{role}", self.base_url);
        // Most machines have no such service, so a failure to reach it means that this source has nothing.
        let reply = self.http.read_metadata(&url, TIMEOUT).await.map_err(|_| absent())?;
        match reply.status {
            200 => String::from_utf8(reply.body.into()).map_err(|_| unreadable("the reply is not text".to_owned())),
            404 => Err(absent()),
            status => Err(unreadable(format!("HTTP status {status}"))),
        }
    }
}

impl ProvideCredential for CvmRole {
    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(self.read())
    }
}

impl fmt::Debug for CvmRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CvmRole")
            .field("base_url", &self.base_url)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

const SOURCE: &str = "the metadata service of this machine";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    tmp_secret_id: Option<String>,
    tmp_secret_key: Option<String>,
    token: Option<String>,
    expired_time: Option<u64>,
}

fn absent() -> CredentialError {
    CredentialError::Absent { looked: SOURCE.to_owned() }
}

fn unreadable(problem: String) -> CredentialError {
    CredentialError::Unreadable { source: SOURCE.to_owned(), problem }
}
