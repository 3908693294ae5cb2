//! What is recorded.

use super::SessionsBuilder;
use crate::audit::EventLimits;

impl SessionsBuilder {
    /// How many events are recorded that anybody can cause, dead and unknown tokens above all; the
    /// rest is counted. *Default:* in a minute 20 of each kind from each source, 1,000 of each kind
    /// from all.
    pub const fn with_event_limits(mut self, limits: EventLimits) -> Self {
        self.road.event_limits = limits;
        self
    }
}
