//! The setting of the near cache.

use super::{BuildError, SessionsBuilder, build::some_time};
use crate::store::NearCache;
use std::{sync::Arc, time::Duration};

impl SessionsBuilder {
    /// Lets this node answer for a live session from its own memory, for at most this long after it
    /// asked the store. *Default:* off: the store is asked at every request.
    ///
    /// For a store behind a network, whose round trip is most of what a request costs. The price:
    /// where a notice of an ending is lost or late, this node serves the session **for at most this
    /// long after it ended elsewhere**, and likewise values, grants and rotations that another node
    /// wrote. What this node does itself is never served stale, deadlines are kept, and while
    /// notices are not heard the store is asked at every request.
    ///
    /// At most a minute; a second already takes nearly all of the load away. Nothing is kept of who
    /// is active only now and then: activity is written as without it. Memory: the records of at
    /// most 65,536 sessions, forgotten within a minute and a half.
    pub const fn with_max_staleness(mut self, max: Duration) -> Self {
        self.max_staleness = Some(max);
        self
    }

    /// Puts the cache around the store.
    pub(super) fn add_near_cache(&mut self) -> Result<(), BuildError> {
        let setting = "with_max_staleness";
        let Some(given) = self.max_staleness else {
            return Ok(());
        };
        some_time(setting, given)?;
        if given > LONGEST {
            let most = LONGEST;
            return Err(BuildError::TooLong {
                setting,
                given,
                most,
            });
        }
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        self.store = Arc::new(NearCache::new(store, given, clock));
        Ok(())
    }
}

/// Longer than this, an ending that is not heard of would be no ending.
const LONGEST: Duration = Duration::from_mins(1);
