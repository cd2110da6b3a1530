//! Videos in another style.

use std::time::Duration;

use vod_aigc_core::CreateAigcVideoRedrawTaskRequest;

use super::video::film;
use crate::call::Call;
use crate::product::Product;
use crate::refusal::{Refusal, missing};
use crate::start::Plan;

/// Of every video: the one to redraw, whose length it would have, is not fetched.
const LENGTH: Duration = Duration::from_secs(5);

pub(super) fn plan(_: &Call<'_>, request: &CreateAigcVideoRedrawTaskRequest) -> Result<Plan, Refusal> {
    if request.file_info.is_none() {
        return Err(missing("FileInfo"));
    }
    let style = request.task_info.as_ref().and_then(|info| info.style.as_deref());
    let film = Product::Film { size: film(None, None)?, length: LENGTH };
    Ok(Plan::new("", film).with_prompt(style))
}
