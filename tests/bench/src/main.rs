//! Our ways and the floors: a worker that needs none of the rivals.

mod call;
mod json;
mod payload;
mod sign;

use vod_aigc_bench::worker::serve;

fn main() {
    serve([sign::ways(), json::ways(), call::ways(), payload::ways()].into_iter().flatten().collect());
}
