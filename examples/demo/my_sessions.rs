//! Where else am I logged in? (ASVS 7.5.2)
//!
//! Pages made by the server, for everybody. The same is there for scripts, without a handler:
//! `/session/sessions`, one of the endpoints that come with adjourn.

use crate::{
    bank::Bank,
    client,
    page::{Page, text},
};
use adjourn::{
    LiveSession, Terminator,
    id::{SessionId, Subject},
    reason::EndReason,
    session::EndOthersError,
    store::{self, Listed},
    terminate::EndError,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

/// `GET /account/sessions`
pub(crate) async fn list(
    session: LiveSession,
    State(bank): State<Bank>,
) -> Result<Page, store::Error> {
    let mine = match session.subject() {
        Some(subject) => bank.sessions.list(subject).await?,
        None => Vec::new(),
    };
    let others = mine.len().saturating_sub(1);
    let items: String = mine
        .iter()
        .map(|listed| {
            if listed.id == session.session_id() {
                this(listed, &bank)
            } else {
                other(listed)
            }
        })
        .collect();
    let end_others = if others == 0 {
        "<p>You are logged in nowhere else.</p>".to_owned()
    } else {
        "<form method=\"post\" action=\"/account/sessions/end-others\">\
         <button class=\"button danger\" type=\"submit\">End all others</button></form>"
            .to_owned()
    };
    let main = format!(
        "<h1>Your sessions</h1>\
         <p class=\"lead\">You do not know one of these? End it, then change your password.</p>\
         <ul class=\"sessions\">{items}</ul>{end_others}"
    );
    Ok(Page::new("Sessions", session.subject(), main))
}

/// `POST /account/sessions/{id}/end`: not for this session, which has the button of a log-out.
pub(crate) async fn end(
    session: LiveSession,
    terminator: Terminator,
    State(bank): State<Bank>,
    Path(id): Path<String>,
) -> Result<Response, EndError> {
    let Ok(id) = id.parse::<SessionId>() else {
        return Ok(not_mine(session.subject()));
    };
    // A session id is no secret, so knowing one is no right to end it. Whose a session is never
    // changes: nothing can come between this look and the ending.
    let mine = match session.subject() {
        Some(subject) => bank.sessions.list(subject).await?,
        None => Vec::new(),
    };
    if !mine.iter().any(|listed| listed.id == id) {
        return Ok(not_mine(session.subject()));
    }
    // It may have ended since: then the receipt says so, and there is nothing more to do.
    let _receipt = terminator.end(id, EndReason::LogoutElsewhere).await?;
    Ok(Redirect::to("/account/sessions").into_response())
}

/// `POST /account/sessions/end-others`
pub(crate) async fn end_others(session: LiveSession) -> Result<Redirect, EndOthersError> {
    let _receipt = session.end_others(EndReason::LogoutElsewhere).await?;
    Ok(Redirect::to("/account/sessions"))
}

fn this(listed: &Listed, bank: &Bank) -> String {
    let device = client::device(listed.client.as_deref());
    // To one of the endpoints that come with adjourn: a log-out without a handler.
    let log_out = bank.sessions.endpoints().log_out_form();
    format!(
        "<li class=\"card\"><h2>{} <span class=\"mark\">this one</span></h2>{}{}</li>",
        text(&device),
        client::facts(listed),
        log_out
            .with_label("Log out here")
            .with_class("button small"),
    )
}

fn other(listed: &Listed) -> String {
    let device = client::device(listed.client.as_deref());
    let device = text(&device);
    let facts = client::facts(listed);
    format!(
        "<li class=\"card\"><h2>{device}</h2>{facts}\
         <form method=\"post\" action=\"/account/sessions/{id}/end\">\
         <button class=\"button small\" type=\"submit\">End this session\
         <span class=\"unseen\"> ({device})</span></button></form></li>",
        id = listed.id,
    )
}

/// The same answer for a session of somebody else, one that ended, and one that never was.
fn not_mine(viewer: Option<&Subject>) -> Response {
    let main = "<h1>You have no such session</h1>\
                <p class=\"lead\">It may have ended already. \
                <a href=\"/account/sessions\">See which there are</a></p>";
    let page = Page::new("No such session", viewer, main);
    (StatusCode::NOT_FOUND, page).into_response()
}
