//! What is told of each request at the level DEBUG: one span, around the inner service too.

use crate::{
    id::SessionId,
    session::{Session, Standing},
};
use http::StatusCode;
use tracing::{Level, Span, debug_span, field};

/// The span of a request, while somebody listens.
pub(super) struct Told {
    span: Span,
    session: Option<SessionId>,
}

impl Told {
    /// Whether anybody may listen at DEBUG: one relaxed load.
    #[inline]
    pub(super) fn is_wanted() -> bool {
        tracing::level_enabled!(Level::DEBUG)
    }

    /// Of a request whose session is known.
    #[cold]
    pub(super) fn of(session: &Session) -> Option<Self> {
        let (_, id) = standing_of(&session.standing());
        let span = debug_span!(
            target: TARGET,
            "request",
            request_id = session.request_id().map(field::display),
            session_id = id.map(field::display),
            new_session_id = field::Empty,
            session = field::Empty,
            reason = field::Empty,
            answered = field::Empty,
            status = field::Empty,
        );
        (!span.is_disabled()).then_some(Self { span, session: id })
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    /// How it came out, and whether the layer answered it itself. Not told of a request whose
    /// client hung up.
    #[cold]
    pub(super) fn came_out(&self, session: &Session, status: StatusCode, answered: bool) {
        let (standing, span) = (session.standing(), &self.span);
        let (code, id) = standing_of(&standing);
        if let Some(id) = id.filter(|id| Some(*id) != self.session) {
            span.record("new_session_id", field::display(id));
        }
        span.record("session", code);
        if let Standing::Ended { reason, .. } = &standing {
            span.record("reason", reason.code());
        }
        span.record("answered", answered);
        span.record("status", status.as_u16());
        // For those who write down events and no spans.
        tracing::debug!(target: TARGET, parent: span, "request");
    }
}

fn standing_of(standing: &Standing) -> (&'static str, Option<SessionId>) {
    match standing {
        Standing::Ambiguous(_) => ("ambiguous", None),
        Standing::Anonymous => ("anonymous", None),
        Standing::Doubted(doubted) => ("doubted", Some(doubted.live.id)),
        Standing::Ended { id, .. } => ("ended", Some(*id)),
        Standing::Live(live) => ("live", Some(live.id)),
        Standing::Outdated(id) => ("outdated", Some(*id)),
    }
}

/// The `tracing` target of what is told of requests.
const TARGET: &str = "adjourn::request";
