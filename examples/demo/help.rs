//! `GET /help`: how long a session lasts, said before it ends (ASVS 7.1.1, WCAG 2.2.6).
//!
//! The same page for whoever asks, so it may be stored, also by a browser that is logged in: its route
//! says so with `cacheable`, without which every response to a live session is `no-store`. That is why
//! it tells nothing of who asks, and is without the script, which would leave it at the end.

use crate::{bank::Bank, client::span, page::Page};
use adjourn::store::AtLimit;
use axum::{
    extract::State,
    http::header::CACHE_CONTROL,
    response::{AppendHeaders, IntoResponse},
};

/// `GET /help`
pub(crate) async fn page(State(bank): State<Bank>) -> impl IntoResponse {
    let (usual, remembered) = (&bank.usual, &bank.remembered);
    let away = |idle: Option<_>| idle.map_or_else(|| "any time".to_owned(), span);
    let limit = bank.limit.map_or_else(String::new, |limit| {
        let then = match limit.at_limit {
            AtLimit::EndOldest => "the one that you started first ends",
            _ => "the new one has to wait until you end another",
        };
        format!(
            "<div><dt>When you are logged in more than {} times at once</dt><dd>{then}</dd></div>",
            limit.max
        )
    });
    let main = format!(
        "<h1>When does my session end?</h1>\
         <p class=\"lead\">When you log out, when somebody ends it for you, and at the latest:</p>\
         <dl class=\"card\">\
         <div><dt>When nobody was there for</dt><dd>{idle}</dd></div>\
         <div><dt>After the log-in, in any case, in</dt><dd>{absolute}</dd></div>\
         <div><dt>With “Remember me”</dt><dd>{idle_remembered} without a visit, \
         {absolute_remembered} in any case</dd></div>{limit}</dl>\
         <p>Pages warn {warning} before, or as early as a short session allows, and ask whether you are \
         still there. At the end they go, with all that the browser kept of them.</p>",
        idle = away(usual.idle()),
        absolute = span(usual.absolute()),
        idle_remembered = away(remembered.idle()),
        absolute_remembered = span(remembered.absolute()),
        warning = span(bank.warning),
    );
    let page = Page::for_everybody("Help", main);
    (
        AppendHeaders([(CACHE_CONTROL, "public, max-age=300")]),
        page,
    )
}
