//! The kinds of tasks: how each is called in replies and in events, and the shapes of its details.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vod_aigc_core::*;

/// The EventType of a task's end, and the member of the event that holds the task.
pub(crate) type EventNames = (&'static str, &'static str);

macro_rules! kinds {
    ($($kind:ident: $task:ty, $input:ty, $member:literal, $event:expr;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// The word of `TaskType`.
            pub(crate) fn task_type(self) -> &'static str {
                match self {
                    $(Self::$kind => <$task as AigcTask>::TASK_TYPE,)*
                }
            }

            /// The member of DescribeTaskDetail's reply that holds the details.
            pub(crate) fn member(self) -> &'static str {
                match self {
                    $(Self::$kind => $member,)*
                }
            }

            /// Not every kind has an event.
            pub(crate) fn event(self) -> Option<EventNames> {
                match self {
                    $(Self::$kind => $event,)*
                }
            }

            /// What of a request the details repeat.
            pub(crate) fn input(self, request: Value) -> Value {
                match self {
                    $(Self::$kind => shaped::<$input>(request),)*
                }
            }

            /// Those members of a task's details that this kind has.
            pub(crate) fn details(self, all: Value) -> Value {
                match self {
                    $(Self::$kind => shaped::<$task>(all),)*
                }
            }
        }
    };
}

kinds! {
    Video: AigcVideoTask, AigcVideoTaskInput, "AigcVideoTask",
        Some(("AigcVideoTaskComplete", "AigcVideoCompleteEvent"));
    Image: AigcImageTask, AigcImageTaskInput, "AigcImageTask",
        Some(("AigcImageTaskComplete", "AigcImageCompleteEvent"));
    // The description names no EventType of three kinds that have a member in events; it is taken to be the member's name.
    SceneImage: SceneAigcImageTask, SceneAigcImageTaskInput, "SceneAigcImageTask",
        Some(("SceneAigcImageCompleteEvent", "SceneAigcImageCompleteEvent"));
    SceneVideo: SceneAigcVideoTask, SceneAigcVideoTaskInput, "SceneAigcVideoTask", None;
    Redraw: AigcVideoRedrawTask, AigcVideoRedrawTaskInput, "AigcVideoRedrawTask", None;
    Audio: AigcAudioTask, AigcAudioTaskInput, "AigcAudioTask", None;
    Clone: CreateAigcAudioCloneTask, CreateAigcAudioCloneInput, "CreateAigcAudioCloneTask", None;
    Hunyuan3D: AigcHunyuan3DTask, AigcHunyuan3DTaskInput, "AigcHunyuan3DTask",
        Some(("AigcHunyuan3DTaskComplete", "AigcHunyuan3DCompleteEvent"));
    Element: CreateAigcAdvancedCustomElementTask, CreateAigcAdvancedCustomElementInput,
        "CreateAigcAdvancedCustomElementTask",
        Some(("CreateAigcAdvancedCustomElementCompleteEvent", "CreateAigcAdvancedCustomElementCompleteEvent"));
    Voice: CreateAigcCustomVoiceTask, CreateAigcCustomVoiceInput, "CreateAigcCustomVoiceTask",
        Some(("CreateAigcCustomVoiceCompleteEvent", "CreateAigcCustomVoiceCompleteEvent"));
    Subject: CreateAigcSubjectTask, CreateAigcSubjectInput, "CreateAigcSubjectTask", None;
    Faces: DescribeAigcFaceInfoAsyncTask, DescribeAigcFaceInfoAsyncInput, "DescribeAigcFaceInfoAsyncTask",
        Some(("DescribeAigcFaceInfoAsyncComplete", "DescribeAigcFaceInfoAsyncCompleteEvent"));
    // The details of this kind have no input; the request is kept for what its result repeats.
    Pull: PullUploadTask, Value, "PullUploadTask", Some(("PullComplete", "PullCompleteEvent"));
}

/// The members of `value` that the shape has. Read from bytes, as the client reads replies: reading every type from a
/// [`Value`] would add more code to the command.
fn shaped<T: DeserializeOwned + Serialize>(value: Value) -> Value {
    serde_json::from_slice::<T>(value.to_string().as_bytes()).and_then(serde_json::to_value).unwrap_or_default()
}
