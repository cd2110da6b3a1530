//! The faces of a video. It is not fetched: there is one face in each.

use serde_json::{Value, json};
use vod_aigc_core::{AigcFaceInputFileInfo, DescribeAigcFaceInfoAsyncRequest, DescribeAigcFaceInfoRequest};

use crate::call::Call;
use crate::describe;
use crate::identifiers::Thing;
use crate::input::check_files;
use crate::product::Product;
use crate::refusal::{Refusal, missing, owner};
use crate::start::Plan;

/// Looks at once, and remembers the look for lip sync.
pub(super) fn look(call: &Call<'_>, request: &DescribeAigcFaceInfoRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    check_video(request.file_infos.as_deref())?;
    check_files(value)?;
    let id = call.identifiers.thing(Thing::Face);
    let image = format!("{}/files/{id}/face.jpg", call.endpoint);
    let faces = describe::faces(&id, &image);
    let mut store = call.store();
    store.pay(call.paid(&id, sub_app_id));
    store.faces.insert(id, (sub_app_id, call.now));
    Ok(json!({ "FaceInfoSet": faces }))
}

pub(super) fn plan(call: &Call<'_>, request: &DescribeAigcFaceInfoAsyncRequest) -> Result<Plan, Refusal> {
    check_video(request.file_infos.as_deref())?;
    Ok(Plan::new("", Product::Faces { id: call.identifiers.thing(Thing::Face) }))
}

fn check_video(files: Option<&[AigcFaceInputFileInfo]>) -> Result<(), Refusal> {
    if files.is_none_or(<[_]>::is_empty) { Err(missing("FileInfos")) } else { Ok(()) }
}
