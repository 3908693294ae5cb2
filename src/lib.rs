//! Tower and axum middleware that makes the **end** of a user session correct.
//!
//! A [`SessionLayer`] wraps any Tower service: it validates the session of every request, enforces
//! idle and absolute timeouts, and when a session ends - by logout, by the clock, by an
//! administrator, by policy or risk, by the identity provider - it ends everywhere: on the server,
//! in the browser, in open connections, and in the audit trail, once, with the reason.
//!
//! # The path of a request
//!
//! ```text
//! request -> carrier.read -> store.check_in -> policy.judge -> inner service -> session commit -> carrier.write -> farewell -> response
//!                                | Ended, Due    | End(reason)    | session.end()    | write says Ended
//!                                v               v                v                  v
//!   admin, subject-wide, sweeper, identity provider ---> Terminator::conclude ---> Ended (receipt) ---> carrier.clear + farewell
//!   conclude: 1 store.end (one atomic step: values erased, the row becomes its tombstone, pending work leased to the winner, notice sent)
//!             2 cut live connections here   3 drop caches, scratch files, run hooks   4 audit, acknowledge   (2-4 in a tracked task that a dropped request cannot stop)
//! ```
//!
//! # Quick start
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use adjourn::{Farewell, LiveSession, Session, Sessions, session::{LogOutError, StartError}, store::MemoryStore};
//! use axum::{Router, response::Redirect, routing::{get, post}};
//!
//! let sessions = Sessions::builder(MemoryStore::new())
//!     .with_public(["/", "/login", "/logout"])
//!     .with_log_in_page("/login")
//!     .build()?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "Welcome" }))
//!     .route("/login", get(|| async { "The form" }).post(log_in))
//!     .route("/logout", post(log_out))
//!     .route("/account", get(account))
//!     .nest_service("/session", sessions.endpoints())
//!     .layer(sessions.layer()); // the layer last: routes added later are not covered
//!
//! async fn log_in(session: Session) -> Result<Redirect, StartError> {
//!     session.log_in("user-17").await?; // after checking the password
//!     Ok(Redirect::to("/account"))
//! }
//!
//! async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
//!     Ok(session.log_out().await?.into())
//! }
//!
//! async fn account(session: LiveSession) -> String {
//!     format!("Balance of {}", session.subject().map_or("nobody", |s| s.as_str()))
//! }
//! # let _ = app;
//! # }
//! # Ok::<(), adjourn::BuildError>(())
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! |---|---|
//! | [`time`], [`id`], [`reason`] | instants and clocks; tokens, session ids, subjects; why sessions end |
//! | [`record`], [`carrier`] | what is kept of a session; how a token travels |
//! | [`store`], [`policy`], [`live`], [`audit`] | the store contract and the embedded store; judgements; open connections; what is recorded |
//! | [`terminate`] | the one road by which every session ends |
//! | [`session`] | the handle that handlers use |
//! | [`farewell`], [`layer`], [`endpoints`] | what the client sees; the Tower layer; the routes, script and page that come with it |
//!
//! A module uses only modules above it in this table.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audit;
pub mod carrier;
pub mod endpoints;
pub mod farewell;
pub mod id;
pub mod layer;
pub mod live;
pub mod policy;
pub mod reason;
pub mod record;
pub mod session;
pub mod store;
pub mod terminate;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod time;

pub use endpoints::Endpoints;
pub use farewell::Farewell;
#[cfg(feature = "ws")]
pub use layer::websocket::WebSocketUpgrade;
pub use layer::{
    BuildError, PeerAddr, SessionLayer, SessionService, Sessions, SessionsBuilder, cacheable,
    require_fresh, require_session,
};
#[cfg(feature = "axum")]
pub use layer::{FreshSession, LiveSession};
pub use session::Session;
pub use terminate::Terminator;

/// The code in the README compiles.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The code in the guides compiles.
#[cfg(all(doctest, feature = "axum"))]
mod guides {
    #[doc = include_str!("../docs/guides/from-tower-sessions.md")]
    struct FromTowerSessions;
    #[doc = include_str!("../docs/guides/htmx.md")]
    struct Htmx;
    #[doc = include_str!("../docs/guides/mobile-apps.md")]
    struct MobileApps;
    #[doc = include_str!("../docs/guides/plain-forms.md")]
    struct PlainForms;
    #[doc = include_str!("../docs/guides/turbo.md")]
    struct Turbo;
}
