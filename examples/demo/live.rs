//! `GET /live`: a page full of things that go with the session.

use crate::page::Page;
use adjourn::LiveSession;

pub(crate) async fn page(session: LiveSession) -> Page {
    let main = include_str!("web/live.html");
    Page::new("Live", session.subject(), main).with_script("live.js")
}
