//! Lists that the service gives page by page.

use crate::api::Action;
#[cfg(feature = "elements")]
use crate::generated::DescribeAigcAdvancedCustomElementsRequest;
use crate::generated::DescribeTasksRequest;
#[cfg(feature = "account")]
use crate::generated::{DescribeAigcQuotasRequest, DescribeAigcUsageDataRequest};
use crate::sealed;

/// A request for one page of a list. Sealed: the requests of this crate implement it.
pub trait Paged: Action + Clone + sealed::Request {
    /// The request for the page after `reply`, the answer to this one. None where that was the last, or where the service names
    /// the same page again.
    fn next_page(&self, reply: &Self::Reply) -> Option<Self>;
}

/// The token of the next page. `None` on the last page, and where the service repeats the token of this one.
fn next_token(token: Option<&String>, present: Option<&String>) -> Option<String> {
    token.filter(|token| !token.is_empty() && Some(*token) != present).cloned()
}

impl sealed::Request for DescribeTasksRequest {}
impl Paged for DescribeTasksRequest {
    fn next_page(&self, reply: &Self::Reply) -> Option<Self> {
        let token = next_token(reply.scroll_token.as_ref(), self.scroll_token.as_ref())?;
        Some(Self { scroll_token: Some(token), ..self.clone() })
    }
}

#[cfg(feature = "account")]
impl sealed::Request for DescribeAigcUsageDataRequest {}
/// Only the details of requests to the text API come in pages.
#[cfg(feature = "account")]
impl Paged for DescribeAigcUsageDataRequest {
    fn next_page(&self, reply: &Self::Reply) -> Option<Self> {
        let page = reply.aigc_text_details.as_ref()?;
        let token = next_token(page.scroll_token.as_ref(), self.scroll_token.as_ref())?;
        Some(Self { scroll_token: Some(token), ..self.clone() })
    }
}

/// Lists that are counted: the next page begins after the entries so far.
#[cfg(any(feature = "account", feature = "elements"))]
macro_rules! counted {
    ($($gate:literal $request:ty: $entries:ident;)*) => {$(
        #[cfg(feature = $gate)]
        impl sealed::Request for $request {}
        #[cfg(feature = $gate)]
        impl Paged for $request {
            fn next_page(&self, reply: &Self::Reply) -> Option<Self> {
                let entries = u64::try_from(reply.$entries.as_ref()?.len()).ok().filter(|entries| *entries > 0)?;
                let offset = self.offset.unwrap_or(0).checked_add(entries)?;
                let is_last = offset >= reply.total_count.unwrap_or(0);
                (!is_last).then(|| Self { offset: Some(offset), ..self.clone() })
            }
        }
    )*};
}

#[cfg(any(feature = "account", feature = "elements"))]
counted! {
    "account" DescribeAigcQuotasRequest: quota_set;
    "elements" DescribeAigcAdvancedCustomElementsRequest: element_set;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::DescribeTasksResponse;

    #[test]
    fn a_token_leads_on_until_it_is_empty_or_comes_again() {
        let reply = |token: Option<&str>| DescribeTasksResponse {
            scroll_token: token.map(str::to_owned),
            ..DescribeTasksResponse::default()
        };
        let first = DescribeTasksRequest { limit: Some(7), ..DescribeTasksRequest::default() };
        let second = first.next_page(&reply(Some("a"))).expect("there is another page");
        assert_eq!((second.scroll_token.as_deref(), second.limit), (Some("a"), Some(7)));
        for last in [None, Some(""), Some("a")] {
            assert!(second.next_page(&reply(last)).is_none(), "{last:?}");
        }
    }

    #[cfg(feature = "elements")]
    #[test]
    fn a_counted_list_ends_at_its_total_or_at_an_empty_page() {
        use crate::generated::{AigcAdvancedCustomElementInfo, DescribeAigcAdvancedCustomElementsResponse};
        let reply = |entries: usize, total| DescribeAigcAdvancedCustomElementsResponse {
            element_set: Some(vec![AigcAdvancedCustomElementInfo::default(); entries]),
            total_count: Some(total),
        };
        let first = DescribeAigcAdvancedCustomElementsRequest::new();
        let second = first.next_page(&reply(10, 15)).expect("there is another page");
        assert_eq!(second.offset, Some(10));
        assert!(second.next_page(&reply(5, 15)).is_none() && second.next_page(&reply(0, 15)).is_none());
    }
}
