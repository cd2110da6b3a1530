//! From a submitted request to a video: waits, what interrupts them and what does not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use vod_aigc_client::{Client, Progress, Settings, TaskEvent, TaskHandle, WaitError, WaitPolicy};
use vod_aigc_core::{
    AspectRatio, DescribeTasksRequest, ErrorClass, ErrorCode, GV, Image, Kling, Resolution, VideoRequest, video,
};
use vod_aigc_emulator::{ReplyShape, Timing};
use vod_aigc_signer::Credential;
use vod_aigc_transport::{ErrorKind, SendErrorKind, Sent};

use super::mp4;
use crate::support::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_request_becomes_a_file_of_the_asked_size_ratio_and_length() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let request = video!(
        Kling::V2_1,
        prompt = "a panda",
        resolution = Resolution::P1080,
        aspect_ratio = AspectRatio::R9x16,
        duration = 10
    );
    let video = client.submit(request).await.unwrap().wait().await.unwrap();
    assert_eq!((video.width(), video.height(), video.duration()), (Some(1080), Some(1920), Some(10.0)));
    assert!(video.cover_url().is_some());
    assert_eq!(video.usage().unwrap().output_seconds, Some(10));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panda.mp4");
    let downloaded = video.download(&path).await.unwrap();
    let file = std::fs::read(&path).unwrap();
    assert_eq!(downloaded.bytes, file.len() as u64);
    assert_eq!(video.size(), Some(file.len() as u64));
    assert_eq!(mp4::about(&file), (1080, 1920, 10.0));
}

#[tokio::test]
async fn both_documented_shapes_of_a_reply_lead_to_the_same_video() {
    for shape in [ReplyShape::Official, ReplyShape::Minimal] {
        let emulator = emulator_with(|builder| builder.reply_shape(shape)).await;
        let video = submitted(&client(&emulator)).await.wait().await.unwrap();
        assert_eq!((video.width(), video.height(), video.duration()), (Some(1280), Some(720), Some(5.0)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("panda.mp4");
        video.download(&path).await.unwrap();
        assert_eq!(mp4::about(&std::fs::read(&path).unwrap()), (1280, 720, 5.0), "{shape:?}");
    }
}

#[tokio::test]
async fn first_and_last_frame_references_and_bytes_are_accepted() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let frames = video!(
        Kling::V2_1,
        first_frame = Image::bytes(b"first"),
        last_frame = Image::bytes(b"last"),
        resolution = Resolution::P1080
    );
    let references = video!(GV::V3_1, prompt = "p", reference = "https://a/1.png", reference = "https://a/2.png");
    client.submit(frames).await.unwrap();
    client.submit(references).await.unwrap();
    let models: Vec<_> = emulator.ledger().into_iter().map(|entry| entry.model).collect();
    assert_eq!(models, ["Kling:2.1", "GV:3.1"]);
}

#[tokio::test]
async fn a_wait_tells_each_stage_and_ends_once() {
    let emulator = emulator_with(|builder| {
        builder
            .timing(Timing { waiting: Duration::from_secs(2), processing: Duration::from_secs(10) })
            .smooth_progress(true)
    })
    .await;
    let client = client_to(&emulator, emulator.endpoint()).wait_policy(eager(HOUR)).build();
    let events: Vec<_> = submitted(&client).await.events().collect().await;
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, TaskEvent::Ended(result) if result.is_ok()), "{last:?}");
    let progress: Vec<_> = before
        .iter()
        .map(|event| match event {
            TaskEvent::Progress(progress) => progress.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(progress[0], Progress::Waiting);
    let percentages: Vec<_> = progress
        .iter()
        .filter_map(|progress| match progress {
            Progress::Processing(percent) => *percent,
            _ => None,
        })
        .collect();
    assert!(percentages.len() > 3 && percentages.is_sorted(), "{percentages:?}");
}

#[tokio::test]
async fn a_stored_task_is_resumed_by_another_process() {
    let emulator = emulator().await;
    let stored = serde_json::to_string(&submitted(&client(&emulator)).await).unwrap();
    assert!(!stored.contains(SECRET_KEY), "{stored}");

    // Nothing is shared with the first client but the text above.
    let endpoint = emulator.endpoint().to_owned();
    let settings = Settings::read(move |name| match name {
        "VITE_VOD_SECRET_ID" => Some(credential().secret_id().to_owned()),
        "VITE_VOD_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
        "VITE_VOD_SUB_APP_ID" => Some(SUB_APP.to_string()),
        "VOD_AIGC_ENDPOINT" => Some(endpoint.clone()),
        _ => None,
    })
    .unwrap();
    let clock = SimulatedClock::new(emulator.clock().clone());
    let client = Client::from_settings(settings).clock(Arc::new(clock)).build();
    let handle: TaskHandle = serde_json::from_str(&stored).unwrap();
    let video = client.resume(handle.clone()).wait().await.unwrap();
    assert_eq!(video.task(), &handle);
    assert_eq!(emulator.ledger().len(), 1);

    let by_id = client.task(handle.task_id.clone()).wait().await.unwrap();
    assert_eq!(by_id.url(), video.url());
}

#[tokio::test]
async fn polls_that_fail_do_not_end_a_wait() {
    let emulator = emulator().await;
    // The submit goes through; then the network is down for more sends than one poll repeats.
    let http = Interposed::new(|send| match send {
        0..=1 => Step::Pass,
        2..=7 => Step::Fail(SendErrorKind::Interrupted, Sent::Maybe),
        8..=13 => Step::Fail(SendErrorKind::Connect, Sent::No),
        14 => Step::Answer(502, "<html>Bad Gateway</html>".to_owned()),
        15 => Step::Answer(200, "{\"Response\":{\"AigcVid".to_owned()),
        _ => Step::Pass,
    });
    let task = submitted(&client_through(&emulator, &http)).await;
    let mut failed = Vec::new();
    let waited = task.wait().policy(WaitPolicy::default()).on_event(|event| {
        if let TaskEvent::PollFailed(error) = event {
            failed.push(error.kind());
        }
    });
    waited.await.unwrap();
    assert_eq!(failed, [ErrorKind::Send, ErrorKind::Send]);
}

#[tokio::test]
async fn replies_that_stay_unreadable_end_a_wait_once_they_have_lasted_and_the_task_is_handed_back() {
    let emulator = emulator().await;
    let http = Interposed::new(|send| match send {
        0..=1 => Step::Pass,
        _ => Step::Answer(200, r#"{"Response":{"AigcVideoTask":"soon","RequestId":"r-1"}}"#.to_owned()),
    });
    let task = submitted(&client_through(&emulator, &http)).await;
    let mut failed = 0;
    let result = task.wait().policy(WaitPolicy::until(HOUR)).on_event(|event| match event {
        TaskEvent::PollFailed(error) => {
            assert_eq!((error.kind(), error.request_id()), (ErrorKind::Reply, Some("r-1")));
            failed += 1;
        }
        other => panic!("{other:?}"),
    });
    let started = emulator.clock().now();
    let error = result.await.unwrap_err();
    let WaitError::Stalled { task: handle, polls, error } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((handle, error.kind()), (task.handle(), ErrorKind::Reply));
    let lasted = emulator.clock().now().duration_since(started).unwrap();
    let WaitPolicy { stalled_polls, stalled_after, .. } = WaitPolicy::default();
    assert!(*polls >= stalled_polls && lasted >= stalled_after && lasted < HOUR, "{polls} in {lasted:?}");
    assert_eq!(failed + 1, *polls, "the last one is told as the end");
}

#[tokio::test]
async fn a_deadline_hands_the_task_back_and_it_can_be_waited_for_again() {
    let emulator = emulator_with(|builder| builder.timing(Timing { waiting: Duration::ZERO, processing: HOUR })).await;
    let task = submitted(&client(&emulator)).await;
    let error = task.wait().policy(WaitPolicy::until(Duration::from_secs(60))).await.unwrap_err();
    let WaitError::Deadline { task: handle, waited, last } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(handle, task.handle());
    assert_eq!(*waited, Duration::from_secs(60));
    assert!(matches!(last, Some(Progress::Processing(Some(0)))), "{last:?}");
    assert!(error.to_string().contains(task.id()), "{error}");

    task.wait().policy(WaitPolicy::until(2 * HOUR)).await.unwrap();
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_deadline_of_zero_still_asks_once() {
    let emulator = emulator().await;
    let task = submitted(&client(&emulator)).await;
    emulator.advance(Duration::from_secs(10));
    task.wait().policy(WaitPolicy::until(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn dropping_a_wait_never_cancels_the_task() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Pass);
    let client = client_through(&emulator, &http);
    let task = submitted(&client).await;
    // Polled once, so that it waits for a reply, and dropped.
    assert!(task.wait().now_or_never().is_none());
    assert!(http.sends() >= 2, "the wait had begun");
    let id = task.id().to_owned();
    drop(task);

    assert!(client.task(id).wait().await.is_ok());
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_task_that_fails_says_why_in_both_shapes() {
    for shape in [ReplyShape::Official, ReplyShape::Minimal] {
        let emulator = emulator_with(|builder| builder.reply_shape(shape)).await;
        let client = client(&emulator);
        for (code, class) in [
            ("ContentModerationFailed", ErrorClass::Content),
            ("ModelGenerateFailed", ErrorClass::Generation),
            ("RequestLimitExceeded", ErrorClass::Frequency),
            ("Brand.New", ErrorClass::Unknown),
        ] {
            let prompt = format!("a panda [[emulator:fail={code}]]");
            let request = VideoRequest::builder(Kling::V2_1).prompt(prompt).build().unwrap();
            let task = client.submit(request).await.unwrap();
            let error = task.wait().await.unwrap_err();
            let WaitError::Failed { task: handle, failure } = &error else {
                panic!("{error:?}");
            };
            assert_eq!(handle, task.handle());
            assert_eq!(failure.code, Some(ErrorCode::from(code)));
            assert_eq!(failure.class(), class, "{code}");
            assert!(error.to_string().contains(task.id()) && error.to_string().contains(code), "{error}");
        }
    }
}

#[tokio::test]
async fn an_unknown_word_for_the_status_is_not_an_end() {
    let emulator = emulator().await;
    let http = Interposed::new(|send| match send {
        2 | 3 => Step::Answer(200, r#"{"Response":{"AigcVideoTask":{"Status":"REVIEWING"}}}"#.to_owned()),
        4 => Step::Answer(200, r#"{"Response":{"RequestId":"r"}}"#.to_owned()),
        _ => Step::Pass,
    });
    let task = submitted(&client_through(&emulator, &http)).await;
    let mut heard = Vec::new();
    task.wait()
        .policy(WaitPolicy::default())
        .on_event(|event| {
            if let TaskEvent::Progress(Progress::Unrecognised(word)) = event {
                heard.push(word.clone());
            }
        })
        .await
        .unwrap();
    assert_eq!(heard, ["REVIEWING", "REVIEWING", ""]);
}

#[tokio::test]
async fn a_task_that_the_service_does_not_know_is_given_up_after_a_minute() {
    let emulator = emulator().await;
    let task = client(&emulator).task("no-such-task");
    let started = emulator.clock().now();
    let error = task.wait().await.unwrap_err();
    let WaitError::Poll { error, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(error.class(), Some(ErrorClass::NotFound));
    let waited = emulator.clock().now().duration_since(started).unwrap();
    assert!((Duration::from_secs(60)..Duration::from_secs(120)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn a_wait_with_the_wrong_key_ends_at_once() {
    let emulator = emulator().await;
    let id = submitted(&client(&emulator)).await.id().to_owned();
    let wrong = Credential::new(credential().secret_id(), "wrong").unwrap();
    let client = Client::builder(wrong, SUB_APP)
        .endpoint(emulator.endpoint().parse().unwrap())
        .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
        .build();
    let error = client.task(id).wait().await.unwrap_err();
    let WaitError::Poll { error, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(error.class(), Some(ErrorClass::Credentials));
}

#[tokio::test]
async fn a_task_is_cancelled_while_it_is_queued_and_not_after() {
    let timing = Timing { waiting: Duration::from_secs(120), ..Timing::default() };
    let emulator = emulator_with(|builder| builder.timing(timing)).await;
    let client = client(&emulator);

    let task = submitted(&client).await;
    task.cancel().await.unwrap();
    let error = task.wait().await.unwrap_err();
    assert!(matches!(&error, WaitError::Failed { task: failed, .. } if failed.task_id == task.id()), "{error}");

    let task = submitted(&client).await;
    emulator.clock().advance(Duration::from_secs(121));
    let refused = task.cancel().await.unwrap_err();
    assert_eq!(refused.class(), Some(ErrorClass::Parameter), "{refused}");
    task.wait().await.unwrap();
}

#[tokio::test]
async fn a_call_without_a_sub_application_gets_the_clients() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let task = submitted(&client).await;
    let page = client.call(DescribeTasksRequest::default()).await.unwrap().value;
    assert_eq!(page.task_set.unwrap()[0].task_id.as_deref(), Some(task.id()));
    let mut other = DescribeTasksRequest::default();
    other.sub_app_id = Some(SUB_APP + 1);
    assert!(client.call(other).await.unwrap().value.task_set.is_none_or(|tasks| tasks.is_empty()));
}

#[tokio::test]
async fn the_pages_of_a_list_follow_each_other_to_its_end() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let mut submitted = std::collections::BTreeSet::new();
    for _ in 0..5 {
        submitted.insert(client.submit(panda()).await.unwrap().id().to_owned());
    }
    let mut request = DescribeTasksRequest::default();
    request.limit = Some(2);
    let pages: Vec<_> = client.pages(request).map(Result::unwrap).collect().await;
    let ids = pages.iter().flat_map(|page| page.task_set.iter().flatten()).filter_map(|task| task.task_id.clone());
    assert_eq!((pages.len(), ids.collect::<std::collections::BTreeSet<_>>()), (3, submitted));
}
