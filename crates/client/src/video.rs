//! The finished video: where it is and what it is.

use std::path::Path;

use vod_aigc_core::{AigcVideoTaskOutput, AigcVideoTaskOutputFileInfo, AigcVideoTaskUsage, MediaMetaData, TaskState};

use crate::download::{DownloadError, DownloadPolicy, Downloaded};
use crate::journal::JobState;
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

    /// Downloads it to `path`: streamed to a name beside it, resumed where the connection breaks, its length and its MD5
    /// checked where they are known, flushed to the disk, then renamed. Under `path` there is either the whole video or what
    /// was there before.
    ///
    /// The file comes over https, without credentials, from public addresses only; from this machine where the
    /// endpoint is on it. An address that has ended is asked for anew once. Dropping the future ends the download and
    /// removes what has come.
    ///
    /// # Errors
    /// What failed; the video stays where it is and can be downloaded again.
    pub async fn download(&self, path: impl AsRef<Path>) -> Result<Downloaded, DownloadError> {
        self.download_with(path, |_, _| {}).await
    }

    /// The same, showing the bytes so far and in all, where the server says it. A server that does not resume begins
    /// anew, so the bytes so far may become fewer.
    ///
    /// # Errors
    /// As [`download`](Self::download).
    pub async fn download_with(
        &self,
        path: impl AsRef<Path>,
        show: impl FnMut(u64, Option<u64>),
    ) -> Result<Downloaded, DownloadError> {
        self.download_by(path, &DownloadPolicy::default(), show).await
    }

    /// The same by another policy.
    ///
    /// # Errors
    /// As [`download`](Self::download).
    pub async fn download_by(
        &self,
        path: impl AsRef<Path>,
        policy: &DownloadPolicy,
        show: impl FnMut(u64, Option<u64>),
    ) -> Result<Downloaded, DownloadError> {
        let downloaded = crate::download::download(self, path.as_ref(), policy, show).await?;
        let path = std::path::absolute(&downloaded.path).unwrap_or_else(|_| downloaded.path.clone());
        self.client.note(&self.task, JobState::Downloaded { task_id: self.task.task_id.clone(), path });
        Ok(downloaded)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The file's MD5 in hexadecimal, where the service gives one.
    pub(crate) fn md5(&self) -> Option<&str> {
        let md5 = self.about()?.md5.as_deref()?;
        (md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(md5)
    }

    /// The video as the service describes it now, with an address that is valid now.
    pub(crate) async fn describe_again(&self) -> Option<Self> {
        let reply = self.client.describe(&self.task).await.ok()?;
        match reply.value.state() {
            TaskState::Succeeded(output) => Some(Self { output: output.clone(), ..self.clone() }),
            _ => None,
        }
    }

    fn file(&self) -> Option<&AigcVideoTaskOutputFileInfo> {
        self.output.file()
    }

    fn about(&self) -> Option<&MediaMetaData> {
        self.file()?.meta_data.as_ref()
    }
}
