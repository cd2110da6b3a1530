//! What an account has set and used: quotas, the tokens of the text API, and the usage.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use vod_aigc_core::{
    AigcUsageType, ApiTokenUpdate, CreateAigcApiTokenRequest, CreateAigcQuotaRequest, DeleteAigcApiTokenRequest,
    DeleteAigcQuotaRequest, DescribeAigcApiTokensRequest, DescribeAigcQuotasRequest, DescribeAigcUsageDataRequest,
    ModifyAigcQuotaRequest, QuotaType, Secret, UpdateAigcApiTokenRequest,
};

use crate::call::Call;
use crate::clock::{iso, later};
use crate::kind::Kind;
use crate::product::Product;
use crate::quotas::Quota;
use crate::refusal::{Refusal, instant, invalid, owner};
use crate::store::Store;
use crate::tasks::Task;
use crate::tokens::Token;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long usage is kept, how much of it is reported at once, and the steps of a day or less (official description).
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const STEP: Duration = Duration::from_secs(5 * 60);
/// The service's days begin in Beijing.
const BEIJING: Duration = Duration::from_secs(8 * 60 * 60);

pub(super) fn create_quota(call: &Call<'_>, request: &CreateAigcQuotaRequest, value: &Value) -> Result<Value, Refusal> {
    let (sub_app_id, kind) = (owner(value)?, request.quota_type.clone());
    let mut store = call.store();
    let token = limited(call, &store, sub_app_id, &kind, request.api_token.as_ref())?;
    if store.quotas.find(sub_app_id, &kind, &token).is_ok() {
        return Err(invalid(format!("this SubAppId has such a quota on {} already; modify it", kind.as_str())));
    }
    store.quotas.0.push(Quota { sub_app_id, kind, token, limit: request.quota_limit, since: call.now });
    Ok(json!({}))
}

pub(super) fn modify_quota(call: &Call<'_>, request: &ModifyAigcQuotaRequest, value: &Value) -> Result<Value, Refusal> {
    let (sub_app_id, kind) = (owner(value)?, &request.quota_type);
    let mut store = call.store();
    let token = limited(call, &store, sub_app_id, kind, request.api_token.as_ref())?;
    let index = store.quotas.find(sub_app_id, kind, &token)?;
    store.quotas.0[index].limit = request.quota_limit;
    Ok(json!({}))
}

pub(super) fn delete_quota(call: &Call<'_>, request: &DeleteAigcQuotaRequest, value: &Value) -> Result<Value, Refusal> {
    let (sub_app_id, kind) = (owner(value)?, &request.quota_type);
    let mut store = call.store();
    let token = limited(call, &store, sub_app_id, kind, request.api_token.as_ref())?;
    let index = store.quotas.find(sub_app_id, kind, &token)?;
    store.quotas.0.remove(index);
    Ok(json!({}))
}

pub(super) fn quotas(call: &Call<'_>, request: &DescribeAigcQuotasRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let store = call.store();
    let token = limited(call, &store, sub_app_id, &request.quota_type, request.api_token.as_ref())?;
    let own = store.quotas.0.iter().filter(|quota| quota.sub_app_id == sub_app_id && quota.kind == request.quota_type);
    let found: Vec<&Quota> = own.filter(|quota| token.is_none() || quota.token == token).collect();
    let page = found.iter().skip(request.offset.unwrap_or(0) as usize).take(request.limit.unwrap_or(10) as usize);
    let page: Vec<Value> = page
        .map(|quota| {
            json!({
                "QuotaType": quota.kind,
                "ApiToken": quota.token.as_ref().map_or("", Secret::expose),
                "QuotaLimit": quota.limit,
                "Usage": quota.used(&store.tasks),
            })
        })
        .collect();
    Ok(json!({ "QuotaSet": page, "TotalCount": found.len() }))
}

/// The token that a quota is on: one that there is, on text; none on anything else.
fn limited(
    call: &Call<'_>,
    store: &Store,
    sub_app_id: u64,
    kind: &QuotaType,
    token: Option<&Secret>,
) -> Result<Option<Secret>, Refusal> {
    let token = token.filter(|token| *kind == QuotaType::Text && !token.expose().is_empty());
    token
        .map(|token| store.tokens.find(sub_app_id, token, call.now, call.behaviour.token_lag).map(|_| token.clone()))
        .transpose()
}

pub(super) fn create_token(call: &Call<'_>, _: &CreateAigcApiTokenRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let secret = Secret::from(format!("emulatorToken{}", call.identifiers.text()));
    let reply = json!({ "ApiToken": secret.expose() });
    call.store().tokens.0.push(Token { sub_app_id, secret, notes: Map::new(), made: call.now, deleted: None });
    Ok(reply)
}

pub(super) fn update_token(
    call: &Call<'_>,
    request: &UpdateAigcApiTokenRequest,
    value: &Value,
) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let text = request.ext_info.as_deref().filter(|text| !text.is_empty()).unwrap_or("{}");
    let notes: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| invalid("ExtInfo is no JSON object in a text; write it as {\"key\": …}"))?;
    let mut store = call.store();
    let index = store.tokens.find(sub_app_id, &request.api_token, call.now, call.behaviour.token_lag)?;
    let token = &mut store.tokens.0[index];
    if request.action_type == Some(ApiTokenUpdate::Overwrite) {
        token.notes.clear();
    }
    token.notes.extend(notes);
    Ok(json!({}))
}

pub(super) fn delete_token(
    call: &Call<'_>,
    request: &DeleteAigcApiTokenRequest,
    value: &Value,
) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let mut store = call.store();
    let index = store.tokens.find(sub_app_id, &request.api_token, call.now, call.behaviour.token_lag)?;
    store.tokens.0[index].deleted = Some(call.now);
    store.quotas.0.retain(|quota| quota.token.as_ref() != Some(&request.api_token));
    Ok(json!({}))
}

pub(super) fn tokens(call: &Call<'_>, _: &DescribeAigcApiTokensRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let store = call.store();
    let listed = store
        .tokens
        .0
        .iter()
        .filter(|token| token.sub_app_id == sub_app_id && token.is_listed(call.now, call.behaviour.token_lag));
    let (tokens, notes): (Vec<&str>, Vec<String>) =
        listed.map(|token| (token.secret.expose(), Value::Object(token.notes.clone()).to_string())).unzip();
    Ok(json!({ "ApiTokens": tokens, "ExtInfos": notes }))
}

/// What was ordered and is billed, by specification and step of time: 5 minutes, or a day where the span is longer.
pub(super) fn usage(call: &Call<'_>, request: &DescribeAigcUsageDataRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let start = instant("StartTime", &request.start_time)?;
    let end = instant("EndTime", &request.end_time)?;
    let span = end.duration_since(start).map_err(|_| invalid("EndTime lies before StartTime; exchange them"))?;
    if span > LONGEST {
        return Err(invalid("StartTime and EndTime are more than 90 days apart; ask several times"));
    }
    if later(start, KEPT) < call.now {
        return Err(invalid("StartTime is more than 365 days ago; usage is kept no longer"));
    }
    if request.aigc_type == AigcUsageType::TextDetail {
        // Text is made elsewhere.
        return Ok(
            json!({ "AigcUsageDataSet": [], "AigcTextDetails": { "PageSize": 0, "ScrollToken": "", "Data": [] } }),
        );
    }
    let store = call.store();
    let ordered = store.tasks.all().iter().filter(|task| task.entry.billed && task.entry.sub_app_id == sub_app_id);
    let mut sums: BTreeMap<String, BTreeMap<String, (u64, u64)>> = BTreeMap::new();
    for task in ordered.filter(|task| counted(task.kind).as_ref() == Some(&request.aigc_type)) {
        let time = task.entry.time;
        if (start..=end).contains(&time) {
            let step = if span > DAY { day(time) } else { iso(floor(time, STEP)) };
            let (count, usage) = sums.entry(specification(task)).or_default().entry(step).or_default();
            *count += 1;
            *usage += task.product.amount();
        }
    }
    let told: Vec<Value> = sums
        .into_iter()
        .map(|(specification, steps)| {
            let steps: Vec<Value> = steps
                .into_iter()
                .map(|(time, (count, usage))| json!({ "Time": time, "Count": count, "Usage": usage }))
                .collect();
            json!({ "Specification": specification, "DataSet": steps })
        })
        .collect();
    Ok(json!({ "AigcUsageDataSet": told }))
}

/// Under which type a kind of task is counted; the documentation does not say it of each.
fn counted(kind: Kind) -> Option<AigcUsageType> {
    match kind {
        Kind::Video | Kind::Redraw => Some(AigcUsageType::Video),
        Kind::Image => Some(AigcUsageType::Image),
        Kind::Audio | Kind::Clone => Some(AigcUsageType::Audio),
        Kind::SceneVideo => Some(AigcUsageType::SceneAigcVideo),
        Kind::SceneImage => Some(AigcUsageType::SceneAigcImage),
        Kind::Hunyuan3D | Kind::Element | Kind::Voice | Kind::Subject | Kind::Faces | Kind::Pull => None,
    }
}

/// As the service writes one, for example `Kling2.1_720P`; without a model, the kind of task.
fn specification(task: &Task) -> String {
    let model = task.entry.model.replace(':', "");
    let name = if model.is_empty() { task.kind.task_type() } else { &model };
    let size = match &task.product {
        Product::Film { size, .. } => format!("_{}P", size.width.min(size.height)),
        Product::Pictures { .. } => {
            format!("_{}", task.input["OutputConfig"]["Resolution"].as_str().unwrap_or("1K").to_uppercase())
        }
        _ => String::new(),
    };
    format!("{name}{size}")
}

/// The beginning of the step that `time` lies in, counted from 1970.
fn floor(time: SystemTime, step: Duration) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    later(SystemTime::UNIX_EPOCH, Duration::from_secs(since - since % step.as_secs()))
}

/// The beginning of the service's day that `time` lies in, as the service writes it.
fn day(time: SystemTime) -> String {
    iso(floor(later(time, BEIJING), DAY)).replace('Z', "+08:00")
}
