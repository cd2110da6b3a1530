//! How patiently a client submits jobs and waits for tasks.

use std::time::Duration;

/// How patiently a submit goes about what the service refuses for now or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitPolicy {
    /// How often a request is sent again after an unknown outcome, each time after a look for its task.
    pub resends: u32,
    /// How often it is sent again while the service refuses it for its frequency or for want of capacity, and at most
    /// twice of these while nothing of it can leave.
    pub refusals: u32,
    /// The first wait between two steps; each further one is twice as long, up to a minute.
    pub first_wait: Duration,
    /// How long a task is looked for, after the last send, before the job is left unresolved.
    pub look_for: Duration,
}

impl SubmitPolicy {
    pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(60);
    /// How often an unreachable server is tried again at most.
    pub(crate) const UNREACHABLE: u32 = 2;
    /// The service knows an id for 72 h; after this no send is safe any more.
    pub(crate) const SAFE: Duration = Duration::from_secs(71 * 3600);
    /// How far from the service's clock the timestamp of an accepted request can be.
    pub(crate) const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(300);
    /// How far apart two recorded times of one moment can be: one of each may be off to either side.
    pub(crate) const MARGIN: Duration = Self::TIMESTAMP_TOLERANCE.saturating_mul(2);

    pub(crate) fn wait(&self, step: u32) -> Duration {
        self.first_wait.saturating_mul(1_u32.checked_shl(step).unwrap_or(u32::MAX)).min(Self::LONGEST_WAIT)
    }
}

impl Default for SubmitPolicy {
    /// Three resends, five refusals, waits from 2 s, two minutes of looking.
    fn default() -> Self {
        Self { resends: 3, refusals: 5, first_wait: Duration::from_secs(2), look_for: Duration::from_secs(120) }
    }
}

/// How often a task is polled, and for how long.
///
/// The times between polls hold for up to eight tasks of a client. More of them are polled by the list of tasks: see
/// [`Task::wait`](crate::Task::wait). Deadlines, and what ends a wait, hold for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitPolicy {
    /// The time from the submit to the first poll. A task whose age is not known is polled at once.
    pub first: Duration,
    /// The time between polls.
    pub every: Duration,
    /// The time between polls of a task that has waited in the service's queue for [`queued_after`](Self::queued_after).
    pub queued_every: Duration,
    /// See [`queued_every`](Self::queued_every).
    pub queued_after: Duration,
    /// Whether the request asked for off-peak hours, so that the task counts as queued for long from the start.
    pub off_peak: bool,
    /// After so much time the wait ends and hands the task back.
    pub deadline: Duration,
    /// The wait also ends after so many failed polls in a row, if they lasted for `stalled_after`.
    pub stalled_polls: u32,
    /// See `stalled_polls`.
    pub stalled_after: Duration,
    /// The service may not know a task at once after it has accepted it.
    pub not_found_grace: Duration,
    /// The wait ends when the task is this old, because the service forgets it after three days.
    pub oldest: Duration,
}

impl WaitPolicy {
    /// No two polls of a task are closer than this: the service takes 100 requests a second from a whole account.
    pub const FLOOR: Duration = Duration::from_secs(1);

    /// The default policy with another deadline.
    pub fn until(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// The same for a request that asked for off-peak hours: polled every 15 s while it is queued, for 24 hours at least.
    #[must_use]
    pub fn for_off_peak(self) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { off_peak: true, deadline: self.deadline.max(DAY), ..self }
    }
}

impl Default for WaitPolicy {
    /// A poll every 3 s, for 30 minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(3),
            every: Duration::from_secs(3),
            queued_every: Duration::from_secs(15),
            queued_after: Duration::from_secs(10 * 60),
            off_peak: false,
            deadline: Duration::from_secs(30 * 60),
            stalled_polls: 10,
            stalled_after: Duration::from_secs(5 * 60),
            not_found_grace: Duration::from_secs(60),
            oldest: Duration::from_secs(71 * 3600),
        }
    }
}
