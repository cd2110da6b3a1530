//! Bad input gets a clear sentence before anything is sent; the service, asked all the same, says the same sentence.

use serde_json::{Value, json};
use vod_aigc_client::{DownloadError, Inputs, Outcome, SubmitError, Task, check_target};
use vod_aigc_core::{
    CreateAigcVideoTaskRequest, GV, Hailuo, Image, Kling, MAX_BASE64_BYTES, Model, OS, Resolution, VideoRequest,
    VideoRequestBuilder, Vidu, video,
};
use vod_aigc_transport::Billed;

use crate::support::*;

const FIRST: &str = "https://example.com/first.jpg";
const LAST: &str = "https://example.com/last.jpg";

fn request(model: impl Into<Model>) -> VideoRequestBuilder {
    VideoRequest::builder(model)
}

/// Each bad request beside the sentence that it gets.
fn refused() -> Vec<(VideoRequestBuilder, &'static str)> {
    vec![
        (
            request(Kling::V2_1).prompt("p").resolution(Resolution::P4K),
            "Kling 2.1 does not output 4K; choose 720P, 1080P or 2K",
        ),
        (request(Kling::V2_1).image(FIRST).image(FIRST), "Kling 2.1 takes at most 1 image, not 2"),
        (request(OS::V2_0).prompt("p").image(FIRST), "OS 2.0 makes video from text only; it takes no image"),
        (request(Hailuo::V2_3Fast).prompt("p"), "Hailuo 2.3-fast makes video from an image only; give it an image"),
        (request(Vidu::Q2).image(FIRST).last_frame(LAST), "Vidu q2 takes no last frame"),
        (request(Vidu::Q2Pro).prompt("p").last_frame(LAST), "Vidu q2-pro: a last frame needs a first image"),
        (
            request(Kling::V2_1).image(FIRST).last_frame(LAST).resolution(Resolution::P720),
            "Kling 2.1 takes a last frame only at 1080P; set that resolution",
        ),
        (
            request(Kling::V2_1).image(FIRST).last_frame(LAST),
            "Kling 2.1 takes a last frame only at 1080P; set that resolution",
        ),
        (request(GV::V3_1).image(FIRST).image(FIRST).last_frame(LAST), "GV 3.1 takes a last frame with one image only"),
        (request(Kling::V2_1), "Kling 2.1 needs a prompt when it has no image to start from"),
        (request(Kling::V2_1).prompt(""), "Kling 2.1 needs a prompt when it has no image to start from"),
        (request(Kling::V2_1).prompt("熊".repeat(1001)), "Prompt has 1001 characters; it takes at most 1000"),
        (
            request(Kling::V2_1).prompt("p").negative_prompt("n".repeat(1001)),
            "NegativePrompt has 1001 characters; it takes at most 1000",
        ),
        (
            request(Kling::V2_1).prompt("p").session_id("s".repeat(51)),
            "SessionId has 51 characters; it takes at most 50",
        ),
        (
            request(Kling::V2_1).prompt("p").session_context("c".repeat(1001)),
            "SessionContext has 1001 characters; it takes at most 1000",
        ),
        (
            request(Kling::V2_1).prompt("p").media_name("m".repeat(65)),
            "OutputConfig.MediaName has 65 characters; it takes at most 64",
        ),
        (request(Kling::V2_1).prompt("p").priority(11), "TasksPriority is 11; it takes -10 to 10"),
        (
            request(Kling::V2_1).image("./panda.jpg"),
            "FileInfos[0].Url must begin with https:// or http://, not \"./panda.jpg\"; give a local file by its bytes",
        ),
        (
            request(Kling::V2_1).image(Image::bytes(vec![0; MAX_BASE64_BYTES + 1])),
            "FileInfos[].Base64 has 7340033 bytes in all; it takes at most 7340032",
        ),
    ]
}

#[tokio::test]
async fn bad_input_gets_its_sentence_and_nothing_is_sent() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Pass);
    let client = client_through(&emulator, &http);
    let submit = async |builder: VideoRequestBuilder| -> Result<Task, Box<dyn std::error::Error>> {
        Ok(client.submit(builder.build()?).await?)
    };
    for (builder, sentence) in refused() {
        assert_eq!(submit(builder).await.unwrap_err().to_string(), sentence);
    }
    assert_eq!((http.sends(), emulator.ledger().len()), (0, 0));

    submit(request(Kling::V2_1).prompt("a panda")).await.unwrap();
    assert_eq!((http.sends(), emulator.ledger().len()), (2, 1), "the counters do count");
}

#[tokio::test]
async fn limits_that_rustc_cannot_see_are_judged_at_submit() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Pass);
    let request = video!(Kling::V2_1, prompt = "p".repeat(1001), session_id = "s".repeat(51));
    let error = client_through(&emulator, &http).submit(request).await.unwrap_err();
    assert!(matches!(error, SubmitError::Refused(_)), "{error:?}");
    assert_eq!((error.outcome(), error.billed()), (Outcome::NotSent, Billed::No));
    assert_eq!(
        error.to_string(),
        "Prompt has 1001 characters; it takes at most 1000; SessionId has 51 characters; it takes at most 50; \
         nothing was sent and nothing was billed"
    );
    assert_eq!(http.sends(), 0);
}

#[tokio::test]
async fn the_service_says_the_same_sentences() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let url = |url: &str| json!({ "Type": "Url", "Url": url });
    let cases: Vec<(&str, &str, Value)> = vec![
        ("Kling", "2.1", json!({ "Prompt": "p", "OutputConfig": { "Resolution": "4K" } })),
        ("Kling", "2.1", json!({ "Prompt": "p", "OutputConfig": { "Resolution": "8K" } })),
        ("Kling", "2.1", json!({ "FileInfos": [url(FIRST), url(FIRST)] })),
        ("OS", "2.0", json!({ "Prompt": "p", "FileInfos": [url(FIRST)] })),
        ("Hailuo", "2.3-fast", json!({ "Prompt": "p" })),
        ("Vidu", "q2", json!({ "FileInfos": [url(FIRST)], "LastFrameUrl": LAST })),
        ("Vidu", "q2-pro", json!({ "Prompt": "p", "LastFrameUrl": LAST })),
        ("Kling", "2.1", json!({ "FileInfos": [url(FIRST)], "LastFrameUrl": LAST })),
        ("GV", "3.1", json!({ "FileInfos": [url(FIRST), url(FIRST)], "LastFrameUrl": LAST })),
        ("Kling", "2.1", json!({ "Prompt": " " })),
        ("Kling", "2.1", json!({ "Prompt": "p".repeat(1001) })),
        ("Kling", "2.1", json!({ "Prompt": "p", "SessionId": "s".repeat(51) })),
        ("Kling", "2.1", json!({ "Prompt": "p", "OutputConfig": { "MediaName": "m".repeat(65) } })),
        ("Kling", "2.1", json!({ "FileInfos": [url("panda.jpg")] })),
    ];
    for (name, version, members) in cases {
        let mut action = json!({ "SubAppId": SUB_APP, "ModelName": name, "ModelVersion": version });
        action.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let action: CreateAigcVideoTaskRequest = serde_json::from_value(action).unwrap();
        let sentence = action.check().unwrap_err().to_string();
        let error = client.submit(VideoRequest::unchecked(action)).await.unwrap_err();
        let SubmitError::Call(call) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(call.message(), sentence);
        assert_eq!((error.outcome(), error.billed()), (Outcome::Rejected, Billed::No), "{error}");
    }
    assert!(emulator.ledger().is_empty());
}

#[tokio::test]
async fn an_unknown_model_names_the_nearest_and_goes_out_only_when_it_is_asked_for() {
    let error = "Kling:2.2".parse::<Model>().unwrap_err();
    let versions: Vec<_> = Kling::ALL.iter().map(|version| format!("Kling:{}", version.version())).collect();
    assert_eq!(error.to_string(), format!("no model \"Kling:2.2\"; the nearest known: {}", versions.join(", ")));

    // The service of the emulator knows the table's models only, and it is the service that refuses.
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Pass);
    let request = request(Model::other("Kling", "2.2")).prompt("p").resolution(Resolution::P4K).build().unwrap();
    let error = client_through(&emulator, &http).submit(request).await.unwrap_err();
    assert_eq!((http.sends(), error.billed()), (1, Billed::No));
    assert!(error.to_string().contains("Kling:2.1"), "{error}");
}

#[tokio::test]
async fn a_local_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;
    let check = async |name: &str, content: Option<&[u8]>, sentence: &str| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let attached = client(&emulator).attach(request(GV::V3_1), Inputs::new().image(&path)).await;
        let error = attached.unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains(sentence), "{error}");
        assert!(error.ends_with("nothing was billed"), "{error}");
    };
    check("missing.png", None, "cannot be read").await;
    check("", None, "is no file").await;
    check("empty.png", Some(b""), "is empty").await;
    check("wrong.png", Some(b"GIF89a"), "looks like a GIF image").await;
    check("page.jpg", Some(b"<html>"), "looks like an HTML page").await;
    check("cut.png", Some(b"\x89PNG\r\n\x1A\n"), "may be damaged").await;
    check("film.png", Some(b"\0\0\0\x18ftypmp42"), "is MP4; an image must be JPEG or PNG").await;
    assert!(emulator.uploads().is_empty());
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |name: &str, sentence: &str| {
        let path = folder.path().join(name);
        let error = check_target(&path).await.unwrap_err();
        assert!(matches!(error, DownloadError::Target { .. }), "{error:?}");
        assert!(error.to_string().contains(sentence), "{error}");
    };
    check("", "it is a directory; name a file in it").await;
    check("no/such/folder.mp4", "No such file").await;
    std::fs::write(folder.path().join("file"), b"").unwrap();
    check("file/panda.mp4", "is no directory").await;
    assert_eq!(check_target(&folder.path().join("panda.mp4")).await, Ok(()));
    assert_eq!(check_target(&folder.path().join("file")).await, Ok(()));
}
