//! Where the calls of an action go, and what is the same in all their signatures.

use std::sync::Arc;

use arc_swap::ArcSwap;
use vod_aigc_signer::{Request, Template};

use crate::error::Cause;
use crate::{Call, Endpoint};

pub(crate) const JSON: &str = "application/json";

/// More actions than the API has; a caller with names of its own must not fill the memory.
const CAPACITY: usize = 128;

/// One action at its server.
#[derive(Debug)]
pub(crate) struct Route {
    service: Box<str>,
    action: Box<str>,
    pub(crate) endpoint: Endpoint,
    pub(crate) template: Template,
}

/// The routes of the calls so far, found without a lock.
#[derive(Default)]
pub(crate) struct Routes(ArcSwap<Vec<Arc<Route>>>);

impl Routes {
    /// The route of a call, to `endpoint` or else to the public endpoint of its service.
    pub(crate) fn find(&self, call: &Call, endpoint: Option<&Endpoint>) -> Result<Arc<Route>, Cause> {
        let routes = self.0.load();
        if let Some(route) =
            routes.iter().find(|route| *route.action == *call.action() && *route.service == *call.service())
        {
            return Ok(route.clone());
        }
        let route = Arc::new(Route::new(call, endpoint)?);
        self.0.rcu(|routes| {
            let newest = routes.iter().take(CAPACITY - 1).cloned();
            std::iter::once(route.clone()).chain(newest).collect::<Vec<_>>()
        });
        Ok(route)
    }
}

impl Route {
    fn new(call: &Call, endpoint: Option<&Endpoint>) -> Result<Self, Cause> {
        call.header_values().map_err(Cause::Request)?;
        let endpoint = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::of_service(call.service()).map_err(|error| Cause::Configuration(error.to_string()))?,
        };
        let template = Template::new(&Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &[("content-type", JSON), ("host", endpoint.host()), ("x-tc-action", call.action())],
        });
        let template = template.map_err(|error| Cause::Request(error.to_string()))?;
        Ok(Self { service: call.service().into(), action: call.action().into(), endpoint, template })
    }
}
