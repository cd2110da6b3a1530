//! What can be submitted: a request that starts a task, on its way to being checked and complete.

use crate::generated::CreateAigcVideoTaskRequest;
use crate::request::{RequestError, VideoRequest};
use crate::sealed;
use crate::task::StartsTask;

/// Something that becomes a request which starts a task: a [`VideoRequest`], or any such request itself. Sealed: the types of
/// this crate implement it.
pub trait IntoTaskRequest: sealed::Request {
    /// The request.
    type Request: StartsTask;

    /// Checks it before it is sent.
    ///
    /// # Errors
    /// Every rule and limit that it breaks. Nothing has been sent and nothing is billed.
    fn check(&self) -> Result<(), RequestError>;

    /// The same in words that do not change from one upload of its files to the next, where they would; see
    /// [`VideoRequest::by_content`].
    fn by_content(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The request as it goes out. `sub_app_id` owns what is made unless the request names another.
    fn into_request(self, sub_app_id: u64) -> Self::Request;
}

impl sealed::Request for VideoRequest {}
impl IntoTaskRequest for VideoRequest {
    type Request = CreateAigcVideoTaskRequest;

    fn check(&self) -> Result<(), RequestError> {
        Self::check(self)
    }

    fn by_content(&self) -> Option<Self> {
        Self::by_content(self)
    }

    fn into_request(self, sub_app_id: u64) -> Self::Request {
        self.into_action(sub_app_id)
    }
}

impl<R: StartsTask> IntoTaskRequest for R {
    type Request = R;

    fn check(&self) -> Result<(), RequestError> {
        self.check_before()
    }

    fn into_request(mut self, sub_app_id: u64) -> R {
        self.fill_sub_app_id(sub_app_id);
        self
    }
}
