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
        given(self.url) || given(self.file_id)
    }
}

/// The service writes an empty text where it has nothing.
fn given(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
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
    #[cfg(feature = "audio")]
    AigcAudioTaskOutputFileInfo,
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

#[cfg(feature = "audio")]
impl TaskOutput for AigcAudioTaskOutput {
    fn files(&self) -> Vec<OutputFile<'_>> {
        self.audio_infos.iter().chain(&self.video_infos).flatten().map(OutputFile::from).collect()
    }
}

#[cfg(feature = "audio")]
impl TaskOutput for CreateAigcAudioCloneOutput {
    /// The spoken sample.
    fn files(&self) -> Vec<OutputFile<'_>> {
        self.demo_audio.iter().map(|url| OutputFile { url: Some(url), ..Default::default() }).collect()
    }

    fn is_there(&self) -> bool {
        given(self.voice_id.as_deref())
    }
}

#[cfg(feature = "upload")]
impl TaskOutput for PullUploadTask {
    fn files(&self) -> Vec<OutputFile<'_>> {
        vec![OutputFile {
            url: self.file_url.as_deref(),
            file_id: self.file_id.as_deref(),
            media_type: self.media_basic_info.as_ref().and_then(|info| info.type_.as_deref()),
            storage_mode: None,
            meta_data: self.meta_data.as_ref(),
        }]
    }
}

/// The outputs that are things with an id, and no files.
#[cfg(any(feature = "elements", feature = "face"))]
macro_rules! things {
    ($($gate:literal $output:ty: |$this:ident| $ids:expr;)*) => {$(
        #[cfg(feature = $gate)]
        impl TaskOutput for $output {
            fn files(&self) -> Vec<OutputFile<'_>> {
                Vec::new()
            }

            fn is_there(&self) -> bool {
                let $this = self;
                $ids.any(|id| given(id.as_deref()))
            }
        }
    )*};
}

#[cfg(any(feature = "elements", feature = "face"))]
things! {
    "elements" CreateAigcSubjectOutput: |it| [&it.subject_id].into_iter();
    "elements" CreateAigcAdvancedCustomElementOutput: |it| it.info_list.iter().flatten().map(|it| &it.element_id);
    "elements" CreateAigcCustomVoiceOutput: |it| it.info_list.iter().flatten().map(|it| &it.voice_id);
    "face" DescribeAigcFaceInfoAsyncOutput: |it| it.face_info_set.iter().flatten().map(|it| &it.session_id);
}
