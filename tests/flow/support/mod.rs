//! What the flows share: a site on a loopback port, browsers with a cookie jar, raw sockets, a
//! store that can fail and wait, a sink that collects events, and a gate that holds requests.
//!
//! Nothing here sleeps: time is a [`ManualClock`], and whoever waits, waits for an event.
#![allow(
    dead_code,
    unused_imports,
    reason = "a toolbox: which tool is used changes with the flows"
)]

use std::{future::Future, sync::LazyLock, time::Duration};
use tracing::Dispatch;

mod browser;
mod endless;
mod events;
mod gate;
mod jar;
mod site;
mod spy;

pub(crate) use browser::{Ask, Browser, Got};
pub(crate) use endless::{Dropped, Endless};
pub(crate) use events::Events;
pub(crate) use gate::Gate;
pub(crate) use jar::{Jar, Kept};
pub(crate) use site::{Site, SiteBuilder, raw, raw_bytes, read_all, serve, serve_hyper};
pub(crate) use spy::{Held, Op, Spy, When};

/// Makes `tracing` ask the subscriber of each thread, for tests that listen on their own.
///
/// While there is only one subscriber, `tracing` asks nobody else: what another test's thread, which
/// has none, comes to first would stay silent for good.
pub(crate) fn ask_every_subscriber() {
    static SECOND: LazyLock<Dispatch> =
        LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&SECOND);
}

/// Waits for something that comes at once, or never because it is broken: fails then, where the
/// test would hang. Nothing is decided by how long it takes.
pub(crate) async fn within<F: Future>(what: F) -> F::Output {
    let waited = tokio::time::timeout(Duration::from_mins(5), what).await;
    waited.expect("what the test waits for happens")
}
