//! `GET /live`: a page full of things that go with the session.

use crate::{bank::Bank, page::Page};
use adjourn::LiveSession;
use axum::extract::State;

pub(crate) async fn page(session: LiveSession, State(bank): State<Bank>) -> Page {
    // The connections of this page are this node's; the session is every node's.
    let held_by = bank.node.map_or_else(String::new, |node| {
        format!("<p>Held open by node <strong>{node}</strong>.</p>")
    });
    let main = include_str!("web/live.html").replace("{held_by}", &held_by);
    Page::new("Live", session.subject(), main).with_script("live.js")
}
