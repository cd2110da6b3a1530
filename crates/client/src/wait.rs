//! Waiting for a task: when to poll, what each poll means, and when to stop.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::Stream;
use futures_util::stream::unfold;
use vod_aigc_core::{AigcTask, AigcVideoTask, ErrorClass, Progress};
use vod_aigc_transport::{BoxFuture, Call, Error, ErrorKind};

use crate::client::Polled;
use crate::waits::{Pause, Place, Shown, Turn, Waits};
use crate::{Finished, Task, WaitError};

/// How often a task is asked for, and for how long.
///
/// The times between polls hold for each of up to eight waits of a client. More of them share a driver, which lists the tasks
/// of the sub-application instead: see [`Task::wait`]. Deadlines, and what ends a wait, hold for any number.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WaitPolicy {
    /// The time before the first poll; nothing is done sooner.
    pub first: Duration,
    /// Each later wait is so many times the one before.
    pub growth: f64,
    /// The longest wait.
    pub longest: Duration,
    /// When progress moves, the next wait is a quarter of the time that seems to remain, but no shorter than this and no longer
    /// than `longest`.
    pub nearing: Duration,
    /// Every wait is made longer or shorter by up to this share, so that many waiters do not poll in step.
    pub jitter: f64,
    /// Whether the request asked for off-peak hours, so that it may be queued for long from the start.
    pub off_peak: bool,
    /// A task that has waited for so long in the service's queue is polled as seldom as an off-peak one.
    pub queued_after: Duration,
    /// The first wait for a task in the queue.
    pub queued_first: Duration,
    /// The longest wait for a task in the queue.
    pub queued_longest: Duration,
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
    /// No two polls are closer than this: the service takes 100 a second for a whole account.
    pub const FLOOR: Duration = Duration::from_secs(1);

    /// The default policy with another deadline.
    pub fn until(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// The same for a request that asked for off-peak hours: polled from once a minute to once in five minutes while it is
    /// queued, for 24 hours at least.
    pub fn for_off_peak(self) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { off_peak: true, deadline: self.deadline.max(DAY), ..self }
    }
}

impl Default for WaitPolicy {
    /// First poll after 10 s, each wait 1.5 times the one before up to 30 s, for 30 minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            growth: 1.5,
            longest: Duration::from_secs(30),
            nearing: Duration::from_secs(5),
            jitter: 0.2,
            off_peak: false,
            queued_after: Duration::from_secs(10 * 60),
            queued_first: Duration::from_secs(60),
            queued_longest: Duration::from_secs(300),
            deadline: Duration::from_secs(30 * 60),
            stalled_polls: 10,
            stalled_after: Duration::from_secs(5 * 60),
            not_found_grace: Duration::from_secs(60),
            oldest: Duration::from_secs(71 * 3600),
        }
    }
}

/// What a wait has to tell.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TaskEvent<K: AigcTask = AigcVideoTask> {
    /// A poll that was answered, or the list shows that the task has gone on, which it does without percent.
    Progress(Progress),
    /// A poll that failed; the wait goes on.
    PollFailed(Error),
    /// The end: the result, or why there is none. Nothing follows.
    Ended(Box<Result<Finished<K>, WaitError>>),
}

/// One wait: both [`Task::wait`] and [`Task::events`] step through it.
///
/// There may be a hundred thousand of them, so it is small until something is heard.
pub(crate) struct Waiting<K: AigcTask> {
    place: Place<K>,
    policy: Arc<WaitPolicy>,
    since: SystemTime,
    polled: bool,
    /// What the list has shown since the last answer.
    shown: Option<Shown>,
    heard: Option<Box<Heard>>,
    step: Step<K>,
}

/// What a wait is in the middle of.
enum Step<K: AigcTask> {
    /// Nothing: it is to look when it is due.
    Begin,
    /// It waits for its turn.
    Pause(Pause),
    /// It asks for its task. What that takes is there only as long.
    Ask(BoxFuture<'static, Result<Polled<K>, Error>>),
}

/// What the answers so far have said.
struct Heard {
    /// The question, once this wait has asked it itself: what is signed of it is the same for every poll.
    call: Option<Arc<Call>>,
    pace: Pace,
    failing: Option<Failing>,
    last: Option<Progress>,
}

impl Heard {
    /// What has been heard, from the first answer on.
    fn of<'a>(heard: &'a mut Option<Box<Self>>, policy: &WaitPolicy) -> &'a mut Self {
        heard.get_or_insert_with(|| Box::new(Self { call: None, pace: Pace::new(policy), failing: None, last: None }))
    }
}

/// Polls that failed one after the other.
struct Failing {
    polls: u32,
    since: SystemTime,
}

impl<K: AigcTask> Waiting<K> {
    pub(crate) fn new(task: Task<K>, policy: Arc<WaitPolicy>) -> Self {
        let since = task.client().transport().clock().now();
        Self { place: Waits::begin(task), policy, since, polled: false, shown: None, heard: None, step: Step::Begin }
    }

    /// Waits to the end, showing each event on the way.
    pub(crate) async fn end(&mut self, mut show: impl FnMut(&TaskEvent<K>)) -> Result<Finished<K>, WaitError> {
        loop {
            match poll_fn(|context| self.poll_next(context)).await {
                TaskEvent::Ended(result) => return *result,
                event => show(&event),
            }
        }
    }

    /// The same, event by event.
    pub(crate) fn into_stream(self) -> impl Stream<Item = TaskEvent<K>> + Send {
        unfold(Some(self), |waiting| async {
            let mut waiting = waiting?;
            match poll_fn(|context| waiting.poll_next(context)).await {
                end @ TaskEvent::Ended(_) => Some((end, None)),
                event => Some((event, Some(waiting))),
            }
        })
    }

    /// The next event. Must not be asked again after [`TaskEvent::Ended`].
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<TaskEvent<K>> {
        loop {
            let turn = match &mut self.step {
                Step::Begin => {
                    self.step = match self.pause() {
                        Ok((pause, left)) => Step::Pause(self.place.pause(pause, left)),
                        Err(end) => return Poll::Ready(self.ended(Err(*end))),
                    };
                    continue;
                }
                Step::Pause(pause) => ready!(self.place.poll_turn(pause, context)),
                Step::Ask(answer) => {
                    let answer = ready!(answer.as_mut().poll(context));
                    return Poll::Ready(self.hear(answer));
                }
            };
            self.polled = true;
            self.step = Step::Begin;
            match turn {
                Turn::Ask => match self.ask() {
                    Ok(answer) => self.step = Step::Ask(answer),
                    Err(error) => return Poll::Ready(self.hear(Err(error))),
                },
                Turn::Told(answer) => {
                    let answer = answer.map(|reply| Polled::of(&reply, self.task().handle()));
                    return Poll::Ready(self.hear(answer));
                }
                Turn::Shown(shown) if self.shown == Some(shown) => {}
                Turn::Shown(shown) => {
                    self.shown = Some(shown);
                    if let Some(progress) = shown.progress() {
                        return Poll::Ready(TaskEvent::Progress(progress));
                    }
                }
            }
        }
    }

    /// How long not to ask and how long to go on, or why the wait ends.
    fn pause(&self) -> Result<(Duration, Duration), Box<WaitError>> {
        let until_deadline = self.policy.deadline.saturating_sub(self.waited());
        let left = until_deadline.min(self.policy.oldest.saturating_sub(self.age()));
        // The poll at the deadline itself is the last: a task that ended in the final pause is not missed.
        if left.is_zero() && self.polled {
            let (task, last) = (self.task().handle().clone(), self.last());
            return Err(Box::new(if until_deadline.is_zero() {
                WaitError::Deadline { task, waited: self.waited(), last }
            } else {
                WaitError::Expired { task, last }
            }));
        }
        let random = self.task().client().transport().random().next_u64();
        let pause = match &self.heard {
            Some(heard) => heard.pace.pause(&self.policy, random),
            None => Pace::new(&self.policy).pause(&self.policy, random),
        };
        let pause = pause.min(left);
        if self.polled {
            return Ok((pause.max(WaitPolicy::FLOOR), left));
        }
        // Nothing finishes sooner after its submit; a task of unknown age may have finished long ago.
        let submitted = self.task().handle().submitted_at;
        Ok((submitted.map_or(Duration::ZERO, |_| pause.saturating_sub(self.age())), left))
    }

    fn ask(&mut self) -> Result<BoxFuture<'static, Result<Polled<K>, Error>>, Error> {
        let task = self.task().clone();
        let heard = Heard::of(&mut self.heard, &self.policy);
        let call = match heard.call.take() {
            Some(call) => call,
            None => Arc::new(task.client().describing(task.handle())?),
        };
        heard.call = Some(call.clone());
        Ok(Box::pin(async move { task.client().look(&call, task.handle()).await }))
    }

    fn hear(&mut self, answer: Result<Polled<K>, Error>) -> TaskEvent<K> {
        self.step = Step::Begin;
        self.shown = None;
        match answer {
            Ok(polled) => {
                Heard::of(&mut self.heard, &self.policy).failing = None;
                self.judge(polled)
            }
            Err(error) if self.is_final(&error) => {
                self.ended(Err(WaitError::Poll { task: self.task().handle().clone(), error }))
            }
            Err(error) => self.failed(error),
        }
    }

    fn task(&self) -> &Task<K> {
        self.place.task()
    }

    /// The last that was heard of the task.
    fn last(&self) -> Option<Progress> {
        self.shown.and_then(Shown::progress).or_else(|| self.heard.as_ref()?.last.clone())
    }

    fn judge(&mut self, polled: Polled<K>) -> TaskEvent<K> {
        let progress = match polled {
            Polled::GoesOn(progress) => progress,
            Polled::Succeeded(output) => {
                self.place.task_ended();
                return self.ended(Ok(Finished::new(self.task(), output)));
            }
            Polled::Failed(failure) => {
                self.place.task_ended();
                return self.ended(Err(WaitError::Failed { task: self.task().handle().clone(), failure }));
            }
            Polled::OthersTask(shown) => {
                return self.ended(Err(WaitError::OthersTask { task: self.task().handle().clone(), shown }));
            }
        };
        let now = self.now();
        let heard = Heard::of(&mut self.heard, &self.policy);
        heard.pace.hear(&progress, now, &self.policy);
        heard.last = Some(progress.clone());
        TaskEvent::Progress(progress)
    }

    /// One failed poll says nothing of the task; many over some time say that nothing will be learnt soon.
    fn failed(&mut self, error: Error) -> TaskEvent<K> {
        let now = self.now();
        let heard = Heard::of(&mut self.heard, &self.policy);
        heard.pace.miss();
        let failing = heard.failing.get_or_insert(Failing { polls: 0, since: now });
        failing.polls += 1;
        let (polls, lasting) = (failing.polls, now.duration_since(failing.since).unwrap_or_default());
        if polls >= self.policy.stalled_polls && lasting >= self.policy.stalled_after {
            let task = self.task().handle().clone();
            return self.ended(Err(WaitError::Stalled { task, polls, error }));
        }
        TaskEvent::PollFailed(error)
    }

    /// Whether asking again would say the same until the deadline.
    fn is_final(&self, error: &Error) -> bool {
        match error.class() {
            Some(ErrorClass::NotFound) => self.age() >= self.policy.not_found_grace,
            _ => is_lasting(error),
        }
    }

    fn waited(&self) -> Duration {
        self.now().duration_since(self.since).unwrap_or_default()
    }

    fn now(&self) -> SystemTime {
        self.task().client().transport().clock().now()
    }

    /// How long ago the task was submitted; since the wait began, where that is not known.
    fn age(&self) -> Duration {
        let submitted =
            self.task().handle().submitted_at.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let now = self.task().client().transport().now();
        submitted.map_or_else(|| self.waited(), |submitted| now.duration_since(submitted).unwrap_or_default())
    }

    fn ended(&self, result: Result<Finished<K>, WaitError>) -> TaskEvent<K> {
        self.task().note_end(&result);
        TaskEvent::Ended(Box::new(result))
    }
}

/// Whether a read that failed so would fail again.
pub(crate) fn is_lasting(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Configuration | ErrorKind::Request | ErrorKind::Credential => true,
        ErrorKind::Service => match error.class() {
            // Codes that nobody has seen yet do not end a wait; the deadline does.
            Some(ErrorClass::Unknown) | None => false,
            Some(_) => !error.is_retryable(),
        },
        _ => false,
    }
}

/// When to poll next, by what the polls so far have said.
struct Pace {
    /// How many waits of the present kind, in the queue or out of it, there have been.
    step: i32,
    queued: bool,
    waiting_since: Option<SystemTime>,
    moving: Option<Moving>,
    nearing: Option<Duration>,
}

/// Progress from where it was first seen, or from where it last went backwards.
struct Moving {
    from: u8,
    since: SystemTime,
    last: u8,
}

impl Pace {
    fn new(policy: &WaitPolicy) -> Self {
        Self { step: 0, queued: policy.off_peak, waiting_since: None, moving: None, nearing: None }
    }

    fn miss(&mut self) {
        self.step = self.step.saturating_add(1);
        self.nearing = None;
    }

    fn hear(&mut self, progress: &Progress, now: SystemTime, policy: &WaitPolicy) {
        self.miss();
        let queued = match progress {
            Progress::Waiting => {
                let since = *self.waiting_since.get_or_insert(now);
                policy.off_peak || now.duration_since(since).is_ok_and(|waited| waited >= policy.queued_after)
            }
            Progress::Processing(percent) => {
                self.waiting_since = None;
                if let Some(percent) = *percent {
                    self.nearing =
                        self.remaining(percent, now).map(|left| (left / 4).min(policy.longest).max(policy.nearing));
                }
                false
            }
            Progress::Unrecognised(_) => self.queued,
        };
        if queued != self.queued {
            self.queued = queued;
            self.step = 0;
        }
    }

    /// The time that seems to remain, if progress has moved since the last poll.
    fn remaining(&mut self, percent: u8, now: SystemTime) -> Option<Duration> {
        match &mut self.moving {
            Some(moving) if percent > moving.last => {
                moving.last = percent;
                let elapsed = now.duration_since(moving.since).unwrap_or_default();
                Some(
                    elapsed.saturating_mul(u32::from(100_u8.saturating_sub(percent)))
                        / u32::from(percent - moving.from),
                )
            }
            Some(moving) if percent == moving.last => None,
            _ => {
                self.moving = Some(Moving { from: percent, since: now, last: percent });
                None
            }
        }
    }

    fn pause(&self, policy: &WaitPolicy, random: u64) -> Duration {
        let (first, longest) =
            if self.queued { (policy.queued_first, policy.queued_longest) } else { (policy.first, policy.longest) };
        let middle = match self.nearing {
            Some(nearing) => nearing.as_secs_f64(),
            None => (first.as_secs_f64() * policy.growth.max(1.0).powi(self.step.min(64))).min(longest.as_secs_f64()),
        };
        let jitter = 1.0 + policy.jitter * (random as f64 / u64::MAX as f64 * 2.0 - 1.0);
        Duration::try_from_secs_f64(middle * jitter).unwrap_or(longest).max(WaitPolicy::FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The middle of the pause after these polls, in seconds; each is a moment in seconds and what was heard then.
    fn pause_after(policy: &WaitPolicy, heard: &[(u64, Progress)]) -> u64 {
        let mut pace = Pace::new(policy);
        for (seconds, progress) in heard {
            pace.hear(progress, UNIX_EPOCH + Duration::from_secs(*seconds), policy);
        }
        pace.pause(policy, u64::MAX / 2).as_secs_f64().round() as u64
    }

    fn percent(seconds: u64, percent: u8) -> (u64, Progress) {
        (seconds, Progress::Processing(Some(percent)))
    }

    fn waiting(seconds: u64) -> (u64, Progress) {
        (seconds, Progress::Waiting)
    }

    #[test]
    fn pauses_grow_to_the_longest_and_stay_within_the_jitter() {
        let policy = WaitPolicy::default();
        for (step, middle) in [(0, 10.0), (1, 15.0), (2, 22.5), (3, 30.0), (9, 30.0), (i32::MAX, 30.0)] {
            let pace = Pace { step, ..Pace::new(&policy) };
            let seconds = |random| pace.pause(&policy, random).as_secs_f64();
            assert!((seconds(0) - middle * 0.8).abs() < 1e-6, "{step}");
            assert!((seconds(u64::MAX) - middle * 1.2).abs() < 1e-6, "{step}");
        }
    }

    #[test]
    fn no_policy_polls_faster_than_the_floor() {
        let zero = Duration::ZERO;
        for growth in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let eager = WaitPolicy { first: zero, growth, longest: zero, nearing: zero, ..WaitPolicy::default() };
            for jitter in [0.0, 0.2, 1.0, 7.0, f64::NAN, f64::NEG_INFINITY] {
                let eager = WaitPolicy { jitter, ..eager };
                for random in [0, u64::MAX] {
                    assert!(Pace::new(&eager).pause(&eager, random) >= WaitPolicy::FLOOR);
                }
            }
        }
    }

    #[test]
    fn moving_progress_asks_again_after_a_quarter_of_what_remains() {
        let policy = WaitPolicy::default();
        assert_eq!(pause_after(&policy, &[percent(10, 10), percent(25, 40)]), 8, "30 s remain at 2 % a second");
        assert_eq!(pause_after(&policy, &[percent(10, 10), percent(70, 70)]), 8, "30 s remain at 1 % a second");
        assert_eq!(pause_after(&policy, &[percent(10, 10), percent(25, 11)]), 30, "no longer than the longest");
        assert_eq!(pause_after(&policy, &[percent(10, 10), percent(25, 95)]), 5, "no shorter than the shortest");
        assert_eq!(pause_after(&policy, &[percent(10, 0), percent(25, 100)]), 5);
    }

    #[test]
    fn progress_that_stands_still_or_goes_backwards_is_no_estimate() {
        let policy = WaitPolicy::default();
        assert_eq!(pause_after(&policy, &[percent(10, 50)]), 15);
        assert_eq!(pause_after(&policy, &[percent(10, 50), percent(25, 50)]), 23);
        assert_eq!(pause_after(&policy, &[percent(10, 50), percent(25, 30)]), 23);
        assert_eq!(pause_after(&policy, &[percent(10, 50), percent(25, 30), percent(45, 50)]), 13, "from 30 on");
        let paused = [percent(10, 10), percent(20, 10), percent(25, 40)];
        assert_eq!(pause_after(&policy, &paused), 8, "the time in which it stood still counts");
        assert_eq!(pause_after(&policy, &[percent(10, 0), (25, Progress::Processing(None))]), 23);
    }

    #[test]
    fn a_long_queue_is_asked_for_less_often() {
        let policy = WaitPolicy::default();
        assert_eq!(pause_after(&policy, &[waiting(10), waiting(609)]), 23);
        let mut queue = vec![waiting(10), waiting(610)];
        for expected in [60, 90, 135, 203, 300, 300] {
            assert_eq!(pause_after(&policy, &queue), expected);
            queue.push(waiting(700));
        }
        queue.push(percent(2_000, 1));
        assert_eq!(pause_after(&policy, &queue), 10, "it has begun");
        queue.push(waiting(2_010));
        assert_eq!(pause_after(&policy, &queue), 15, "a new stay in the queue is a short one so far");
    }

    #[test]
    fn an_off_peak_task_is_asked_for_seldom_until_it_begins() {
        let policy = WaitPolicy::default().for_off_peak();
        assert_eq!(pause_after(&policy, &[]), 60);
        assert_eq!(pause_after(&policy, &[waiting(60)]), 90);
        assert_eq!(pause_after(&policy, &[(60, Progress::Unrecognised("LATER".to_owned()))]), 90);
        assert_eq!(pause_after(&policy, &[waiting(60), percent(150, 1)]), 10);
    }
}
