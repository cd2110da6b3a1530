//! What every service of API 3.0 has: actions and their effects, error codes and what they mean, the gateway's limit of a
//! request. The transport uses nothing else of this crate, and nothing here knows a model or a rule.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::error::{ErrorFacts, OnCreate, OnRead};
pub use crate::generated::{ErrorClass, ErrorCode, MAX_REQUEST_BYTES};
use crate::limits::Breach;

/// What happens on the service when a request is accepted, and so how often it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Effect {
    /// Reads only: it may be sent again as often as a retry policy allows.
    Read,
    /// Changes something but costs nothing: not sent again once it may have arrived.
    Write,
    /// Costs money: not sent again once it may have arrived, and its error says that the
    /// outcome is unknown.
    Paid,
}

/// Whether a paid request, or the job that it belongs to, has cost money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Billed {
    /// Nothing was started.
    No,
    /// Something may have been started: look for its session id before sending it again.
    Unknown,
    /// A task was started.
    Yes,
}

impl Billed {
    /// The word of documents and logs: `no`, `yes` or `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Billed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One action of a Tencent Cloud API 3.0 service: the request is the implementing type itself,
/// serialised as the JSON body.
pub trait Action: Serialize {
    /// The action's name as `X-TC-Action` carries it, for example `CreateAigcVideoTask`.
    const NAME: &'static str;
    /// The service that signs and serves it, for example `vod`.
    const SERVICE: &'static str;
    /// The API version as `X-TC-Version` carries it, for example `2018-07-17`.
    const VERSION: &'static str;
    /// What an accepted request does.
    const EFFECT: Effect;
    /// The members beside `RequestId` in a successful `Response`.
    type Reply: DeserializeOwned;

    /// The member by which the service recognises a repeated request, if the action has one.
    /// The transport fills it before the first send when the caller left it empty.
    fn session_id_mut(&mut self) -> Option<&mut Option<String>> {
        None
    }

    /// Names the sub-application where the request names none, if it has a member for that.
    fn fill_sub_app_id(&mut self, _id: u64) {}

    /// Every documented limit on its members that it breaks, and every undocumented word. The service would refuse it,
    /// unless it has learnt to take more since this release.
    fn breaches(&self) -> Vec<Breach> {
        Vec::new()
    }
}
