//! How far a job is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vod_aigc_core::api::Billed;

/// How far a job is.
///
/// In JSON it is an object with the member `state`, one of the words of [`StateKind`], and the members of the variant.
///
/// ```
/// use vod_aigc_store::JobState;
///
/// let state = JobState::Accepted { task_id: "1500044236-AigcVideoTask-0a1b".to_owned() };
/// assert_eq!(state.to_string(), "accepted");
/// assert_eq!(state.task_id(), Some("1500044236-AigcVideoTask-0a1b"));
/// assert!(!state.is_final());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// Nothing has been sent, or everything that was sent is known to have started nothing.
    Planned,
    /// The request is being sent, or was when the process died: the outcome is unknown until the service is asked.
    Sending,
    /// The outcome is unknown and could not be found out. A person or a later resume decides. JSON and `Display` say `held`.
    #[serde(rename = "held")]
    Unresolved {
        /// Why.
        reason: String,
    },
    /// The service refused the request; nothing was started.
    Refused {
        /// The service's error code.
        code: String,
    },
    /// A task was started.
    Accepted {
        /// Its id.
        task_id: String,
    },
    /// The task ended without a result.
    Failed {
        /// Its id.
        task_id: String,
        /// Why.
        reason: String,
        /// Whether it ended for lack of capacity before it ran, which is not billed. A submit under the same key then
        /// starts another task.
        #[serde(default)]
        unbilled: bool,
    },
    /// A person has given the job up: see [`forget_job`](crate::forget_job).
    Forgotten {
        /// How far it was.
        reason: String,
    },
    /// The task has made its result, which has not been downloaded yet.
    Done {
        /// Its id.
        task_id: String,
    },
    /// The result is on the disk.
    Downloaded {
        /// The task's id.
        task_id: String,
        /// Where the file is.
        path: PathBuf,
    },
}

impl JobState {
    /// Which of the states it is, without the details.
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Planned => StateKind::Planned,
            Self::Sending => StateKind::Sending,
            Self::Unresolved { .. } => StateKind::Unresolved,
            Self::Refused { .. } => StateKind::Refused,
            Self::Accepted { .. } => StateKind::Accepted,
            Self::Failed { .. } => StateKind::Failed,
            Self::Forgotten { .. } => StateKind::Forgotten,
            Self::Done { .. } => StateKind::Done,
            Self::Downloaded { .. } => StateKind::Downloaded,
        }
    }

    /// Whether there is nothing left to do: refused, failed, downloaded or forgotten.
    pub fn is_final(&self) -> bool {
        self.kind().is_final()
    }

    /// Whether the job was billed, as far as is known.
    pub fn billed(&self) -> Billed {
        match self {
            Self::Planned | Self::Refused { .. } | Self::Failed { unbilled: true, .. } => Billed::No,
            Self::Accepted { .. } | Self::Done { .. } | Self::Downloaded { .. } => Billed::Yes,
            // The documentation does not say whether a task that failed is billed.
            Self::Sending | Self::Unresolved { .. } | Self::Forgotten { .. } | Self::Failed { .. } => Billed::Unknown,
        }
    }

    /// The id of the task that was started, once it is known.
    pub fn task_id(&self) -> Option<&str> {
        match self {
            Self::Accepted { task_id }
            | Self::Failed { task_id, .. }
            | Self::Done { task_id }
            | Self::Downloaded { task_id, .. } => Some(task_id),
            Self::Planned | Self::Sending | Self::Unresolved { .. } | Self::Refused { .. } | Self::Forgotten { .. } => {
                None
            }
        }
    }

    /// How far a state is on the way from a task's acceptance to its file. A job's state only moves forward on it.
    pub(crate) fn progress_of_task(&self) -> u8 {
        match self {
            Self::Accepted { .. } => 1,
            Self::Failed { .. } => 2,
            Self::Done { .. } => 3,
            Self::Downloaded { .. } => 4,
            Self::Planned | Self::Sending | Self::Unresolved { .. } | Self::Refused { .. } | Self::Forgotten { .. } => {
                0
            }
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned => write!(f, "planned"),
            Self::Sending => write!(f, "outcome unknown"),
            Self::Unresolved { reason } => write!(f, "held: {reason}"),
            Self::Refused { code } => write!(f, "refused: {code}"),
            Self::Accepted { .. } => write!(f, "accepted"),
            Self::Failed { reason, .. } => write!(f, "failed: {reason}"),
            Self::Forgotten { reason } => write!(f, "forgotten: {reason}"),
            Self::Done { .. } => write!(f, "done"),
            Self::Downloaded { path, .. } => write!(f, "downloaded: {}", path.display()),
        }
    }
}

/// The kind of a [`JobState`], to filter by.
///
/// ```
/// use vod_aigc_store::StateKind;
///
/// assert_eq!("held".parse(), Ok(StateKind::Unresolved));
/// assert_eq!(StateKind::Downloaded.as_str(), "downloaded");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StateKind {
    /// [`JobState::Planned`].
    Planned,
    /// [`JobState::Sending`].
    Sending,
    /// [`JobState::Unresolved`]; its word is `held`.
    Unresolved,
    /// [`JobState::Refused`].
    Refused,
    /// [`JobState::Accepted`].
    Accepted,
    /// [`JobState::Failed`].
    Failed,
    /// [`JobState::Forgotten`].
    Forgotten,
    /// [`JobState::Done`].
    Done,
    /// [`JobState::Downloaded`].
    Downloaded,
}

impl StateKind {
    /// Every kind, in the order of a job's life.
    pub const ALL: [Self; 9] = [
        Self::Planned,
        Self::Sending,
        Self::Unresolved,
        Self::Refused,
        Self::Accepted,
        Self::Failed,
        Self::Forgotten,
        Self::Done,
        Self::Downloaded,
    ];

    /// The word of the kind, as the member `state` of a record's JSON and the column of a database hold it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Unresolved => "held",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Forgotten => "forgotten",
            Self::Done => "done",
            Self::Downloaded => "downloaded",
        }
    }

    /// Whether there is nothing left to do: refused, failed, downloaded or forgotten.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refused | Self::Failed | Self::Forgotten | Self::Downloaded)
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StateKind {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownState(word.to_owned()))
    }
}

/// A word that names no [`StateKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownState(String);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no state of a job; the states are", self.0)?;
        StateKind::ALL.iter().try_for_each(|kind| write!(f, " {kind}"))
    }
}

impl std::error::Error for UnknownState {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_every_kind() -> [JobState; 9] {
        let (task_id, text) = (|| "t".to_owned(), || "r".to_owned());
        [
            JobState::Planned,
            JobState::Sending,
            JobState::Unresolved { reason: text() },
            JobState::Refused { code: text() },
            JobState::Accepted { task_id: task_id() },
            JobState::Failed { task_id: task_id(), reason: text(), unbilled: false },
            JobState::Forgotten { reason: text() },
            JobState::Done { task_id: task_id() },
            JobState::Downloaded { task_id: task_id(), path: "p".into() },
        ]
    }

    #[test]
    fn the_word_of_a_kind_is_that_of_the_json() {
        for (state, kind) in of_every_kind().into_iter().zip(StateKind::ALL) {
            assert_eq!(state.kind(), kind);
            let json = serde_json::to_value(&state).expect("texts serialise");
            assert_eq!(json["state"], kind.as_str());
            assert_eq!(serde_json::from_value::<JobState>(json).expect("it was just written"), state);
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(state.is_final(), kind.is_final());
        }
        assert!("unresolved".parse::<StateKind>().is_err_and(|error| error.to_string().contains("held")));
    }

    #[test]
    fn an_unresolved_job_is_still_called_held_in_texts_that_scripts_read() {
        let state = JobState::Unresolved { reason: "no answer".to_owned() };
        assert_eq!(state.to_string(), "held: no answer");
        assert_eq!(serde_json::to_string(&state).expect("texts serialise"), r#"{"state":"held","reason":"no answer"}"#);
    }

    #[test]
    fn a_task_that_may_still_bring_something_is_not_final() {
        let of = |billed: Billed| of_every_kind().into_iter().filter(move |state| state.billed() == billed);
        let finals: Vec<_> = StateKind::ALL.into_iter().filter(|kind| kind.is_final()).collect();
        assert_eq!(finals, [StateKind::Refused, StateKind::Failed, StateKind::Forgotten, StateKind::Downloaded]);
        let kinds = |billed| of(billed).map(|state| state.kind()).collect::<Vec<_>>();
        assert_eq!(kinds(Billed::No), [StateKind::Planned, StateKind::Refused]);
        assert_eq!(kinds(Billed::Yes), [StateKind::Accepted, StateKind::Done, StateKind::Downloaded]);
        let unbilled = JobState::Failed { task_id: "t".to_owned(), reason: "r".to_owned(), unbilled: true };
        assert_eq!(unbilled.billed(), Billed::No);
    }
}
