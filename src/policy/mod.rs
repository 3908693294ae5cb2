//! Judgement: how long a session may live, what counts as the user being there, whether a request
//! may log out, which paths need a session, where a browser may be sent, and what the application's
//! own policies say of a session that is in use ([`Policy`]).
//!
//! 1. **Pure.** Facts in, a verdict out: no I/O, no clock, nothing remembered. What has to ask
//!    somebody, a [`SubjectCheck`] or a [`RiskCheck`], is only described here.
//! 2. **Checked when it is written down.** A [`Timeouts`], an [`Origin`], a [`Network`] or
//!    [`PathRules`] cannot be built with a value that makes no sense; the error names the value
//!    and what to do.
//! 3. **Unclear is refused.** A header that is malformed or repeated, a path that two readers take
//!    for two places, a redirect that is not plainly local: the strict verdict, and no panic.
//! 4. **A header proves something only of a browser.** These verdicts keep other sites away from a
//!    user's browser; they stop nobody who holds the token.
//!
//! ```
//! use adjourn::policy::{PathRules, RequestFacts, Timeouts, default_activity, local_path};
//! use adjourn::record::Activity;
//! use http::Request;
//! use std::time::Duration;
//!
//! let timeouts = Timeouts::aal2().with_idle(Duration::from_mins(20))?;
//! assert!(timeouts.warnings().is_empty());
//!
//! let request = Request::get("/account").header("accept", "text/html").body(())?;
//! let facts = RequestFacts::of(&request);
//! assert_eq!(default_activity(&facts), Activity::Active);
//!
//! let rules = PathRules::default().with_public(["/", "/login"])?;
//! assert!(rules.is_sensitive(request.uri().path()));
//! assert!(local_path(request.uri().path().as_bytes()).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Knows nothing of how a token travels, of stores at work, or of how an answer looks.

mod activity;
mod client_address;
mod cross_site;
mod judging;
mod local_path;
mod network;
mod origin;
mod paths;
mod percent;
mod request;
mod return_path;
mod timeouts;
mod websocket;

pub use activity::default_activity;
pub use client_address::client_address;
pub(crate) use cross_site::judge_read;
pub use cross_site::{LogOutRefusal, judge_log_out};
pub use judging::{
    AllowedHours, Circumstances, ClientBinding, Consequence, DeadTokens, Guesses, Guessing,
    InvalidHours, Policy, RiskCheck, RiskFacts, SubjectCheck, SubjectStatus, Unanswered, Verdict,
    Weekday,
};
pub(crate) use judging::{Decision, Found, Judgement, Panel};
pub use local_path::{MAX_LOCAL_PATH, local_path};
pub use network::{InvalidNetwork, Network};
pub use origin::{InvalidOrigin, Origin};
pub use paths::{InvalidPattern, PathRules};
pub use request::{FetchSite, RequestFacts, RequestMethod, is_preflight};
pub(crate) use return_path::ReturnPaths;
pub use timeouts::{AssuranceLevel, PolicyReport, Timeouts, TimeoutsError};
pub use websocket::{WebSocketRefusal, judge_websocket};
