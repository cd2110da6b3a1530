//! Waiting in virtual time: when it polls, what it survives, how it ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use vod_aigc_client::{Progress, TaskEvent, Video, WaitError, WaitPolicy};

use crate::service::{Answer, DONE, NOW, task};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

const WAITING: &str = r#"{"Status":"WAITING"}"#;
const PROCESSING: &str = r#"{"Status":"PROCESSING","AigcVideoTask":{"Status":"PROCESSING"}}"#;
fn percent(percent: u8) -> String {
    format!(r#"{{"AigcVideoTask":{{"Status":"PROCESSING","Progress":{percent}}}}}"#)
}

fn refused(code: &str) -> String {
    format!(r#"{{"Error":{{"Code":"{code}","Message":"why"}}}}"#)
}

/// One wait and what came of it.
struct Ended {
    result: Result<Video, WaitError>,
    /// The seconds at which it polled.
    polls: Vec<u64>,
    /// What it showed on the way.
    heard: Vec<Progress>,
    failed: usize,
}

impl Ended {
    fn error(self) -> WaitError {
        self.result.expect_err("the wait must not give a video")
    }
}

async fn wait_since(policy: WaitPolicy, submitted_at: Option<u64>, answers: impl IntoIterator<Item = Answer>) -> Ended {
    let (task, service) = task(answers, submitted_at);
    let (mut heard, mut failed) = (Vec::new(), 0);
    let show = |event: &TaskEvent| match event {
        TaskEvent::Progress(progress) => heard.push(progress.clone()),
        _ => failed += 1,
    };
    let result = task.wait().policy(policy).on_event(show).await;
    let polls = service.polls.lock().unwrap().clone();
    Ended { result, polls, heard, failed }
}

/// Waits for a task that was submitted just now.
async fn wait(policy: WaitPolicy, answers: impl IntoIterator<Item = Answer>) -> Ended {
    wait_since(policy, Some(NOW), answers).await
}

fn says(answers: &[&str]) -> Vec<Answer> {
    answers.iter().map(|answer| Some((*answer).to_owned())).collect()
}

fn forever() -> WaitPolicy {
    WaitPolicy::until(Duration::MAX)
}

#[tokio::test]
async fn a_task_is_polled_every_three_seconds_whatever_its_progress_says() {
    for answers in [
        [PROCESSING.to_owned(), PROCESSING.to_owned(), PROCESSING.to_owned(), DONE.to_owned()],
        [percent(0), percent(0), percent(0), DONE.to_owned()],
        [percent(10), percent(40), percent(100), DONE.to_owned()],
        [WAITING.to_owned(), percent(99), percent(1), DONE.to_owned()],
    ] {
        let ended = wait(WaitPolicy::default(), answers.map(Some)).await;
        assert_eq!(ended.polls, [3, 6, 9, 12]);
        assert_eq!(ended.heard.len(), 3);
        assert_eq!(ended.result.unwrap().url(), Some("https://films.example/v.mp4"));
    }
}

#[tokio::test]
async fn polls_that_fail_come_after_longer_and_longer_pauses() {
    let answers = [None, None, None, None, None, Some(PROCESSING.to_owned()), None, Some(DONE.to_owned())];
    let ended = wait(WaitPolicy::default(), answers).await;
    assert_eq!(ended.polls, [3, 6, 12, 24, 48, 78, 81, 84]);
}

#[tokio::test]
async fn progress_that_goes_backwards_is_survived() {
    let answers = [percent(80), percent(20), percent(0), DONE.to_owned()].map(Some);
    let ended = wait(WaitPolicy::default(), answers).await;
    assert!(ended.result.is_ok());
    assert_eq!(ended.heard[2], Progress::Processing(Some(0)));
}

#[tokio::test]
async fn progress_beyond_all_bounds_is_survived() {
    let odd = [
        r#"{"AigcVideoTask":{"Progress":-7,"Status":"PROCESSING"}}"#,
        r#"{"AigcVideoTask":{"Progress":9999,"Status":"PROCESSING"}}"#,
        DONE,
    ];
    let ended = wait(WaitPolicy::default(), says(&odd)).await;
    assert_eq!(ended.heard, [Progress::Processing(Some(0)), Progress::Processing(Some(100))]);
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn a_status_that_goes_backwards_is_survived() {
    let ended = wait(WaitPolicy::default(), says(&[PROCESSING, WAITING, PROCESSING, DONE])).await;
    assert!(ended.result.is_ok());
    assert_eq!(ended.heard[1], Progress::Waiting);
}

#[tokio::test]
async fn an_unknown_word_is_not_an_end() {
    let unknown = r#"{"Status":"REVIEWING","AigcVideoTask":{"Status":"REVIEWING"}}"#;
    let ended = wait(WaitPolicy::default(), says(&[unknown, DONE])).await;
    assert_eq!(ended.heard, [Progress::Unrecognised("REVIEWING".to_owned())]);
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn an_unknown_word_for_ever_ends_at_the_deadline() {
    let ended = wait(WaitPolicy::default(), says(&[r#"{"Status":"REVIEWING"}"#])).await;
    assert!(matches!(ended.error(), WaitError::Deadline { last: Some(Progress::Unrecognised(_)), .. }));
}

#[tokio::test]
async fn an_empty_reply_is_not_an_end() {
    let ended = wait(WaitPolicy::default(), says(&["{}", r#"{"AigcVideoTask":null,"Status":null}"#, DONE])).await;
    assert!(ended.result.is_ok());
    assert_eq!(ended.heard, vec![Progress::Unrecognised(String::new()); 2]);
}

#[tokio::test]
async fn a_missing_outer_status_is_survived() {
    let inner = r#"{"AigcVideoTask":{"Status":"PROCESSING"}}"#;
    let ended = wait(WaitPolicy::default(), says(&[inner, DONE])).await;
    assert_eq!(ended.heard, [Progress::Processing(None)]);
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn a_long_queue_is_polled_less_often() {
    let ended = wait(forever(), (0..230).map(|_| Some(WAITING.to_owned())).chain(says(&[PROCESSING, DONE]))).await;
    let gaps: Vec<u64> = ended.polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let slow = gaps.iter().position(|gap| *gap > 3).unwrap();
    assert_eq!(ended.polls[slow], 10 * MINUTE + 3);
    assert!(gaps[slow..230].iter().all(|gap| *gap == 15), "{gaps:?}");
    assert_eq!(gaps[230], 3, "it has begun");
}

#[tokio::test]
async fn an_off_peak_task_is_polled_seldom_while_it_is_queued_and_for_a_day() {
    let ended = wait(WaitPolicy::default().for_off_peak(), says(&[WAITING])).await;
    assert_eq!(ended.polls[..3], [3, 18, 33]);
    assert_eq!(ended.polls.last(), Some(&(24 * HOUR)));
    assert!(matches!(ended.error(), WaitError::Deadline { last: Some(Progress::Waiting), .. }));
}

#[tokio::test]
async fn the_deadline_hands_the_task_back() {
    let ended = wait(WaitPolicy::default(), says(&[PROCESSING])).await;
    assert_eq!(ended.polls.last(), Some(&(30 * MINUTE)), "the last poll is at the deadline itself");
    let error = ended.error();
    assert_eq!(error.task().task_id, "task-1");
    let WaitError::Deadline { waited, last, .. } = &error else { panic!("{error}") };
    assert_eq!((waited.as_secs(), last), (30 * MINUTE, &Some(Progress::Processing(None))));
    assert_eq!(error.hint(), Some("wait for the task again by its id"));
}

#[tokio::test]
async fn a_task_that_ends_in_the_final_pause_is_not_missed() {
    let policy = WaitPolicy::until(Duration::from_secs(5));
    let ended = wait(policy, says(&[PROCESSING, DONE])).await;
    assert_eq!(ended.polls, [3, 5]);
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn a_wait_of_no_time_asks_once() {
    let ended = wait(WaitPolicy::until(Duration::ZERO), says(&[PROCESSING])).await;
    assert_eq!(ended.polls, [0]);
    assert!(matches!(ended.error(), WaitError::Deadline { .. }));
}

#[tokio::test]
async fn polls_are_never_closer_than_a_second_even_at_the_deadline() {
    let mut policy = WaitPolicy::until(Duration::from_millis(10_100));
    policy.first = Duration::from_secs(10);
    let ended = wait(policy, says(&[PROCESSING])).await;
    assert_eq!(ended.polls, [10, 11]);
    let mut policy = WaitPolicy::until(Duration::from_secs(5));
    (policy.first, policy.every) = (Duration::ZERO, Duration::ZERO);
    let ended = wait(policy, says(&[PROCESSING])).await;
    assert_eq!(ended.polls, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn failed_polls_do_not_end_the_wait() {
    let answers =
        [None, None, Some(PROCESSING.to_owned()), None, Some(refused("InternalError")), Some(DONE.to_owned())];
    let ended = wait(WaitPolicy::default(), answers).await;
    assert!(ended.result.is_ok());
    assert_eq!((ended.failed, ended.heard.len()), (4, 1));
}

#[tokio::test]
async fn ten_failures_over_five_minutes_stall_the_wait() {
    let ended = wait(WaitPolicy::default(), [None]).await;
    // The first at 10 s, the thirteenth 300 s later.
    assert!(ended.polls.len() >= 10 && ended.polls.last().unwrap() - ended.polls[0] >= 5 * MINUTE, "{:?}", ended.polls);
    assert!(*ended.polls.last().unwrap() < 6 * MINUTE, "{:?}", ended.polls);
    let polls = ended.polls.len() as u32;
    let error = ended.error();
    assert!(
        matches!(&error, WaitError::Stalled { polls: failed, task, .. } if *failed == polls && task.task_id == "task-1")
    );
    assert_eq!(error.hint(), Some("wait for the task again by its id"));
}

#[tokio::test]
async fn ten_failures_in_a_hurry_do_not_stall_the_wait() {
    let mut policy = WaitPolicy::default();
    policy.every = Duration::from_secs(1);
    let ended = wait(policy, (0..12).map(|_| None).chain(says(&[DONE]))).await;
    assert!(ended.result.is_ok(), "twelve failures take less than five minutes: {:?}", ended.polls);
}

#[tokio::test]
async fn few_failures_over_a_long_time_do_not_stall_the_wait() {
    let mut policy = forever();
    policy.every = Duration::from_secs(600);
    let ended = wait(policy, (0..9).map(|_| None).chain(says(&[DONE]))).await;
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn one_answer_among_failures_starts_the_count_anew() {
    let nine = || (0..9).map(|_| None::<String>);
    let answers = nine().chain(says(&["{}"])).chain(nine()).chain(says(&["{}"])).chain(nine()).chain(says(&[DONE]));
    let mut policy = forever();
    policy.stalled_after = Duration::ZERO;
    assert!(wait(policy, answers).await.result.is_ok());
}

#[tokio::test]
async fn the_wait_ends_when_the_service_is_about_to_forget_the_task() {
    let ended = wait_since(forever(), Some(NOW - 70 * HOUR), says(&[PROCESSING])).await;
    assert_eq!(ended.polls.last(), Some(&HOUR), "71 h after the submit");
    let error = ended.error();
    assert!(matches!(&error, WaitError::Expired { task, .. } if task.task_id == "task-1"), "{error}");
}

#[tokio::test]
async fn a_task_older_than_that_is_still_asked_for_once() {
    let ended = wait_since(forever(), Some(NOW - 80 * HOUR), says(&[DONE])).await;
    assert_eq!(ended.polls, [0]);
    assert!(ended.result.is_ok());
    let ended = wait_since(forever(), Some(NOW - 80 * HOUR), says(&[PROCESSING])).await;
    assert!(matches!(ended.error(), WaitError::Expired { .. }));
}

#[tokio::test]
async fn a_task_of_unknown_age_is_as_old_as_the_wait() {
    let mut policy = forever();
    policy.every = Duration::from_secs(HOUR);
    let ended = wait_since(policy, None, says(&[PROCESSING])).await;
    assert_eq!(ended.polls.last(), Some(&(71 * HOUR)));
    assert!(matches!(ended.error(), WaitError::Expired { .. }));
}

#[tokio::test]
async fn an_absurd_time_of_the_submit_does_not_end_in_a_panic() {
    for absurd in [0, NOW * 2, u64::MAX] {
        assert!(wait_since(WaitPolicy::default(), Some(absurd), says(&[DONE])).await.result.is_ok());
    }
}

#[tokio::test]
async fn a_task_that_is_not_yet_known_is_asked_for_again_for_a_minute() {
    let unknown = refused("ResourceNotFound");
    let answers = || [unknown.clone(), unknown.clone(), unknown.clone(), DONE.to_owned()].map(Some);
    assert!(wait(WaitPolicy::default(), answers()).await.result.is_ok(), "four polls in 24 s");
    let ended = wait_since(WaitPolicy::default(), Some(NOW - HOUR), answers()).await;
    assert_eq!(ended.polls, [0], "what is an hour old may have finished long ago");
    assert!(matches!(ended.error(), WaitError::Poll { .. }), "an old task that is not known is gone");
    let ended = wait(WaitPolicy::default(), says(&[&unknown])).await;
    assert_eq!(ended.polls, [3, 6, 12, 24, 48, 78]);
}

#[tokio::test]
async fn a_refusal_that_stays_ends_the_wait() {
    for code in ["AuthFailure.SecretIdNotFound", "UnauthorizedOperation", "InvalidParameterValue.SubAppId"] {
        let ended = wait(WaitPolicy::default(), says(&[&refused(code)])).await;
        assert_eq!(ended.polls, [3], "{code}");
        let error = ended.error();
        assert!(matches!(&error, WaitError::Poll { .. }) && error.to_string().contains(code), "{error}");
    }
}

#[tokio::test]
async fn a_code_that_nobody_knows_does_not_end_the_wait() {
    let ended = wait(WaitPolicy::default(), says(&[&refused("Brand.New"), DONE])).await;
    assert!(ended.result.is_ok());
}

#[tokio::test]
async fn a_finish_with_an_error_or_without_a_file_is_a_failure() {
    let failures = [
        r#"{"AigcVideoTask":{"Status":"FINISH","ErrCode":70000,"ErrCodeExt":"RequestLimitExceeded","Message":"busy"}}"#,
        r#"{"AigcVideoTask":{"Status":"FINISH","ErrCode":0,"Output":{"FileInfos":[]}}}"#,
        r#"{"Status":"ABORTED"}"#,
    ];
    for failure in failures {
        let ended = wait(WaitPolicy::default(), says(&[failure])).await;
        assert_eq!(ended.polls, [3]);
        assert!(matches!(ended.error(), WaitError::Failed { .. }), "{failure}");
    }
}

#[tokio::test]
async fn the_events_are_those_of_a_wait_and_end_with_it() {
    let (task, _) = task([None, Some(PROCESSING.to_owned()), Some(DONE.to_owned())], Some(NOW));
    let events: Vec<TaskEvent> = task.events().collect().await;
    assert!(
        matches!(&events[..], [TaskEvent::PollFailed(_), TaskEvent::Progress(_), TaskEvent::Ended(end)] if end.is_ok()),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_dropped_wait_leaves_the_task_to_be_waited_for_again() {
    let (task, service) = task(says(&[PROCESSING, DONE]), Some(NOW));
    let mut events = Box::pin(task.events());
    assert!(matches!(events.next().await, Some(TaskEvent::Progress(_))));
    drop(events);
    assert!(task.wait().await.is_ok());
    assert_eq!(service.polls.lock().unwrap().len(), 2);
}
