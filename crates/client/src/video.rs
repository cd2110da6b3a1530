//! The finished video: where it is and what it is.

use std::path::Path;

use vod_aigc_core::{AigcVideoTaskOutput, AigcVideoTaskOutputFileInfo, AigcVideoTaskUsage, MediaMetaData};

use crate::download::{DownloadError, Downloaded};
use crate::{Client, Task, TaskHandle};

/// A finished video.
#[derive(Debug, Clone)]
pub struct Video {
    client: Client,
    task: TaskHandle,
    output: AigcVideoTaskOutput,
}

impl Video {
    pub(crate) fn new(task: &Task, output: AigcVideoTaskOutput) -> Self {
        Self { client: task.client().clone(), task: task.handle().clone(), output }
    }

    /// The task that made it.
    pub fn task(&self) -> &TaskHandle {
        &self.task
    }

    /// Where to fetch it. Valid for seven days with temporary storage. `None` where it is only stored in VOD.
    pub fn url(&self) -> Option<&str> {
        self.file()?.file_url.as_deref().filter(|url| !url.is_empty())
    }

    /// Its VOD file id, with permanent storage.
    pub fn file_id(&self) -> Option<&str> {
        self.file()?.file_id.as_deref().filter(|id| !id.is_empty())
    }

    /// Its width in pixels.
    pub fn width(&self) -> Option<u32> {
        self.about()?.width?.try_into().ok()
    }

    /// Its height in pixels.
    pub fn height(&self) -> Option<u32> {
        self.about()?.height?.try_into().ok()
    }

    /// Its length in seconds.
    pub fn duration(&self) -> Option<f64> {
        self.about()?.duration
    }

    /// Its file in bytes.
    pub fn size(&self) -> Option<u64> {
        self.about()?.size?.try_into().ok()
    }

    /// A still picture of it, where the service gives one.
    pub fn cover_url(&self) -> Option<&str> {
        self.about()?.cover_url.as_deref()
    }

    /// What is billed.
    pub fn usage(&self) -> Option<&AigcVideoTaskUsage> {
        self.output.usage.as_ref()
    }

    /// Everything that the service says of the result.
    pub fn output(&self) -> &AigcVideoTaskOutput {
        &self.output
    }

    /// Downloads it to `path`: streamed to a temporary name beside it, its length checked, flushed to the disk, then
    /// renamed. Under `path` there is either the whole video or what was there before.
    ///
    /// # Errors
    /// What failed; the video stays where it is and can be downloaded again.
    pub async fn download(&self, path: impl AsRef<Path>) -> Result<Downloaded, DownloadError> {
        self.download_with(path, |_, _| {}).await
    }

    /// The same, showing the bytes so far and in all, where the server says it.
    ///
    /// # Errors
    /// As [`download`](Self::download).
    pub async fn download_with(
        &self,
        path: impl AsRef<Path>,
        show: impl FnMut(u64, Option<u64>),
    ) -> Result<Downloaded, DownloadError> {
        let url = self.url().ok_or(DownloadError::NoUrl)?;
        crate::download::download(self.client.http(), url, self.size(), path.as_ref(), show).await
    }

    fn file(&self) -> Option<&AigcVideoTaskOutputFileInfo> {
        self.output.file()
    }

    fn about(&self) -> Option<&MediaMetaData> {
        self.file()?.meta_data.as_ref()
    }
}
