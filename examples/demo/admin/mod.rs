//! The administrator's console: who is logged in, ending that, and how sessions go.

mod audit;
mod charts;
mod end;
mod people;

pub(crate) use audit::{events, recorded};
pub(crate) use end::end;

use crate::{
    bank::Bank,
    page::{self, Page},
    users,
};
use adjourn::{
    LiveSession,
    id::Subject,
    policy::RequestFacts,
    store::{self, Listed},
};
use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A live session of an administrator: an extractor like `LiveSession`, with a right on top.
#[derive(Debug)]
pub(crate) struct Admin {
    session: LiveSession,
    subject: Subject,
    facts: RequestFacts,
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // Nobody is told that they lack a right before it is known who they are.
        let session = <LiveSession as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let facts = RequestFacts::read(&parts.method, &parts.uri, &parts.headers);
        match session.subject().cloned() {
            Some(subject) if users::is_admin(&subject) => Ok(Self {
                session,
                subject,
                facts,
            }),
            viewer => {
                let why = "Only an administrator may do this.";
                Err(page::refused(&facts, viewer.as_ref(), why))
            }
        }
    }
}

/// `GET /admin`
pub(crate) async fn page(admin: Admin, State(bank): State<Bank>) -> Result<Page, store::Error> {
    let mut by_user: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for listed in bank.all_sessions().await? {
        let user = listed.subject.as_ref().map(ToString::to_string);
        by_user
            .entry(user.unwrap_or_default())
            .or_default()
            .push(listed);
    }
    for sessions in by_user.values_mut() {
        // A store says nothing of the order but that it is stable.
        sessions.sort_by_key(|listed| listed.created_at);
    }
    let users: String = by_user
        .iter()
        .map(|(user, sessions)| people::section(user, sessions, admin.session.session_id()))
        .collect();
    let main = include_str!("../web/admin.html")
        .replace("{charts}", &charts::charts(&bank.insights.snapshot()))
        // Last: what it holds is not looked through again.
        .replace("{users}", &users);
    Ok(Page::new("Admin", Some(&admin.subject), main).with_script("admin.js"))
}

/// `GET /admin/api/sessions`
pub(crate) async fn list(
    _admin: Admin,
    State(bank): State<Bank>,
) -> Result<Json<Vec<Value>>, store::Error> {
    let sessions = bank.all_sessions().await?;
    Ok(Json(sessions.iter().map(people::as_json).collect()))
}
