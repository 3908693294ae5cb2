//! The public home page.

use crate::page::{Page, text};
use adjourn::Session;
use axum::{
    http::header::{CACHE_CONTROL, VARY},
    response::{AppendHeaders, IntoResponse},
};

/// Everybody may see it; `Session` is there with and without a log-in.
pub(crate) async fn home(session: Session) -> impl IntoResponse {
    let viewer = session.subject();
    let welcome = match &viewer {
        Some(subject) => format!(
            "<p>You are logged in as <strong>{}</strong>.</p>\
             <p><a class=\"button\" href=\"/account\">Go to your account</a></p>",
            text(subject.as_str())
        ),
        None => "<p>You are not logged in.</p>\
                 <p><a class=\"button\" href=\"/login\">Log in</a></p>"
            .to_owned(),
    };
    let main = format!(
        "<div class=\"hero\"><h1>Banking that lets go</h1>\
         <p class=\"lead\">Fernhill Bank is a demo of <em>adjourn</em>: when a session ends here, \
         it ends in the browser, on the server, and in everything that is open.</p>{welcome}</div>\
         <ul class=\"tiles\">\
         <li><h2>Leave it</h2><p>A session that nobody uses ends by itself, and so does one that \
         has lasted long enough.</p></li>\
         <li><h2>End it</h2><p>Log out here, or see where else you are logged in and end that.\
         </p></li>\
         <li><h2>Try it</h2><p>Log out, then press Back, or replay the old cookie with curl.</p>\
         </li></ul>"
    );
    let page = Page::new("Home", viewer.as_ref(), main);
    // Fit for a cache, because it shows nobody's data. For somebody who is logged in it does: then
    // the layer replaces this by `no-store`, as on every response to a live session.
    let headers = [(CACHE_CONTROL, "public, max-age=60"), (VARY, "Cookie")];
    (AppendHeaders(headers), page)
}
