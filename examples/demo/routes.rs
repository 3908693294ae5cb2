//! Every route, and the layers around them.

use crate::{
    account, admin, api, assets, bank::Bank, debug, help, home, live, log_in, my_sessions,
    own_site, page, rights, scratch, streams, token,
};
use adjourn::{cacheable, require_fresh};
use axum::{
    Router,
    http::{
        HeaderName, HeaderValue,
        header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::{from_fn, map_response},
    response::Response,
    routing::{get, post},
};
use tower_http::trace::TraceLayer;

pub(crate) fn routes(bank: Bank) -> Router {
    Router::new()
        .route("/", get(home::home))
        // May be stored although a session lives: it shows nothing of it.
        .route("/help", get(help::page).layer(cacheable()))
        .route("/login", get(log_in::form).post(log_in::log_in))
        .route("/account", get(account::account))
        .route("/account/statements", get(account::statements))
        .route("/account/sessions", get(my_sessions::list))
        .route(
            "/account/sessions/{id}/end",
            post(my_sessions::end).layer(require_fresh(bank.fresh)),
        )
        .route(
            "/account/sessions/end-others",
            post(my_sessions::end_others).layer(require_fresh(bank.fresh)),
        )
        .route("/live", get(live::page))
        .route("/events", get(streams::events))
        .route("/ws", get(streams::web_socket))
        .route("/admin", get(admin::page))
        .route("/admin/end", post(admin::end))
        .route("/admin/events", get(admin::events))
        .route("/admin/api/audit", get(admin::recorded))
        .route("/admin/api/sessions", get(admin::list))
        .route("/api/me", get(api::me))
        .route("/api/note", get(api::note).post(api::set_note))
        .route("/api/slow", get(api::slow))
        .route("/api/scratch", post(scratch::keep))
        .route("/api/perms", get(rights::list))
        .route(
            "/api/grant",
            post(rights::lend).layer(require_fresh(bank.fresh)),
        )
        .route("/api/token", post(token::issue))
        .route("/api/token/end", post(token::end))
        .route("/debug/live", get(debug::live))
        // Only for the routes above: the log-out judges its requests itself.
        .route_layer(from_fn(own_site::only))
        .route("/logout", post(log_in::log_out))
        .nest_service("/session", bank.sessions.endpoints())
        .fallback(page::not_found)
        // After all routes that know of sessions.
        .layer(bank.sessions.layer())
        // Not covered by it, on purpose: responses to somebody who is logged in may not be stored,
        // and these belong to nobody.
        .route("/static/{name}", get(assets::asset))
        .layer(map_response(harden))
        .layer(TraceLayer::new_for_http())
        .with_state(bank)
}

/// Nothing from elsewhere, nothing inline, no frames. What a response says itself stands.
async fn harden(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
             img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];
