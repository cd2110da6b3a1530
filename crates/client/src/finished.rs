//! What a task has made: its files, where they are and what they are.

use std::path::Path;

use vod_aigc_core::{
    AigcTask, AigcVideoTask, AigcVideoTaskUsage, DescribeTaskDetailResponse, MediaMetaData, OutputFile,
    TaskOutput as _, TaskState,
};

use crate::download::{DownloadError, DownloadPolicy, Downloaded};
use crate::journal::JobState;
use crate::{Client, Task, TaskHandle};

/// What a task of one kind has made.
///
/// What is asked of it as a whole, such as [`url`](Self::url) or [`download`](Self::download), is asked of the first of its
/// files that can be had: most kinds make one. [`files`](Self::files) has all of them.
#[derive(Debug, Clone)]
pub struct Finished<K: AigcTask = AigcVideoTask> {
    client: Client,
    task: TaskHandle,
    output: K::Output,
    files: Vec<ResultFile>,
}

/// A finished video.
pub type Video = Finished<AigcVideoTask>;

impl<K: AigcTask> Finished<K> {
    pub(crate) fn new(task: &Task<K>, output: K::Output) -> Self {
        let (client, handle) = (task.client(), task.handle());
        let told = output.files();
        let only = told.iter().filter(|file| file.is_there()).count() == 1;
        let file = |(index, file): (usize, &OutputFile<'_>)| ResultFile {
            client: client.clone(),
            task: handle.clone(),
            index,
            only,
            told: Told::of(file),
            tell: tell::<K>,
        };
        let files = told.iter().enumerate().map(file).collect();
        Self { client: client.clone(), task: handle.clone(), output, files }
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
    pub async fn download(&self, path: impl AsRef<Path>) -> Result<Downloaded, DownloadError> {
        self.download_with(path, |_, _| {}).await
    }

    /// The same, showing the bytes so far and in all: see [`ResultFile::download_with`].
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
        self.file().ok_or(DownloadError::NoUrl)?.download_by(path, policy, show).await
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
            note(&self.client, &self.task, folder);
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

/// One file that a task has made.
#[derive(Debug, Clone)]
pub struct ResultFile {
    client: Client,
    task: TaskHandle,
    index: usize,
    /// Whether the task has made no other.
    only: bool,
    told: Told,
    /// Finds what a later reply tells of the same file.
    tell: fn(&DescribeTaskDetailResponse, usize) -> Option<Told>,
}

/// What the service tells of a file; empty texts are none.
#[derive(Debug, Clone)]
struct Told {
    url: Option<String>,
    file_id: Option<String>,
    media_type: Option<String>,
    meta_data: Option<MediaMetaData>,
}

impl Told {
    fn of(file: &OutputFile<'_>) -> Self {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            url: given(file.url),
            file_id: given(file.file_id),
            media_type: given(file.media_type),
            meta_data: file.meta_data.cloned(),
        }
    }
}

fn tell<K: AigcTask>(reply: &DescribeTaskDetailResponse, index: usize) -> Option<Told> {
    match reply.state_of::<K>() {
        TaskState::Succeeded(output) => output.files().get(index).map(Told::of),
        _ => None,
    }
}

impl ResultFile {
    /// Where to fetch it. Valid for seven days with temporary storage. `None` where it is only stored in VOD.
    pub fn url(&self) -> Option<&str> {
        self.told.url.as_deref()
    }

    /// Its VOD file id, with permanent storage.
    pub fn file_id(&self) -> Option<&str> {
        self.told.file_id.as_deref()
    }

    /// The kind of file in the service's word, for example `mp4`.
    pub fn media_type(&self) -> Option<&str> {
        self.told.media_type.as_deref()
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

    /// Its size in bytes.
    pub fn size(&self) -> Option<u64> {
        self.about()?.size?.try_into().ok()
    }

    /// A still picture of it, where the service gives one.
    pub fn cover_url(&self) -> Option<&str> {
        self.about()?.cover_url.as_deref()
    }

    /// Downloads it to `path`: streamed to a name beside it, resumed where the connection breaks, its length and its MD5
    /// checked where they are known, flushed to the disk, then renamed. Under `path` there is either the whole file or what
    /// was there before.
    ///
    /// The file comes over https, without credentials, from public addresses only; from this machine where the
    /// endpoint is on it. An address that has ended is asked for anew once. Dropping the future ends the download and
    /// removes what has come.
    ///
    /// # Errors
    /// What failed; the file stays where it is and can be downloaded again.
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
        // A job with several files is done when all of them are there.
        if self.only {
            note(&self.client, &self.task, &downloaded.path);
        }
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

    /// The file as the service describes it now, with an address that is valid now.
    pub(crate) async fn describe_again(&self) -> Option<Self> {
        let reply = self.client.describe(&self.task).await.ok()?;
        let told = (self.tell)(&reply.value, self.index)?;
        Some(Self { told, ..self.clone() })
    }

    /// A name of letters, digits, `-` and `_`, whatever the service's words hold.
    fn name(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        let id: String = self.task.task_id.chars().map(safe).collect();
        let number = if self.only { String::new() } else { format!("-{}", self.index + 1) };
        let path = self.url().and_then(|url| url.split(['?', '#']).next()).unwrap_or_default();
        let extension = self.media_type().or_else(|| Path::new(path).extension()?.to_str());
        let fits = |word: &&str| (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        format!("{id}{number}.{}", extension.filter(fits).unwrap_or("bin").to_ascii_lowercase())
    }

    fn about(&self) -> Option<&MediaMetaData> {
        self.told.meta_data.as_ref()
    }
}

/// Writes down that all that the task has made is on the disk.
fn note(client: &Client, task: &TaskHandle, path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    client.note(task, &JobState::Downloaded { task_id: task.task_id.clone(), path });
}
