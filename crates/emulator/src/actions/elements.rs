//! Elements, subjects and voices that later requests name.

use std::cmp::Reverse;

use serde_json::{Value, json};
use vod_aigc_core::{
    CreateAigcAdvancedCustomElementRequest, CreateAigcCustomElementRequest, CreateAigcCustomVoiceRequest,
    CreateAigcSubjectRequest, DeleteAigcAdvancedCustomElementRequest, DescribeAigcAdvancedCustomElementsRequest,
    ElementReferenceType,
};

use crate::call::Call;
use crate::clock::iso;
use crate::identifiers::Thing;
use crate::kind::Kind;
use crate::product::Product;
use crate::refusal::{Refusal, invalid, missing, owner};
use crate::start::Plan;

/// Makes an element at once. It belongs to the account, because its request names no sub-application.
pub(super) fn custom(call: &Call<'_>, request: &CreateAigcCustomElementRequest, _: &Value) -> Result<Value, Refusal> {
    let images = request.element_refer_list.iter();
    if images.filter_map(|image| image.image_url.as_deref()).any(str::is_empty) {
        return Err(missing("ElementReferList.ImageUrl"));
    }
    let id = call.identifiers.thing(Thing::Element);
    let mut store = call.store();
    store.pay(call.paid(&id, 0));
    store.custom_elements.insert(id.clone());
    Ok(json!({ "ElementId": id }))
}

pub(super) fn advanced(call: &Call<'_>, request: &CreateAigcAdvancedCustomElementRequest) -> Result<Plan, Refusal> {
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if !given(&request.element_name) {
        return Err(missing("ElementName"));
    }
    let (name, list) = match request.reference_type.as_ref().ok_or_else(|| missing("ReferenceType"))? {
        ElementReferenceType::VideoRefer => ("ElementVideoList", &request.element_video_list),
        _ => ("ElementImageList", &request.element_image_list),
    };
    let list = list.as_deref().filter(|list| !list.is_empty()).ok_or_else(|| missing(name))?;
    if !serde_json::from_str(list).is_ok_and(|list: Value| list.is_object()) {
        return Err(invalid(format!("{name} is no JSON object in a text; write it as the description shows")));
    }
    if given(&request.element_voice_id) && name == "ElementImageList" {
        return Err(invalid("ElementVoiceId goes with video_refer only; leave it out"));
    }
    Ok(Plan::new("", Product::Thing { id: call.identifiers.thing(Thing::Element) }))
}

/// The advanced elements that are there, the newest first.
pub(super) fn list(
    call: &Call<'_>,
    request: &DescribeAigcAdvancedCustomElementsRequest,
    value: &Value,
) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let (offset, limit) = (request.offset.unwrap_or(0), request.limit.unwrap_or(10));
    if !offset.is_multiple_of(limit.max(1)) {
        return Err(invalid(format!("Offset is {offset}; it takes a multiple of Limit, which is {limit}")));
    }
    let store = call.store();
    let elements = store.tasks.all().iter().filter(|task| task.kind == Kind::Element);
    let mut elements: Vec<_> = elements
        .filter_map(|task| Some((task, task.product.id()?)))
        .filter(|(_, id)| store.has(id, sub_app_id, call.now))
        .collect();
    elements.sort_by_key(|(task, _)| Reverse(task.ends));
    let page = elements.iter().skip(offset as usize).take(limit as usize);
    let page: Vec<Value> = page
        .map(|(task, id)| {
            let text = |name: &str| task.input.get(name).cloned().unwrap_or_else(|| json!(""));
            json!({
                "Id": id,
                "Name": text("ElementName"),
                "VoiceId": text("ElementVoiceId"),
                "Description": text("ElementDescription"),
                "CreateTime": iso(task.ends),
            })
        })
        .collect();
    Ok(json!({ "ElementSet": page, "TotalCount": elements.len() }))
}

pub(super) fn delete(
    call: &Call<'_>,
    request: &DeleteAigcAdvancedCustomElementRequest,
    value: &Value,
) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let id = &request.element_id;
    let mut store = call.store();
    let mut elements = store.tasks.all().iter().filter(|task| task.kind == Kind::Element);
    if !elements.any(|task| task.product.id() == Some(id)) || !store.has(id, sub_app_id, call.now) {
        let message = format!("this SubAppId has no advanced element {id:?}; list those that there are");
        return Err(Refusal::new("ResourceNotFound", message));
    }
    store.deleted.insert(id.clone());
    Ok(json!({}))
}

pub(super) fn voice(call: &Call<'_>, request: &CreateAigcCustomVoiceRequest) -> Result<Plan, Refusal> {
    if request.voice_name.as_ref().is_none_or(String::is_empty) {
        return Err(missing("VoiceName"));
    }
    let sources = [&request.voice_url, &request.video_id];
    if sources.into_iter().flatten().all(String::is_empty) {
        return Err(missing("VoiceUrl, which a request without VideoId needs,"));
    }
    Ok(Plan::new("", Product::Voice { id: call.identifiers.thing(Thing::Voice) }))
}

pub(super) fn subject(call: &Call<'_>, request: &CreateAigcSubjectRequest) -> Result<Plan, Refusal> {
    if request.subject_name.as_ref().is_none_or(String::is_empty) {
        return Err(missing("SubjectName"));
    }
    let sources = [&request.subject_images, &request.subject_videos];
    if sources.into_iter().flatten().all(Vec::is_empty) {
        return Err(missing("SubjectImages, which a request without SubjectVideos needs,"));
    }
    Ok(Plan::new("", Product::Thing { id: call.identifiers.thing(Thing::Subject) }))
}
