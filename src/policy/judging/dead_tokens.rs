//! What follows when the token of an ended session is presented.

use crate::{reason::EndReason, record::Tombstone, time::Timestamp};
use std::time::Duration;

/// The answer to a presented dead token, beside its audit record
/// ([`UseAfterEnd`](crate::audit::EventKind::UseAfterEnd)): ends every session of its subject.
///
/// Off unless given to [`with_dead_tokens`](crate::SessionsBuilder::with_dead_tokens), and easily
/// too much: whoever finds an old token can then put its user out. So
///
/// 1. only the right secret counts; a wrong one changes nothing;
/// 2. only a token that its own client gave up counts: of a session that ended by
///    [`Logout`](EndReason::Logout). The browser of one that was idle too long, or was ended
///    elsewhere, does not know yet, and presents its token honestly. See
///    [`with_reasons`](Self::with_reasons);
/// 3. requests that were under way when the session ended do not count: see
///    [`with_grace`](Self::with_grace);
/// 4. each dead token counts once (of the last 100,000), so that nobody is put out for ever by
///    one old token.
///
/// The sessions end with the reason [`Policy`](EndReason::Policy) and the note `dead-token`.
///
/// ```
/// use adjourn::{Sessions, policy::DeadTokens, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new())
///     .with_dead_tokens(DeadTokens::end_subject())
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "an answer does nothing until it is given to the builder"]
pub struct DeadTokens {
    grace: Duration,
    reasons: Vec<EndReason>,
}

impl DeadTokens {
    /// Ends every session of the subject.
    pub fn end_subject() -> Self {
        Self {
            grace: Duration::from_secs(30),
            reasons: vec![EndReason::Logout],
        }
    }

    /// How long after its ending a token may still come. *Default:* 30 seconds.
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How the session must have ended. *Default:* by [`Logout`](EndReason::Logout).
    pub fn with_reasons(mut self, reasons: impl IntoIterator<Item = EndReason>) -> Self {
        self.reasons = reasons.into_iter().collect();
        self
    }

    /// Whether the token of this session, presented now, counts.
    pub(crate) fn count(&self, tombstone: &Tombstone, now: Timestamp) -> bool {
        self.reasons.contains(tombstone.reason())
            && now.saturating_since(tombstone.ending.at()) > self.grace
    }
}
