//! What programs use: with the cookie of a page, or with a bearer token (see `token`).

use crate::refused::Refused;
use adjourn::{
    LiveSession,
    id::{Subject, Token},
    session::RotateError,
};
use axum::{Form, Json, extract::Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// `GET /api/me`
pub(crate) async fn me(session: LiveSession) -> Json<Value> {
    let left = session.expires_in();
    Json(json!({
        "subject": session.subject().map(Subject::as_str),
        "session_id": session.session_id().to_string(),
        "created_at": session.created_at().map(|at| at.to_string()),
        "idle_seconds_left": left.idle.map(|idle| idle.as_secs()),
        "absolute_seconds_left": left.absolute.as_secs(),
    }))
}

#[derive(Deserialize)]
pub(crate) struct Note {
    key: String,
    value: String,
}

/// `POST /api/note`
///
/// The value is written when the response is on its way. If the session ended meanwhile, nothing is
/// written, and the client gets 401 instead of this answer.
pub(crate) async fn set_note(
    session: LiveSession,
    Form(note): Form<Note>,
) -> Result<Json<Value>, Refused> {
    session.set(&note.key, &note.value)?;
    Ok(Json(json!({ "key": note.key, "value": note.value })))
}

#[derive(Deserialize)]
pub(crate) struct Which {
    key: String,
}

/// `GET /api/note?key=`
pub(crate) async fn note(
    session: LiveSession,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refused> {
    let value: Option<Value> = session.get(&which.key)?;
    Ok(Json(json!({ "value": value })))
}

#[derive(Deserialize)]
pub(crate) struct Slow {
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    then: Then,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Then {
    #[default]
    Read,
    Rotate,
    Write,
}

/// `GET /api/slow?ms=&then=read|write|rotate`
///
/// To see what becomes of a request whose session ends while it is being answered: log out in
/// another tab meanwhile.
pub(crate) async fn slow(
    session: LiveSession,
    Query(slow): Query<Slow>,
) -> Result<Json<Value>, Refused> {
    let subject = session.subject().map(ToString::to_string);
    sleep(Duration::from_millis(slow.ms).min(LONGEST)).await;
    let mut token = None;
    match slow.then {
        Then::Read => {}
        Then::Write => session.set("slow", &slow.ms)?,
        Then::Rotate => token = rotate(&session).await?,
    }
    Ok(Json(json!({
        "subject": subject,
        "waited_ms": slow.ms,
        "then": slow.then,
        "token": token.as_ref().map(Token::expose).as_deref(),
    })))
}

/// Replaces the secret of the session: by a new cookie on the response, or, as no cookie reaches a
/// program, by the token that is returned.
async fn rotate(session: &LiveSession) -> Result<Option<Token>, RotateError> {
    match session.rotate() {
        Ok(()) => Ok(None),
        Err(RotateError::Bearer) => session.rotate_bearer().await.map(Some),
        Err(error) => Err(error),
    }
}

const LONGEST: Duration = Duration::from_mins(1);
