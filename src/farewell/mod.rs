//! What the client sees of an ending, and of a request that needs a session and has none.
//!
//! 1. Every response that belongs to an ending removes the session cookie and each named cookie of
//!    the application, is `no-store` and sends no referrer.
//! 2. `Clear-Site-Data` is the extra, never the mechanism: on the answer itself, and because
//!    WebKit ignores it on redirects once more on the page behind it, gated by the marker cookie,
//!    never beside a live session and never without an ending.
//! 3. A person who navigates lands on a page; a program gets 401, a challenge and a problem
//!    document with a stable reason; a gRPC call the status UNAUTHENTICATED.
//! 4. After an ending nobody is redirected to a sensitive page or off the site, whatever the
//!    handler says.
//! 5. A bearer client gets no cookies and no browser headers.
//!
//! Knows nothing of stores.

mod answer;
mod config;
mod errors;
mod grpc;
mod headers;
mod marker;
mod page;
mod redirect;
mod return_to;

pub use answer::Farewell;
pub(crate) use answer::{Answer, Refusal, Wish, problem, refusal_of};
pub use config::ExitPages;
pub(crate) use config::FarewellConfig;
pub(crate) use headers::{Leaving, decorate, no_store};
pub(crate) use marker::{Back, Marker};
pub(crate) use page::{signed_out, still_signed_in};
pub(crate) use return_to::Past;
