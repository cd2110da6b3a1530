//! Every action with its types, so that one loop can go over all of them: read by the tests and by the program `typed`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Error, Value};
use vod_aigc_core::{self as core, Action};
use vod_aigc_transport::{Call, Transport};

type Prepared = Result<Call, Box<dyn std::error::Error>>;

/// What the types of one action do.
#[allow(dead_code, reason = "each of the two readers uses a part of it")]
pub(crate) struct Typed {
    pub(crate) name: &'static str,
    /// A request, read into its type and written again.
    pub(crate) request: fn(Value) -> Result<Value, Error>,
    /// The members of `Response`, read into their type and written again.
    pub(crate) reply: fn(Value) -> Result<Value, Error>,
    /// A request, read into its type, as the transport sends it.
    pub(crate) call: fn(&Transport, Value) -> Prepared,
    /// The schemas that the types of the request and of the reply derive, by their names.
    pub(crate) schemas: fn() -> BTreeMap<String, Value>,
}

impl Typed {
    const fn of<A>() -> Self
    where
        A: Action<Reply: JsonSchema + Serialize> + DeserializeOwned + JsonSchema,
    {
        Self {
            name: A::NAME,
            request: again::<A>,
            reply: again::<A::Reply>,
            call: |transport, request| Ok(transport.prepare(serde_json::from_value::<A>(request)?)?),
            schemas: || [schema_of::<A>(), schema_of::<A::Reply>()].into(),
        }
    }
}

fn again<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, Error> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

fn schema_of<T: JsonSchema>() -> (String, Value) {
    (T::schema_name().into_owned(), schema_for!(T).to_value())
}

/// All of them, in the order of [`core::ACTIONS`].
pub(crate) const TYPED: &[Typed] = &[
    Typed::of::<core::ApplyUploadRequest>(),
    Typed::of::<core::CommitUploadRequest>(),
    Typed::of::<core::ConfirmEventsRequest>(),
    Typed::of::<core::CreateAigcAdvancedCustomElementRequest>(),
    Typed::of::<core::CreateAigcApiTokenRequest>(),
    Typed::of::<core::CreateAigcAudioCloneRequest>(),
    Typed::of::<core::CreateAigcAudioTaskRequest>(),
    Typed::of::<core::CreateAigcCustomElementRequest>(),
    Typed::of::<core::CreateAigcCustomVoiceRequest>(),
    Typed::of::<core::CreateAigcHunyuan3DTaskRequest>(),
    Typed::of::<core::CreateAigcImageTaskRequest>(),
    Typed::of::<core::CreateAigcQuotaRequest>(),
    Typed::of::<core::CreateAigcSubjectRequest>(),
    Typed::of::<core::CreateAigcVideoRedrawTaskRequest>(),
    Typed::of::<core::CreateAigcVideoTaskRequest>(),
    Typed::of::<core::CreateSceneAigcImageTaskRequest>(),
    Typed::of::<core::CreateSceneAigcVideoTaskRequest>(),
    Typed::of::<core::DeleteAigcAdvancedCustomElementRequest>(),
    Typed::of::<core::DeleteAigcApiTokenRequest>(),
    Typed::of::<core::DeleteAigcQuotaRequest>(),
    Typed::of::<core::DescribeAigcAdvancedCustomElementsRequest>(),
    Typed::of::<core::DescribeAigcApiTokensRequest>(),
    Typed::of::<core::DescribeAigcFaceInfoRequest>(),
    Typed::of::<core::DescribeAigcFaceInfoAsyncRequest>(),
    Typed::of::<core::DescribeAigcQuotasRequest>(),
    Typed::of::<core::DescribeAigcUsageDataRequest>(),
    Typed::of::<core::DescribeEventConfigRequest>(),
    Typed::of::<core::DescribeTaskDetailRequest>(),
    Typed::of::<core::DescribeTasksRequest>(),
    Typed::of::<core::ManageTaskRequest>(),
    Typed::of::<core::ModifyAigcQuotaRequest>(),
    Typed::of::<core::ModifyEventConfigRequest>(),
    Typed::of::<core::PullEventsRequest>(),
    Typed::of::<core::PullUploadRequest>(),
    Typed::of::<core::UpdateAigcApiTokenRequest>(),
];
