//! What is not known for certain about the service, as settings: how it treats SessionIds, lists and limits.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How the emulated service behaves where its documentation is silent, or contradicts itself, or names a limit.
///
/// The default limits nothing and hides nothing. Write another as `Behaviour { session_id_policy: SessionIdPolicy::ConsumedOnRequest,
/// ..Behaviour::default() }`, or as JSON with the same names; a duration has `_seconds` after its name there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Behaviour {
    /// Which requests consume their SessionId.
    #[serde(alias = "burn")]
    pub session_id_policy: SessionIdPolicy,
    /// For how many hours a used SessionId is refused: 72 says the description of the request, 168 that of the
    /// result.
    pub window_hours: u32,
    /// The code that refuses it.
    pub duplicate_code: DuplicateCode,
    /// How old a task must be before DescribeTasks lists it.
    #[serde(rename = "list_lag_seconds", deserialize_with = "seconds")]
    pub list_lag: Duration,
    /// Whether DescribeTasks lists AIGC tasks at all; the documentation does not say.
    pub list_shows_aigc: bool,
    /// How old a task must be before DescribeTaskDetail knows it.
    #[serde(rename = "detail_lag_seconds", deserialize_with = "seconds")]
    pub detail_lag: Duration,
    /// For how many hours after its creation a task is listed and described.
    pub visible_hours: u32,
    /// How many tasks of each kind may run at once, and what becomes of the next.
    pub concurrency: Option<Concurrency>,
    /// How many calls of each action that costs money are served in any one second of the clock; the documented limit of
    /// CreateAigcVideoTask is 20.
    pub creates_a_second: Option<u32>,
    /// How many calls of each other action are served in any one second of the clock; the documented limit is 100.
    pub reads_a_second: Option<u32>,
    /// How many seconds of video may be ordered in all; then LimitExceeded.Quota. CreateAigcQuota sets further quotas.
    pub quota_seconds: Option<u64>,
    /// How long after its creation or deletion a token of the text API shows in the list, or no more: about 30 seconds.
    #[serde(rename = "token_lag_seconds", deserialize_with = "seconds")]
    pub token_lag: Duration,
    /// Whether the progress of a task grows with time. The service was seen to show 0 until the end, and then 100.
    pub smooth_progress: bool,
    /// Which of the two documented shapes DescribeTaskDetail answers with, of a video task; the other kinds have one.
    pub reply_shape: ReplyShape,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            session_id_policy: SessionIdPolicy::default(),
            window_hours: 72,
            duplicate_code: DuplicateCode::default(),
            list_lag: Duration::ZERO,
            list_shows_aigc: true,
            detail_lag: Duration::ZERO,
            visible_hours: 72,
            concurrency: None,
            creates_a_second: None,
            reads_a_second: None,
            quota_seconds: None,
            token_lag: Duration::from_secs(30),
            smooth_progress: false,
            reply_shape: ReplyShape::default(),
        }
    }
}

impl Behaviour {
    /// For how long a used SessionId is refused.
    pub(crate) fn window(&self) -> Duration {
        hours(self.window_hours)
    }

    /// For how long after its creation a task is listed and described.
    pub(crate) fn visible(&self) -> Duration {
        hours(self.visible_hours)
    }
}

fn hours(hours: u32) -> Duration {
    Duration::from_secs(u64::from(hours) * 60 * 60)
}

/// Which requests consume their SessionId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum SessionIdPolicy {
    /// An accepted request.
    #[default]
    #[serde(alias = "accept")]
    ConsumedOnAccept,
    /// Any request that reached the action, a refused one included. One that was stopped before, by its signature,
    /// the rate limit or a fault of the connection, does not.
    #[serde(alias = "request")]
    ConsumedOnRequest,
}

/// The candidates for the error code of a SessionId that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum DuplicateCode {
    /// `InvalidParameterValue.SessionId`
    #[default]
    #[serde(rename = "InvalidParameterValue.SessionId")]
    SessionId,
    /// `InvalidParameterValue.UniqueIdentifier`
    #[serde(rename = "InvalidParameterValue.UniqueIdentifier")]
    UniqueIdentifier,
    /// `FailedOperation.TaskDuplicate`
    #[serde(rename = "FailedOperation.TaskDuplicate")]
    TaskDuplicate,
}

impl DuplicateCode {
    /// All three.
    pub const ALL: [Self; 3] = [Self::SessionId, Self::UniqueIdentifier, Self::TaskDuplicate];

    /// As it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionId => "InvalidParameterValue.SessionId",
            Self::UniqueIdentifier => "InvalidParameterValue.UniqueIdentifier",
            Self::TaskDuplicate => "FailedOperation.TaskDuplicate",
        }
    }
}

/// Which members a reply of DescribeTaskDetail has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplyShape {
    /// Those of the official description: task type, times and status outside; inside the input, the
    /// output and, for a failure, FINISH with an error code.
    #[default]
    Official,
    /// That of the integration card: only `AigcVideoTask`, with PROCESSING, FINISH or FAIL, progress,
    /// error code and output.
    Minimal,
}

/// A limit on tasks that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Concurrency {
    /// How many there may be; an account has 1 by default.
    pub limit: u32,
    /// What becomes of one more.
    pub overflow: Overflow,
}

/// What becomes of a task beyond the limit. Both were seen by other integrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum Overflow {
    /// Its request is refused with RequestLimitExceeded.
    Reject,
    /// It is accepted and ends at once with 70000 and RequestLimitExceeded. It is not counted as billed.
    Finish,
}

/// Seconds from zero on, with a fraction if need be.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| serde::de::Error::custom(format!("{seconds} is no number of seconds; give one from zero on")))
}
