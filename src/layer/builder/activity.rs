//! Which requests are a sign that the user is there.

use super::{BuildError, SessionsBuilder, pages::in_setting};
use crate::{
    layer::sessions::ActivityRule,
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
        self.activity = Box::new(move |facts, _| judge(facts));
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

    /// The rule and the paths in one: a site that names none does not look at paths.
    pub(super) fn activity_rule(
        activity: Box<ActivityRule>,
        passive: &[String],
    ) -> Result<Box<ActivityRule>, BuildError> {
        if passive.is_empty() {
            return Ok(activity);
        }
        let paths = PathRules::default().with_sensitive(passive);
        let paths = paths.map_err(in_setting("add_passive"))?;
        Ok(Box::new(move |facts, path| {
            if paths.is_sensitive(path) {
                return Activity::Passive;
            }
            activity(facts, path)
        }))
    }
}
