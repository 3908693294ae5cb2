//! `GET /debug/live`: counters for tests and curious people, on this machine only.

use crate::{bank::Bank, refused::Refused, scratch};
use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::StatusCode,
};
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(crate) async fn live(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    State(bank): State<Bank>,
) -> Result<Json<Value>, Refused> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Refused::new(StatusCode::NOT_FOUND, "there is no such page"));
    }
    let sessions = bank.all_sessions().await;
    let sessions =
        sessions.map_err(|error| Refused::new(StatusCode::SERVICE_UNAVAILABLE, &error))?;
    let directories = match bank.scratch {
        Some(root) => scratch::count(root).await?,
        None => 0,
    };
    Ok(Json(json!({
        "node": bank.node,
        "live_sessions": sessions.len(),
        "open_connections": bank.sessions.open_connections(),
        "scratch_directories": directories,
        "session_local_values": bank.rights.len(),
    })))
}
