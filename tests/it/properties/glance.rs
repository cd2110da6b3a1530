//! Polls: a first look at a reply says of a task that goes on what the whole reply says, and of no other task anything.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use vod_aigc_core::{
    AigcAudioTask, AigcHunyuan3DTask, AigcImageTask, AigcTask, AigcVideoRedrawTask, AigcVideoTask,
    CreateAigcAdvancedCustomElementTask, CreateAigcAudioCloneTask, CreateAigcCustomVoiceTask, CreateAigcSubjectTask,
    DescribeAigcFaceInfoAsyncTask, DescribeTaskDetailResponse, Progress, PullUploadTask, SceneAigcImageTask,
    SceneAigcVideoTask, TaskGlance, TaskState, TaskStatus,
};
use vod_aigc_transport::{OpenError, RawReply, glance, open};

use super::cases;

/// A kind's member of a reply, and the comparison for it.
type Kind = (&'static str, fn(&RawReply));

const KINDS: [Kind; 13] = [
    of::<AigcAudioTask>(),
    of::<AigcHunyuan3DTask>(),
    of::<AigcImageTask>(),
    of::<AigcVideoRedrawTask>(),
    of::<AigcVideoTask>(),
    of::<CreateAigcAdvancedCustomElementTask>(),
    of::<CreateAigcAudioCloneTask>(),
    of::<CreateAigcCustomVoiceTask>(),
    of::<CreateAigcSubjectTask>(),
    of::<DescribeAigcFaceInfoAsyncTask>(),
    of::<PullUploadTask>(),
    of::<SceneAigcImageTask>(),
    of::<SceneAigcVideoTask>(),
];

const fn of<K: AigcTask>() -> Kind {
    (K::MEMBER, agree::<K>)
}

/// Compares both readings of one reply, as an answer about a task of every kind.
pub(crate) fn agree_for_every_kind(reply: &RawReply) {
    for (_, agree) in KINDS {
        agree(reply);
    }
}

fn agree<K: AigcTask>(reply: &RawReply) {
    let body = String::from_utf8_lossy(&reply.body);
    let (kind, glanced) = (K::MEMBER, glance::<TaskGlance<K>>(reply).and_then(TaskGlance::goes_on));
    let whole = match open::<DescribeTaskDetailResponse>(reply) {
        Ok(whole) => whole.value,
        Err(OpenError::Unreadable { .. }) if serde_json::from_slice::<IgnoredAny>(&reply.body).is_ok() => {
            // A member that a glance skips is not of its type, which a task that goes on need not stop for.
            return;
        }
        Err(error) => {
            assert_eq!(glanced, None, "{kind}: {error:?}: {body:.300}");
            return;
        }
    };
    let expected = match whole.state_of::<K>() {
        TaskState::Waiting => Some(Progress::Waiting),
        TaskState::Processing { progress } => Some(Progress::Processing(progress)),
        TaskState::Unrecognised { status } => Some(Progress::Unrecognised(status)),
        TaskState::Succeeded(_) | TaskState::Failed(_) => None,
    };
    // Only the whole reply shows whether there is a result where the inner word lags, and knows no progress of such a kind.
    let unsure = whole.status == Some(TaskStatus::Finish) || !K::TELLS_PROGRESS;
    assert!(glanced == expected || unsure && glanced.is_none(), "{kind}: {glanced:?}, {expected:?}: {body:.300}");
}

/// The members of an object as they stand in JSON, a few of them spoilt, missing or there twice.
fn object(members: &[(&'static str, &'static str)]) -> impl Strategy<Value = String> + use<> {
    let member = move |(name, value): (&str, &str)| format!("\"{name}\":{value}");
    let member = prop::sample::select(members.to_vec()).prop_map(member);
    prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")))
}

const DETAILS: &[(&str, &str)] = &[
    ("Status", r#""WAITING""#),
    ("Status", r#""PROCESSING""#),
    ("Status", r#""PROCESSIN\u0047""#),
    ("Status", r#""FINISH""#),
    ("Status", r#""FAIL""#),
    ("Status", r#""REVIEWING""#),
    ("Status", "null"),
    ("Status", "7"),
    ("St\\u0061tus", r#""WAITING""#),
    ("Progress", "40"),
    ("Progress", "-1"),
    ("Progress", "400"),
    ("Progress", "4.5"),
    ("Progress", "null"),
    ("Progress", r#""40""#),
    ("ErrCode", "0"),
    ("ErrCode", "70000"),
    ("ErrCodeExt", r#""TaskTimeout""#),
    ("Output", r#"{"FileInfos":[{"FileUrl":"https://a/b.mp4"}]}"#),
    ("Output", r#"{"FileInfo":{"FileUrl":"https://a/b.mp4"},"VoiceId":"v","SubjectId":"s"}"#),
    ("New", r#"{"Status":"FINISH","Progress":[1,{"Error":{"Code":"x"}}]}"#),
];

const OUTER: &[(&str, &str)] = &[
    ("Status", r#""WAITING""#),
    ("Status", r#""WAIT""#),
    ("Status", r#""PROCESSING""#),
    ("Status", r#""RUN""#),
    ("Status", r#""FINISH""#),
    ("Status", r#""FAIL""#),
    ("Status", r#""ABORTED""#),
    ("Status", r#""LATER""#),
    ("Status", "null"),
    ("Status", "[]"),
    ("RequestId", r#""1""#),
    ("RequestId", "{}"),
    ("Error", "null"),
    ("Error", "{}"),
    ("Error", r#"{"Code":"InternalError"}"#),
    ("CreateTime", "7"),
    ("TaskType", r#""AigcVideoTask""#),
];

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_glance_and_the_whole_reply_agree(
        (kind, _) in prop::sample::select(&KINDS[..]),
        details in prop_oneof![8 => object(DETAILS), 1 => Just("null".to_owned()), 1 => Just(r#"["t","WAITING"]"#.to_owned())],
        outer in object(OUTER),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let others = outer.strip_prefix('{').and_then(|it| it.strip_suffix('}')).filter(|it| !it.is_empty());
        let others = others.map(|it| format!(",{it}")).unwrap_or_default();
        let mut body = format!(r#"{{"Response":{{"{kind}":{details}{others}}}}}"#);
        body.truncate(cut.map_or(body.len(), |cut| cut.index(body.len())));
        agree_for_every_kind(&RawReply { status: 200, headers: Default::default(), body: body.into() });
    }
}
