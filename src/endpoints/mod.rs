//! The endpoints that come with the crate, as a plain Tower service.
//!
//! | path | what |
//! |---|---|
//! | `GET /signed-out` | the page on which people land after an ending |
//!
//! Mount it under `/session`: in axum `.nest_service("/session", sessions.endpoints())`, inside the
//! [`SessionLayer`](crate::SessionLayer), which adds the clean-up of the browser to the page. Its
//! paths need no session and no mention in
//! [`with_public`](crate::SessionsBuilder::with_public).

mod service;

pub use service::{Endpoints, EndpointsBody};
