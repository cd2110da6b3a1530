//! What a client meets on the wire when nothing goes wrong.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use vod_aigc_core::{DescribeTaskDetailResponse, TaskState};
use vod_aigc_emulator::{Clock, Credential, Emulator, ReplyShape, Timing};

use crate::support::*;

/// The state that a client reads out of a reply.
fn with_state<T>(task: &Value, judge: impl FnOnce(TaskState<'_>) -> T) -> T {
    let reply: DescribeTaskDetailResponse = serde_json::from_value(task.clone()).unwrap();
    judge(reply.state())
}

#[tokio::test]
async fn a_task_waits_grows_and_finishes_by_the_clock() {
    let emulator = Emulator::builder()
        .clock(Clock::manual(noon()))
        .timing(Timing { waiting: Duration::from_secs(10), processing: Duration::from_secs(100) })
        .smooth_progress(true)
        .start()
        .await
        .unwrap();
    let task_id = created(&emulator, json!({ "SessionId": "s-1", "SessionContext": "mine" })).await;
    assert!(task_id.starts_with("1500044236-AigcVideoTask-") && task_id.ends_with('t'), "{task_id}");

    let task = describe(&emulator, &task_id).await;
    assert_eq!(task["TaskType"], "AigcVideoTask");
    assert_eq!(task["Status"], "WAITING");
    assert_eq!(task["CreateTime"], "2026-11-23T12:00:00Z");
    assert_eq!(task.get("BeginProcessTime"), None);
    assert_eq!(task["AigcVideoTask"]["Status"], "PROCESSING");
    assert_eq!(task["AigcVideoTask"]["Progress"], 0);
    assert_eq!(task["AigcVideoTask"]["Input"]["Prompt"], "a panda");
    assert_eq!(task["AigcVideoTask"]["SessionId"], "s-1");
    assert!(with_state(&task, |state| state == TaskState::Waiting));
    assert_eq!(task["AigcVideoTask"]["SessionContext"], "mine");

    for (progress, step) in [(0, 10), (25, 25), (99, 74)] {
        emulator.advance(Duration::from_secs(step));
        let task = describe(&emulator, &task_id).await;
        assert_eq!(task["Status"], "PROCESSING");
        assert_eq!(task["BeginProcessTime"], "2026-11-23T12:00:10Z");
        assert_eq!(task["AigcVideoTask"]["Progress"], progress);
        assert_eq!(task["AigcVideoTask"]["Output"], json!({}));
        let processing = TaskState::Processing { progress: Some(progress) };
        assert!(with_state(&task, |state| state == processing));
    }

    emulator.advance(Duration::from_secs(1));
    let task = describe(&emulator, &task_id).await;
    assert_eq!(task["Status"], "FINISH");
    assert_eq!(task["FinishTime"], "2026-11-23T12:01:50Z");
    let inner = &task["AigcVideoTask"];
    assert_eq!((&inner["Status"], &inner["Progress"], &inner["ErrCode"]), (&json!("FINISH"), &json!(100), &json!(0)));
    assert_eq!(inner["Output"]["FileInfos"][0]["FileType"], "mp4");
    assert!(with_state(&task, |state| matches!(state, TaskState::Succeeded(_))));
}

#[tokio::test]
async fn progress_is_0_until_the_end_unless_it_is_to_be_smooth() {
    let scenario = r#"{"clock": {"at": "2026-11-23T12:00:00Z"}, "behaviour": {"smooth_progress": true}}"#;
    let smooth = Emulator::builder().scenario(scenario.parse().unwrap()).start().await.unwrap();
    for (emulator, expected) in [(emulator().await, [0, 0, 0, 100]), (smooth, [0, 33, 66, 100])] {
        let task_id = created(&emulator, json!({})).await;
        for progress in expected {
            emulator.advance(Duration::from_secs(1));
            assert_eq!(describe(&emulator, &task_id).await["AigcVideoTask"]["Progress"], progress);
        }
    }
}

#[tokio::test]
async fn a_finished_task_serves_exactly_what_was_asked() {
    let emulator = emulator().await;
    for (config, width, height, seconds) in [
        (json!({}), 1280, 720, 5.0),
        (json!({ "Resolution": "1080P", "AspectRatio": "9:16", "Duration": 8 }), 1080, 1920, 8.0),
        (json!({ "Resolution": "2K", "AspectRatio": "1:1", "Duration": 3.5 }), 1440, 1440, 3.5),
    ] {
        let task_id = created(&emulator, json!({ "OutputConfig": config })).await;
        let video = format!("/files/{task_id}/video.mp4");
        assert_eq!(get(&emulator, &video).await.status, 404, "nothing is served before the end");

        emulator.advance(Duration::from_secs(4));
        let task = describe(&emulator, &task_id).await;
        let file = &task["AigcVideoTask"]["Output"]["FileInfos"][0];
        let metadata = &file["MetaData"];
        assert_eq!((&metadata["Width"], &metadata["Height"]), (&json!(width), &json!(height)));
        assert_eq!(metadata["Duration"], seconds);
        assert_eq!(file["FileUrl"], format!("{}{video}", emulator.endpoint()));

        let whole = get(&emulator, &video).await;
        assert_eq!((whole.status, whole.header("content-type")), (200, Some("video/mp4")));
        assert_eq!(metadata["Size"], whole.body.len());
        assert_eq!(&whole.body[4..8], b"ftyp");

        let cover = metadata["CoverUrl"].as_str().unwrap().strip_prefix(emulator.endpoint()).unwrap();
        let cover = get(&emulator, cover).await;
        assert_eq!((cover.status, cover.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(cover.body[..2], [0xFF, 0xD8]);
    }
}

#[tokio::test]
async fn a_part_of_a_video_is_the_same_bytes_as_in_the_whole() {
    let emulator = emulator().await;
    let task_id = created(&emulator, json!({})).await;
    emulator.advance(Duration::from_secs(4));
    let path = format!("/files/{task_id}/video.mp4");
    let whole = get(&emulator, &path).await;
    let etag = whole.header("etag").unwrap().to_owned();
    let length = whole.body.len();

    let part = http(&emulator, "GET", &path, &[("Range", "bytes=100-"), ("If-Range", &etag)], b"").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), Some(format!("bytes 100-{}/{length}", length - 1).as_str()));
    assert_eq!(part.body, whole.body[100..]);

    let other = http(&emulator, "GET", &path, &[("Range", "bytes=100-"), ("If-Range", "\"other\"")], b"").await;
    assert_eq!((other.status, other.body.len()), (200, length));
    let beyond = http(&emulator, "GET", &path, &[("Range", "bytes=999999999-")], b"").await;
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    let head = http(&emulator, "HEAD", &path, &[], b"").await;
    assert_eq!(head.header("content-length"), Some(length.to_string().as_str()));
}

#[tokio::test]
async fn a_temporary_video_is_gone_after_a_week_and_a_stored_one_is_not() {
    let emulator = emulator().await;
    let passing = created(&emulator, json!({})).await;
    let config = json!({ "StorageMode": "Permanent", "MediaName": "panda" });
    let stored = created(&emulator, json!({ "OutputConfig": config })).await;
    emulator.advance(Duration::from_secs(4));

    let output = |task: Value| task["AigcVideoTask"]["Output"]["FileInfos"][0].clone();
    let file = output(describe(&emulator, &passing).await);
    assert_eq!((&file["StorageMode"], &file["ExpireTime"]), (&json!("Temporary"), &json!("2026-11-30T12:00:04Z")));
    let file = output(describe(&emulator, &stored).await);
    assert_eq!((&file["StorageMode"], &file["MediaName"]), (&json!("Permanent"), &json!("panda")));
    assert!(file["FileId"].is_string() && file.get("ExpireTime").is_none());

    for (wait, expected) in [(7 * DAY - Duration::from_secs(1), 200), (Duration::from_secs(1), 404)] {
        emulator.advance(wait);
        assert_eq!(get(&emulator, &format!("/files/{passing}/video.mp4")).await.status, expected);
        assert_eq!(get(&emulator, &format!("/files/{stored}/video.mp4")).await.status, 200);
    }
}

#[tokio::test]
async fn the_minimal_shape_has_nothing_outside_the_task() {
    let emulator =
        Emulator::builder().clock(Clock::manual(noon())).reply_shape(ReplyShape::Minimal).start().await.unwrap();
    let task_id = created(&emulator, json!({})).await;
    let mut task = describe(&emulator, &task_id).await;
    task.as_object_mut().unwrap().remove("RequestId");
    assert_eq!(task, json!({ "AigcVideoTask": { "Status": "PROCESSING", "Progress": 0, "ErrCode": 0 } }));

    emulator.advance(Duration::from_secs(4));
    let task = describe(&emulator, &task_id).await;
    let inner = &task["AigcVideoTask"];
    assert_eq!((&inner["Status"], &inner["Progress"], &inner["ErrCode"]), (&json!("FINISH"), &json!(100), &json!(0)));
    let metadata = inner["Output"]["FileInfos"][0]["MetaData"].as_object().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["CoverUrl", "Duration", "Height", "Width"]);

    let task_id = created(&emulator, json!({ "Prompt": "[[emulator:fail=ContentRiskDetected]]" })).await;
    emulator.advance(Duration::from_secs(4));
    let task = describe(&emulator, &task_id).await;
    assert_eq!(task["AigcVideoTask"]["Status"], "FAIL");
    assert_eq!(task["AigcVideoTask"]["ErrCodeExt"], "ContentRiskDetected");
}

#[tokio::test]
async fn a_prompt_or_a_control_call_makes_a_task_fail() {
    let emulator = emulator().await;
    let marked = created(&emulator, json!({ "Prompt": "a cat [[emulator:fail=ContentModerationFailed]]" })).await;
    let called = created(&emulator, json!({})).await;

    let path = format!("/_emulator/tasks/{called}/fail");
    assert_eq!(http(&emulator, "POST", &path, &[], br#"{"code":"TaskTimeout"}"#).await.status, 200);
    assert_eq!(http(&emulator, "POST", &path, &[], br#"{"code":"TaskTimeout"}"#).await.status, 409);
    assert_eq!(http(&emulator, "POST", &path, &[], b"{}").await.status, 400);
    assert_eq!(http(&emulator, "POST", "/_emulator/tasks/none/fail", &[], br#"{"code":"X"}"#).await.status, 404);
    assert!(!emulator.fail_task(&called, "InternalError"), "it has ended");

    let task = describe(&emulator, &called).await;
    assert_eq!((&task["Status"], &task["AigcVideoTask"]["ErrCodeExt"]), (&json!("FINISH"), &json!("TaskTimeout")));
    assert_eq!(describe(&emulator, &marked).await["Status"], "WAITING", "a marked task takes its time");

    emulator.advance(Duration::from_secs(4));
    let task = describe(&emulator, &marked).await;
    let inner = &task["AigcVideoTask"];
    assert_eq!((&task["Status"], &inner["Status"]), (&json!("FINISH"), &json!("FINISH")));
    assert_eq!(inner["ErrCodeExt"], "ContentModerationFailed");
    assert_ne!(inner["ErrCode"], 0);
    assert_eq!(inner["Output"], json!({}));
    assert_eq!(get(&emulator, &format!("/files/{marked}/video.mp4")).await.status, 404);
}

#[tokio::test]
async fn a_request_that_is_not_rightly_signed_is_refused_with_the_vendor_s_code() {
    let emulator = emulator().await;
    let id = emulator.credential().secret_id();
    let body = request(json!({})).to_string().into_bytes();
    let sign = |credential: &Credential| {
        Call::signed_by(emulator.clock(), credential, &host(&emulator), "CreateAigcVideoTask", body.clone())
    };
    let right = || sign(emulator.credential());
    let now: u64 = right().headers.iter().find(|(name, _)| name == "X-TC-Timestamp").unwrap().1.parse().unwrap();
    let mut changed = right();
    changed.body.push(b' ');

    for (what, call, code) in [
        ("the wrong key", sign(&Credential::new(id, "another").unwrap()), "AuthFailure.SignatureFailure"),
        ("an unknown id", sign(&Credential::new("AKIDother", "another").unwrap()), "AuthFailure.SecretIdNotFound"),
        ("a changed body", changed, "AuthFailure.SignatureFailure"),
        ("another host", right().with_header("Host", "elsewhere"), "AuthFailure.SignatureFailure"),
        ("another time", right().with_header("X-TC-Timestamp", &(now + 1).to_string()), "AuthFailure.SignatureFailure"),
        ("an old time", right().with_header("X-TC-Timestamp", &(now - 301).to_string()), "AuthFailure.SignatureExpire"),
        (
            "a time to come",
            right().with_header("X-TC-Timestamp", &(now + 301).to_string()),
            "AuthFailure.SignatureExpire",
        ),
        ("no signature", right().with_header("Authorization", ""), "AuthFailure.InvalidAuthorization"),
    ] {
        let response = call.send(&emulator).await;
        assert_eq!(response["Error"]["Code"], code, "{what}: {response}");
    }
    assert!(emulator.ledger().is_empty());

    let late = right();
    emulator.advance(Duration::from_secs(301));
    assert_refused(&late.send(&emulator).await, "AuthFailure.SignatureExpire", "more than 300 s");
}

#[tokio::test]
async fn every_given_key_is_accepted_and_a_token_must_come_with_its_key() {
    let lasting = Credential::new("AKIDlasting", "one").unwrap();
    let passing = Credential::new("AKIDpassing", "two").unwrap().with_token("token-of-two").unwrap();
    let emulator = Emulator::builder().credential(lasting.clone()).credential(passing.clone()).start().await.unwrap();
    let body = request(json!({})).to_string().into_bytes();
    let sign = |credential| {
        Call::signed_by(emulator.clock(), credential, &host(&emulator), "CreateAigcVideoTask", body.clone())
    };

    assert!(sign(&lasting).send(&emulator).await["TaskId"].is_string());
    assert!(sign(&passing).send(&emulator).await["TaskId"].is_string());
    let wrong = sign(&passing).with_header("X-TC-Token", "another").send(&emulator).await;
    assert_refused(&wrong, "AuthFailure.TokenFailure", "x-tc-token");
}

#[tokio::test]
async fn a_name_in_the_host_header_may_be_any_that_was_signed() {
    let emulator = emulator().await;
    let body = request(json!({})).to_string().into_bytes();
    let host = "vod.tencentcloudapi.com";
    let call = Call::signed_by(emulator.clock(), emulator.credential(), host, "CreateAigcVideoTask", body);
    assert!(call.send(&emulator).await["TaskId"].is_string());
}

#[tokio::test]
async fn an_unknown_action_or_version_is_refused() {
    let emulator = emulator().await;
    let call = |action| Call::signed(&emulator, action, &json!({}));
    assert_refused(&call("DescribeMediaInfos").send(&emulator).await, "InvalidAction", "DescribeMediaInfos");
    let version = call("DescribeTaskDetail").with_header("X-TC-Version", "2017-03-12");
    assert_refused(&version.send(&emulator).await, "NoSuchVersion", "2018-07-17");
}

#[tokio::test]
async fn what_the_table_forbids_is_refused_on_the_wire() {
    let emulator = emulator().await;
    let image = json!({ "Type": "Url", "Url": "https://example.com/a.jpg" });
    let images = |count: usize| json!(vec![image.clone(); count]);
    let last = "https://example.com/z.jpg";
    for (changes, words) in [
        (json!({ "ModelVersion": "9.9" }), "Kling:2.1"),
        (json!({ "ModelName": "Kling " }), "it is written Kling:2.1"),
        (json!({ "OutputConfig": { "Resolution": "4K" } }), "4K"),
        (json!({ "OutputConfig": { "Resolution": "8K" } }), "that resolution"),
        (json!({ "FileInfos": images(2) }), "1 image"),
        (json!({ "LastFrameUrl": last, "OutputConfig": { "Resolution": "1080P" } }), "first image"),
        (json!({ "FileInfos": images(1), "LastFrameUrl": last, "OutputConfig": { "Resolution": "720P" } }), "1080P"),
        (json!({ "FileInfos": images(1), "LastFrameUrl": last }), "1080P"),
        (json!({ "ModelVersion": "1.6", "FileInfos": images(1), "LastFrameUrl": last }), "last frame"),
        (json!({ "ModelName": "Hailuo", "ModelVersion": "2.3-fast" }), "image"),
        (json!({ "ModelName": "OS", "ModelVersion": "2.0", "FileInfos": images(1) }), "image"),
        (json!({ "ModelName": "GV", "ModelVersion": "3.1", "FileInfos": images(4) }), "3 images"),
        (
            json!({ "ModelName": "GV", "ModelVersion": "3.1", "FileInfos": images(2), "LastFrameUrl": last }),
            "one image",
        ),
        (json!({ "Prompt": "" }), "prompt"),
    ] {
        let response = create(&emulator, changes.clone()).await;
        assert_refused(&response, "InvalidParameterValue", words);
    }
    assert!(emulator.ledger().is_empty());

    for changes in [
        json!({ "FileInfos": images(1), "LastFrameUrl": last, "OutputConfig": { "Resolution": "1080P" } }),
        json!({ "ModelName": "GV", "ModelVersion": "3.1", "FileInfos": images(1), "LastFrameUrl": last }),
        json!({ "ModelName": "GV", "ModelVersion": "3.1", "FileInfos": images(3) }),
        json!({ "ModelVersion": "O1", "OutputConfig": { "Resolution": "4k" } }),
    ] {
        created(&emulator, changes).await;
    }
}

#[tokio::test]
async fn a_member_of_wrong_type_or_beyond_its_limit_is_named() {
    let emulator = emulator().await;
    let file = |file: Value| json!({ "FileInfos": [file] });
    // The table states no lengths for this model, so that the emulator's own limits are met.
    let without_lengths = |seconds: f64| json!({ "ModelName": "Jimeng", "ModelVersion": "3.0pro", "OutputConfig": { "Duration": seconds } });
    for (changes, code, words) in [
        (json!({ "SubAppId": "many" }), "InvalidParameter", "SubAppId"),
        (json!({ "OutputConfig": { "Duration": "long" } }), "InvalidParameter", "OutputConfig.Duration"),
        (file(json!({ "Type": 7 })), "InvalidParameter", "FileInfos[0].Type"),
        (json!({ "SubAppId": 0 }), "InvalidParameterValue.SubAppId", "SubAppId"),
        (json!({ "SubAppId": null }), "MissingParameter", "SubAppId"),
        (json!({ "ModelName": "" }), "MissingParameter", "ModelName"),
        (json!({ "Prompt": "é".repeat(1001) }), "InvalidParameterValue", "Prompt"),
        (json!({ "SessionId": "s".repeat(51) }), "InvalidParameterValue.SessionIdTooLong", "SessionId"),
        (
            json!({ "SessionContext": "c".repeat(1001) }),
            "InvalidParameterValue.SessionContextTooLong",
            "SessionContext",
        ),
        (json!({ "TasksPriority": 11 }), "InvalidParameterValue", "TasksPriority"),
        (json!({ "OutputConfig": { "MediaName": "m".repeat(65) } }), "InvalidParameterValue", "OutputConfig.MediaName"),
        (json!({ "OutputConfig": { "AspectRatio": "wide" } }), "InvalidParameterValue", "OutputConfig.AspectRatio"),
        (json!({ "OutputConfig": { "AspectRatio": "5:1" } }), "InvalidParameterValue", "OutputConfig.AspectRatio"),
        (json!({ "OutputConfig": { "AspectRatio": "0:0" } }), "InvalidParameterValue", "OutputConfig.AspectRatio"),
        (
            json!({ "OutputConfig": { "Duration": 0 } }),
            "InvalidParameterValue",
            "Kling 2.1 makes 3 to 15 seconds, not 0",
        ),
        (without_lengths(0.0), "InvalidParameterValue", "OutputConfig.Duration"),
        (without_lengths(1e300), "InvalidParameterValue", "OutputConfig.Duration"),
        (file(json!({ "Type": "Url" })), "InvalidParameterValue", "FileInfos[0].Url"),
        (file(json!({ "Type": "File", "Url": "https://u" })), "InvalidParameterValue", "FileInfos[0].FileId"),
        (
            file(json!({ "Type": "Base64", "Base64": "data:image/png;base64,AAAA" })),
            "InvalidParameterValue",
            "FileInfos[0].Base64",
        ),
    ] {
        let response = create(&emulator, changes).await;
        assert_refused(&response, code, words);
    }
    for body in [&b"not json"[..], b"[]", b"7", b"\xFF", b""] {
        let host = host(&emulator);
        let call =
            Call::signed_by(emulator.clock(), emulator.credential(), &host, "CreateAigcVideoTask", body.to_vec());
        assert!(call.send(&emulator).await["Error"]["Code"].is_string());
    }
    assert!(emulator.ledger().is_empty());
}

#[tokio::test]
async fn base64_files_may_have_seven_megabytes_together_and_a_request_ten() {
    let emulator = emulator().await;
    let file = |bytes: usize| json!({ "Type": "Base64", "Base64": "AAAA".repeat(bytes / 3) });
    let vidu = |files: Value| json!({ "ModelName": "Vidu", "ModelVersion": "q2", "FileInfos": files });
    let seven = 7 * 1024 * 1024;

    let fitting = vidu(json!([file(seven / 2), file(seven / 2 - 3)]));
    let task_id = created(&emulator, fitting).await;
    let input = &describe(&emulator, &task_id).await["AigcVideoTask"]["Input"];
    assert_eq!(input["FileInfos"], json!([{ "Type": "Base64" }, { "Type": "Base64" }]), "the bytes are not kept");

    let heavy = create(&emulator, vidu(json!([file(seven / 2), file(seven / 2 + 6)]))).await;
    assert_refused(&heavy, "InvalidParameterValue", "7340032");
    let too_large = create(&emulator, vidu(json!([file(8 * 1024 * 1024)]))).await;
    assert_refused(&too_large, "RequestSizeLimitExceeded", "10485760");
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_session_id_is_taken_once_in_three_days() {
    let emulator = emulator().await;
    let session = || json!({ "SessionId": "job-1" });
    let refused = create(&emulator, json!({ "SessionId": "job-1", "ModelVersion": "9.9" })).await;
    assert_refused(&refused, "InvalidParameterValue", "9.9");

    created(&emulator, session()).await;
    assert_refused(&create(&emulator, session()).await, "InvalidParameterValue.SessionId", "72 hours");
    created(&emulator, json!({ "SessionId": "job-1", "SubAppId": 7 })).await;
    created(&emulator, json!({ "SessionId": "" })).await;
    created(&emulator, json!({ "SessionId": "" })).await;

    emulator.advance(3 * DAY - Duration::from_secs(1));
    assert_refused(&create(&emulator, session()).await, "InvalidParameterValue.SessionId", "72 hours");
    emulator.advance(Duration::from_secs(1));
    created(&emulator, session()).await;
    assert_eq!(emulator.ledger().len(), 5);
}

#[tokio::test]
async fn a_task_is_known_to_its_sub_application_for_three_days() {
    let emulator = emulator().await;
    let task_id = created(&emulator, json!({})).await;
    for body in [json!({ "TaskId": "none", "SubAppId": SUB_APP }), json!({ "TaskId": task_id, "SubAppId": 7 })] {
        let response = Call::signed(&emulator, "DescribeTaskDetail", &body).send(&emulator).await;
        assert_refused(&response, "ResourceNotFound", "72 hours");
    }
    let missing = Call::signed(&emulator, "DescribeTaskDetail", &json!({ "SubAppId": SUB_APP })).send(&emulator).await;
    assert_refused(&missing, "MissingParameter", "TaskId");
    let missing = Call::signed(&emulator, "DescribeTaskDetail", &json!({ "TaskId": task_id })).send(&emulator).await;
    assert_refused(&missing, "MissingParameter", "SubAppId");

    emulator.advance(3 * DAY - Duration::from_secs(1));
    assert_eq!(describe(&emulator, &task_id).await["Status"], "FINISH");
    emulator.advance(Duration::from_secs(1));
    assert_refused(&describe(&emulator, &task_id).await, "ResourceNotFound", "72 hours");
}

#[tokio::test]
async fn the_control_surface_tells_and_moves() {
    let emulator = emulator().await;
    let response = create(&emulator, json!({ "SessionId": "s", "SessionContext": "job 7" })).await;
    let ledger = get(&emulator, "/_emulator/ledger").await.json();
    assert_eq!(
        ledger,
        json!([{
            "action": "CreateAigcVideoTask",
            "task_id": response["TaskId"],
            "session_id": "s",
            "session_context": "job 7",
            "request_id": response["RequestId"],
            "model": "Kling:2.1",
            "sub_app_id": SUB_APP,
            "time": "2026-11-23T12:00:00Z",
            "failure": null,
            "billed": true,
        }])
    );
    assert_eq!(json!(emulator.ledger()), ledger);
    create(&emulator, json!({ "SessionId": "s" })).await;
    let bill = get(&emulator, "/_emulator/bill").await.json();
    let expected = json!({
        "accepted": 1, "billed": 1, "duplicates_refused": 1, "calls_refused": 0, "by_action": { "CreateAigcVideoTask": 1 }, "by_session_id": { "s": 1 }
    });
    assert_eq!(bill, expected);
    assert_eq!(json!(emulator.bill()), bill);

    let moved = http(&emulator, "POST", "/_emulator/clock", &[], br#"{"advance_seconds":90}"#).await;
    assert_eq!(moved.json(), json!({ "status": "ok", "now": "2026-11-23T12:01:30Z" }));
    assert_eq!(get(&emulator, "/_emulator/health").await.json(), moved.json());
    for body in [&br#"{"advance_seconds":-1}"#[..], br#"{"advance_seconds":1e300}"#, b"soon"] {
        assert_eq!(http(&emulator, "POST", "/_emulator/clock", &[], body).await.status, 400);
    }
    assert_eq!(emulator.clock().now(), noon() + Duration::from_secs(90));
}

#[tokio::test]
async fn the_control_surface_refuses_web_pages_and_rebound_names() {
    let emulator = emulator().await;
    let own = host(&emulator);
    let advance = br#"{"advance_seconds":90}"#;
    for header in [("Origin", "https://evil.example"), ("Origin", "null"), ("Host", "evil.example")] {
        for (method, path) in
            [("POST", "/_emulator/clock"), ("POST", "//_emulator/clock"), ("GET", "/_emulator/ledger")]
        {
            let reply = http(&emulator, method, path, &[header], advance).await;
            assert_eq!(reply.status, 403, "{header:?}");
            let error = reply.json()["error"].as_str().unwrap().to_owned();
            assert!(error.contains(header.1) && error.contains("--allow-host"), "{error}");
        }
    }
    assert_eq!(emulator.clock().now(), noon());

    let port = own.rsplit(':').next().unwrap();
    let origins = [format!("http://{own}"), format!("http://localhost:{port}"), "http://localhost:5173".to_owned()];
    for origin in &origins {
        assert_eq!(
            http(&emulator, "GET", "/_emulator/health", &[("Origin", origin)], b"").await.status,
            200,
            "{origin}"
        );
    }
    // The service itself has no such rule: its requests are signed.
    let call = Call::signed(&emulator, "CreateAigcVideoTask", &request(json!({})));
    assert!(call.with_header("Origin", "https://evil.example").send(&emulator).await["TaskId"].is_string());

    let emulator = Emulator::builder().allow_host("vod").start().await.unwrap();
    assert_eq!(http(&emulator, "GET", "/_emulator/health", &[("Host", "vod:80")], b"").await.status, 200);
}

#[tokio::test]
async fn listening_beyond_loopback_warns() {
    assert_eq!(emulator().await.warning(), None);
    let open = Emulator::builder().listen("0.0.0.0:0".parse().unwrap()).start().await.unwrap();
    let warning = open.warning().unwrap();
    assert!(warning.contains("0.0.0.0:") && warning.contains("127.0.0.1"), "{warning}");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let start = |seed| Emulator::builder().seed(seed).start();
    let (one, same, other) = (start(1).await.unwrap(), start(1).await.unwrap(), start(2).await.unwrap());
    let first = created(&one, json!({})).await;
    assert_eq!(first, created(&same, json!({})).await);
    assert_ne!(first, created(&other, json!({})).await);
    assert_ne!(first, created(&one, json!({})).await);
    assert_eq!(one.ledger()[0].request_id, same.ledger()[0].request_id);
}

#[tokio::test]
async fn a_stopped_or_dropped_emulator_frees_its_port() {
    let emulator = emulator().await;
    let address = host(&emulator);
    created(&emulator, json!({})).await;
    emulator.stop().await;
    TcpListener::bind(&address).await.unwrap();

    let emulator = Emulator::start().await.unwrap();
    let address = host(&emulator);
    drop(emulator);
    while TcpListener::bind(&address).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let emulator = emulator().await;
    let address = host(&emulator).parse().unwrap();
    let error = Emulator::builder().listen(address).start().await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn no_secret_is_printed() {
    let credential = Credential::new("AKIDshown", "key-that-must-not-show").unwrap();
    let credential = credential.with_token("token-that-must-not-show").unwrap();
    let builder = Emulator::builder().credential(credential);
    let mut printed = format!("{builder:?}");
    let emulator = builder.start().await.unwrap();
    printed += &format!("{emulator:?}");
    let malformed = Call::signed(&emulator, "CreateAigcVideoTask", &json!({})).with_header("X-TC-Token", "another");
    printed += &malformed.send(&emulator).await.to_string();
    assert!(printed.contains("AKIDshown"), "{printed}");
    assert!(!printed.contains("must-not-show"), "{printed}");
}
