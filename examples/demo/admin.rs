//! The administrator's console: who is logged in, and ending that (ASVS 7.4.5).

use crate::{
    client,
    page::{self, Page, text},
    sessions::Bank,
    users,
};
use adjourn::{
    LiveSession, Terminator,
    id::{SessionId, Subject},
    policy::RequestFacts,
    reason::{Cause, EndReason},
    record::Client,
    store::{self, Listed},
    terminate::{EndError, Outcome},
};
use axum::{
    Form, Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A live session of an administrator: an extractor like `LiveSession`, with a right on top.
#[derive(Debug)]
pub(crate) struct Admin {
    session: LiveSession,
    subject: Subject,
    facts: RequestFacts,
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // Nobody is told that they lack a right before it is known who they are.
        let session = <LiveSession as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let facts = RequestFacts::read(&parts.method, &parts.uri, &parts.headers);
        match session.subject().cloned() {
            Some(subject) if users::is_admin(&subject) => Ok(Self {
                session,
                subject,
                facts,
            }),
            viewer => {
                let why = "Only an administrator may do this.";
                Err(page::refused(&facts, viewer.as_ref(), why))
            }
        }
    }
}

/// `GET /admin`
pub(crate) async fn page(admin: Admin, State(bank): State<Bank>) -> Result<Page, store::Error> {
    let mut by_user: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for listed in bank.all_sessions().await? {
        let user = listed.subject.as_ref().map(ToString::to_string);
        by_user
            .entry(user.unwrap_or_default())
            .or_default()
            .push(listed);
    }
    for sessions in by_user.values_mut() {
        // A store says nothing of the order but that it is stable.
        sessions.sort_by_key(|listed| listed.created_at);
    }
    let users: String = by_user
        .iter()
        .map(|(user, sessions)| section(user, sessions, admin.session.session_id()))
        .collect();
    let main = include_str!("admin.html").replace("{users}", &users);
    Ok(Page::new("Admin", Some(&admin.subject), main))
}

/// `GET /admin/api/sessions`
pub(crate) async fn list(
    _admin: Admin,
    State(bank): State<Bank>,
) -> Result<Json<Vec<Value>>, store::Error> {
    let sessions = bank.all_sessions().await?;
    Ok(Json(sessions.iter().map(as_json).collect()))
}

/// Which sessions are to end: exactly one of the first three.
#[derive(Debug, Deserialize)]
pub(crate) struct Whose {
    session_id: Option<String>,
    subject: Option<String>,
    everyone: Option<String>,
    why: Option<String>,
}

/// `POST /admin/end`
pub(crate) async fn end(
    admin: Admin,
    terminator: Terminator,
    Form(whose): Form<Whose>,
) -> Result<Response, EndError> {
    let cause = admin.cause(whose.why.as_deref());
    let Some(scope) = Scope::of(&whose) else {
        return Ok(admin.misunderstood());
    };
    let ended = match &scope {
        Scope::Session(id) => match terminator.end(*id, cause.clone()).await?.outcome() {
            Outcome::Ended => 1,
            _ => 0,
        },
        Scope::Subject(subject) => {
            let receipt = terminator.end_subject(subject, None, cause.clone()).await?;
            receipt.concluded()
        }
        Scope::Everyone => terminator
            .end_everyone(None, cause.clone())
            .await?
            .concluded(),
    };
    let mine_too = match scope {
        Scope::Session(id) => id == admin.session.session_id(),
        Scope::Subject(subject) => subject == admin.subject,
        Scope::Everyone => true,
    };
    if mine_too {
        // It has ended. Said to the handle as well, this answer is a farewell: otherwise the layer
        // would take it for one that was overtaken by an ending elsewhere, and replace it.
        let _receipt = admin.session.end(cause).await?;
    }
    Ok(admin.report(ended, mine_too))
}

/// What a form asks for.
enum Scope {
    Everyone,
    Session(SessionId),
    Subject(Subject),
}

impl Scope {
    fn of(whose: &Whose) -> Option<Self> {
        // The buttons send only their own field; an empty one is none.
        let named = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        match (
            named(&whose.session_id),
            named(&whose.subject),
            named(&whose.everyone),
        ) {
            (Some(id), None, None) => id.parse().ok().map(Self::Session),
            (None, Some(subject), None) => Subject::new(subject).ok().map(Self::Subject),
            (None, None, Some(yes)) if yes == "yes" => Some(Self::Everyone),
            _ => None,
        }
    }
}

impl Admin {
    /// Who did it and why goes into the audit record.
    fn cause(&self, why: Option<&str>) -> Cause {
        let cause = Cause::from(EndReason::Forced).with_actor(self.subject.clone());
        match why.map(str::trim).filter(|why| !why.is_empty()) {
            Some(why) => cause.with_note(why),
            None => cause,
        }
    }

    fn report(&self, ended: usize, mine_too: bool) -> Response {
        if !self.facts.prefers_html() {
            return Json(json!({ "ended": ended })).into_response();
        }
        let plural = if ended == 1 {
            "session was"
        } else {
            "sessions were"
        };
        let (viewer, next) = if mine_too {
            let next = "Yours is over, too. <a href=\"/login\">Log in again</a>";
            (None, next)
        } else {
            let next = "<a href=\"/admin\">Back to all sessions</a>";
            (Some(&self.subject), next)
        };
        let main =
            format!("<h1>{ended} {plural} ended</h1><p class=\"lead\" role=\"status\">{next}</p>");
        Page::new("Ended", viewer, main).into_response()
    }

    fn misunderstood(&self) -> Response {
        let why = "Exactly one is needed: session_id, subject, or everyone=yes.";
        if !self.facts.prefers_html() {
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
        }
        let main = format!("<h1>That was not understood</h1><p class=\"lead\">{why}</p>");
        let page = Page::new("Not understood", Some(&self.subject), main);
        (StatusCode::BAD_REQUEST, page).into_response()
    }
}

fn section(user: &str, sessions: &[Listed], mine: SessionId) -> String {
    let items: String = sessions
        .iter()
        .map(|listed| item(listed, listed.id == mine))
        .collect();
    let count = sessions.len();
    let plural = if count == 1 { "" } else { "s" };
    let user = text(user);
    format!(
        "<section class=\"user\" aria-label=\"{user}\"><div class=\"head\">\
         <h2>{user} <span class=\"hint\">{count} session{plural}</span></h2>\
         <form method=\"post\" action=\"/admin/end\">\
         <input type=\"hidden\" name=\"subject\" value=\"{user}\">\
         <button class=\"button small\" type=\"submit\">End all of {user}</button></form></div>\
         <ul class=\"sessions\">{items}</ul></section>"
    )
}

fn item(listed: &Listed, is_mine: bool) -> String {
    let device = client::device(listed.client.as_deref());
    let device = text(&device);
    let mark = if is_mine {
        " <span class=\"mark\">this one</span>"
    } else {
        ""
    };
    format!(
        "<li class=\"card\"><h3>{device}{mark}</h3>{facts}\
         <form method=\"post\" action=\"/admin/end\">\
         <input type=\"hidden\" name=\"session_id\" value=\"{id}\">\
         <button class=\"button small\" type=\"submit\">End this session\
         <span class=\"unseen\"> ({device}, {id})</span></button></form></li>",
        facts = client::facts(listed),
        id = listed.id,
    )
}

fn as_json(listed: &Listed) -> Value {
    let client = listed.client.as_deref();
    json!({
        "session_id": listed.id.to_string(),
        "subject": listed.subject.as_ref().map(Subject::as_str),
        "created_at": listed.created_at.to_string(),
        "last_seen": listed.last_seen.to_string(),
        "absolute_deadline": listed.absolute_deadline.to_string(),
        "address": client.and_then(Client::address).map(|address| address.to_string()),
        "user_agent": client.and_then(Client::user_agent),
    })
}
