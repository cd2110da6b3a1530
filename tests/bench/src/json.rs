//! Requests to bytes, and replies to what one wants to know of them.

use std::hint::black_box;

use serde::de::IgnoredAny;
use serde_json::Value;
use vod_aigc_bench::material::{FINISHED, PROCESSING, create};
use vod_aigc_bench::worker::Way;
use vod_aigc_client::core::{AigcVideoTask, DescribeTaskDetailResponse, TaskGlance};
use vod_aigc_client::transport::{RawReply, glance, open};

pub fn ways() -> Vec<Way> {
    vec![
        Way::new("encode", "ours", |_| {
            let request = create();
            Box::new(move |count| {
                for _ in 0..count {
                    black_box(serde_json::to_vec(black_box(&request)).expect("JSON"));
                }
            })
        }),
        Way::new("encode", "serde_json::Value", |_| {
            let request = create();
            Box::new(move |count| {
                for _ in 0..count {
                    let value = serde_json::to_value(black_box(&request)).expect("a value");
                    black_box(serde_json::to_vec(&value).expect("JSON"));
                }
            })
        }),
        Way::plain("decode poll", "syntax only", || {
            serde_json::from_str::<IgnoredAny>(black_box(PROCESSING)).expect("JSON")
        }),
        Way::plain("decode poll", "serde_json::Value", || {
            serde_json::from_str::<Value>(black_box(PROCESSING)).expect("JSON")
        }),
        decode("decode poll", PROCESSING, |reply| {
            glance::<TaskGlance<AigcVideoTask>>(reply).and_then(TaskGlance::goes_on).expect("a task that goes on")
        }),
        Way::plain("decode full", "syntax only", || {
            serde_json::from_str::<IgnoredAny>(black_box(FINISHED)).expect("JSON")
        }),
        Way::plain("decode full", "serde_json::Value", || {
            serde_json::from_str::<Value>(black_box(FINISHED)).expect("JSON")
        }),
        decode("decode full", FINISHED, |reply| open::<DescribeTaskDetailResponse>(reply).expect("a reply")),
    ]
}

fn decode<T>(work: &'static str, body: &'static str, read: impl Fn(&RawReply) -> T + Copy + 'static) -> Way {
    Way::new(work, "ours", move |_| {
        let reply = RawReply { status: 200, headers: Default::default(), body: body.as_bytes().into() };
        Box::new(move |count| {
            for _ in 0..count {
                black_box(read(black_box(&reply)));
            }
        })
    })
}
