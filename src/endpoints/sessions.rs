//! The user's own sessions: seen, and ended after a recent log-in (ASVS 7.5.2).

use super::answer::{Answer, fault, is_bearer, json, not_live, refused, unavailable, wish};
use crate::{
    farewell::{Farewell, Wish},
    id::SessionId,
    layer::Core,
    live::SessionBody,
    policy::{judge_log_out, judge_read},
    reason::{Cause, EndReason},
    record::Client,
    session::{EndOthersError, LogOutError, Session},
    store::{self, Listed},
    terminate::{Ended, Outcome, Terminator},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST end`, and the end of this very session.
pub(super) async fn end(session: Session) -> Answer {
    match session.log_out().await {
        Ok(ended) => Farewell::from(ended).into_http_response(),
        Err(LogOutError::Refused(refusal)) => refused(refusal),
        Err(error @ LogOutError::Store(_)) => {
            error.into_http_response::<Bytes>().map(SessionBody::ours)
        }
    }
}

/// `GET sessions`.
pub(super) async fn list(core: Arc<Core>, session: Session, request: HeaderMap) -> Answer {
    let origin = session.context().origin.as_ref();
    if let Err(refusal) = judge_read(session.facts(), is_bearer(&session), origin) {
        return refused(refusal);
    }
    let Some(current) = session.id() else {
        return not_live(&core, &session, &request);
    };
    match own(&session).await {
        Ok(own) => {
            let sessions: Vec<_> = own.iter().map(|listed| shown(listed, current)).collect();
            json(&json!({ "sessions": sessions }))
        }
        Err(error) => store_failed(&session, "list", &error),
    }
}

/// `POST sessions/{id}/end`.
pub(super) async fn end_one(
    core: Arc<Core>,
    session: Session,
    request: HeaderMap,
    id: Option<SessionId>,
) -> Answer {
    if id.is_some() && id == session.id() {
        return end(session).await;
    }
    if let Some(answer) = refusal(&core, &session, &request) {
        return answer;
    }
    // A session id is no secret, so to know one is no right to end it. Whose a session is never
    // changes: nothing can come between this look and the ending.
    let own = match own(&session).await {
        Ok(own) => own,
        Err(error) => return store_failed(&session, "list", &error),
    };
    let Some(id) = id.filter(|id| own.iter().any(|listed| listed.id == *id)) else {
        let title = "You have no such session; it may have ended already";
        return fault(StatusCode::NOT_FOUND, "no-such-session", title);
    };
    let terminator = Terminator(Arc::clone(&session.context().road));
    match terminator.end(id, cause(&session)).await {
        Ok(ended) => json(&receipt(&ended)),
        Err(_) => unavailable(),
    }
}

/// `POST sessions/end-others`.
pub(super) async fn end_others(core: Arc<Core>, session: Session, request: HeaderMap) -> Answer {
    if let Some(answer) = refusal(&core, &session, &request) {
        return answer;
    }
    match session.end_others(cause(&session)).await {
        Ok(ended) => json(&json!({
            "ended": ended.concluded(),
            "more_follow": ended.more_follow(),
        })),
        // An anonymous session has no others.
        Err(EndOthersError::NoSubject) => json(&json!({ "ended": 0, "more_follow": false })),
        Err(EndOthersError::Store(_)) => unavailable(),
    }
}

/// What is answered unless the request is honest and the user logged in a moment ago.
fn refusal(core: &Core, session: &Session, request: &HeaderMap) -> Option<Answer> {
    let origin = session.context().origin.as_ref();
    if let Err(refusal) = judge_log_out(session.facts(), is_bearer(session), origin) {
        session.record_log_out_refused(refusal);
        return Some(refused(refusal));
    }
    if !session.is_live() {
        return Some(not_live(core, session, request));
    }
    let stale = session.require_fresh(core.endpoints.fresh?).err()?;
    Some(wish(Wish::Refuse(stale.into()), StatusCode::UNAUTHORIZED))
}

/// The live sessions of the subject of this one, oldest first; of an anonymous one itself.
async fn own(session: &Session) -> Result<Vec<Listed>, store::Error> {
    match session.subject() {
        Some(subject) => session.context().store().list(&subject).await,
        None => Ok(session.listed().into_iter().collect()),
    }
}

fn cause(session: &Session) -> Cause {
    let cause =
        Cause::from(EndReason::LogoutElsewhere).with_note("from another session of the user");
    match session.subject() {
        Some(subject) => cause.with_actor(subject),
        None => cause,
    }
}

fn receipt(ended: &Ended) -> Value {
    json!({
        "ended": ended.outcome() != Outcome::Unknown,
        "reason": ended.ending().map(|ending| ending.reason().code()),
    })
}

fn shown(listed: &Listed, current: SessionId) -> Value {
    let client = listed.client.as_deref();
    json!({
        "id": listed.id.to_string(),
        "current": listed.id == current,
        "created_at": listed.created_at.to_string(),
        "last_seen": listed.last_seen.to_string(),
        "absolute_deadline": listed.absolute_deadline.to_string(),
        "address": client.and_then(Client::address).map(|address| address.to_string()),
        "user_agent": client.and_then(Client::user_agent),
    })
}

fn store_failed(session: &Session, operation: &'static str, error: &store::Error) -> Answer {
    session.context().road.store_failed(operation, error);
    unavailable()
}
