//! Every unfinished job of a store is resumed at once, whatever became of it before.

use std::path::Path;
use std::sync::Arc;

use vod_aigc_client::{ClientBuilder, Job, JobState, MemoryStore, ResumeError, Resumed, ResumedTask};
use vod_aigc_core::{AigcVideoTask, CreateAigcCustomVoiceRequest, CreateAigcCustomVoiceTask};
use vod_aigc_emulator::Emulator;
use vod_aigc_transport::{Http, SendErrorKind, Sent};

use crate::support::*;

fn builder(emulator: &Emulator, store: &Arc<MemoryStore>) -> ClientBuilder {
    client_to(emulator, emulator.endpoint()).store(store.clone())
}

/// A store with a job whose output is named, one without a name, one whose request was never received, and one that makes no file.
async fn left_behind(emulator: &Emulator, named: &Path) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let client = builder(emulator, &store).build();
    client.submit(Job::new(panda()).key("named").output(named)).await.unwrap();
    client.submit(Job::new(panda()).key("unnamed")).await.unwrap();
    let voice = CreateAigcCustomVoiceRequest::new().voice_name("Kofi").voice_url("https://files.example/kofi.mp3");
    client.submit(Job::new(voice).key("voice")).await.unwrap();
    let unreachable: Arc<dyn Http> = Interposed::new(|_| Step::Fail(SendErrorKind::Connect, Sent::No));
    let client = builder(emulator, &store).transport(|it| it.http(unreachable)).build();
    client.submit(Job::new(panda()).key("not sent")).await.unwrap_err();
    store
}

fn of<'a>(resumed: &'a [Resumed], key: &str) -> &'a ResumedTask {
    let of_key = resumed.iter().find(|resumed| resumed.key == key).unwrap();
    of_key.result.as_ref().unwrap()
}

#[tokio::test]
async fn every_unfinished_job_of_the_store_is_finished() {
    let (emulator, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let named = folder.path().join("named.mp4");
    let store = left_behind(&emulator, &named).await;
    let client = builder(&emulator, &store).build();
    let resumed = client.resume_all().folder(folder.path()).await.unwrap();
    assert_eq!(resumed.len(), 4);
    assert_eq!(of(&resumed, "named").downloaded[0].path, named);
    for key in ["unnamed", "not sent"] {
        let resumed = of(&resumed, key);
        let file = folder.path().join(format!("{}.mp4", resumed.task.task_id));
        assert_eq!((resumed.downloaded[0].path.as_path(), resumed.downloaded.len()), (file.as_path(), 1));
        assert!(file.exists() && resumed.video().is_some() && resumed.finished::<AigcVideoTask>().is_some());
    }
    let voice = of(&resumed, "voice");
    assert!(voice.downloaded.is_empty() && voice.files.is_empty() && voice.video().is_none());
    assert!(voice.finished::<CreateAigcCustomVoiceTask>().is_some());
    assert_eq!(emulator.ledger().len(), 4, "each job is billed once");
    for job in store.jobs().iter().filter(|job| job.key != "voice") {
        assert!(matches!(job.state, JobState::Downloaded { .. }), "{job:?}");
    }
}

#[tokio::test]
async fn a_job_of_another_endpoint_is_left_as_it_is_and_no_folder_means_no_download() {
    let (emulator, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let store = left_behind(&emulator, &folder.path().join("named.mp4")).await;
    let elsewhere = client_to(&emulator, "http://127.0.0.1:9").store(store.clone()).build();
    for resumed in elsewhere.resume_all().await.unwrap() {
        assert!(matches!(resumed.result, Err(ResumeError::OtherEndpoint(_))), "{resumed:?}");
    }
    let resumed = builder(&emulator, &store).build().resume_all().await.unwrap();
    assert_eq!(of(&resumed, "named").downloaded.len(), 1);
    assert!(of(&resumed, "unnamed").downloaded.is_empty());
}
