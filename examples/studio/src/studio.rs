//! What the program does with a client: it orders the shots of a film and brings them home.

use std::path::Path;

use futures_util::future::join_all;
use vod_aigc_client::core::{Kling, RequestError, VideoRequest};
use vod_aigc_client::store::StoreError;
use vod_aigc_client::{Client, Job, SubmitError, Task};

/// How many shots a film has.
pub(crate) const SHOTS: usize = 20;

/// The request of one shot.
fn shot(number: usize) -> Result<VideoRequest, RequestError> {
    VideoRequest::builder(Kling::V2_1).prompt(format!("a panda in a bamboo forest, shot {number}")).build()
}

/// Orders every shot at once. The key of each is its number, so that ordering again costs nothing.
pub(crate) async fn order(client: &Client, folder: &Path) -> Vec<Result<Task, SubmitError>> {
    let orders = (1..=SHOTS).map(|number| async move {
        let request = shot(number).map_err(SubmitError::Refused)?;
        let output = folder.join(format!("shot-{number:02}.mp4"));
        client.submit(Job::new(request).key(format!("shot-{number}")).label("panda").output(output)).await
    });
    join_all(orders).await
}

/// The results of a night's work.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) downloaded: usize,
    pub(crate) failed: Vec<String>,
}

/// Finishes every shot that is not finished, whatever happened to the process that ordered it.
pub(crate) async fn finish(client: &Client) -> Result<Report, StoreError> {
    let mut report = Report::default();
    for shot in client.resume_all().await? {
        match shot.result {
            Ok(done) => report.downloaded += done.downloaded.len(),
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                tracing::warn!(key = shot.key, kind = error.kind(), billed = %error.billed(), hint, "{error}");
                report.failed.push(shot.key);
            }
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use vod_aigc_client::store::MemoryStore;
    use vod_aigc_emulator::{Fault, FaultRule, RequestEffect, Target, Timing, When};
    use vod_aigc_testing::SimulatedService;

    use super::*;

    // The clock is moved: an hour of queueing takes no time at all.
    #[tokio::test]
    async fn twenty_shots_are_billed_once_each_and_downloaded() {
        let timing = Timing { waiting: Duration::from_secs(3600), ..Timing::default() };
        // Every fifth answer is lost on its way.
        let lost = FaultRule::new(
            Target::CreateAigcVideoTask,
            When::Every(5),
            Fault::Reset { request: RequestEffect::Applied },
        );
        let service = SimulatedService::start_with(|emulator| emulator.timing(timing).fault(lost)).await.unwrap();
        let mut patient = vod_aigc_client::WaitPolicy::default();
        patient.deadline = Duration::from_secs(2 * 3600);
        let client = service.client().store(Arc::new(MemoryStore::new())).wait_policy(patient).build();
        let folder = tempfile::tempdir().unwrap();

        let ordered = order(&client, folder.path()).await;
        assert!(ordered.iter().all(Result::is_ok), "{ordered:?}");
        assert_eq!(finish(&client).await.unwrap(), Report { downloaded: SHOTS, failed: Vec::new() });
        assert_eq!(service.emulator().ledger().iter().filter(|entry| entry.billed).count(), SHOTS);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), SHOTS);
    }

    #[tokio::test]
    async fn a_shot_that_is_cancelled_in_the_queue_is_not_billed() {
        let timing = Timing { waiting: Duration::from_secs(600), ..Timing::default() };
        let service = SimulatedService::start_with(|emulator| emulator.timing(timing)).await.unwrap();
        let client = service.client().store(Arc::new(MemoryStore::new())).build();
        let folder = tempfile::tempdir().unwrap();
        let ordered = order(&client, folder.path()).await;
        ordered[6].as_ref().unwrap().cancel().await.unwrap();
        let report = finish(&client).await.unwrap();
        assert_eq!((report.downloaded, report.failed.as_slice()), (SHOTS - 1, &["shot-7".to_owned()][..]));
        assert_eq!(service.emulator().ledger().iter().filter(|entry| entry.billed).count(), SHOTS - 1);
    }
}
