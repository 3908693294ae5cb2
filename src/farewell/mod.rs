//! What the client sees of an ending, and of a request that needs a session and has none.
//!
//! 1. Every response that belongs to an ending removes the session cookie and each named cookie of
//!    the application, is `no-store` and sends no referrer.
//! 2. `Clear-Site-Data` is the extra, never the mechanism: on the answer itself, and because
//!    WebKit ignores it on redirects once more on the page behind it, gated by the marker cookie,
//!    never without an ending. Beside a live session only where another user logged in before the
//!    browser had cleared: by the answer to the log-in, or by the first page after it.
//! 3. A person who navigates lands on a page; a program gets 401, a challenge and a problem
//!    document with a stable reason; htmx and gRPC calls what they understand. `client` alone
//!    decides which is which.
//! 4. After an ending nobody is redirected to a sensitive page or off the site, whatever the
//!    handler says.
//! 5. A bearer client gets no cookies and no browser headers.
//!
//! Knows nothing of stores.

mod answer;
mod client;
mod config;
mod english;
mod errors;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grpc;
mod headers;
mod marker;
mod page;
mod plain_http;
mod redirect;
mod refusal;
mod reply;
mod return_to;
mod site_data;
mod standing;
mod texts;

pub use answer::Farewell;
use client::Client;
pub use config::ExitPages;
pub(crate) use config::FarewellConfig;
pub(crate) use grpc::OkInTrailers;
pub(crate) use headers::{Leaving, decorate, decorate_quietly, no_store};
pub(crate) use marker::{Back, Marker};
pub(crate) use page::{escaped, exit_page};
pub(crate) use plain_http::Said as SaidOfPlainHttp;
pub(crate) use refusal::{Refusal, Wish, refusal_of};
pub(crate) use reply::{Answer, problem};
pub(crate) use return_to::Past;
use site_data::ClearHeaders;
pub use site_data::ClearSiteData;
pub(crate) use standing::{cross_origin, private};
pub use texts::ExitTexts;
pub(crate) use texts::PageTexts;
