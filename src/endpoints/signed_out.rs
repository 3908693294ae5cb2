//! The page on which people land after an ending.

use super::answer::Answer;
use crate::{farewell::exit_page, layer::Core, live::SessionBody, session::Session};
use http::HeaderMap;

/// `GET signed-out`.
pub(super) fn page(
    core: &Core,
    session: Option<&Session>,
    request: &HeaderMap,
    query: &str,
) -> Answer {
    exit_page(&core.farewell, session, request, query).map(SessionBody::ours)
}
