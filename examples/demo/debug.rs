//! `GET /debug/live`: counters for tests and curious people, on this machine only.

use crate::sessions::Bank;
use adjourn::store;
use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::net::SocketAddr;

pub(crate) async fn live(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    State(bank): State<Bank>,
) -> Result<Response, store::Error> {
    if !peer.ip().to_canonical().is_loopback() {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let counters = json!({
        "live_sessions": bank.all_sessions().await?.len(),
        "open_connections": bank.sessions.open_connections(),
    });
    Ok(Json(counters).into_response())
}
