//! The audit trail as it goes on.

use super::Admin;
use crate::{bank::Bank, feed::Noted};
use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::StreamExt;

/// `GET /admin/api/audit`: the last events, oldest first.
pub(crate) async fn recorded(_admin: Admin, State(bank): State<Bank>) -> Json<Vec<Noted>> {
    Json(bank.feed.all())
}

/// `GET /admin/events`: those, and then each new one, as server-sent events.
///
/// When the administrator's own session ends, the layer ends this response.
pub(crate) async fn events(
    _admin: Admin,
    State(bank): State<Bank>,
    headers: HeaderMap,
) -> impl IntoResponse {
    // A browser whose connection broke says which event was the last that it got.
    let seen = headers.get("last-event-id");
    let seen = seen.and_then(|seen| seen.to_str().ok()?.parse().ok());
    let events = bank.feed.after(seen.unwrap_or(0)).map(|noted| {
        let event = Event::default().event("audit").id(noted.number.to_string());
        event.json_data(noted)
    });
    // An endless response would keep a server that stops waiting.
    let events = events.take_until(bank.closing.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::default())
}
