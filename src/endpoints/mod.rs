//! The endpoints that come with the crate, as a plain Tower service.
//!
//! | path | what |
//! |---|---|
//! | `GET /status` | how the session stands: how long it lives on, when to warn, where to go at the end; 401 with the reason when it is not live. Never activity |
//! | `POST /extend` | the user is there: moves the idle deadline; recorded in the audit trail |
//! | `POST /end` | logs out: the target of a log-out button |
//! | `GET /sessions` | the live sessions of the user |
//! | `POST /sessions/{id}/end` | ends one of them; others than this one only after a recent log-in |
//! | `POST /sessions/end-others` | ends all but this one, after a recent log-in |
//! | `GET /adjourn.js`, `GET /adjourn.mjs` | the client script, classic and as a module; `docs/guides/browser-script.md` in the repository is its manual |
//! | `GET /signed-out` | the page on which people land after an ending |
//!
//! Mount it under `/session`, inside the [`SessionLayer`](crate::SessionLayer), or elsewhere and say
//! so with [`with_endpoints_at`](crate::SessionsBuilder::with_endpoints_at). Its paths need no
//! session and no mention in [`with_public`](crate::SessionsBuilder::with_public).
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use adjourn::{Sessions, store::MemoryStore};
//! use axum::{Router, response::Html, routing::get};
//!
//! let sessions = Sessions::builder(MemoryStore::new())
//!     .with_public(["/login"])
//!     .with_endpoints_at("/app/session")
//!     .build()?;
//! let page = "<script src=/app/session/adjourn.js defer></script>\
//!     <form method=post action=/app/session/end><button>Log out</button></form>";
//! let app: Router = Router::new()
//!     .route("/account", get(move || async move { Html(page) }))
//!     .nest_service("/app/session", sessions.endpoints())
//!     .layer(sessions.layer());
//! # let _ = app;
//! # }
//! # Ok::<(), adjourn::BuildError>(())
//! ```
//!
//! 1. What changes something is a POST and judged like a log-out
//!    ([`judge_log_out`](crate::policy::judge_log_out)); what tells something is refused to other
//!    sites, and no other site can load it. A client with a bearer token need not say where it
//!    comes from.
//! 2. Programs get JSON, described by `docs/openapi.json` in the repository, and problem documents
//!    (RFC 9457). Only the script may be stored, and caches ask for it anew each time: a page that
//!    names its hash (`integrity`) never meets an old one.
//! 3. A user ends sessions of their own only: the session of somebody else is answered exactly like
//!    one that does not exist.
//! 4. The store failing is 503 and never an ending.
//! 5. A missing layer, the layer of other [`Sessions`](crate::Sessions), or a mount elsewhere than
//!    configured is 500: polls would otherwise keep sessions alive unnoticed.

mod answer;
mod files;
mod log_out_form;
mod route;
mod script;
mod service;
mod sessions;
mod short_names;
mod signed_out;
mod status;

pub use log_out_form::LogOutForm;
pub use script::{CLIENT_MODULE_INTEGRITY, CLIENT_SCRIPT_INTEGRITY, client_module, client_script};
pub use service::{Endpoints, EndpointsBody, EndpointsFuture};
