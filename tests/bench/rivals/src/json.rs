//! Replies as the peers open them, into our type, because they bring none of their own.

use std::hint::black_box;

use serde::Deserialize;
use serde_json::value::RawValue;
use vod_aigc_bench::material::{FINISHED, PROCESSING};
use vod_aigc_bench::worker::Way;
use vod_aigc_client::core::DescribeTaskDetailResponse;

use crate::{TENCENTCLOUD, TENCENTCLOUD_SDK};

pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (work, reply) in [("decode poll", PROCESSING), ("decode full", FINISHED)] {
        ways.push(Way::plain(work, TENCENTCLOUD, move || tencentcloud(black_box(reply).as_bytes())));
        ways.push(Way::plain(work, TENCENTCLOUD_SDK, move || tencentcloud_sdk(black_box(reply).as_bytes())));
    }
    ways
}

/// The envelope of crate tencentcloud 0.3.0, with `flatten`.
#[derive(Deserialize)]
struct Flat {
    #[serde(rename = "Response")]
    response: FlatResponse,
}

#[derive(Deserialize)]
struct FlatResponse {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(flatten)]
    response: Option<DescribeTaskDetailResponse>,
    #[serde(rename = "Error")]
    error: Option<ServiceError>,
}

#[derive(Deserialize)]
struct ServiceError {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message")]
    message: String,
}

pub fn tencentcloud(body: &[u8]) -> (DescribeTaskDetailResponse, String) {
    let Flat { response } = serde_json::from_slice(body).expect("a reply");
    assert!(response.error.is_none_or(|error| error.code.is_empty() && error.message.is_empty()), "an error");
    (response.response.expect("a response"), response.request_id)
}

/// The envelope of crate tencentcloud-sdk-foundation 0.2.1: the members are read twice, for the error and for the type.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "Response", borrow)]
    response: &'a RawValue,
}

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "Error")]
    error: Option<ServiceError>,
    #[serde(rename = "RequestId")]
    request_id: Option<String>,
}

fn tencentcloud_sdk(body: &[u8]) -> (DescribeTaskDetailResponse, Option<String>) {
    let Raw { response } = serde_json::from_slice(body).expect("a reply");
    let Probe { error, request_id } = serde_json::from_str(response.get()).expect("a response");
    assert!(error.is_none_or(|error| error.code.is_empty() && error.message.is_empty()), "an error");
    (serde_json::from_str(response.get()).expect("a response"), request_id)
}
