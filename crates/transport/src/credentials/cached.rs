//! Keeps what a source provided until shortly before it ends.

use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::{CredentialError, ProvideCredential, Provided};
use crate::BoxFuture;
use crate::signer::Credential;

/// A signature holds for 300 s, so keys must outlast the request that they sign by that.
const MARGIN: Duration = Duration::from_secs(300);

/// How long a failed renewal of keys that still hold is not repeated, and how long new keys are kept even if the
/// service refuses them.
const PAUSE: Duration = Duration::from_secs(30);

/// Asks its source once and again five minutes before the keys end.
///
/// However many calls need the new keys at the same moment, one asks and the others wait for it. If renewal
/// fails, the keys are used as long as they hold. Temporary keys that the service refuses are asked for again. Permanent
/// keys are asked for once.
#[derive(Debug)]
pub struct Cached<P> {
    source: P,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    provided: Provided,
    renew_at: Option<SystemTime>,
    since: SystemTime,
}

impl<P: ProvideCredential> Cached<P> {
    /// Wraps a source.
    pub fn new(source: P) -> Self {
        Self { source, kept: Mutex::new(None) }
    }

    async fn read(&self, now: SystemTime) -> Result<Provided, CredentialError> {
        // Held over the request on purpose: that is what makes the others wait.
        let mut kept = self.kept.lock().await;
        if let Some(provided) = fresh(&kept, now) {
            return Ok(provided);
        }
        match self.source.provide(now).await {
            Ok(provided) => {
                let renew_at = provided.expires.map(|expires| expires.checked_sub(MARGIN).unwrap_or(expires));
                *kept = Some(Kept { provided: provided.clone(), renew_at, since: now });
                Ok(provided)
            }
            Err(error) => match &mut *kept {
                Some(Kept { provided, renew_at, .. }) if provided.expires.is_some_and(|expires| now < expires) => {
                    *renew_at = Some(now + PAUSE);
                    Ok(provided.clone())
                }
                _ => Err(error),
            },
        }
    }

    async fn forget(&self, refused: &Credential, now: SystemTime) -> bool {
        let mut kept = self.kept.lock().await;
        let Some(Kept { provided, since, .. }) = &*kept else {
            return true;
        };
        let same =
            provided.credential.secret_id() == refused.secret_id() && provided.credential.token() == refused.token();
        if !same {
            // Another call was refused too and has renewed them already.
            return true;
        }
        let renewable = provided.expires.is_some() && now.duration_since(*since).is_ok_and(|age| age >= PAUSE);
        if renewable {
            *kept = None;
        }
        renewable
    }
}

/// What is kept, unless it is due to be renewed.
fn fresh(kept: &Option<Kept>, now: SystemTime) -> Option<Provided> {
    let kept = kept.as_ref().filter(|kept| kept.renew_at.is_none_or(|renew_at| now < renew_at))?;
    Some(kept.provided.clone())
}

impl<P: ProvideCredential> ProvideCredential for Cached<P> {
    fn at_hand(&self, now: SystemTime) -> Option<Provided> {
        fresh(&*self.kept.try_lock().ok()?, now)
    }

    fn provide(&self, now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(self.read(now))
    }

    fn replace<'a>(&'a self, refused: &'a Credential, now: SystemTime) -> BoxFuture<'a, bool> {
        Box::pin(self.forget(refused, now))
    }
}
