//! One file that a task has made: where it is and what it is.

use std::path::Path;
use std::sync::Arc;

use vod_aigc_core::{AigcTask, DescribeTaskDetailResponse, MediaMetaData, OutputFile, TaskOutput as _, TaskState};

use crate::context::Context;
use crate::task_handle::TaskHandle;

/// One file that a task has made.
#[derive(Debug, Clone)]
pub struct ResultFile {
    context: Arc<Context>,
    task: Arc<TaskHandle>,
    index: usize,
    /// Whether the task has made no other.
    only: bool,
    told: Told,
    /// Reads the same file's metadata from a later reply.
    tell: fn(&DescribeTaskDetailResponse, usize) -> Option<Told>,
}

/// What the service says of a file. An empty text is `None`.
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
    /// All that a task of one kind has made.
    pub(crate) fn all<K: AigcTask>(context: &Arc<Context>, task: &Arc<TaskHandle>, output: &K::Output) -> Vec<Self> {
        let told = output.files();
        let only = told.iter().filter(|file| file.is_there()).count() == 1;
        let file = |(index, file): (usize, &OutputFile<'_>)| Self {
            context: context.clone(),
            task: task.clone(),
            index,
            only,
            told: Told::of(file),
            tell: tell::<K>,
        };
        told.iter().enumerate().map(file).collect()
    }

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

    /// The task that made it.
    pub(crate) fn task(&self) -> &TaskHandle {
        &self.task
    }

    /// Whether the task has made no other file.
    pub(crate) fn is_only(&self) -> bool {
        self.only
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The file's MD5 in hexadecimal, where the service gives one.
    pub(crate) fn md5(&self) -> Option<&str> {
        let md5 = self.about()?.md5.as_deref()?;
        (md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(md5)
    }

    /// The file as the service describes it now, with an address that is valid now.
    pub(crate) async fn describe_again(&self) -> Option<Self> {
        let reply = self.context.describe(&self.task).await.ok()?;
        let told = (self.tell)(&reply.value, self.index)?;
        Some(Self { told, ..self.clone() })
    }

    /// A name of letters, digits, `-` and `_`, whatever the service's words hold.
    pub(crate) fn name(&self) -> String {
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
