//! Local files as inputs: inside the request where they fit, uploaded where they do not, and never half of one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use vod_aigc_client::{AttachError, Client, InputProblem, Inputs, Job, UploadError, UploadPolicy};
use vod_aigc_core::{
    AigcVideoTaskInputFileInfo, FileCategory, FileInfoType, FileUsage, GV, Kling, MAX_BASE64_BYTES, MAX_IMAGE_BYTES,
    Media, MediaUse, Model, OS, Resolution, VideoRequest, VideoRequestBuilder, video,
};
use vod_aigc_emulator::{Emulator, Fault, FaultRule, RequestEffect, StatusBody, Target, When};
use vod_aigc_transport::Billed;

use crate::support::*;

/// A folder with files in it.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A PNG of 640 × 480 pixels, as far as its header says, with so many bytes.
    fn png(&self, name: &str, bytes: usize) -> PathBuf {
        let head = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0";
        self.file(name, head, bytes)
    }

    fn file(&self, name: &str, head: &[u8], bytes: usize) -> PathBuf {
        let path = self.0.path().join(name);
        let filler = (0..bytes - head.len()).map(|index| (index % 251) as u8);
        fs::write(&path, head.iter().copied().chain(filler).collect::<Vec<u8>>()).unwrap();
        path
    }
}

/// More than a request can hold.
const LARGE: usize = 8 * 1024 * 1024;

fn panda_from() -> VideoRequestBuilder {
    VideoRequest::builder(Kling::V2_1).prompt("a panda in a bamboo forest")
}

fn file_infos(request: VideoRequest) -> Vec<AigcVideoTaskInputFileInfo> {
    request.into_action(SUB_APP).file_infos.unwrap_or_default()
}

fn ways(request: VideoRequest) -> Vec<FileInfoType> {
    file_infos(request).into_iter().map(|file| file.type_.unwrap()).collect()
}

fn on_put(emulator: &Emulator, when: When, fault: Fault) {
    emulator.inject(FaultRule::new(Target::PutObject, when, fault));
}

fn unavailable() -> Fault {
    Fault::Status { request: RequestEffect::Discarded, status: 503, body: StatusBody::Html, retry_after: None }
}

/// The emulator has exactly these bytes under one id.
fn assert_one_file(emulator: &Emulator, path: &PathBuf) {
    let uploads = emulator.uploads();
    let committed: Vec<_> = uploads.iter().filter(|upload| upload.file_id.is_some()).collect();
    let [upload] = committed[..] else { panic!("{} files", committed.len()) };
    assert_eq!(upload.commits, 1);
    assert!(upload.object.as_deref() == Some(&fs::read(path).unwrap()[..]), "another file was stored");
}

fn assert_nothing_committed(emulator: &Emulator) {
    assert!(emulator.uploads().iter().all(|upload| upload.file_id.is_none()));
}

#[tokio::test]
async fn an_image_that_is_too_large_for_a_request_becomes_a_video_all_the_same() {
    let (emulator, files) = (emulator().await, Files::new());
    let client = client(&emulator);
    let path = files.png("panda.jpg", LARGE);

    let mut shown = Vec::new();
    let inputs = Inputs::new().image(&path);
    let request =
        client.attach(panda_from(), inputs).on_progress(|_, sent, all| shown.push((sent, all))).await.unwrap();
    assert_eq!(ways(request.clone()), [FileInfoType::File]);
    assert_one_file(&emulator, &path);
    let [upload] = emulator.uploads().try_into().unwrap();
    assert_eq!((&*upload.media_type, upload.media_name.as_deref()), ("png", Some("panda")));
    assert!(shown.is_sorted() && shown.iter().all(|(_, all)| *all == LARGE as u64), "{shown:?}");

    let folder = tempfile::tempdir().unwrap();
    let video = client.submit(request).await.unwrap().wait().await.unwrap();
    video.download(folder.path().join("panda.mp4")).await.unwrap();
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_file_travels_inside_the_request_to_the_last_byte_that_fits() {
    let (emulator, files) = (emulator().await, Files::new());
    let client = client(&emulator);
    let most = files.png("most.png", MAX_BASE64_BYTES);
    let over = files.png("over.png", MAX_BASE64_BYTES + 1);
    let (half, rest) = (files.png("half.png", 4_000_000), files.png("rest.png", MAX_BASE64_BYTES - 4_000_000));
    let one = files.png("one.png", 100);
    let gv = || VideoRequest::builder(GV::V3_1);
    use FileInfoType::{Base64, File};

    let embedded = client.attach(gv(), Inputs::new().image(&most)).await.unwrap();
    let [file] = file_infos(embedded.clone()).try_into().unwrap();
    assert_eq!(
        Some(file),
        gv().image(Media::bytes(fs::read(&most).unwrap())).request().file_infos.clone().unwrap().pop()
    );
    client.submit(embedded).await.unwrap();
    assert!(emulator.uploads().is_empty());

    assert_eq!(ways(client.attach(gv(), Inputs::new().image(&over)).await.unwrap()), [File]);
    let both = Inputs::new().image(&half).image(&rest);
    assert_eq!(ways(client.attach(gv(), both.clone()).await.unwrap()), [Base64, Base64]);
    // As few as possible are uploaded, and the order stays.
    assert_eq!(ways(client.attach(gv(), Inputs::new().image(&most).image(&one)).await.unwrap()), [File, Base64]);
    // What the request holds already counts.
    let full = gv().image(Media::bytes(vec![7; MAX_BASE64_BYTES - 99]));
    assert_eq!(ways(client.attach(full, Inputs::new().image(&one)).await.unwrap()), [Base64, File]);
    let long = gv().ext_info("x".repeat(1_000_000));
    assert_eq!(ways(client.attach(long, Inputs::new().image(&most)).await.unwrap()), [File]);
    assert_eq!(ways(client.attach(gv(), both.upload_always(true)).await.unwrap()), [File, File]);
}

#[tokio::test]
async fn without_an_upload_a_request_holds_what_fits_and_sends_nothing() {
    let files = Files::new();
    let (small, large) = (files.png("small.png", 100), files.png("large.png", LARGE));
    assert_eq!(ways(Inputs::new().image(&small).embed(panda_from()).await.unwrap()), [FileInfoType::Base64]);
    let error = Inputs::new().image(&large).embed(panda_from()).await.unwrap_err();
    let AttachError::Input(error) = error else { panic!("{error}") };
    assert_eq!((error.path(), error.problem()), (&*large, &InputProblem::DoesNotFit));
}

#[tokio::test]
async fn each_input_has_its_kind_and_its_role() {
    let (emulator, files) = (emulator().await, Files::new());
    let model = || VideoRequest::builder(Model::other("Kling", "9.9"));
    let inputs = Inputs::new()
        .image(files.png("first.png", 100))
        .reference(files.file("dance.bin", b"\0\0\0\x18ftypmp42", 100))
        .reference(files.file("song.bin", b"ID3", 100))
        .video("https://example.com/film.mp4")
        .sound(files.file("voice", b"RIFF\0\0\0\0WAVEfmt ", 100))
        .last_frame(files.file("last", b"RIFF\x1E\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x7F\x02\0\xFF\0\0", LARGE));
    let request = client(&emulator).attach(model(), inputs).await.unwrap().into_action(SUB_APP);
    let found: Vec<_> =
        request.file_infos.unwrap().into_iter().map(|it| (it.category, it.usage, it.type_.unwrap())).collect();
    let reference = Some(FileUsage::Reference);
    assert_eq!(
        found,
        [
            (None, None, FileInfoType::Base64),
            (Some(FileCategory::Video), reference.clone(), FileInfoType::Base64),
            (Some(FileCategory::Audio), reference.clone(), FileInfoType::File),
            (Some(FileCategory::Video), reference.clone(), FileInfoType::Url),
            (Some(FileCategory::Audio), reference, FileInfoType::File),
        ]
    );
    let types: Vec<_> = emulator.uploads().into_iter().map(|upload| upload.media_type).collect();
    assert_eq!(types, ["mp3", "wav", "webp"]);
    assert_eq!(request.last_frame_file_id, emulator.uploads()[2].file_id);
}

#[tokio::test]
async fn what_is_refused_is_refused_before_anything_leaves() {
    let (emulator, files) = (emulator().await, Files::new());
    let client = client(&emulator);
    let check = async |builder: VideoRequestBuilder, inputs: Inputs, sentence: &str| {
        let error = client.attach(builder, inputs).await.unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    };
    let large = || Inputs::new().image(files.png("large.png", LARGE));
    check(VideoRequest::builder(OS::V2_0), large(), "OS 2.0 makes video from text only").await;
    check(panda_from().resolution(Resolution::P4K), large(), "does not output 4K").await;
    let too_large = Inputs::new().image(files.png("too_large.png", MAX_IMAGE_BYTES + 1));
    check(panda_from(), too_large, "has 10485761 bytes; an image has at most 10485760").await;
    let webp = files.file("large.webp", b"RIFF\x1E\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x7F\x02\0\xFF\0\0", LARGE);
    let sentence = "is WebP; an image that is uploaded must be JPEG or PNG, convert it";
    check(panda_from(), Inputs::new().image(&webp), sentence).await;
    let small = files.file("small.webp", &fs::read(&webp).unwrap()[..30], 30);
    check(panda_from(), Inputs::new().image(&small).upload_always(true), sentence).await;
    check(panda_from(), Inputs::new().sound(files.png("song.mp3", 100)), "is PNG; a sound must be WAV or MP3").await;
    assert!(emulator.uploads().is_empty() && emulator.ledger().is_empty());

    let error = client.upload(&small).used_as(MediaUse::ElementImage).await.unwrap_err();
    assert!(error.to_string().contains("must be JPEG or PNG"), "{error}");
    assert!(emulator.uploads().is_empty());
}

#[tokio::test]
async fn an_upload_that_breaks_is_sent_again_whole_and_committed_once() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", LARGE);
    on_put(&emulator, When::Nth(1), Fault::ResetInRequest);
    on_put(&emulator, When::Nth(2), unavailable());
    on_put(&emulator, When::Nth(3), Fault::Reset { request: RequestEffect::Applied });
    let uploaded = client(&emulator).upload(&path).await.unwrap();
    assert_eq!(emulator.uploads().len(), 1);
    assert_one_file(&emulator, &path);
    assert_eq!(Some(uploaded.file_id), emulator.uploads()[0].file_id);
    assert_eq!((uploaded.bytes, uploaded.md5.len()), (LARGE as u64, 32));
}

#[tokio::test]
async fn an_upload_that_never_succeeds_is_given_up_and_leaves_no_file() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", 100_000);
    on_put(&emulator, When::Every(1), unavailable());
    let error =
        client(&emulator).attach(panda_from(), Inputs::new().image(&path).upload_always(true)).await.unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.contains("HTTP status 503") && sentence.contains("there is no file in VOD"), "{sentence}");
    assert_eq!(emulator.uploads().len(), 1);
    assert_nothing_committed(&emulator);

    emulator.clear_faults();
    on_put(&emulator, When::Every(1), Fault::Refused);
    let error = client(&emulator).upload(&path).await.unwrap_err();
    assert!(matches!(error, UploadError::Store(_)), "{error}");
    assert_nothing_committed(&emulator);
}

#[tokio::test]
async fn storage_that_answers_before_it_has_read_the_file_is_believed() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", LARGE);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut connections = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 100]).await.unwrap();
            stream.write_all(b"HTTP/1.1 501 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            // It reads no more, and does not close either.
            connections.push(stream);
        }
    });
    let client = client_to(&emulator, emulator.endpoint()).cos_endpoint(address.parse().unwrap()).build();
    let error = client.upload(&path).await.unwrap_err();
    assert!(matches!(error, UploadError::Status { status: 501, .. }), "{error}");
    serving.abort();
    assert_nothing_committed(&emulator);
}

#[tokio::test]
async fn keys_that_end_on_the_way_are_exchanged() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", LARGE);
    let mut policy = UploadPolicy::default();
    policy.retry.total = Duration::from_secs(24 * 3600);
    // The first attempt breaks, and hours pass meanwhile.
    on_put(&emulator, When::Nth(1), Fault::ResetInRequest);
    let mut hours = Some(Duration::from_secs(3 * 3600));
    let show = |_, _| emulator.advance(hours.take().unwrap_or_default());
    client(&emulator).upload(&path).used_as(MediaUse::Image).policy(policy).on_progress(show).await.unwrap();
    assert_eq!(emulator.uploads().len(), 2);
    assert_one_file(&emulator, &path);
}

#[tokio::test]
async fn keys_that_storage_does_not_accept_are_exchanged_once() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", 100_000);
    let denied = || Fault::Error { request: RequestEffect::Discarded, code: "ExpiredToken".to_owned() };
    on_put(&emulator, When::Nth(1), denied());
    client(&emulator).upload(&path).await.unwrap();
    assert_eq!(emulator.uploads().len(), 2);
    assert_one_file(&emulator, &path);

    emulator.clear_faults();
    on_put(&emulator, When::Every(1), denied());
    let error = client(&emulator).upload(&path).await.unwrap_err();
    assert!(error.to_string().contains("HTTP status 403 and ExpiredToken"), "{error}");
    assert_eq!(emulator.uploads().len(), 4);
    assert_one_file(&emulator, &path);
}

#[tokio::test]
async fn a_file_that_is_written_to_meanwhile_gets_no_id() {
    type Change = fn(&PathBuf);
    let changes: [Change; 3] = [
        |path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap(),
    ];
    for change in changes {
        let (emulator, files) = (emulator().await, Files::new());
        let path = files.png("panda.png", LARGE);
        let policy = UploadPolicy::default();
        let mut written = false;
        let show = |_, _| {
            if !std::mem::replace(&mut written, true) {
                change(&path);
            }
        };
        let error = client(&emulator)
            .upload(&path)
            .used_as(MediaUse::Image)
            .policy(policy)
            .on_progress(show)
            .await
            .unwrap_err();
        let UploadError::Input(error) = &error else { panic!("{error}") };
        assert_eq!(error.problem(), &InputProblem::Changed);
        assert_nothing_committed(&emulator);
    }
}

#[tokio::test]
async fn another_file_under_the_same_name_does_not_disturb() {
    let (emulator, files) = (emulator().await, Files::new());
    let (path, other) = (files.png("panda.png", LARGE), files.png("other.png", 100));
    let copy = files.png("copy.png", LARGE);
    let mut other = Some(other);
    let show = |_, _| other.take().into_iter().for_each(|other| fs::rename(other, &path).unwrap());
    client(&emulator).upload(&path).used_as(MediaUse::Image).on_progress(show).await.unwrap();
    assert_one_file(&emulator, &copy);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_repeated_and_finds_its_file() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", 1000);
    emulator.inject(FaultRule::new(
        Target::CommitUpload,
        When::Nth(1),
        Fault::Reset { request: RequestEffect::Applied },
    ));
    emulator.inject(FaultRule::new(
        Target::ApplyUpload,
        When::Nth(1),
        Fault::Reset { request: RequestEffect::Applied },
    ));
    let uploaded = client(&emulator).upload(&path).await.unwrap();
    let committed: Vec<_> = emulator.uploads().into_iter().filter(|upload| upload.commits > 0).collect();
    let [upload] = committed.try_into().unwrap();
    assert_eq!((Some(uploaded.file_id), upload.commits), (upload.file_id, 2));
}

#[tokio::test]
async fn a_commit_that_stays_without_an_answer_says_that_there_may_be_a_file() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", 1000);
    let refusal =
        Fault::Error { request: RequestEffect::Discarded, code: "InvalidParameterValue.VodSessionKey".to_owned() };
    emulator.inject(FaultRule::new(
        Target::CommitUpload,
        When::Nth(1),
        Fault::Reset { request: RequestEffect::Applied },
    ));
    emulator.inject(FaultRule::new(Target::CommitUpload, When::Nth(2), refusal.clone()));
    let error = client(&emulator).upload(&path).await.unwrap_err();
    assert!(matches!(error, UploadError::Commit { may_exist: true, .. }), "{error}");
    assert!(error.to_string().contains("is unknown"), "{error}");

    emulator.inject(FaultRule::new(Target::CommitUpload, When::Nth(1), refusal));
    let error = client(&emulator).upload(&path).await.unwrap_err();
    let UploadError::Commit { error: cause, may_exist: false } = &error else { panic!("{error}") };
    assert_eq!(cause.billed(), Billed::No);
    assert!(error.to_string().contains("there is no file in VOD"), "{error}");
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_no_file() {
    let (emulator, files) = (emulator().await, Files::new());
    let path = files.png("panda.png", LARGE);
    on_put(&emulator, When::Every(1), Fault::Hang { request: RequestEffect::Applied, milliseconds: None });
    let (client, policy, gone) = (client(&emulator), UploadPolicy::default(), Notify::new());
    let show = |sent, all| {
        if sent == all {
            gone.notify_one();
        }
    };
    tokio::select! {
        uploaded = client.upload(&path).used_as(MediaUse::Image).policy(policy).on_progress(show) => panic!("{uploaded:?}"),
        () = gone.notified() => {}
    }
    assert_nothing_committed(&emulator);
}

#[tokio::test]
async fn the_same_key_with_the_same_file_is_one_video_although_it_is_uploaded_twice() {
    let (emulator, files) = (emulator().await, Files::new());
    let (path, copy) = (files.png("panda.png", LARGE), files.png("copy.png", LARGE));
    let other = files.png("other.png", LARGE + 1);
    let submit = async |client: Client, path: &PathBuf| {
        let request = client.attach(panda_from(), Inputs::new().image(path)).await.unwrap();
        client.submit(Job::new(request).key("order-1")).await.unwrap().id().to_owned()
    };
    let first = submit(client(&emulator), &path).await;
    assert_eq!(submit(client(&emulator), &copy).await, first);
    assert_ne!(submit(client(&emulator), &other).await, first);
    assert_eq!((emulator.uploads().len(), emulator.ledger().len()), (3, 2));
}

#[tokio::test]
async fn an_uploaded_file_goes_where_rustc_has_checked_the_request() {
    let (emulator, files) = (emulator().await, Files::new());
    let client = client(&emulator);
    let first = client.upload(files.png("first.png", 100)).await.unwrap();
    let last = client.upload(files.png("last.png", 100)).await.unwrap();
    let request = video!(Kling::V2_1, image = &first, last_frame = &last, resolution = Resolution::P1080);
    client.submit(request).await.unwrap();
    assert!(first.url.unwrap().ends_with(&first.file_id));
}

#[tokio::test]
async fn a_file_that_this_emulator_would_have_must_be_there() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let error =
        client.submit(panda_from().image(Media::file_id("900000000000000001")).build().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("InvalidParameterValue.FileId"), "{error}");
    let last = panda_from().image("https://a/b.png").last_frame(Media::file_id("900000000000000001"));
    let error = client.submit(last.resolution(Resolution::P1080).build().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("InvalidParameterValue.FileId"), "{error}");
    client.submit(panda_from().image(Media::file_id("387702299774390972")).build().unwrap()).await.unwrap();
}

#[tokio::test]
async fn no_secret_of_an_upload_is_shown() {
    let (emulator, files) = (emulator().await, Files::new());
    let client = Arc::new(client(&emulator));
    let path = files.png("panda.png", 1000);
    let mut shown = format!("{:?}", client.upload(&path).await.unwrap());
    for fault in [
        unavailable(),
        Fault::Error { request: RequestEffect::Discarded, code: "AccessDenied".to_owned() },
        Fault::Refused,
    ] {
        emulator.clear_faults();
        on_put(&emulator, When::Every(1), fault);
        let error = client.upload(&path).await.unwrap_err();
        shown += &format!("{error} {error:?}");
    }
    let mut apply = vod_aigc_core::ApplyUploadRequest::new("png");
    apply.sub_app_id = Some(SUB_APP);
    let reply = client.call(apply).await.unwrap().value;
    shown += &format!("{reply:?} {client:?} {emulator:?}");
    assert!(!shown.contains("emulatorTemporary"), "{shown}");
    let keys = reply.temp_certificate.unwrap();
    assert!(keys.secret_key.unwrap().expose().starts_with("emulatorTemporary"), "the search could find something");
}
