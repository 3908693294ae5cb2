//! What is told of each request at the level DEBUG.

use crate::session::{Session, Standing};
use http::StatusCode;
use tracing::{Level, field};

/// Tells how a request came out, and whether the layer answered it itself. One relaxed load while nobody listens.
#[inline]
pub(super) fn tell(session: &Session, status: StatusCode, answered: bool) {
    if tracing::enabled!(target: TARGET, Level::DEBUG) {
        write(session, status, answered);
    }
}

#[cold]
fn write(session: &Session, status: StatusCode, answered: bool) {
    let standing = session.standing();
    let (code, id) = match &standing {
        Standing::Ambiguous(_) => ("ambiguous", None),
        Standing::Anonymous => ("anonymous", None),
        Standing::Doubted(doubted) => ("doubted", Some(&doubted.live.id)),
        Standing::Ended { id, .. } => ("ended", Some(id)),
        Standing::Live(live) => ("live", Some(&live.id)),
        Standing::Outdated(id) => ("outdated", Some(id)),
    };
    let reason = match &standing {
        Standing::Ended { reason, .. } => Some(reason.code()),
        Standing::Ambiguous(_)
        | Standing::Anonymous
        | Standing::Doubted(_)
        | Standing::Live(_)
        | Standing::Outdated(_) => None,
    };
    tracing::debug!(
        target: TARGET,
        session = code,
        session_id = id.map(field::display),
        reason,
        answered,
        status = status.as_u16(),
        request_id = session.request_id().map(field::display),
        "request"
    );
}

/// The `tracing` target of what is told of requests.
const TARGET: &str = "adjourn::request";
