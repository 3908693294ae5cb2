//! Which requests are a sign that the user is there.

use super::{BuildError, SessionsBuilder, pages::in_setting};
use crate::{
    policy::{PathRules, RequestFacts},
    record::Activity,
};

impl SessionsBuilder {
    /// Which requests are a sign that the user is there. *Default:*
    /// [`default_activity`](crate::policy::default_activity): not prefetches, event streams, sockets
    /// and cross-site requests. Polls of pages look like what a user does: name their paths in
    /// [`add_passive`](Self::add_passive).
    ///
    /// ```
    /// use adjourn::{Sessions, policy::default_activity, record::Activity, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .with_activity(|facts| match facts.is_htmx() {
    ///         true => Activity::Passive, // this site uses htmx for polling alone
    ///         false => default_activity(facts),
    ///     })
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    pub fn with_activity(
        mut self,
        judge: impl Fn(&RequestFacts) -> Activity + Send + Sync + 'static,
    ) -> Self {
        self.activity = Box::new(judge);
        self
    }

    /// Paths to which a request is never a sign that the user is there, each with all below it, in any
    /// spelling, whatever [`with_activity`](Self::with_activity) says: those that pages and apps ask for
    /// by themselves. *Default:* none beside the status of the endpoints.
    ///
    /// ```
    /// use adjourn::{Sessions, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .add_passive(["/api/unread", "/poll"])
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    ///
    /// *Cost:* one look at the path of each request, if any are named.
    pub fn add_passive<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.passive.extend(paths.into_iter().map(Into::into));
        self
    }

    pub(super) fn passive_paths(&self) -> Result<PathRules, BuildError> {
        let paths = PathRules::default().with_sensitive(&self.passive);
        paths.map_err(in_setting("add_passive"))
    }
}
