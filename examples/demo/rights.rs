//! What a user may do: rights that are looked up once for a session, and one that is lent for a
//! minute.

use crate::{bank::Bank, refused::Refused, users};
use adjourn::{LiveSession, id::Subject};
use axum::{Json, extract::State};
use serde_json::{Value, json};
use std::time::Duration;

/// What the user of a session may do.
#[derive(Debug)]
pub(crate) struct Rights(Vec<&'static str>);

/// `GET /api/perms`
///
/// A real bank asks a database. That the answer is kept in memory does no harm: it goes when the
/// session does, whoever ends it.
pub(crate) async fn list(session: LiveSession, State(bank): State<Bank>) -> Json<Value> {
    let rights = bank
        .rights
        .get_or_insert_with(&session, || look_up(session.subject()));
    let lent = session.granted(REFUND).then_some(REFUND);
    let permissions: Vec<_> = rights.0.iter().copied().chain(lent).collect();
    Json(json!({ "permissions": permissions }))
}

/// `POST /api/grant`
///
/// Nobody may give money back all day long, only for a minute after they said so, and only if they
/// logged in a short while ago: see the route. The grant ends by itself, and with the session.
pub(crate) async fn lend(session: LiveSession) -> Result<Json<Value>, Refused> {
    session.grant(REFUND, FOR)?;
    Ok(Json(json!({ "granted": REFUND, "seconds": FOR.as_secs() })))
}

fn look_up(subject: Option<&Subject>) -> Rights {
    let everybody = ["accounts:read", "statements:read"];
    let admin = subject.is_some_and(users::is_admin);
    let more = admin.then_some("sessions:end");
    Rights(everybody.into_iter().chain(more).collect())
}

const REFUND: &str = "refund";
const FOR: Duration = Duration::from_mins(1);
