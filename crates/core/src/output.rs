//! What a task has made, whatever its kind: files, or things that have an id.

use std::fmt;

use crate::generated::*;

/// What a kind of task makes.
pub trait TaskOutput: fmt::Debug + Clone + PartialEq {
    /// The files, in the service's order; none where the kind makes no files.
    fn files(&self) -> Vec<OutputFile<'_>>;

    /// Whether there is a result: a file that can be had or, for kinds that make no files, the id of what was made.
    fn is_there(&self) -> bool {
        self.files().iter().any(OutputFile::is_there)
    }
}

/// One file that a task has made, as far as its kind describes files.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct OutputFile<'a> {
    /// Where to fetch it. Valid for seven days with temporary storage.
    pub url: Option<&'a str>,
    /// The VOD file id, when stored.
    pub file_id: Option<&'a str>,
    /// The kind of file in the service's word `FileType`, for example `mp4`.
    pub media_type: Option<&'a str>,
    /// How long it is kept.
    pub storage_mode: Option<&'a StorageMode>,
    /// Size, length and streams.
    pub meta_data: Option<&'a MediaMetaData>,
}

impl OutputFile<'_> {
    /// Whether it can be had: by URL or by file id.
    pub fn is_there(&self) -> bool {
        let given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        given(self.url) || given(self.file_id)
    }
}

/// The shapes of files that VOD can store.
macro_rules! stored_file {
    ($($(#[$gate:meta])* $shape:ty,)*) => {$(
        $(#[$gate])*
        impl<'a> From<&'a $shape> for OutputFile<'a> {
            fn from(file: &'a $shape) -> Self {
                Self {
                    url: file.file_url.as_deref(),
                    file_id: file.file_id.as_deref(),
                    media_type: file.file_type.as_deref(),
                    storage_mode: file.storage_mode.as_ref(),
                    meta_data: file.meta_data.as_ref(),
                }
            }
        }
    )*};
}

stored_file! {
    AigcVideoTaskOutputFileInfo,
    #[cfg(feature = "image")]
    AigcImageTaskOutputFileInfo,
    #[cfg(feature = "scene")]
    SceneAigcImageTaskOutputFileInfo,
    #[cfg(feature = "redraw")]
    AigcVideoRedrawOutputFileInfo,
}

#[cfg(feature = "hunyuan-3d")]
impl<'a> From<&'a AigcHunyuan3DTaskOutputFileInfo> for OutputFile<'a> {
    fn from(file: &'a AigcHunyuan3DTaskOutputFileInfo) -> Self {
        Self {
            url: file.file_url.as_deref(),
            media_type: file.file_type.as_deref(),
            storage_mode: file.storage_mode.as_ref(),
            ..Self::default()
        }
    }
}

/// The outputs that are a list of files.
macro_rules! files {
    ($($(#[$gate:meta])* $output:ty,)*) => {$(
        $(#[$gate])*
        impl TaskOutput for $output {
            fn files(&self) -> Vec<OutputFile<'_>> {
                self.file_infos.iter().flatten().map(OutputFile::from).collect()
            }
        }
    )*};
}

files! {
    AigcVideoTaskOutput,
    #[cfg(feature = "image")]
    AigcImageTaskOutput,
    #[cfg(feature = "scene")]
    SceneAigcImageTaskOutput,
    #[cfg(feature = "scene")]
    SceneAigcVideoTaskOutput,
    #[cfg(feature = "hunyuan-3d")]
    AigcHunyuan3DTaskOutput,
}

#[cfg(feature = "redraw")]
impl TaskOutput for AigcVideoRedrawTaskOutput {
    fn files(&self) -> Vec<OutputFile<'_>> {
        self.file_info.iter().map(OutputFile::from).collect()
    }
}
