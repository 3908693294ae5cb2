//! Pages with something to protect.

use crate::{
    client,
    page::{Page, text},
};
use adjourn::LiveSession;
use axum::{
    http::header::SET_COOKIE,
    response::{AppendHeaders, IntoResponse},
};

/// `GET /account`
///
/// `LiveSession` in the arguments is the gate: without a live session the handler does not run, and
/// the client is sent to the log-in page or gets 401.
pub(crate) async fn account(session: LiveSession) -> impl IntoResponse {
    let name = session
        .subject()
        .map_or("nobody", |subject| subject.as_str());
    let left = session.expires_in();
    let idle = left.idle.map_or_else(|| "never".to_owned(), client::span);
    let main = format!(
        "<h1>Your account</h1><div class=\"columns\">\
         <section class=\"card balance\" aria-label=\"Balance\">\
         <p>Current account of {name}</p>\
         <p class=\"figure\">Balance: 4,217.00</p>\
         <p class=\"hint\">IBAN XX00 FERN 0000 0042 17</p></section>\
         <section class=\"card\" aria-labelledby=\"session\"><h2 id=\"session\">This session</h2>\
         <dl><div><dt>Ends when you are away for</dt><dd>{idle}</dd></div>\
         <div><dt>Ends at the latest in</dt><dd>{absolute}</dd></div>\
         <div><dt>Its public name</dt><dd><code>{id}</code></dd></div></dl>\
         <p><a href=\"/account/sessions\">See where else you are logged in</a></p></section></div>",
        name = text(name),
        absolute = client::span(left.absolute),
        id = session.session_id(),
    );
    // Cookies of the application itself. They are named in `sessions`, with the same paths, so
    // that they go when the session does.
    let cookies = [
        (
            SET_COOKIE,
            "theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        (
            SET_COOKIE,
            "acct_view=1; Path=/account; Secure; HttpOnly; SameSite=Lax",
        ),
    ];
    let page = Page::new("Account", session.subject(), main);
    (AppendHeaders(cookies), page)
}

/// `GET /account/statements`
pub(crate) async fn statements(session: LiveSession) -> Page {
    let main = include_str!("web/statements.html");
    Page::new("Statements", session.subject(), main)
}
