//! Ending sessions in somebody else's name (ASVS 7.4.5).

use super::Admin;
use crate::page::Page;
use adjourn::{
    Terminator,
    id::{SessionId, Subject},
    reason::{Cause, EndReason},
    terminate::{EndError, Outcome},
};
use axum::{
    Form, Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

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
