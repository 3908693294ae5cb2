//! How the session stands, as the client script needs it.

use super::answer::{Answer, is_bearer, json, not_live, refused};
use crate::{
    farewell::Wish,
    id::Subject,
    layer::{Core, LEAST_WARNING},
    policy::judge_read,
    session::{ExtendError, Session},
};
use http::HeaderMap;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// `GET status`.
pub(super) fn status(core: &Core, session: &Session, request: &HeaderMap) -> Answer {
    let origin = session.context().origin.as_ref();
    if let Err(refusal) = judge_read(session.facts(), is_bearer(session), origin) {
        return refused(refusal);
    }
    live(core, session).unwrap_or_else(|| not_live(core, session, request))
}

/// `POST extend`.
pub(super) async fn extend(core: Arc<Core>, session: Session, request: HeaderMap) -> Answer {
    match session.extend().await {
        Ok(_) | Err(ExtendError::Ended(_) | ExtendError::NoSession | ExtendError::Outdated) => {
            live(&core, &session).unwrap_or_else(|| not_live(&core, &session, &request))
        }
        Err(ExtendError::Refused(refusal)) => refused(refusal),
        Err(ExtendError::Store(_)) => super::answer::unavailable(),
    }
}

fn live(core: &Core, session: &Session) -> Option<Answer> {
    let (id, left) = session.id().zip(session.expires_in())?;
    let idle = session.idle_timeout();
    let exits = &core.farewell.exits;
    let mut by_reason = Map::new();
    by_reason.insert("default".to_owned(), exits.default.as_str().into());
    for (reason, path) in &exits.by_reason {
        // As in `ExitPages::of`, the first of a reason counts.
        let known = by_reason.entry(reason.code());
        known.or_insert_with(|| path.as_str().into());
    }
    let mut answer = json(&json!({
        "state": "live",
        "session_id": id.to_string(),
        "subject_key": session.subject().as_ref().map(key_of),
        "idle_seconds_left": left.idle.map(seconds),
        "absolute_seconds_left": seconds(left.absolute),
        "idle_timeout_seconds": idle.map(seconds),
        "warn_seconds": seconds(warn_before(core.endpoints.warning, idle)),
        "exits": by_reason,
        "log_in": exits.log_in,
    }));
    // An ending that overtakes it is told in the same way.
    answer.extensions_mut().insert(Wish::Standing);
    Some(answer)
}

/// As configured, but a short session is not warned of from its start.
fn warn_before(configured: Duration, idle: Option<Duration>) -> Duration {
    let most = idle.map_or(Duration::MAX, |idle| (idle / 2).max(LEAST_WARNING));
    configured.min(most)
}

/// To the millisecond; whole seconds as whole numbers.
fn seconds(duration: Duration) -> Value {
    match duration.subsec_millis() {
        0 => duration.as_secs().into(),
        millis => {
            let exact = Duration::new(duration.as_secs(), millis * 1_000_000);
            exact.as_secs_f64().into()
        }
    }
}

/// The same for all sessions of a subject: a page that sees another one belongs to somebody else.
fn key_of(subject: &Subject) -> String {
    let hash = blake3::derive_key(KEY_CONTEXT, subject.as_str().as_bytes());
    let mut hex = blake3::Hash::from(hash).to_hex().to_string();
    hex.truncate(32);
    hex
}

const KEY_CONTEXT: &str = "adjourn 2026-11 endpoints subject key";

#[cfg(test)]
mod tests {
    use super::*;

    // R-12-1
    #[test]
    fn the_warning_fits_the_session_and_leaves_20_seconds() {
        for (configured, idle, warns) in [
            (60, Some(900), 60),
            (60, None, 60),
            (300, Some(300), 150),
            (60, Some(60), 30),
            (60, Some(30), 20),
            (60, Some(3), 20),
            (20, Some(900), 20),
        ] {
            let of = Duration::from_secs;
            let warning = warn_before(of(configured), idle.map(of));
            assert_eq!(warning, of(warns), "{configured} {idle:?}");
        }
    }

    #[test]
    fn seconds_are_exact_to_the_millisecond() {
        let shown = |millis| seconds(Duration::from_millis(millis)).to_string();
        assert_eq!(shown(900_000), "900");
        assert_eq!(shown(811_250), "811.25");
        assert_eq!(shown(1), "0.001");
        assert_eq!(shown(0), "0");
    }

    #[test]
    fn keys_tell_subjects_apart_and_do_not_show_them() {
        let key = |subject: &str| key_of(&Subject::new(subject).unwrap());
        assert_eq!(key("alice"), key("alice"));
        assert_ne!(key("alice"), key("bob"));
        assert_eq!(key("alice").len(), 32);
    }
}
