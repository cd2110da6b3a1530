//! What a task has made.

use std::path::Path;
use std::sync::Arc;

use vod_aigc_core::{AigcTask, AigcVideoTask, AigcVideoTaskUsage};

use crate::context::Context;
use crate::download::{Download, DownloadError, Downloaded, record_download};
use crate::result_file::ResultFile;
use crate::task_handle::TaskHandle;

/// What a task of one kind has made.
///
/// What is asked of it as a whole, such as [`url`](Self::url) or [`download`](Self::download), is asked of the first of its
/// files that can be had: most kinds make one. [`files`](Self::files) has all of them.
#[derive(Debug, Clone)]
pub struct Finished<K: AigcTask = AigcVideoTask> {
    context: Arc<Context>,
    task: Arc<TaskHandle>,
    output: K::Output,
    files: Vec<ResultFile>,
}

/// A finished video.
pub type Video = Finished<AigcVideoTask>;

impl<K: AigcTask> Finished<K> {
    pub(crate) fn new(context: &Arc<Context>, task: &Arc<TaskHandle>, output: K::Output) -> Self {
        let files = ResultFile::all::<K>(context, task, &output);
        Self { context: context.clone(), task: task.clone(), output, files }
    }

    /// The task that made it.
    pub fn task(&self) -> &TaskHandle {
        &self.task
    }

    /// Everything that the service says of the result.
    pub fn output(&self) -> &K::Output {
        &self.output
    }

    /// Its files, in the service's order; none where the kind makes something else than files.
    pub fn files(&self) -> &[ResultFile] {
        &self.files
    }

    /// The first of its files that can be had: by URL or by file id.
    pub fn file(&self) -> Option<&ResultFile> {
        self.files.iter().find(|file| file.url().is_some() || file.file_id().is_some())
    }

    /// Where to fetch it. Valid for seven days with temporary storage. `None` where it is only stored in VOD.
    pub fn url(&self) -> Option<&str> {
        self.file()?.url()
    }

    /// Its VOD file id, with permanent storage.
    pub fn file_id(&self) -> Option<&str> {
        self.file()?.file_id()
    }

    /// Its width in pixels.
    pub fn width(&self) -> Option<u32> {
        self.file()?.width()
    }

    /// Its height in pixels.
    pub fn height(&self) -> Option<u32> {
        self.file()?.height()
    }

    /// Its length in seconds.
    pub fn duration(&self) -> Option<f64> {
        self.file()?.duration()
    }

    /// Its file in bytes.
    pub fn size(&self) -> Option<u64> {
        self.file()?.size()
    }

    /// A still picture of it, where the service gives one.
    pub fn cover_url(&self) -> Option<&str> {
        self.file()?.cover_url()
    }

    /// Downloads the first of its files that can be had: see [`ResultFile::download`].
    ///
    /// # Errors
    /// What failed; the file stays where it is and can be downloaded again.
    pub fn download(&self, path: impl AsRef<Path>) -> Download<'static> {
        Download::new(self.file().cloned(), path.as_ref())
    }

    /// The first of its files that can be had, in memory: see [`ResultFile::bytes`].
    ///
    /// # Errors
    /// What failed; the file can be fetched again.
    pub async fn bytes(&self, largest: u64) -> Result<Vec<u8>, DownloadError> {
        self.file().ok_or(DownloadError::NoUrl)?.bytes(largest).await
    }

    /// Downloads every file that has a URL into `folder`, named after the task, with its number where there are several.
    /// One that was downloaded before is replaced.
    ///
    /// # Errors
    /// As [`download`](Self::download), for the first file that failed; those before it are there.
    pub async fn download_all(&self, folder: impl AsRef<Path>) -> Result<Vec<Downloaded>, DownloadError> {
        let folder = folder.as_ref();
        let mut downloaded = Vec::new();
        for file in self.files.iter().filter(|file| file.url().is_some()) {
            downloaded.push(file.download(folder.join(file.name())).await?);
        }
        if downloaded.is_empty() {
            return Err(DownloadError::NoUrl);
        }
        if downloaded.len() > 1 {
            record_download(&self.context, &self.task, folder).await;
        }
        Ok(downloaded)
    }
}

impl Video {
    /// What is billed.
    pub fn usage(&self) -> Option<&AigcVideoTaskUsage> {
        self.output.usage.as_ref()
    }
}
