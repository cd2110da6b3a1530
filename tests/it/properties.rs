//! Properties: what holds of any input, each tried on some dozens of made-up ones.

mod identity;
mod job_record;
mod media;
mod models;
mod patience;
#[path = "../../crates/store/tests/it/records.rs"]
mod records;
mod replies;
mod signature;
mod urls;

use std::future::Future;

use proptest::prelude::*;

/// How many inputs each property is tried on, unless `PROPTEST_CASES` says otherwise. The failing one is printed in full, so no
/// file of failures is kept.
fn cases(number: u32) -> ProptestConfig {
    const UNSET: u32 = 256;
    let chosen = ProptestConfig::default();
    let cases = if chosen.cases == UNSET { number } else { chosen.cases };
    ProptestConfig { cases, failure_persistence: None, ..chosen }
}

/// Runs a future on a runtime of its own: a property is a plain function.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Any JSON, up to four levels deep.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(member_name(), inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names that replies use, and others.
fn member_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "AigcVideoTask",
        "Code",
        "ErrCode",
        "ErrCodeExt",
        "Error",
        "FileInfos",
        "FileUrl",
        "Message",
        "MetaData",
        "Output",
        "Progress",
        "RequestId",
        "Response",
        "SessionId",
        "Status",
        "TaskId",
        "TaskSet",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()]
}
