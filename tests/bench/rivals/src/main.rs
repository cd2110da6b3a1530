//! The rivals that are written in Rust: a worker of their ways.

mod call;
mod json;
mod sign;

use vod_aigc_bench::worker::serve;

fn main() {
    serve([sign::ways(), json::ways(), call::ways()].into_iter().flatten().collect());
}

/// The names of the peers, one of which cannot be called for the parts that are measured: what it does is written out here.
const TENCENTCLOUD: &str = "tencentcloud 0.3.0, its steps";
const TENCENTCLOUD_SDK: &str = "tencentcloud-sdk 0.2.1";
