//! What a task has made, whatever its kind: files, or things that have an id.

use std::fmt;

use crate::generated::*;
use crate::sealed;

/// What a kind of task makes. Sealed: the results of this crate's kinds implement it.
pub trait TaskOutput: sealed::Output + fmt::Debug + Clone + PartialEq {
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
        impl sealed::Output for $output {}
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
impl sealed::Output for AigcVideoRedrawTaskOutput {}
#[cfg(feature = "redraw")]
impl TaskOutput for AigcVideoRedrawTaskOutput {
    fn files(&self) -> Vec<OutputFile<'_>> {
        self.file_info.iter().map(OutputFile::from).collect()
    }
}

#[cfg(feature = "audio")]
impl sealed::Output for AigcAudioTaskOutput {}
#[cfg(feature = "audio")]
impl TaskOutput for AigcAudioTaskOutput {
    fn files(&self) -> Vec<OutputFile<'_>> {
        self.audio_infos.iter().chain(&self.video_infos).flatten().map(OutputFile::from).collect()
    }
}

#[cfg(feature = "audio")]
impl sealed::Output for CreateAigcAudioCloneOutput {}
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
impl sealed::Output for PullUploadTask {}
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
        impl sealed::Output for $output {}
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

#[cfg(all(test, feature = "full"))]
mod tests {
    use super::*;
    use crate::{AigcTask, TaskState};

    /// The same end of a task of kind `K` with what it makes and without it; returns the files made.
    #[track_caller]
    fn ends<K: AigcTask>(member: &str, with: &str, without: &str) -> Vec<String> {
        let reply = |details: &str| -> DescribeTaskDetailResponse {
            let details = format!(r#"{{"Status":"FINISH","ErrCode":0,"Message":"",{details}}}"#);
            let json = format!(r#"{{"TaskType":"{}","Status":"FINISH","{member}":{details}}}"#, K::TASK_TYPE);
            serde_json::from_str(&json).expect("the reply parses")
        };
        assert!(matches!(reply(without).state_of::<K>(), TaskState::Failed(_)), "{without}");
        let done = reply(with);
        let TaskState::Succeeded(output) = done.state_of::<K>() else {
            panic!("{with}: {:?}", done.state_of::<K>());
        };
        output.files().iter().filter_map(|file| file.url).map(str::to_owned).collect()
    }

    #[test]
    fn a_thing_with_an_id_is_a_result_and_a_thing_without_is_none() {
        for files in [
            ends::<CreateAigcSubjectTask>(
                "CreateAigcSubjectTask",
                r#""Output":{"SubjectId":"s"}"#,
                r#""Output":{"SubjectId":"","SubjectInfo":"{}"}"#,
            ),
            ends::<CreateAigcAdvancedCustomElementTask>(
                "CreateAigcAdvancedCustomElementTask",
                r#""Output":{"InfoList":[{"ElementId":""},{"ElementId":"e"}]}"#,
                r#""Output":{"InfoList":[{"ElementInfo":"{}"}]}"#,
            ),
            ends::<CreateAigcCustomVoiceTask>(
                "CreateAigcCustomVoiceTask",
                r#""Output":{"InfoList":[{"VoiceId":"v"}]}"#,
                r#""Output":{"InfoList":[]}"#,
            ),
            ends::<DescribeAigcFaceInfoAsyncTask>(
                "DescribeAigcFaceInfoAsyncTask",
                r#""Output":{"FaceInfoSet":[{"SessionId":"f","FaceInfoList":[{"FaceId":"0"}]}]}"#,
                r#""Output":{"FaceInfoSet":null}"#,
            ),
        ] {
            assert!(files.is_empty(), "{files:?}");
        }
    }

    #[test]
    fn a_cloned_voice_is_its_id_and_shows_its_sample() {
        let sample = "https://a/sample.mp3";
        let files = ends::<CreateAigcAudioCloneTask>(
            "CreateAigcAudioCloneTask",
            &format!(r#""Output":{{"VoiceId":"v","DemoAudio":"{sample}"}}"#),
            &format!(r#""Output":{{"DemoAudio":"{sample}"}}"#),
        );
        assert_eq!(files, [sample]);
    }

    #[test]
    fn sounds_come_before_the_videos_that_hold_them() {
        let files = ends::<AigcAudioTask>(
            "AigcAudioTask",
            r#""Output":{"VideoInfos":[{"FileUrl":"https://a/b.mp4"}],"AudioInfos":[{"FileUrl":"https://a/b.mp3"}]}"#,
            r#""Output":{"AudioInfos":[{"FileType":"mp3"}],"VideoInfos":[]}"#,
        );
        assert_eq!(files, ["https://a/b.mp3", "https://a/b.mp4"]);
    }

    #[test]
    fn a_pulled_file_stands_beside_the_status_of_its_task() {
        let files = ends::<PullUploadTask>(
            "PullUploadTask",
            r#""FileId":"1","FileUrl":"https://a/b.mp4","MediaBasicInfo":{"Type":"mp4"}"#,
            r#""FileId":"","MediaBasicInfo":null"#,
        );
        assert_eq!(files, ["https://a/b.mp4"]);
    }
}
