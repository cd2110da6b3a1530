//! What can be called: the actions by their names, and the files.

use serde::Deserialize;
use vod_aigc_core::{ActionSpec, Effect};

macro_rules! targets {
    ($($name:ident,)*) => {
        /// What is called: an action, or a file that was made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        #[non_exhaustive]
        pub enum Target {
            $(/// The action of this name.
            $name,)*
            /// A PUT of an object to storage. An [`Error`](crate::Fault::Error) is one of storage there, with status 403.
            PutObject,
            /// A GET of the video that a task has made.
            Video,
            /// A GET of the cover of such a video.
            Cover,
            /// A GET of any other file that was made.
            File,
        }

        impl Target {
            pub(crate) fn of_action(name: &[u8]) -> Option<Self> {
                $(if name == stringify!($name).as_bytes() {
                    return Some(Self::$name);
                })*
                None
            }

            /// The action as the rest of the workspace knows it; none for a file.
            pub(crate) fn action(self) -> Option<&'static ActionSpec> {
                let name = match self {
                    $(Self::$name => stringify!($name),)*
                    Self::PutObject | Self::Video | Self::Cover | Self::File => return None,
                };
                ActionSpec::find(name)
            }

            /// Whether it costs money.
            pub(crate) fn is_paid(self) -> bool {
                self.action().is_some_and(|action| action.effect == Effect::Paid)
            }
        }
    };
}

targets! {
    DescribeTaskDetail,
    DescribeTasks,
    ManageTask,
    PullEvents,
    ConfirmEvents,
    DescribeEventConfig,
    ModifyEventConfig,
    ApplyUpload,
    CommitUpload,
    CreateAigcCustomElement,
    DescribeAigcAdvancedCustomElements,
    DeleteAigcAdvancedCustomElement,
    DescribeAigcFaceInfo,
    CreateAigcQuota,
    ModifyAigcQuota,
    DeleteAigcQuota,
    DescribeAigcQuotas,
    CreateAigcApiToken,
    UpdateAigcApiToken,
    DeleteAigcApiToken,
    DescribeAigcApiTokens,
    DescribeAigcUsageData,
    CreateAigcVideoTask,
    CreateAigcImageTask,
    CreateSceneAigcImageTask,
    CreateSceneAigcVideoTask,
    CreateAigcVideoRedrawTask,
    CreateAigcHunyuan3DTask,
    CreateAigcAudioTask,
    CreateAigcAudioClone,
    CreateAigcAdvancedCustomElement,
    CreateAigcCustomVoice,
    CreateAigcSubject,
    DescribeAigcFaceInfoAsync,
    PullUpload,
}
