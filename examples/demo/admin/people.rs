//! How the administrator sees users and their sessions.

use crate::{client, page::text};
use adjourn::{
    id::{SessionId, Subject},
    record::Client,
    store::Listed,
};
use serde_json::{Value, json};

/// A user with their sessions.
pub(super) fn section(user: &str, sessions: &[Listed], mine: SessionId) -> String {
    let items: String = sessions
        .iter()
        .map(|listed| item(listed, listed.id == mine))
        .collect();
    let count = sessions.len();
    let plural = if count == 1 { "" } else { "s" };
    let user = text(user);
    format!(
        "<section class=\"user\" aria-label=\"{user}\"><div class=\"head\">\
         <h2>{user} <span class=\"hint\">{count} session{plural}</span></h2>\
         <form method=\"post\" action=\"/admin/end\">\
         <input type=\"hidden\" name=\"subject\" value=\"{user}\">\
         <button class=\"button small\" type=\"submit\">End all of {user}</button></form></div>\
         <ul class=\"sessions\">{items}</ul></section>"
    )
}

fn item(listed: &Listed, is_mine: bool) -> String {
    let device = client::device(listed.client.as_deref());
    let device = text(&device);
    let mark = if is_mine {
        " <span class=\"mark\">this one</span>"
    } else {
        ""
    };
    format!(
        "<li class=\"card\"><h3>{device}{mark}</h3>{facts}\
         <form method=\"post\" action=\"/admin/end\">\
         <input type=\"hidden\" name=\"session_id\" value=\"{id}\">\
         <button class=\"button small\" type=\"submit\">End this session\
         <span class=\"unseen\"> ({device}, {id})</span></button></form></li>",
        facts = client::facts(listed),
        id = listed.id,
    )
}

pub(super) fn as_json(listed: &Listed) -> Value {
    let client = listed.client.as_deref();
    json!({
        "session_id": listed.id.to_string(),
        "subject": listed.subject.as_ref().map(Subject::as_str),
        "created_at": listed.created_at.to_string(),
        "last_seen": listed.last_seen.to_string(),
        "absolute_deadline": listed.absolute_deadline.to_string(),
        "address": client.and_then(Client::address).map(|address| address.to_string()),
        "user_agent": client.and_then(Client::user_agent),
    })
}
