//! Files that the service fetches. The emulator fetches nothing: the task ends with a file id without bytes.

use vod_aigc_core::PullUploadRequest;

use crate::call::Call;
use crate::product::Product;
use crate::refusal::{Refusal, invalid};
use crate::start::Plan;

pub(super) fn plan(_: &Call<'_>, request: &PullUploadRequest) -> Result<Plan, Refusal> {
    if !["http://", "https://"].iter().any(|scheme| request.media_url.starts_with(scheme)) {
        return Err(invalid("MediaUrl is no address; begin it with http:// or https://"));
    }
    Ok(Plan::new("", Product::Fetched))
}
