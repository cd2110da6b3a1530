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
mod upload;
mod video;

use serde::de::DeserializeOwned;
use serde_json::Value;
use vod_aigc_core::Action;

use crate::call::Call;
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::start::{Plan, start};
use crate::target::Target;

/// Answers with what a function makes of the request.
fn answered<R: Action + DeserializeOwned>(
    call: &Call<'_>,
    by: fn(&Call<'_>, &R, &Value) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let (request, value) = call.request()?;
    by(call, &request, &value)
}

/// Starts the task that a function plans from the request.
fn started<R: Action + DeserializeOwned>(
    call: &Call<'_>,
    kind: Kind,
    plan: fn(&Call<'_>, &R) -> Result<Plan, Refusal>,
) -> Result<Value, Refusal> {
    start(call, kind, || {
        let (request, value) = call.request()?;
        Ok((plan(call, &request)?, value))
    })
}

/// The members of `Response` beside the RequestId.
pub(crate) fn answer(call: &Call<'_>) -> Result<Value, Refusal> {
    match call.target {
        Target::DescribeTaskDetail => answered(call, tasks::describe),
        Target::DescribeTasks => answered(call, list::page),
        Target::ManageTask => answered(call, tasks::manage),
        Target::PullEvents => answered(call, events::pull),
        Target::ConfirmEvents => answered(call, events::confirm),
        Target::DescribeEventConfig => answered(call, events::config),
        Target::ModifyEventConfig => answered(call, events::configure),
        Target::ApplyUpload => answered(call, upload::apply),
        Target::CommitUpload => answered(call, upload::commit),
        Target::CreateAigcCustomElement => answered(call, elements::custom),
        Target::DescribeAigcAdvancedCustomElements => answered(call, elements::list),
        Target::DeleteAigcAdvancedCustomElement => answered(call, elements::delete),
        Target::DescribeAigcFaceInfo => answered(call, face::look),
        Target::CreateAigcQuota => answered(call, account::create_quota),
        Target::ModifyAigcQuota => answered(call, account::modify_quota),
        Target::DeleteAigcQuota => answered(call, account::delete_quota),
        Target::DescribeAigcQuotas => answered(call, account::quotas),
        Target::CreateAigcApiToken => answered(call, account::create_token),
        Target::UpdateAigcApiToken => answered(call, account::update_token),
        Target::DeleteAigcApiToken => answered(call, account::delete_token),
        Target::DescribeAigcApiTokens => answered(call, account::tokens),
        Target::DescribeAigcUsageData => answered(call, account::usage),
        Target::CreateAigcVideoTask => started(call, Kind::Video, video::plan),
        Target::CreateAigcImageTask => started(call, Kind::Image, image::plan),
        Target::CreateSceneAigcImageTask => started(call, Kind::SceneImage, scene::image),
        Target::CreateSceneAigcVideoTask => started(call, Kind::SceneVideo, scene::video),
        Target::CreateAigcVideoRedrawTask => started(call, Kind::Redraw, redraw::plan),
        Target::CreateAigcHunyuan3DTask => started(call, Kind::Hunyuan3D, hunyuan3d::plan),
        Target::CreateAigcAudioTask => started(call, Kind::Audio, audio::sound),
        Target::CreateAigcAudioClone => started(call, Kind::Clone, audio::clone),
        Target::CreateAigcAdvancedCustomElement => started(call, Kind::Element, elements::advanced),
        Target::CreateAigcCustomVoice => started(call, Kind::Voice, elements::voice),
        Target::CreateAigcSubject => started(call, Kind::Subject, elements::subject),
        Target::DescribeAigcFaceInfoAsync => started(call, Kind::Faces, face::plan),
        Target::PullUpload => started(call, Kind::Pull, pull_upload::plan),
        Target::PutObject | Target::Video | Target::Cover | Target::File => {
            Err(Refusal::new("InvalidAction", "a file is no action; fetch it by its address"))
        }
    }
}
