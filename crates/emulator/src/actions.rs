//! The actions: one line each, from the name to the function that answers.

mod account;
mod audio;
mod elements;
mod events;
mod face;
mod hunyuan3d;
mod image;
mod list;
mod pull_upload;
mod redraw;
mod scene;
mod tasks;
mod video;

pub(crate) use account::{Quotas, Tokens};
pub(crate) use events::EventConfigs;

use std::sync::MutexGuard;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vod_aigc_core::{Action, Effect, KnownAction};

use crate::fault::Fault;
use crate::kind::Kind;
use crate::refusal::{Refusal, read};
use crate::service::{Service, locked};
use crate::start::{Plan, start};
use crate::store::Store;
use crate::tasks::LedgerEntry;
use crate::upload;

/// One call of an action, which has come through the checks that all share.
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service,
    pub(crate) target: Target,
    pub(crate) body: &'a [u8],
    pub(crate) request_id: &'a str,
    pub(crate) now: SystemTime,
    pub(crate) faults: &'a [Fault],
}

impl Call<'_> {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.service.store)
    }

    /// The name of the action.
    pub(crate) fn action(&self) -> &'static str {
        self.target.action().map_or("", |action| action.name)
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.target.is_paid()
    }

    /// What stands in the ledger for something that was made without a task.
    fn paid(&self, id: &str, sub_app_id: u64) -> LedgerEntry {
        LedgerEntry {
            action: self.action(),
            task_id: id.to_owned(),
            session_id: None,
            session_context: None,
            request_id: self.request_id.to_owned(),
            model: String::new(),
            sub_app_id,
            time: self.now,
            failure: None,
            billed: self.is_paid(),
        }
    }

    /// Answers with what a function makes of the request.
    fn answer<R: Action + DeserializeOwned>(
        &self,
        by: fn(&Self, &R, &Value) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let (request, value) = read(self.body)?;
        by(self, &request, &value)
    }

    /// Starts the task that a function plans from the request.
    fn start<R: Action + DeserializeOwned>(
        &self,
        kind: Kind,
        plan: fn(&Self, &R) -> Result<Plan, Refusal>,
    ) -> Result<Value, Refusal> {
        start(self, kind, || {
            let (request, value) = read(self.body)?;
            Ok((plan(self, &request)?, value))
        })
    }
}

/// Declares what can be called, and what answers each action: a function of the request or, where it starts a task, the
/// kind of task and the function that plans it.
macro_rules! actions {
    (
        answered { $($answered:ident => $by:path,)* }
        started { $($started:ident => $kind:ident, $plan:path,)* }
    ) => {
        /// What is called: an action, or a file that was made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        #[non_exhaustive]
        pub enum Target {
            $(/// The action of this name.
            $answered,)*
            $(/// The action of this name.
            $started,)*
            /// A PUT of an object to storage. An [`Error`](Fault::Error) is one of storage there, with status 403.
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
                $(if name == stringify!($started).as_bytes() {
                    return Some(Self::$started);
                })*
                $(if name == stringify!($answered).as_bytes() {
                    return Some(Self::$answered);
                })*
                None
            }

            /// The action as the rest of the workspace knows it; none for a file.
            pub(crate) fn action(self) -> Option<&'static KnownAction> {
                let name = match self {
                    $(Self::$answered => stringify!($answered),)*
                    $(Self::$started => stringify!($started),)*
                    Self::PutObject | Self::Video | Self::Cover | Self::File => return None,
                };
                KnownAction::find(name)
            }

            /// Whether it costs money.
            pub(crate) fn is_paid(self) -> bool {
                self.action().is_some_and(|action| action.effect == Effect::Paid)
            }
        }

        /// The members of `Response` beside the RequestId.
        pub(crate) fn answer(call: &Call<'_>) -> Result<Value, Refusal> {
            match call.target {
                $(Target::$answered => call.answer($by),)*
                $(Target::$started => call.start(Kind::$kind, $plan),)*
                Target::PutObject | Target::Video | Target::Cover | Target::File => {
                    Err(Refusal::new("InvalidAction", "a file is no action; fetch it by its address"))
                }
            }
        }
    };
}

actions! {
    answered {
        DescribeTaskDetail => tasks::describe,
        DescribeTasks => list::page,
        ManageTask => tasks::manage,
        PullEvents => events::pull,
        ConfirmEvents => events::confirm,
        DescribeEventConfig => events::config,
        ModifyEventConfig => events::configure,
        ApplyUpload => upload::apply,
        CommitUpload => upload::commit,
        CreateAigcCustomElement => elements::custom,
        DescribeAigcAdvancedCustomElements => elements::list,
        DeleteAigcAdvancedCustomElement => elements::delete,
        DescribeAigcFaceInfo => face::look,
        CreateAigcQuota => account::create_quota,
        ModifyAigcQuota => account::modify_quota,
        DeleteAigcQuota => account::delete_quota,
        DescribeAigcQuotas => account::quotas,
        CreateAigcApiToken => account::create_token,
        UpdateAigcApiToken => account::update_token,
        DeleteAigcApiToken => account::delete_token,
        DescribeAigcApiTokens => account::tokens,
        DescribeAigcUsageData => account::usage,
    }
    started {
        CreateAigcVideoTask => Video, video::plan,
        CreateAigcImageTask => Image, image::plan,
        CreateSceneAigcImageTask => SceneImage, scene::image,
        CreateSceneAigcVideoTask => SceneVideo, scene::video,
        CreateAigcVideoRedrawTask => Redraw, redraw::plan,
        CreateAigcHunyuan3DTask => Hunyuan3D, hunyuan3d::plan,
        CreateAigcAudioTask => Audio, audio::sound,
        CreateAigcAudioClone => Clone, audio::clone,
        CreateAigcAdvancedCustomElement => Element, elements::advanced,
        CreateAigcCustomVoice => Voice, elements::voice,
        CreateAigcSubject => Subject, elements::subject,
        DescribeAigcFaceInfoAsync => Faces, face::plan,
        PullUpload => Pull, pull_upload::plan,
    }
}
