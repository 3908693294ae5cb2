//! What is recorded.

use super::SessionsBuilder;
use crate::{audit::EventLimits, id::RequestId};
use http::{Extensions, HeaderMap};

impl SessionsBuilder {
    /// How many events are recorded that anybody can cause, dead and unknown tokens above all; the
    /// rest is counted. *Default:* in a minute 20 of each kind from each source, 1,000 of each kind
    /// from all.
    pub const fn with_event_limits(mut self, limits: EventLimits) -> Self {
        self.road.event_limits = limits;
        self
    }

    /// What requests are called in the audit records and at the level DEBUG. *Default:* nothing.
    ///
    /// An ending that the store decides by itself has none: a timeout, and what a log-in takes the place
    /// of.
    ///
    /// Take the header only behind a proxy that sets it: else the client chooses. Whatever it sends
    /// cannot forge a line ([`RequestId`]). Cost: the call and one small allocation a request.
    ///
    /// ```
    /// use adjourn::{Sessions, id::RequestId, store::MemoryStore};
    /// use tower_http::request_id::RequestId as Given;
    ///
    /// // The header of a proxy:
    /// let builder = Sessions::builder(MemoryStore::new())
    ///     .with_request_id(|headers, _| RequestId::new(headers.get("x-request-id")?));
    /// // or what tower-http's `SetRequestIdLayer` put outside of the session layer:
    /// let builder = builder
    ///     .with_request_id(|_, given| RequestId::new(given.get::<Given>()?.header_value()));
    /// # let _ = builder;
    /// ```
    pub fn with_request_id(
        mut self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<RequestId> + Send + Sync + 'static,
    ) -> Self {
        self.request_id = Some(Box::new(find));
        self
    }
}
