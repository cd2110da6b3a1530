//! Waiting for a task: when to poll, what each poll means, and when to stop.

use std::fmt;
use std::time::{Duration, SystemTime};

use futures_util::Stream;
use vod_aigc_core::{DescribeTaskDetailResponse, ErrorClass, TaskState};
use vod_aigc_transport::{Error, ErrorKind};

use crate::{Task, Video, WaitError};

/// How often a task is asked for, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WaitPolicy {
    /// The time before the first poll; nothing is done sooner.
    pub first: Duration,
    /// Each later wait is so many times the one before.
    pub growth: f64,
    /// The longest wait.
    pub longest: Duration,
    /// After so much time the wait ends and hands the task back.
    pub deadline: Duration,
}

impl WaitPolicy {
    /// No two polls are closer than this: the service takes 100 a second for a whole account.
    pub const FLOOR: Duration = Duration::from_secs(1);
    /// Every wait is made longer or shorter by up to this share, so that many waiters do not poll in step.
    const JITTER: f64 = 0.2;
    /// The service may not know a task at once after it has accepted it.
    const NOT_FOUND_GRACE: Duration = Duration::from_secs(60);

    /// The default policy with another deadline.
    pub fn until(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }

    fn pause(&self, polls: u32, random: u64) -> Duration {
        let grown = self.first.as_secs_f64() * self.growth.max(1.0).powi(polls.min(64) as i32);
        let jitter = 1.0 + Self::JITTER * (random as f64 / u64::MAX as f64 * 2.0 - 1.0);
        let seconds = grown.min(self.longest.as_secs_f64()) * jitter;
        Duration::try_from_secs_f64(seconds).unwrap_or(self.longest).max(Self::FLOOR)
    }
}

impl Default for WaitPolicy {
    /// First poll after 10 s, each wait 1.5 times the one before up to 30 s, for 30 minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            growth: 1.5,
            longest: Duration::from_secs(30),
            deadline: Duration::from_secs(30 * 60),
        }
    }
}

/// What a wait has to tell.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TaskEvent {
    /// A poll that was answered; the task goes on.
    Progress(Progress),
    /// A poll that failed; the wait goes on.
    PollFailed(Error),
    /// The end: the video, or why there is none. Nothing follows.
    Ended(Box<Result<Video, WaitError>>),
}

/// How far a task is that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Not begun.
    Waiting,
    /// Under way; done so far in percent, where the service says it.
    Processing(Option<u8>),
    /// A word for the status that this release does not know; empty where the service used none.
    Unrecognised(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "waiting"),
            Self::Processing(Some(percent)) => write!(f, "processing, {percent} %"),
            Self::Processing(None) => write!(f, "processing"),
            Self::Unrecognised(word) => write!(f, "unknown status {word:?}"),
        }
    }
}

/// One wait: both [`Task::wait`] and [`Task::events`] step through it.
pub(crate) struct Waiting {
    task: Task,
    policy: WaitPolicy,
    since: SystemTime,
    polls: u32,
    last: Option<Progress>,
}

impl Waiting {
    pub(crate) fn new(task: Task, policy: WaitPolicy) -> Self {
        let since = task.client().transport().clock().now();
        Self { task, policy, since, polls: 0, last: None }
    }

    /// The next event. Must not be asked again after [`TaskEvent::Ended`].
    pub(crate) async fn next(&mut self) -> TaskEvent {
        let left = self.policy.deadline.saturating_sub(self.waited());
        // The poll at the deadline itself is the last: a task that ended in the final pause is not missed.
        if left.is_zero() && self.polls > 0 {
            return self.ended(Err(WaitError::Deadline {
                task: self.task.handle().clone(),
                waited: self.waited(),
                last: self.last.clone(),
            }));
        }
        let transport = self.task.client().transport();
        let pause = self.policy.pause(self.polls, transport.random().next_u64());
        transport.clock().sleep(pause.min(left)).await;
        self.polls += 1;
        match self.task.poll().await {
            Ok(reply) => self.judge(reply),
            Err(error) if self.is_final(&error) => {
                self.ended(Err(WaitError::Poll { task: self.task.handle().clone(), error }))
            }
            Err(error) => TaskEvent::PollFailed(error),
        }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = TaskEvent> + Send {
        futures_util::stream::unfold(Some(self), |waiting| async {
            let mut waiting = waiting?;
            match waiting.next().await {
                end @ TaskEvent::Ended(_) => Some((end, None)),
                event => Some((event, Some(waiting))),
            }
        })
    }

    fn judge(&mut self, reply: DescribeTaskDetailResponse) -> TaskEvent {
        let progress = match reply.state() {
            TaskState::Waiting => Progress::Waiting,
            TaskState::Processing { progress } => Progress::Processing(progress),
            TaskState::Unrecognised { status } => Progress::Unrecognised(status),
            TaskState::Succeeded(output) => return self.ended(Ok(Video::new(&self.task, output.clone()))),
            TaskState::Failed(failure) => {
                return self.ended(Err(WaitError::Failed { task: self.task.handle().clone(), failure }));
            }
        };
        self.last = Some(progress.clone());
        TaskEvent::Progress(progress)
    }

    /// Whether asking again would say the same until the deadline.
    fn is_final(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::Configuration | ErrorKind::Request | ErrorKind::Credential => true,
            ErrorKind::Service => match error.class() {
                Some(ErrorClass::NotFound) => self.waited() >= WaitPolicy::NOT_FOUND_GRACE,
                // Codes that nobody has seen yet do not end a wait; the deadline does.
                Some(ErrorClass::Unknown) | None => false,
                Some(_) => !error.is_retryable(),
            },
            _ => false,
        }
    }

    fn waited(&self) -> Duration {
        let now = self.task.client().transport().clock().now();
        now.duration_since(self.since).unwrap_or_default()
    }

    fn ended(&self, result: Result<Video, WaitError>) -> TaskEvent {
        TaskEvent::Ended(Box::new(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_stay_within_the_jitter() {
        let policy = WaitPolicy::default();
        let seconds = |polls, random| policy.pause(polls, random).as_secs_f64();
        for (polls, middle) in [(0, 10.0), (1, 15.0), (2, 22.5), (3, 30.0), (9, 30.0), (u32::MAX, 30.0)] {
            assert!((seconds(polls, 0) - middle * 0.8).abs() < 1e-6, "{polls}");
            assert!((seconds(polls, u64::MAX) - middle * 1.2).abs() < 1e-6, "{polls}");
        }
    }

    #[test]
    fn no_policy_polls_faster_than_the_floor() {
        let eager =
            WaitPolicy { first: Duration::ZERO, growth: f64::NAN, longest: Duration::ZERO, ..WaitPolicy::default() };
        for polls in 0..5 {
            assert_eq!(eager.pause(polls, 0), WaitPolicy::FLOOR);
        }
    }
}
