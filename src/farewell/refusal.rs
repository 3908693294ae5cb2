//! Why a request is refused, and how a handler asks for an answer that only the layer can make.

use crate::{
    policy::LogOutRefusal,
    reason::EndReason,
    session::{Doubt, Standing},
};
use http::{Response, StatusCode};
use std::time::Duration;

/// Why a request is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Two live sessions under one cookie name: none is believed.
    Ambiguous,
    /// The session ended.
    Ended(EndReason),
    /// There is no session, or none that we issued.
    NoSession,
    /// The user proved too long ago who they are; the session lives on.
    NotFresh {
        /// How long ago it may be.
        max_age: Duration,
    },
    /// The secret was replaced.
    Outdated,
    /// The store failed.
    Unavailable,
    /// A policy could not judge; the session lives on.
    Unjudged,
}

/// Why a request that needs a live session is refused.
pub(crate) fn refusal_of(standing: &Standing) -> Option<Refusal> {
    match standing {
        Standing::Live(_) => None,
        Standing::Ambiguous(_) => Some(Refusal::Ambiguous),
        Standing::Anonymous => Some(Refusal::NoSession),
        Standing::Doubted(doubted) => Some(doubted.doubt.into()),
        Standing::Ended { reason, .. } => Some(Refusal::Ended(reason.clone())),
        Standing::Outdated(_) => Some(Refusal::Outdated),
    }
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::NotFresh { max_age, .. } => Self::NotFresh { max_age },
            Doubt::Unjudged => Self::Unjudged,
        }
    }
}

/// What a handler wishes its response to be; the layer makes it, because only the layer knows the
/// request and the configuration. Travels in the extensions of the response.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// The answer to a log-out.
    Farewell,
    /// The refusal of a request that was no honest log-out or extension; it is in the response already,
    /// and stands for every client that understands it.
    Forbid(LogOutRefusal),
    /// The refusal of a request that needs a live session, or a fresh one.
    Refuse(Refusal),
    /// It says how the session stands, and if that changes meanwhile, so does the answer.
    Standing,
    /// Its own `Cache-Control` may stand, although a session lives.
    Store,
}

impl Wish {
    /// A response that says what is wished, with a status for those who look at it before the
    /// layer.
    pub(crate) fn into_response<B: Default>(self, status: StatusCode) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = status;
        response.extensions_mut().insert(self);
        response
    }
}
